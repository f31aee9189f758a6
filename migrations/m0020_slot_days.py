"""Sessions of a doctor never overlap; when the slots of a day were added or removed; slots are found from appointments."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:20:00"
VERSION = "1.38.0"
DESCRIPTION = "slot days"

SQL = """
-- Weekday and time of day as minutes of the week, so that one range says both.
ALTER TABLE weekly_session ADD CONSTRAINT weekly_session_no_overlap EXCLUDE USING gist (
    uuidrange(doctor_id, doctor_id, '[]') WITH &&,
    int4range((day_of_week * 1440 + extract(epoch FROM session_start_time) / 60)::int,
              (day_of_week * 1440 + extract(epoch FROM session_end_time) / 60)::int) WITH &&,
    daterange(effective_from, effective_to, '[]') WITH &&
) WHERE (deleted_at IS NULL);

-- A removed slot leaves no row behind: pages that were away learn from here that their day looks different now.
CREATE TABLE slot_day (
    doctor_id uuid NOT NULL CONSTRAINT slot_day_doctor_fkey REFERENCES doctor ON DELETE CASCADE,
    date date NOT NULL,
    reshaped_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT slot_day_pkey PRIMARY KEY (doctor_id, date)
);

-- Without it each removed slot would read all appointments to see whether one names it.
CREATE INDEX appointment_of_slot ON appointment (slot_id) WHERE slot_id IS NOT NULL;
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
