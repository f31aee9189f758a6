"""What is written by the database itself gets ids in the order of time (UUIDv7), like everything else."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-30T10:86:00"
VERSION = "1.38.0"
DESCRIPTION = "ordered ids"

# Only the ids of `video_session_moved` change: its text stands in migration m0072.
SQL = """
ALTER TABLE video_event ALTER COLUMN id SET DEFAULT new_id();
DO $$ BEGIN
    EXECUTE replace(pg_get_functiondef('video_session_moved'::regproc), 'gen_random_uuid()', 'new_id()');
END $$;
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
