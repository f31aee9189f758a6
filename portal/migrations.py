"""Bring a database to the present schema: one linear history, one runner at a time."""

import contextlib
import io
import logging

import asyncpg
from piccolo.apps.migrations.commands.base import BaseMigrationManager
from piccolo.apps.migrations.commands.forwards import run_forwards

from portal import db
from portal.piccolo_app import APP_CONFIG
from portal.settings import Settings

logger = logging.getLogger(__name__)

ADVISORY_LOCK = 5_021_977  # any fixed number: two deployments starting at once take turns


def known() -> list[str]:
    """The ids of this version's migrations, oldest first."""
    manager = BaseMigrationManager()
    return manager.get_migration_ids(manager.get_migration_modules(APP_CONFIG.resolved_migrations_folder_path))


async def migrate(settings: Settings) -> None:
    """Run what has not run yet. Raises RuntimeError when a migration fails; nothing of that one stays."""
    guard = await asyncpg.connect(settings.database_url)
    try:
        await guard.execute("SELECT pg_advisory_lock($1)", ADVISORY_LOCK)
        await db.connect(settings, owner=True)
        try:
            with contextlib.redirect_stdout(io.StringIO()) as said:
                result = await run_forwards("portal")
            if not result.success:
                raise RuntimeError(f"migration failed: {result.message}")
            logger.debug("migrations: %s", said.getvalue().strip())
        finally:
            await db.disconnect()
    finally:
        await guard.close()
