"""What somebody has not read yet is counted on every page."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:40:00"
VERSION = "1.38.0"
DESCRIPTION = "unread"

SQL = """
CREATE INDEX notification_unread ON notification (account_id) WHERE read_at IS NULL;
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
