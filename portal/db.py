"""The database: one Piccolo engine, one way to open a transaction, and thin helpers for hand-written SQL.

* `fetch`, `fetch_row`, `fetch_value` and `execute` use the open transaction, or a pooled connection.
* `transaction()` does not nest, runs `after_commit` callables once the commit has happened, and heals what
  Piccolo leaves behind when COMMIT itself fails.
* A violated constraint becomes the `Conflict` registered under its name.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import unquote, urlsplit

import asyncpg
import msgspec
from asyncpg.pool import PoolConnectionProxy
from piccolo.engine.postgres import PostgresEngine

from portal.errors import Conflict, Unavailable
from portal.settings import Settings
from portal.web.i18n import _

logger = logging.getLogger(__name__)

ACQUIRE_SECONDS = 2.0  # a request never waits longer for a connection; it answers 503 instead
STATEMENT_SECONDS = 15.0
ATTEMPTS = 3

P = ParamSpec("P")
T = TypeVar("T")

Connection = asyncpg.Connection | PoolConnectionProxy
Callback = Callable[[], Awaitable[None] | None]
LastStep = Callable[[], Awaitable[None]]


class PortalEngine(PostgresEngine):
    """Piccolo's engine, without its connection at import time and with a deadline on the pool."""

    async def check_version(self) -> None:
        """Importing a module must not connect; `connect()` checks the version instead."""

    async def prep_database(self) -> None:
        """No extension is needed: sites and the embedded database may not have any."""


DB = PortalEngine(config={"database": "portal"})

_pending: ContextVar[list[Callback] | None] = ContextVar("after_commit", default=None)
_last_step: ContextVar[LastStep | None] = ContextVar("before_commit", default=None)
_conflicts: dict[str, tuple[str, str]] = {}


def conflict_for(constraint: str, code: str, message: str) -> None:
    """Say which `Conflict` the violation of a named constraint means; `message` is marked with `N_()`."""
    _conflicts[constraint] = (code, message)


async def connect(settings: Settings) -> None:
    """Open the pool. Raises `Unavailable` when the database is older than PostgreSQL 15."""
    DB.config = connection_arguments(settings.database_url)
    DB.pool = await asyncpg.create_pool(  # type: ignore[call-overload]  # the stubs have `reset` for proxies only
        **DB.config,
        min_size=1,
        max_size=settings.pool_size,
        command_timeout=STATEMENT_SECONDS,
        init=_prepare,
        reset=_keep,
        server_settings={"application_name": "care-portal", "timezone": "UTC", "jit": "off"},
    )
    if await fetch_value("SELECT current_setting('server_version_num')::int") < 150000:
        await disconnect()
        raise Unavailable(detail="PostgreSQL 15 or newer is needed.")


async def _keep(conn: PoolConnectionProxy) -> None:
    """Nothing to undo when a connection comes back: the portal leaves nothing in its session, and asking costs a trip."""


async def _prepare(conn: asyncpg.Connection) -> None:
    """JSON columns come and go as Python values; a ready JSON text (Piccolo's way) passes as it is."""
    for kind in ("json", "jsonb"):
        await conn.set_type_codec(kind, schema="pg_catalog", encoder=_json_text, decoder=msgspec.json.decode)


def _json_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


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


def connection_arguments(url: str) -> dict[str, Any]:
    """asyncpg arguments for a PostgreSQL URL; a socket folder may stand in `?host=`."""
    parts = urlsplit(url)
    return {"dsn": url, "database": unquote(parts.path.lstrip("/")) or "postgres"}


@asynccontextmanager
async def connection() -> AsyncIterator[Connection]:
    """The connection of the open transaction, or one from the pool for a moment."""
    current = DB.current_transaction.get()
    if current is not None:
        yield current.connection
        return
    async with _acquired() as acquired:
        yield acquired


@asynccontextmanager
async def _acquired() -> AsyncIterator[Connection]:
    pool = DB.pool
    if pool is None:
        raise Unavailable
    try:
        acquired = await pool.acquire(timeout=ACQUIRE_SECONDS)
    except (TimeoutError, OSError, asyncpg.PostgresConnectionError, asyncpg.InterfaceError) as error:
        raise Unavailable from error
    except (asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError) as error:
        raise Unavailable from error
    try:
        yield acquired
    finally:
        await pool.release(acquired)


async def fetch(sql: str, *args: Any) -> list[asyncpg.Record]:
    """All rows of a statement."""
    async with connection() as conn, translated_errors():
        return await conn.fetch(sql, *args)


async def fetch_row(sql: str, *args: Any) -> asyncpg.Record | None:
    """The first row, or none."""
    async with connection() as conn, translated_errors():
        return await conn.fetchrow(sql, *args)


async def fetch_value(sql: str, *args: Any) -> Any:
    """The first column of the first row, or None."""
    async with connection() as conn, translated_errors():
        return await conn.fetchval(sql, *args)


async def execute(sql: str, *args: Any) -> int:
    """Run a statement; the number of rows that it touched."""
    async with connection() as conn, translated_errors():
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
        async with _acquired() as acquired, translated_errors():
            current = DB.transaction(allow_nested=False)
            current.connection = acquired
            current.transaction = acquired.transaction()
            await current.transaction.start()
            context = DB.current_transaction.set(current)
            try:
                yield
                if (last_step := _last_step.get()) is not None:
                    await last_step()
            except BaseException:
                DB.current_transaction.reset(context)
                await _rollback(current.transaction)
                raise
            # Reset before COMMIT: a failed COMMIT must not leave this task believing it is still inside.
            DB.current_transaction.reset(context)
            await current.transaction.commit()
    finally:
        _pending.reset(token)
    await _run_callbacks(callbacks)


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


async def _rollback(running: Any) -> None:
    try:
        await running.rollback()
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        logger.warning("rollback failed; the connection is given up")


async def _run_callbacks(callbacks: list[Callback]) -> None:
    """What follows a commit must not undo the answer: it is logged when it fails."""
    for callback in callbacks:
        try:
            result = callback()
            if result is not None:
                await result
        except Exception:
            logger.exception("after-commit step failed")


@asynccontextmanager
async def translated_errors() -> AsyncIterator[None]:
    """Known database errors become the errors of the domain; the rest stays a bug."""
    try:
        yield
    except asyncpg.PostgresError as error:
        raise domain_error(error) from error
    except (OSError, TimeoutError, asyncpg.InterfaceError) as error:
        if isinstance(error, asyncpg.InterfaceError) and "connection" not in str(error):
            raise
        raise Unavailable from error


def domain_error(error: asyncpg.PostgresError) -> Exception:
    """The `Conflict` of a violated constraint, `Unavailable` for a passing fault, or the error itself."""
    name = getattr(error, "constraint_name", None)
    if name in _conflicts:
        code, message = _conflicts[name]
        return Conflict(code, _(message))
    if isinstance(error, asyncpg.SerializationError | asyncpg.DeadlockDetectedError | asyncpg.LockNotAvailableError):
        return Retry()
    if isinstance(error, asyncpg.PostgresConnectionError | asyncpg.OperatorInterventionError):
        return Unavailable()
    if isinstance(error, asyncpg.InsufficientResourcesError):
        return Unavailable(retry_after=10)
    return error


class Retry(Unavailable):
    """PostgreSQL chose this transaction as the one to try again (40001, 40P01)."""


def retried(action: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """Run an action again, at most three times in all, when PostgreSQL asks for it; then it answers 503."""

    @wraps(action)
    async def attempt(*args: P.args, **kwargs: P.kwargs) -> T:
        for turn in range(ATTEMPTS - 1):
            try:
                return await action(*args, **kwargs)
            except Retry:
                if in_transaction():  # only the transaction's owner may start it anew
                    raise
                await asyncio.sleep(random.uniform(0.005, 0.02) * (turn + 1))  # noqa: S311  # jitter, not a secret
        return await action(*args, **kwargs)

    return attempt
