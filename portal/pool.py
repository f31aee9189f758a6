"""The pool of connections: what each one starts as, and how values travel over it."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy
from piccolo.engine.postgres import PostgresEngine

from portal.acting import PORTAL
from portal.settings import SettingError, Settings

APP_ROLE = "care_portal_app"  # made by migration m0050; policies hold for it, and the audit is append-only to it
STATEMENT_SECONDS = 15.0
# Everybody can register an address of this kind; a salted hash that two accounts share was made by `--demo` alone.
DEMO_ACCOUNTS = """
SELECT EXISTS (SELECT FROM account WHERE email = ANY($1) AND password_hash IS NOT NULL
    GROUP BY password_hash HAVING count(*) > 1)
"""
DEMO_NAMES = ("patient", "doctor", "clinic", "pharmacy", "admin", *(f"patient{number}" for number in range(1, 201)))


class Pool:
    """asyncpg's pool, with the connections that came back lately at hand.

    asyncpg makes a timer, a task and a wrapper for each turn, which cost as much as a statement. Whoever has to wait
    for a connection waits at asyncpg's.
    """

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._at_hand: list[PoolConnectionProxy] = []
        self._waiting = 0
        self._is_closing = False

    async def acquire(self, timeout: float | None = None) -> PoolConnectionProxy:  # noqa: ASYNC109  # as asyncpg's
        """Raises TimeoutError after so many seconds."""
        while self._at_hand:
            connection = self._at_hand.pop()
            if not connection.is_closed():
                return connection
            await self._pool.release(connection)
        self._waiting += 1
        try:
            return await self._pool.acquire(timeout=timeout)
        finally:
            self._waiting -= 1

    async def give_back(self, connection: PoolConnectionProxy) -> None:
        """For a connection whose last statement ended well: nothing is under way on it, and nothing was left."""
        is_wanted = self._waiting or self._is_closing
        if is_wanted or connection.is_closed() or connection.is_in_transaction():
            await self._pool.release(connection)
        else:
            self._at_hand.append(connection)

    async def release(self, connection: PoolConnectionProxy) -> None:
        """For any connection, whatever happened to it."""
        await self._pool.release(connection)

    async def close(self) -> None:
        """Waits for those who still use a connection."""
        self._is_closing = True
        while self._at_hand:
            await self._pool.release(self._at_hand.pop())
        await self._pool.close()

    def terminate(self) -> None:
        self._pool.terminate()

    def get_size(self) -> int:
        return self._pool.get_size()

    def get_idle_size(self) -> int:
        return self._pool.get_idle_size() + len(self._at_hand)

    def get_max_size(self) -> int:
        return self._pool.get_max_size()


class PortalEngine(PostgresEngine):
    """Piccolo's engine, without its connection at import time, and with our pool."""

    pool: Pool | None  # type: ignore[assignment]  # ours stands before the library's

    async def check_version(self) -> None:
        """Importing a module must not connect; `connect()` checks the version instead."""

    async def prep_database(self) -> None:
        """No extension is needed: sites and the embedded database may not have any."""

    async def _run_in_pool(self, query: str, args: Sequence[Any] | None = None) -> list[asyncpg.Record]:
        assert self.pool is not None
        connection = await self.pool.acquire()
        try:
            return await connection.fetch(query, *(args or ()))
        finally:
            await self.pool.release(connection)


DB = PortalEngine(config={"database": "portal"})


async def open_pool(settings: Settings, owner: bool) -> Pool:
    """A pool on the database of these settings, as the application's role or as the owner of the tables."""
    pool = await asyncpg.create_pool(
        **connection_arguments(settings.database_url),
        min_size=1,
        max_size=settings.pool_size,
        command_timeout=STATEMENT_SECONDS,
        init=_prepare,
        reset=_keep,  # type: ignore[arg-type]  # the stubs think of a bare connection
        server_settings={"application_name": "care-portal", "timezone": "UTC", "jit": "off", **session_of(owner)},
    )
    return Pool(pool)


def connection_arguments(url: str) -> dict[str, Any]:
    """asyncpg arguments for a PostgreSQL URL; a socket folder may stand in `?host=`."""
    parts = urlsplit(url)
    return {"dsn": url, "database": unquote(parts.path.lstrip("/")) or "postgres"}


def session_of(owner: bool = False) -> dict[str, str]:
    """What a connection starts as. FORCE binds the owner too, so the owner says that the portal itself is at work."""
    return {"app.role": PORTAL.role} if owner else {"role": APP_ROLE}


async def is_migrated(url: str) -> bool:
    """Whether the tables are there for the application's role. Raises `SettingError` for a login that may not be it."""
    try:
        connection = await asyncpg.connect(url, server_settings=session_of())
    except asyncpg.InvalidParameterValueError:  # a migration makes the role, too
        return False
    except asyncpg.InsufficientPrivilegeError:
        raise SettingError(f"DATABASE_URL: this login needs the role {APP_ROLE}: see docs/operations.md") from None
    may_read = await connection.fetchval("SELECT has_table_privilege(to_regclass('account'), 'SELECT')")
    await connection.close()
    return bool(may_read)


async def has_demo_accounts(url: str) -> bool:
    """Whether anybody could sign in with the password of the demonstration."""
    connection = await asyncpg.connect(url, server_settings=session_of())
    async with connection.transaction():
        await connection.execute("SELECT set_config('app.role', $1, true)", PORTAL.role)
        found = await connection.fetchval(DEMO_ACCOUNTS, [f"{name}@example.com" for name in DEMO_NAMES])
    await connection.close()
    return bool(found)


async def _keep(conn: PoolConnectionProxy) -> None:
    """A connection comes back: the portal leaves nothing in its session, and asking whether it did would cost a trip.

    Only a roll-back that was cut off may have left a transaction open, with somebody acting in it.
    """
    if conn.is_in_transaction():
        await conn.execute("ROLLBACK")


async def _prepare(conn: asyncpg.Connection) -> None:
    """JSON columns come and go as Python values; a ready JSON text (Piccolo's way) passes as it is."""
    for kind in ("json", "jsonb"):
        await conn.set_type_codec(kind, schema="pg_catalog", encoder=_json_text, decoder=msgspec.json.decode)


def _json_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
