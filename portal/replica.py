"""Reads that may be late, such as the search: from a replica where one is set (`DATABASE_REPLICA_URL`), else from the database.

Nobody is kept waiting by a replica that is gone or in trouble: what it cannot answer, the database answers,
and for a moment nothing is asked of it. What must be true now is never asked here.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from time import monotonic
from typing import Any

import asyncpg

from portal import db
from portal.pool import Pool, open_pool
from portal.settings import Settings

logger = logging.getLogger(__name__)

SECONDS = 2.0  # that an answer may take
PAUSE = 5.0  # seconds in which nothing is asked of a replica that has failed
AWAY = (*db.NO_CONNECTION, asyncpg.PostgresError)


class Replica:
    """The replica of this process; its pool is opened when it is first needed, so that a start never waits for it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = replace(settings, database_url=settings.database_replica_url)
        self._opening = asyncio.Lock()
        self._pool: Pool | None = None
        self._has_failed = False
        self._away_until = 0.0

    async def ask(self, verb: str, sql: str, *args: Any) -> tuple[bool, Any]:
        """Whether it answered, and what asyncpg's `verb` gave."""
        if monotonic() < self._away_until:
            return False, None
        if self._has_failed:  # one caller finds out whether it is back, and the others do not wait for that
            self._away_until = monotonic() + PAUSE
        try:
            async with asyncio.timeout(SECONDS):
                answer = await self._ask(verb, sql, *args)
        except AWAY as error:
            logger.warning("the replica does not answer (%s); the database is asked instead", type(error).__name__)
            self._has_failed, self._away_until = True, monotonic() + PAUSE
            return False, None
        self._has_failed, self._away_until = False, 0.0
        return True, answer

    async def _ask(self, verb: str, sql: str, *args: Any) -> Any:
        async with self._opening:
            self._pool = pool = self._pool or await open_pool(self._settings, owner=False)
        connection = await pool.acquire(timeout=SECONDS)
        try:
            answer = await getattr(connection, verb)(sql, *args)
        except BaseException:
            connection.terminate()  # nobody waits for a server that does not even hear that it shall stop
            await pool.release(connection)
            raise
        await pool.give_back(connection)
        return answer

    async def close(self) -> None:
        if self._pool is not None:
            self._pool.terminate()  # nothing but reads is under way


_replica: Replica | None = None


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    """Inside the block late reads go to the replica, if the settings name one."""
    global _replica
    before, _replica = _replica, Replica(settings) if settings.database_replica_url else None
    try:
        yield
    finally:
        if _replica is not None:
            await _replica.close()
        _replica = before


async def fetch(sql: str, *args: Any) -> list[asyncpg.Record]:
    """All rows, as nobody in particular; they may be seconds old."""
    is_answered, rows = await _asked("fetch", sql, *args)
    return rows if is_answered else await db.fetch(sql, *args, public=True)


async def fetch_value(sql: str, *args: Any) -> Any:
    """The first column of the first row, or None; it may be seconds old."""
    is_answered, value = await _asked("fetchval", sql, *args)
    return value if is_answered else await db.fetch_value(sql, *args, public=True)


async def _asked(verb: str, sql: str, *args: Any) -> tuple[bool, Any]:
    return await _replica.ask(verb, sql, *args) if _replica else (False, None)
