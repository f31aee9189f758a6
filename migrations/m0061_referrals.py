"""What led from one visit to the next, and a doctor's status that follows the visits."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T10:01:00"
VERSION = "1.38.0"
DESCRIPTION = "referrals"

# The note is for the patient and the two doctors: what is written in the consulting room is not for the office.
REFERRALS = """
CREATE TABLE referral (
    appointment_id uuid CONSTRAINT referral_pkey PRIMARY KEY
        CONSTRAINT referral_appointment_fkey REFERENCES appointment ON DELETE CASCADE,
    from_appointment_id uuid NOT NULL CONSTRAINT referral_from_fkey REFERENCES appointment ON DELETE CASCADE,
    kind text NOT NULL CONSTRAINT referral_kind_known CHECK (kind IN ('REFERRAL', 'FOLLOW_UP')),
    doctor_id uuid NOT NULL CONSTRAINT referral_doctor_fkey REFERENCES doctor,
    from_doctor_id uuid NOT NULL CONSTRAINT referral_from_doctor_fkey REFERENCES doctor,
    note text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT referral_leads_on CHECK (appointment_id <> from_appointment_id)
);
CREATE INDEX referral_from ON referral (from_appointment_id);
CREATE INDEX appointment_referred_from ON appointment (referred_from, doctor_id) WHERE referred_from IS NOT NULL;

SELECT protect('referral');
CREATE POLICY read ON referral FOR SELECT USING (
    app_role() IN ('PATIENT', 'DOCTOR')
    AND EXISTS (SELECT FROM appointment a WHERE a.id IN (referral.appointment_id, referral.from_appointment_id)));
"""

# A visit that begins makes its doctor BUSY, and one that is given to whoever is free now does so when it is booked. When
# it ends, the doctor is what they were before, unless they have said something else meanwhile, or another visit goes on.
# The doctor's row is locked by a statement of its own, so that the next one sees what whoever had it has done.
STATUS = """
ALTER TABLE doctor ADD COLUMN busy_with uuid, ADD COLUMN former_status text
    CONSTRAINT doctor_former_status_known CHECK (former_status IN ('AVAILABLE', 'UNAVAILABLE'));
UPDATE doctor d SET busy_with = a.id, former_status = 'AVAILABLE' FROM appointment a
WHERE a.doctor_id = d.account_id AND d.availability_status = 'BUSY' AND a.overflow AND a.session_id IS NULL
    AND a.status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS');

CREATE FUNCTION appointment_moves_doctor() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE doctor SET busy_with = NEW.id, former_status = 'AVAILABLE'
        WHERE account_id = NEW.doctor_id AND availability_status = 'BUSY';
    ELSIF NEW.status = 'IN_PROGRESS' THEN
        PERFORM FROM doctor WHERE account_id = NEW.doctor_id FOR NO KEY UPDATE;
        UPDATE doctor SET busy_with = NEW.id, former_status = availability_status, availability_status = 'BUSY'
        WHERE account_id = NEW.doctor_id AND availability_status <> 'BUSY';
    ELSIF OLD.status = 'IN_PROGRESS'
        OR EXISTS (SELECT FROM doctor d WHERE d.account_id = NEW.doctor_id AND d.busy_with = NEW.id) THEN
        PERFORM FROM doctor WHERE account_id = NEW.doctor_id FOR NO KEY UPDATE;
        UPDATE doctor SET busy_with = other.id,
            availability_status = CASE WHEN other.id IS NULL THEN coalesce(former_status, 'AVAILABLE') ELSE 'BUSY' END,
            former_status = CASE WHEN other.id IS NOT NULL THEN former_status END
        FROM (SELECT (SELECT a.id FROM appointment a WHERE a.doctor_id = NEW.doctor_id AND a.status = 'IN_PROGRESS'
                      AND a.id <> NEW.id ORDER BY a.actual_start_time LIMIT 1) AS id) other
        WHERE account_id = NEW.doctor_id AND busy_with = NEW.id AND availability_status = 'BUSY';
    END IF;
    now_as := set_config('app.role', before, true);
    RETURN NULL;
END $$;

DROP TRIGGER appointment_of_now_ended ON appointment;
DROP FUNCTION appointment_frees_doctor();
CREATE TRIGGER appointment_of_now_given AFTER INSERT ON appointment FOR EACH ROW
    WHEN (NEW.overflow AND NEW.session_id IS NULL AND NEW.appointment_type = 'VIRTUAL')
    EXECUTE FUNCTION appointment_moves_doctor();
CREATE TRIGGER appointment_moved AFTER UPDATE OF status ON appointment FOR EACH ROW
    WHEN (NEW.status IN ('IN_PROGRESS', 'COMPLETED', 'CANCELLED', 'NO_SHOW') AND NEW.status <> OLD.status)
    EXECUTE FUNCTION appointment_moves_doctor();
"""

# Whoever comes for the first time is known to nobody here: by their exact address or number alone, staff find them.
DOORS = """
CREATE FUNCTION patient_by_contact(contact text)
RETURNS TABLE (id uuid, first_name text, last_name text) LANGUAGE plpgsql STABLE ROWS 1
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    RETURN QUERY SELECT a.id, a.first_name, a.last_name FROM account a
    WHERE a.role = 'PATIENT' AND a.status = 'ACTIVE' AND contact <> ''
        AND (a.email = lower(contact) OR a.phone_number = regexp_replace(contact, '[^+0-9]', '', 'g'))
    ORDER BY a.email LIMIT 5;
    now_as := set_config('app.role', before, true);
END $$;
REVOKE EXECUTE ON FUNCTION patient_by_contact FROM PUBLIC;
"""


async def create() -> None:
    for script in (REFERRALS, STATUS, DOORS):
        await run_script(script)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
