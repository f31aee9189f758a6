"""Signing in begins with an address, before anybody is known: one question to the database instead of a transaction."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-20T10:09:00"
VERSION = "1.38.0"
DESCRIPTION = "sign in"

# A door as those of migration m0050: one account, by its whole address, and only what its password is checked with.
SQL = """
CREATE FUNCTION account_to_sign_in(address text)
RETURNS TABLE (id uuid, role text, status text, password_hash text) LANGUAGE plpgsql STABLE ROWS 1
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE before text := coalesce(app_role(), ''); now_as text := set_config('app.role', 'PORTAL', true);
BEGIN
    RETURN QUERY SELECT a.id, a.role, a.status, a.password_hash FROM account a WHERE a.email = address;
    now_as := set_config('app.role', before, true);
END $$;
REVOKE EXECUTE ON FUNCTION account_to_sign_in FROM PUBLIC;
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
