"""Every call in a transaction that is taken back: nothing that one call does can disturb the next.

The application's pool is replaced by one connection on which a transaction is open. What the application takes for
a transaction of its own is a savepoint in it; a statement that fails outside of one spoils only itself. Whoever acts in
it is forgotten with it, as in a transaction.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any
from unittest.mock import patch

import asyncpg

from portal import acting, db
from portal.pool import APP_ROLE
from tests.owner import as_owner

_in_call: ContextVar[bool] = ContextVar("in_call", default=False)

# Switched on in a transaction, no audit row can be written in it.
NO_AUDIT = """
CREATE FUNCTION no_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('test.no_audit', true) = 'on' THEN
        RAISE EXCEPTION 'the audit cannot be written' USING ERRCODE = 'disk_full';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER audit_event_a_fault BEFORE INSERT ON audit_event FOR EACH ROW EXECUTE FUNCTION no_audit();
"""
# Bookkeeping of the portal itself, which says nothing about whether an action took place.
UNWATCHED = {"audit_event", "audit_head", "migration", "background_task", "running_process"}
UNWATCHED |= {"visit_estimate"}  # what was shown, kept by whoever looks at a queue
TABLES = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name
"""
# What this session has written to the watched tables, counted by PostgreSQL as it goes, taken back or not.
TOUCHED = """
SELECT sum(pg_stat_get_xact_tuples_inserted(oid) + pg_stat_get_xact_tuples_updated(oid) + pg_stat_get_xact_tuples_deleted(oid))
FROM unnest($1::oid[]) AS oid
"""


class OnePool:
    """Stands in for the pool: every request gets the same connection, inside a savepoint.

    What goes on beside the requests (the rounds of the live streams) keeps the real pool.
    """

    def __init__(self, connection: Any, pool: Any) -> None:
        self.connection, self.pool = connection, pool
        self.depth = 0

    async def acquire(self, timeout: float | None = None) -> Any:
        if not _in_call.get():
            return await self.pool.acquire(timeout=timeout)
        self.depth += 1
        await self.connection.execute(f"SAVEPOINT pooled_{self.depth}")
        return self.connection

    async def release(self, connection: Any) -> None:
        if connection is not self.connection:
            await self.pool.release(connection)
            return
        name, self.depth = f"pooled_{self.depth}", self.depth - 1
        try:
            await self.connection.execute(f"RELEASE SAVEPOINT {name}; {acting.NOBODY.statements}")
        except asyncpg.PostgresError:
            with suppress(asyncpg.InvalidSavepointSpecificationError):
                await self.connection.execute(f"ROLLBACK TO SAVEPOINT {name}")

    async def give_back(self, connection: Any) -> None:
        await self.release(connection)

    async def close(self) -> None:
        await self.pool.close()


class Sandbox:
    """The one connection, and what can be asked about the call at hand."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.snapshot_sql = ""
        self.watched: list[int] = []
        self.touched_before = 0

    async def prepare(self) -> None:
        await as_owner(NO_AUDIT)
        tables = [row["table_name"] for row in await self.connection.fetch(TABLES)]
        watched = [name for name in tables if name not in UNWATCHED and not name.startswith("pgqueuer")]
        self.snapshot_sql = " UNION ALL ".join(
            f"SELECT '{name}' AS place, to_jsonb(t)::text AS line FROM \"{name}\" t" for name in watched
        )
        self.watched = await self.connection.fetchval(
            "SELECT array_agg(name::regclass::oid) FROM unnest($1::text[]) AS name", watched
        )

    @asynccontextmanager
    async def rolled_back(self, *, audit_fails: bool = False) -> AsyncIterator[None]:
        """One call; afterwards the database is as it was."""
        outer = self.connection.transaction()
        await outer.start()
        self.touched_before = await self.touched()
        token = _in_call.set(True)
        try:
            if audit_fails:
                await self.connection.execute("SET LOCAL test.no_audit = 'on'")
            yield
        finally:
            _in_call.reset(token)
            await outer.rollback()

    @asynccontextmanager
    async def without_wall(self) -> AsyncIterator[None]:
        """As a superuser, whom no policy binds: the application's own guards stand alone."""
        await self.connection.execute("SET ROLE none")
        try:
            yield
        finally:
            await self.connection.execute(f"SET ROLE {APP_ROLE}")

    @asynccontextmanager
    async def with_wall(self) -> AsyncIterator[None]:
        """As the application's role again, whom the policies bind."""
        await self.connection.execute(f"SET ROLE {APP_ROLE}")
        try:
            yield
        finally:
            await self.connection.execute("SET ROLE none")

    @asynccontextmanager
    async def undone(self) -> AsyncIterator[None]:
        """A part of the call at hand that is taken back at once."""
        part = self.connection.transaction()
        await part.start()
        try:
            yield
        finally:
            await part.rollback()

    async def has_written(self, after: str) -> bool:
        """Whether the call at hand has changed any row, even in a part that it took back itself.

        Raises AssertionError when it has left the transaction unusable: a bug of this sandbox.
        """
        try:
            return await self.connection.fetchval("SELECT pg_current_xact_id_if_assigned() IS NOT NULL")
        except asyncpg.PostgresError as error:
            raise AssertionError(f"the sandbox broke in {after}") from error

    async def touched(self) -> int:
        return await self.connection.fetchval(TOUCHED, self.watched)

    async def rows(self) -> set[tuple[str, str]]:
        """Every row of every watched table."""
        return {(row["place"], row["line"]) for row in await self.all_of(self.snapshot_sql)}

    async def changes(self, before: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """What of `before` is not there after the call at hand, and what is there besides.

        All rows are looked at only where the call has written to a watched table: most write to the audit alone.
        """
        return await self.rows() ^ before if await self.touched() != self.touched_before else set()

    async def constraints_hold(self) -> None:
        """What a commit would check."""
        await self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")

    async def audited(self, request_id: str) -> list[dict[str, Any]]:
        rows = await self.all_of("SELECT * FROM audit_event WHERE request_id = $1", request_id)
        return [dict(row) for row in rows]

    async def all_of(self, sql: str, *args: Any) -> list[Any]:
        """Rows as the portal itself sees them."""
        looking = self.connection.transaction()
        await looking.start()
        await self.connection.execute(acting.PORTAL.statements)
        rows = await self.connection.fetch(sql, *args)
        await looking.rollback()
        return rows


async def _begin(connection: Any, whom: acting.Acting) -> None:
    if _in_call.get():
        await connection.execute("SAVEPOINT acted; " + whom.statements)
    else:
        await REAL_BEGIN(connection, whom)


async def _commit(connection: Any) -> None:
    if _in_call.get():
        await connection.execute("RELEASE SAVEPOINT acted; " + acting.NOBODY.statements)
    else:
        await REAL_COMMIT(connection)


async def _rollback(connection: Any) -> None:
    if _in_call.get():
        await connection.execute("ROLLBACK TO SAVEPOINT acted; RELEASE SAVEPOINT acted")
    else:
        await REAL_ROLLBACK(connection)


REAL_BEGIN, REAL_COMMIT, REAL_ROLLBACK = db._begin, db._commit, db._rollback


@asynccontextmanager
async def sandboxed() -> AsyncIterator[Sandbox]:
    """Put the one connection in the place of the open pool."""
    pool = db.DB.pool
    connection = await pool.acquire()
    try:
        found = Sandbox(connection)
        await found.prepare()
        db.DB.pool = OnePool(connection, pool)  # type: ignore[assignment]
        with patch.multiple(db, _begin=_begin, _commit=_commit, _rollback=_rollback):
            yield found
    finally:
        db.DB.pool = pool
        await pool.release(connection)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
