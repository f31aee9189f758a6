"""Reminders, each once; what the jobs of visits look for; and how long the last run of each job took."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T10:02:00"
VERSION = "1.38.0"
DESCRIPTION = "jobs seen"

SQL = """
ALTER TABLE background_task ADD COLUMN last_seconds double precision;

-- That somebody was reminded of a visit. The key makes it once, however many workers try and whenever they die.
CREATE TABLE reminder (
    appointment_id uuid NOT NULL CONSTRAINT reminder_appointment_fkey REFERENCES appointment ON DELETE CASCADE,
    kind text NOT NULL CONSTRAINT reminder_kind_known CHECK (kind IN ('DAY_BEFORE', 'HOUR_BEFORE')),
    sent_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT reminder_pkey PRIMARY KEY (appointment_id, kind)
);
SELECT protect('reminder');
CREATE POLICY read ON reminder FOR SELECT USING (
    EXISTS (SELECT FROM appointment a WHERE a.id = reminder.appointment_id));

-- Those to remind, and those who did not come.
CREATE INDEX appointment_expected ON appointment (starts_at) WHERE status IN ('BOOKED', 'CHECKED_IN');
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
