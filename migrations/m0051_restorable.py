"""What clinics are found by is computed anew when a back-up is put back, where no name is found without its schema."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T09:51:00"
VERSION = "1.38.0"
DESCRIPTION = "restorable"

SQL = """
-- As before, but bound to the functions that it calls when it is made. As a text it looked them up when it ran, which
-- pg_restore, pg_upgrade and, from PostgreSQL 17, the upkeep of indexes forbid: they leave the search path empty.
CREATE OR REPLACE FUNCTION search_words(value text) RETURNS text[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(array_agg(DISTINCT left(word, 100)), '{}') FROM (
        SELECT split_words(replace(fold_text(value), '''', '')) AS word
        UNION SELECT split_words(fold_text(value))
    ) AS found;
END;
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
