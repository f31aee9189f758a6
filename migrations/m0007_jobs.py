"""PgQueuer's own tables, in its own words."""

from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:07:00"
VERSION = "1.38.0"
DESCRIPTION = "jobs"


async def create() -> None:
    await run_script(QueryBuilderEnvironment().build_install_query(create_schema=False))


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
