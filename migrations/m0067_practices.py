"""How doctors' other days were, asked from inside the statement that reads their queues."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T10:07:00"
VERSION = "1.38.0"
DESCRIPTION = "practices"

SQL = """
-- Of each doctor the lengths of visits, the pauses between them and the lateness of the last ninety days, and how good the
-- predictions of the last thirty were. A door: how long visits take is no secret, whose they were is, and does not leave.
CREATE FUNCTION practices(doctors uuid[]) RETURNS jsonb LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE role_before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true); found jsonb;
BEGIN
    SELECT jsonb_object_agg(who.id, (
        WITH seen AS (
            SELECT a.* FROM appointment a
            WHERE a.doctor_id = who.id AND a.status = 'COMPLETED' AND a.actual_end_time > a.actual_start_time
                AND a.actual_end_time > clock_timestamp() - interval '90 days'
            ORDER BY a.actual_end_time DESC LIMIT 60
        ), ordered AS (
            SELECT s.*, lag(s.actual_end_time) OVER day AS before, row_number() OVER day AS number
            FROM seen s WHERE s.session_id IS NOT NULL
            WINDOW day AS (PARTITION BY s.session_id, s.date ORDER BY s.actual_start_time)
        ), lately AS (
            SELECT a.status, a.walk_in FROM appointment a
            WHERE a.doctor_id = who.id AND a.status IN ('COMPLETED', 'NO_SHOW')
                AND a.date > (clock_timestamp() - interval '90 days')::date
            ORDER BY a.date DESC LIMIT 200
        ), shown AS (
            SELECT abs(extract(epoch FROM a.actual_start_time - e.expected_start)) / 60 AS error,
                a.actual_start_time BETWEEN e.expected_from AND e.expected_to AS inside
            FROM appointment a JOIN visit_estimate e ON e.appointment_id = a.id AND e.made_at < a.actual_start_time
            WHERE a.doctor_id = who.id AND a.date > (clock_timestamp() - interval '30 days')::date
                AND a.actual_start_time IS NOT NULL
        )
        SELECT jsonb_build_object(
            'lengths', (SELECT jsonb_agg(jsonb_build_array(appointment_type,
                extract(epoch FROM actual_end_time - actual_start_time) / 60)) FROM seen),
            'turnovers', (SELECT jsonb_agg(extract(epoch FROM actual_start_time - before) / 60) FROM ordered
                WHERE checked_in_at <= before AND actual_start_time BETWEEN before AND before + interval '40 minutes'),
            'lateness', (SELECT jsonb_agg(extract(epoch FROM actual_start_time - greatest(starts_at, checked_in_at)) / 60)
                FROM ordered WHERE number = 1 AND NOT walk_in),
            'people', (SELECT jsonb_build_array(count(*) FILTER (WHERE NOT walk_in),
                count(*) FILTER (WHERE status = 'NO_SHOW'), count(*) FILTER (WHERE walk_in)) FROM lately),
            'error', (SELECT jsonb_build_array(count(*), avg(error), avg(inside::int)) FROM shown))))
    INTO found FROM (SELECT DISTINCT id FROM unnest(doctors) AS id) who;
    now_as := set_config('app.role', role_before, true);
    RETURN found;
END $$;
REVOKE EXECUTE ON FUNCTION practices FROM PUBLIC;
GRANT EXECUTE ON FUNCTION practices TO care_portal_app;
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
