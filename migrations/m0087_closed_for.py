"""Times that are closed for a visit open again when it is over; and calls without an appointment are visits like others."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-30T10:87:00"
VERSION = "1.38.0"
DESCRIPTION = "closed for a visit"

# Which visit a time is closed for: an appointment or a video session; none where a hand has closed it.
COLUMN = """
ALTER TABLE slot ADD COLUMN closed_for uuid;
CREATE INDEX slot_closed_for ON slot (closed_for) WHERE closed_for IS NOT NULL;
"""

# However a visit comes to its end. What another visit of the doctor runs into stays closed, for that one from now on.
# Who looks at the day is told by a job of the same transaction.
OPENED = """
CREATE FUNCTION visit_opens_times() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true); one record;
BEGIN
    FOR one IN
        WITH ahead AS (
            SELECT s.id, coalesce(
                (SELECT a.id FROM appointment a WHERE a.doctor_id = s.doctor_id AND a.date BETWEEN s.date - 1 AND s.date + 1
                    AND a.overflow AND a.session_id IS NULL AND a.during && s.during
                    AND a.status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS') LIMIT 1),
                (SELECT v.id FROM video_session v WHERE v.doctor_id = s.doctor_id AND v.appointment_id IS NULL
                    AND v.scheduled_start_time BETWEEN s.starts_at - interval '1 day' AND s.ends_at
                    AND tstzrange(v.scheduled_start_time, v.scheduled_end_time) && s.during
                    AND v.status IN ('SCHEDULED', 'WAITING', 'ACTIVE') LIMIT 1)) AS other
            FROM slot s WHERE s.closed_for = NEW.id AND s.starts_at > clock_timestamp() ORDER BY s.id FOR NO KEY UPDATE OF s
        )
        UPDATE slot s SET closed_for = ahead.other, disabled = ahead.other IS NOT NULL, changed_at = clock_timestamp()
        FROM ahead WHERE s.id = ahead.id RETURNING s.id, s.doctor_id, s.date, s.disabled
    LOOP
        IF NOT one.disabled THEN
            INSERT INTO pgqueuer (priority, status, entrypoint, payload) VALUES (0, 'queued', 'show_slot', convert_to(
                jsonb_build_object('slot_id', one.id, 'doctor_id', one.doctor_id, 'date', one.date)::text, 'UTF8'));
        END IF;
    END LOOP;
    now_as := set_config('app.role', before, true);
    RETURN NULL;
END $$;
CREATE TRIGGER appointment_opens_times AFTER UPDATE OF status ON appointment FOR EACH ROW
    WHEN (NEW.overflow AND NEW.status IN ('COMPLETED', 'CANCELLED', 'NO_SHOW') AND NEW.status <> OLD.status)
    EXECUTE FUNCTION visit_opens_times();
CREATE TRIGGER video_session_opens_times AFTER UPDATE OF status ON video_session FOR EACH ROW
    WHEN (NEW.appointment_id IS NULL AND NEW.status IN ('COMPLETED', 'CANCELLED', 'NO_SHOW') AND NEW.status <> OLD.status)
    EXECUTE FUNCTION visit_opens_times();

-- The waitlist hears of such a time as of every other that is given back (migration m0066).
DROP TRIGGER slot_given_back ON slot;
CREATE TRIGGER slot_given_back AFTER UPDATE ON slot FOR EACH ROW
    WHEN ((OLD.appointment_id IS NOT NULL OR OLD.held_by IS NOT NULL OR OLD.closed_for IS NOT NULL)
          AND NEW.appointment_id IS NULL AND NEW.held_by IS NULL AND NOT NEW.disabled AND NOT NEW.overflow)
    EXECUTE FUNCTION waitlist_hears_of_slot();
"""

# Whether somebody is in a call of their own, or has arranged one, at a time that begins now: a call that goes on is one until
# it has ended, whatever was agreed. VOLATILE, so that whoever asks after waiting for a lock sees what is there then.
CALLS = """
CREATE FUNCTION in_call(who uuid, wanted tstzrange) RETURNS boolean LANGUAGE plpgsql VOLATILE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true); found boolean;
BEGIN
    found := EXISTS (SELECT FROM video_session v WHERE (v.doctor_id = who OR v.patient_id = who) AND v.appointment_id IS NULL
        AND v.scheduled_start_time BETWEEN lower(wanted) - interval '1 day' AND upper(wanted) + interval '1 hour'
        AND (v.status = 'ACTIVE' OR v.status IN ('SCHEDULED', 'WAITING')
            AND tstzrange(v.scheduled_start_time, v.scheduled_end_time) && wanted));
    now_as := set_config('app.role', before, true);
    RETURN found;
END $$;

CREATE OR REPLACE FUNCTION busy_times(patient uuid) RETURNS tstzmultirange LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true); times tstzmultirange;
BEGIN
    SELECT coalesce(range_agg(b.during), '{}') INTO times FROM (
        SELECT a.during FROM appointment a
        WHERE a.patient_id = patient AND a.status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS')
        UNION ALL
        SELECT tstzrange(v.scheduled_start_time, v.scheduled_end_time) FROM video_session v
        WHERE v.patient_id = patient AND v.appointment_id IS NULL AND v.status IN ('SCHEDULED', 'WAITING', 'ACTIVE')) b;
    now_as := set_config('app.role', before, true);
    RETURN times;
END $$;
REVOKE EXECUTE ON FUNCTION in_call FROM PUBLIC;
"""


# Wishes on the waitlist whose dates are over are looked for every minute.
WAITLIST = "CREATE INDEX waitlist_entry_over ON waitlist_entry (last_date) WHERE status = 'WAITING'"


async def create() -> None:
    for script in (COLUMN, OPENED, CALLS, WAITLIST):
        await run_script(script)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
