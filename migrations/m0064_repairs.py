"""When a day breaks: what is offered instead to each patient whose visit cannot be as it was booked."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T10:04:00"
VERSION = "1.38.0"
DESCRIPTION = "repairs"

SQL = """
-- One offer for one visit. A time that is offered is kept as a hold until `expires_at`: its holder is the slot's own doctor,
-- so that it neither counts among the holds of the patient nor ends when the patient looks at other times.
CREATE TABLE repair (
    id uuid CONSTRAINT repair_pkey PRIMARY KEY,
    appointment_id uuid NOT NULL CONSTRAINT repair_appointment_fkey REFERENCES appointment ON DELETE CASCADE,
    patient_id uuid NOT NULL CONSTRAINT repair_patient_fkey REFERENCES patient,
    doctor_id uuid NOT NULL CONSTRAINT repair_doctor_fkey REFERENCES doctor,
    clinic_id uuid CONSTRAINT repair_clinic_fkey REFERENCES clinic,
    kind text NOT NULL CONSTRAINT repair_kind_known CHECK (kind IN ('ALTERNATIVE', 'LATER', 'VIDEO')),
    state text NOT NULL DEFAULT 'PROPOSED'
        CONSTRAINT repair_state_known CHECK (state IN ('PROPOSED', 'ACCEPTED', 'DECLINED', 'EXPIRED', 'WITHDRAWN')),
    slot_id uuid CONSTRAINT repair_slot_fkey REFERENCES slot ON DELETE SET NULL,
    expires_at timestamptz NOT NULL,
    created_by uuid NOT NULL CONSTRAINT repair_creator_fkey REFERENCES account,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    decided_by uuid CONSTRAINT repair_decider_fkey REFERENCES account,
    decided_at timestamptz,
    new_appointment_id uuid CONSTRAINT repair_new_appointment_fkey REFERENCES appointment,
    CONSTRAINT repair_decided_once CHECK ((state = 'PROPOSED') = (decided_at IS NULL))
);
CREATE UNIQUE INDEX repair_one_open ON repair (appointment_id) WHERE state = 'PROPOSED';
CREATE INDEX repair_of_appointment ON repair (appointment_id, created_at DESC);
CREATE INDEX repair_of_slot ON repair (slot_id) WHERE slot_id IS NOT NULL;
CREATE INDEX repair_due ON repair (expires_at) WHERE state = 'PROPOSED';

SELECT protect('repair');
CREATE POLICY own ON repair USING (
    patient_id = app_actor() OR doctor_id = app_actor()
    OR clinic_id IN (SELECT c.clinic_id FROM clinic_admin c WHERE c.account_id = app_actor()));

-- A visit that has been cancelled, moved or begun, or that fits again, needs no offer any more, whoever brought that about.
CREATE FUNCTION repair_ends() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    WITH ended AS (
        UPDATE repair r SET state = CASE WHEN before = 'PATIENT' THEN 'DECLINED' ELSE 'WITHDRAWN' END,
            decided_at = clock_timestamp(), decided_by = app_actor()
        WHERE r.appointment_id = NEW.id AND r.state = 'PROPOSED'
        RETURNING r.slot_id, r.expires_at
    )
    UPDATE slot s SET held_by = NULL, held_until = NULL, changed_at = clock_timestamp() FROM ended e
    WHERE s.id = e.slot_id AND s.held_until = e.expires_at AND s.held_by = s.doctor_id AND s.appointment_id IS NULL;
    now_as := set_config('app.role', before, true);
    RETURN NULL;
END $$;
CREATE TRIGGER appointment_needs_no_repair AFTER UPDATE OF status, needs_attention ON appointment FOR EACH ROW
    WHEN (OLD.status IN ('BOOKED', 'CHECKED_IN') AND NEW.status NOT IN ('BOOKED', 'CHECKED_IN')
          OR OLD.needs_attention IS NOT NULL AND NEW.needs_attention IS NULL)
    EXECUTE FUNCTION repair_ends();
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
