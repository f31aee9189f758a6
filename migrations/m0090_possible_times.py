"""A visit ends after it has begun, and within a day."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-30T10:90:00"
VERSION = "1.38.0"
DESCRIPTION = "possible times"

# Visits of before may have times that cannot be: they are history, and stay as they were written. Where there are none, the
# promise holds for all.
SQL = """
ALTER TABLE appointment ADD CONSTRAINT appointment_possible_times CHECK (
    actual_end_time > actual_start_time AND actual_end_time <= actual_start_time + interval '24 hours') NOT VALID;
DO $$ BEGIN
    ALTER TABLE appointment VALIDATE CONSTRAINT appointment_possible_times;
EXCEPTION WHEN check_violation THEN NULL;
END $$;
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
