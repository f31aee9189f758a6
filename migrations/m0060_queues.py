"""Queues: who is called when, an announced delay, and every time that was predicted, to compare with what happened."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T10:00:00"
VERSION = "1.38.0"
DESCRIPTION = "queues"

SQL = """
-- Those who are there are called by rank: at first the number, then between others for whoever came late, missed a call,
-- or came without a booking; below all numbers for an emergency. Exact however often somebody is put between two.
ALTER TABLE appointment
    ADD COLUMN queue_rank numeric,
    ADD COLUMN called_at timestamptz,
    ADD COLUMN missed_calls smallint NOT NULL DEFAULT 0
        CONSTRAINT appointment_missed_calls_range CHECK (missed_calls BETWEEN 0 AND 3),
    ADD COLUMN walk_in boolean NOT NULL DEFAULT false,
    ADD COLUMN urgent boolean NOT NULL DEFAULT false;
UPDATE appointment SET queue_rank = queue_position WHERE status = 'CHECKED_IN' AND session_id IS NOT NULL;
CREATE UNIQUE INDEX appointment_one_called ON appointment (session_id, date)
    WHERE status = 'CHECKED_IN' AND called_at IS NOT NULL;
-- How long the doctor's visits take, the latest first.
CREATE INDEX appointment_seen ON appointment (doctor_id, actual_end_time DESC) WHERE status = 'COMPLETED';

-- The row of a queue on a date: whoever calls somebody, or adds somebody, has it while they do, so that it happens once.
CREATE TABLE queue_day (
    session_id uuid NOT NULL CONSTRAINT queue_day_session_fkey REFERENCES weekly_session ON DELETE CASCADE,
    date date NOT NULL,
    delay_minutes smallint NOT NULL DEFAULT 0 CONSTRAINT queue_day_delay_range CHECK (delay_minutes BETWEEN 0 AND 240),
    announced_at timestamptz,
    CONSTRAINT queue_day_pkey PRIMARY KEY (session_id, date)
);
SELECT protect('queue_day');
CREATE POLICY run ON queue_day USING (
    EXISTS (SELECT FROM weekly_session w WHERE w.id = queue_day.session_id AND (w.doctor_id = app_actor()
        OR w.clinic_id IN (SELECT c.clinic_id FROM clinic_admin c WHERE c.account_id = app_actor()))));

CREATE TABLE visit_estimate (
    appointment_id uuid NOT NULL CONSTRAINT visit_estimate_appointment_fkey REFERENCES appointment ON DELETE CASCADE,
    made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expected_start timestamptz NOT NULL,
    expected_from timestamptz NOT NULL,
    expected_to timestamptz NOT NULL,
    how text NOT NULL CONSTRAINT visit_estimate_how_known CHECK (how IN ('PLACE', 'BOARD')),
    CONSTRAINT visit_estimate_pkey PRIMARY KEY (appointment_id, made_at),
    CONSTRAINT visit_estimate_range CHECK (expected_from <= expected_start AND expected_start <= expected_to)
);
SELECT protect('visit_estimate');
CREATE POLICY read ON visit_estimate FOR SELECT USING (
    EXISTS (SELECT FROM appointment a WHERE a.id = visit_estimate.appointment_id));

-- The rank of somebody who checks in: the number; but whoever comes after their time, when somebody behind them was
-- called already, is called after the next one. A door, because it depends on visits that a patient does not see.
CREATE FUNCTION rank_at_check_in(visit appointment) RETURNS numeric LANGUAGE plpgsql VOLATILE
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
    rank numeric := visit.queue_position; ahead numeric[];
BEGIN
    IF visit.session_id IS NOT NULL AND clock_timestamp() > visit.starts_at AND EXISTS (
        SELECT FROM appointment o WHERE o.session_id = visit.session_id AND o.date = visit.date
            AND o.queue_position > visit.queue_position
            AND (o.called_at IS NOT NULL OR o.actual_start_time IS NOT NULL OR o.missed_calls > 0))
    THEN
        ahead := ARRAY(SELECT o.queue_rank FROM appointment o
            WHERE o.session_id = visit.session_id AND o.date = visit.date AND o.status = 'CHECKED_IN'
                AND o.called_at IS NULL AND NOT o.urgent AND o.id <> visit.id
            ORDER BY o.queue_rank, o.queue_position, o.id LIMIT 2);
        rank := greatest(rank, (ahead[1] + coalesce(ahead[2], ahead[1] + 1)) * 0.5);
    END IF;
    now_as := set_config('app.role', before, true);
    RETURN CASE WHEN visit.session_id IS NOT NULL THEN rank END;
END $$;
REVOKE EXECUTE ON FUNCTION rank_at_check_in FROM PUBLIC;
GRANT EXECUTE ON FUNCTION rank_at_check_in TO care_portal_app;
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
