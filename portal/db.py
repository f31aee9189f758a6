"""The database: one Piccolo engine, one way to open a transaction, and thin helpers for hand-written SQL.

* `fetch`, `fetch_row`, `fetch_value` and `execute` use the open transaction, or a pooled connection.
* Each transaction is told on whose behalf it works (see `acting`), so that row-level security can see to the rest.
* `transaction()` does not nest, runs `after_commit` callables once the commit has happened, and heals what
  Piccolo leaves behind when COMMIT itself fails.
* A violated constraint becomes the `Conflict` registered under its name.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from typing import Any

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from portal import acting, clock, metrics, tracing
from portal.acting import NOBODY, PORTAL, Acting
from portal.dberrors import ATTEMPTS as ATTEMPTS
from portal.dberrors import Retry as Retry
from portal.dberrors import conflict_for as conflict_for
from portal.dberrors import domain_error as domain_error
from portal.dberrors import retried as retried
from portal.dberrors import translated_errors
from portal.errors import Unavailable
from portal.faults import fault
from portal.pool import DB as DB
from portal.pool import connection_arguments, open_pool
from portal.settings import Settings

logger = logging.getLogger(__name__)

ACQUIRE_SECONDS = 1.5  # a request never waits longer for a connection; it is answered with 503 within two seconds
UNREACHABLE = (TimeoutError, OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError)
NO_CONNECTION = (*UNREACHABLE, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError)

Connection = asyncpg.Connection | PoolConnectionProxy
Callback = Callable[[], Awaitable[None] | None]
LastStep = Callable[[], Awaitable[None]]

_pending: ContextVar[list[Callback] | None] = ContextVar("after_commit", default=None)
_last_step: ContextVar[LastStep | None] = ContextVar("before_commit", default=None)


async def connect(settings: Settings, *, owner: bool = False) -> None:
    """Open the pool as the application's role, or as the owner of the tables, who migrates them.

    Raises `Unavailable` when the database is older than PostgreSQL 15.
    """
    DB.config = connection_arguments(settings.database_url)
    DB.pool = await open_pool(settings, owner)
    row = await fetch_row("SELECT current_setting('server_version_num')::int AS version, clock_timestamp() AS now")
    if row is None or row["version"] < 150000:
        await disconnect()
        raise Unavailable(detail="PostgreSQL 15 or newer is needed.")
    clock.follow(row["now"])


async def disconnect() -> None:
    """Close the pool, waiting a moment for what is running."""
    pool, DB.pool = DB.pool, None
    if pool is None:
        return
    try:
        async with asyncio.timeout(3):
            await pool.close()
    except TimeoutError:
        pool.terminate()


class connection:
    """The connection of the open transaction, or one from the pool for a moment.

    Telling the database who acts takes two more trips; `public` spares them, for rows that anybody may see.
    """

    __slots__ = ("_acquired", "_connection", "_public", "_whom")

    def __init__(self, *, public: bool = False) -> None:
        self._public = public
        self._acquired: _acquired | None = None

    async def __aenter__(self) -> Connection:
        tracing.statement()
        current = DB.current_transaction.get()
        if current is not None:
            return current.connection
        self._whom = NOBODY if self._public else acting.now()
        acquired = _acquired()
        self._connection = await acquired.__aenter__()
        self._acquired = acquired
        if self._whom != NOBODY:
            try:
                await _begin(self._connection, self._whom)
            except BaseException as error:
                await acquired.__aexit__(type(error), error, None)
                raise
        return self._connection

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if self._acquired is None:
            return
        try:
            if self._whom != NOBODY:
                await (_rollback if kind else _commit)(self._connection)
        except BaseException as failure:
            kind = kind or type(failure)
            raise
        finally:
            await self._acquired.__aexit__(kind, error, trace)


class _acquired:
    """A connection from the pool. A class, as it is on every way to the database, and a generator costs twice as much."""

    __slots__ = ("_connection", "_pool")

    async def __aenter__(self) -> Connection:
        if DB.pool is None:
            raise Unavailable
        self._pool: Any = DB.pool
        metrics.pool_waiting += 1
        try:
            self._connection = await self._pool.acquire(timeout=ACQUIRE_SECONDS)
        except NO_CONNECTION as error:
            metrics.POOL_TIMEOUTS.inc()
            raise Unavailable from error
        finally:
            metrics.pool_waiting -= 1
        return self._connection

    async def __aexit__(self, kind: type | None, _error: object, _trace: object) -> None:
        if kind is None:
            await self._pool.give_back(self._connection)
        else:
            await self._pool.release(self._connection)


async def fetch(sql: str, *args: Any, public: bool = False) -> list[asyncpg.Record]:
    """All rows of a statement. `public`: ask as nobody in particular, in one trip."""
    async with translated_errors(), connection(public=public) as conn:
        return await conn.fetch(sql, *args)


async def fetch_row(sql: str, *args: Any, public: bool = False) -> asyncpg.Record | None:
    """The first row, or none."""
    async with translated_errors(), connection(public=public) as conn:
        return await conn.fetchrow(sql, *args)


async def fetch_value(sql: str, *args: Any, public: bool = False) -> Any:
    """The first column of the first row, or None."""
    async with translated_errors(), connection(public=public) as conn:
        return await conn.fetchval(sql, *args)


async def call(sql: str, *args: Any) -> asyncpg.Record | None:
    """The row of a function that is told itself on whose behalf it works, as its first two arguments `$1` and `$2`.

    Inside `one_trip()` that is the whole transaction, in a single trip to the database.
    """
    return await fetch_row(sql, *acting.now(), *args, public=True)


async def execute(sql: str, *args: Any) -> int:
    """Run a statement; the number of rows that it touched."""
    async with translated_errors(), connection() as conn:
        status = await conn.execute(sql, *args)
    last = status.rsplit(" ", 1)[-1]
    return int(last) if last.isdigit() else 0


async def run_script(sql: str) -> None:
    """Run several statements in the open transaction; for migrations."""
    async with connection() as conn:
        await conn.execute(sql)


@asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """One action's transaction. Raises RuntimeError when one is open already: helpers end in `_in_tx` instead."""
    if in_transaction():
        raise RuntimeError("transactions do not nest: call an _in_tx helper")
    callbacks: list[Callback] = []
    token = _pending.set(callbacks)
    try:
        async with tracing.transaction(), _acquired() as acquired, translated_errors():
            current = DB.transaction(allow_nested=False)
            current.connection = acquired
            await _begin(acquired, acting.now())
            context = DB.current_transaction.set(current)
            try:
                yield
                if (last_step := _last_step.get()) is not None:
                    await last_step()
                await fault("before_commit")
            except BaseException:
                DB.current_transaction.reset(context)
                await _rollback(acquired)
                raise
            # Reset before COMMIT: a failed COMMIT must not leave this task believing it is still inside.
            DB.current_transaction.reset(context)
            await _commit(acquired)
    finally:
        _pending.reset(token)
    await _follow(callbacks)


@asynccontextmanager
async def one_trip() -> AsyncIterator[None]:
    """One action's transaction that consists of a single `call()`, which begins and commits it by itself.

    Where something else must be written with it before the commit, it is an ordinary transaction.
    """
    if _last_step.get() is not None or in_transaction():
        async with transaction():
            yield
        return
    callbacks: list[Callback] = []
    token = _pending.set(callbacks)
    try:
        yield
    finally:
        _pending.reset(token)
    await _follow(callbacks)


def in_transaction() -> bool:
    return DB.current_transaction.get() is not None


@contextmanager
def before_commit(step: LastStep) -> Iterator[None]:
    """Every transaction opened inside the block does `step` as its last statement; when that raises, all is undone."""
    token = _last_step.set(step)
    try:
        yield
    finally:
        _last_step.reset(token)


def after_commit(callback: Callback) -> None:
    """Run something once the open transaction has been committed, and never if it is rolled back."""
    callbacks = _pending.get()
    if callbacks is None:
        raise RuntimeError("after_commit needs an open transaction")
    callbacks.append(callback)


@asynccontextmanager
async def as_portal() -> AsyncIterator[None]:
    """Act as the portal itself inside the block: for what must happen before anybody is known, or to people who are
    not known to the one who asks. Each use says why.
    """
    before = acting.now()
    with acting.acting(PORTAL):
        await _tell(before, PORTAL)
        try:
            yield
        finally:
            with suppress(asyncpg.InFailedSQLTransactionError):  # the whole of it is about to be undone
                await _tell(PORTAL, before)


async def _tell(before: Acting, whom: Acting) -> None:
    """Let an open transaction go on as somebody else; one that is not open yet is told when it begins."""
    current = DB.current_transaction.get()
    if current is not None and before != whom:
        await current.connection.execute(whom.statements)


async def _begin(conn: Connection, whom: Acting) -> None:
    """Open a transaction on somebody's behalf, in one trip."""
    await conn.execute("BEGIN" if whom == NOBODY else "BEGIN; " + whom.statements)


async def _commit(conn: Connection) -> None:
    await conn.execute("COMMIT")


async def _rollback(conn: Connection) -> None:
    try:
        await conn.execute("ROLLBACK")
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        logger.warning("rollback failed; the connection is given up")


async def _follow(callbacks: list[Callback]) -> None:
    """What follows a commit must not undo the answer: it is logged when it fails."""
    await fault("after_commit")
    for callback in callbacks:
        try:
            result = callback()
            if result is not None:
                await result
        except Exception:
            logger.exception("after-commit step failed")
