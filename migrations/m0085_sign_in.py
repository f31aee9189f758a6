"""Everything that a right password leads to, in one trip: the login, its first refresh token, the audit's row, who it is."""

from piccolo.apps.migrations.auto.migration_manager import MigrationManager

from portal.db import run_script

ID = "2026-11-29T10:85:00"
VERSION = "1.38.0"
DESCRIPTION = "sign in in one trip"

# As the calls of migration m0053, it first says on whose behalf it works. Nothing of it happens, and there is no row, when
# the account was suspended while the password was being checked.
SQL = """
CREATE FUNCTION sign_in(acting uuid, acting_role text, new_login uuid, account_id uuid, login_kind text, secret_hash bytea,
    token_hash bytea, user_agent text, lifetime interval, as_role text, request text)
RETURNS TABLE (login_expires_at timestamptz, who account) LANGUAGE plpgsql ROWS 1 SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_variable
DECLARE acts text := act_as(acting, acting_role);
BEGIN
    INSERT INTO login (id, account_id, kind, secret_hash, user_agent, expires_at)
    SELECT new_login, a.id, login_kind, secret_hash, user_agent, clock_timestamp() + lifetime
    FROM account a WHERE a.id = account_id AND a.status <> 'SUSPENDED'
    RETURNING login.expires_at INTO login_expires_at;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF login_kind = 'API' THEN
        INSERT INTO refresh_token (token_hash, login_id, expires_at) VALUES (token_hash, new_login, login_expires_at);
    END IF;
    INSERT INTO audit_event (actor_id, actor_role, action, subject_type, subject_id, request_id)
    VALUES (account_id, as_role, 'login.begin', 'login', new_login::text, request);
    SELECT a.* INTO who FROM account a WHERE a.id = account_id;
    RETURN NEXT;
END $$;
REVOKE EXECUTE ON FUNCTION sign_in FROM PUBLIC;
"""


async def create() -> None:
    await run_script(SQL)


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="portal", description=DESCRIPTION)
    manager.add_raw(create)
    return manager
