"""The waitlist: who waits for a free time, and to whom one that became free is offered."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T10:06:00"
VERSION = "1.38.0"
DESCRIPTION = "waitlist"

TABLES = """
CREATE TABLE waitlist_entry (
    id uuid CONSTRAINT waitlist_entry_pkey PRIMARY KEY,
    patient_id uuid NOT NULL CONSTRAINT waitlist_entry_patient_fkey REFERENCES patient ON DELETE CASCADE,
    doctor_id uuid CONSTRAINT waitlist_entry_doctor_fkey REFERENCES doctor ON DELETE CASCADE,
    specialty_id uuid CONSTRAINT waitlist_entry_specialty_fkey REFERENCES specialty ON DELETE CASCADE,
    first_date date NOT NULL,
    last_date date NOT NULL,
    service_type text NOT NULL CONSTRAINT waitlist_entry_service_known
        CHECK (service_type IN ('VIRTUAL', 'IN_PERSON', 'BOTH')),
    status text NOT NULL DEFAULT 'WAITING' CONSTRAINT waitlist_entry_status_known
        CHECK (status IN ('WAITING', 'BOOKED', 'LEFT', 'LAPSED')),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT waitlist_entry_for_one CHECK ((doctor_id IS NULL) <> (specialty_id IS NULL)),
    CONSTRAINT waitlist_entry_dates_order CHECK (last_date >= first_date)
);
CREATE UNIQUE INDEX waitlist_entry_once_for_doctor ON waitlist_entry (patient_id, doctor_id) WHERE status = 'WAITING';
CREATE UNIQUE INDEX waitlist_entry_once_for_specialty ON waitlist_entry (patient_id, specialty_id)
    WHERE status = 'WAITING';
CREATE INDEX waitlist_entry_for_doctor ON waitlist_entry (doctor_id, created_at) WHERE status = 'WAITING';
CREATE INDEX waitlist_entry_for_specialty ON waitlist_entry (specialty_id, created_at) WHERE status = 'WAITING';

-- An offer is a hold of the slot; this row says whose turn it was, and what became of it. Nobody is offered a time twice.
CREATE TABLE waitlist_offer (
    id uuid CONSTRAINT waitlist_offer_pkey PRIMARY KEY,
    entry_id uuid NOT NULL CONSTRAINT waitlist_offer_entry_fkey REFERENCES waitlist_entry ON DELETE CASCADE,
    patient_id uuid NOT NULL CONSTRAINT waitlist_offer_patient_fkey REFERENCES patient ON DELETE CASCADE,
    slot_id uuid NOT NULL CONSTRAINT waitlist_offer_slot_fkey REFERENCES slot ON DELETE CASCADE,
    status text NOT NULL DEFAULT 'OPEN' CONSTRAINT waitlist_offer_status_known
        CHECK (status IN ('OPEN', 'ACCEPTED', 'DECLINED', 'EXPIRED')),
    offered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT waitlist_offer_once UNIQUE (entry_id, slot_id),
    CONSTRAINT waitlist_offer_ended CHECK ((status = 'OPEN') = (ended_at IS NULL))
);
CREATE UNIQUE INDEX waitlist_offer_one_a_slot ON waitlist_offer (slot_id) WHERE status = 'OPEN';
CREATE INDEX waitlist_offer_of_slot ON waitlist_offer (slot_id);
CREATE UNIQUE INDEX waitlist_offer_one_an_entry ON waitlist_offer (entry_id) WHERE status = 'OPEN';

SELECT protect('waitlist_entry'), protect('waitlist_offer');
CREATE POLICY own ON waitlist_entry USING (patient_id = app_actor());
CREATE POLICY own ON waitlist_offer FOR SELECT USING (patient_id = app_actor());
CREATE POLICY answer ON waitlist_offer FOR UPDATE USING (patient_id = app_actor());
"""

# A slot that is given back, however it comes about, is looked at by a job of the same transaction where somebody waits.
# What nobody gives back (a hold that ran out, a time that was added) is found by the sweep of each minute.
FREED = """
CREATE FUNCTION waitlist_hears_of_slot() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    IF EXISTS (SELECT FROM waitlist_entry e
        WHERE e.status = 'WAITING' AND NEW.date BETWEEN e.first_date AND e.last_date AND (e.doctor_id = NEW.doctor_id
            OR e.specialty_id = (SELECT d.specialty_id FROM doctor d WHERE d.account_id = NEW.doctor_id))) THEN
        INSERT INTO pgqueuer (priority, status, entrypoint, payload)
        VALUES (0, 'queued', 'waitlist', convert_to(jsonb_build_object('slot_id', NEW.id)::text, 'UTF8'));
    END IF;
    now_as := set_config('app.role', before, true);
    RETURN NULL;
END $$;
CREATE TRIGGER slot_given_back AFTER UPDATE ON slot FOR EACH ROW
    WHEN ((OLD.appointment_id IS NOT NULL OR OLD.held_by IS NOT NULL)
          AND NEW.appointment_id IS NULL AND NEW.held_by IS NULL AND NOT NEW.disabled AND NOT NEW.overflow)
    EXECUTE FUNCTION waitlist_hears_of_slot();
"""


async def create() -> None:
    for script in (TABLES, FREED):
        await run_script(script)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
