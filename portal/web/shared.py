"""Redis, for what all processes count together: one connection, and what is asked at the same moment travels together.

A thousand callers at once are a few trips, not a thousand connections. When Redis does not answer in time, all who wait
hear it at once (`Away`), and for a moment nobody asks: each caller has a stricter answer of its own for that.
"""

import asyncio
import logging
import time
from contextvars import Context
from hashlib import sha256
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError

logger = logging.getLogger(__name__)

TIMEOUT = 1.0  # seconds that a request waits for Redis
PAUSE = 1.0  # seconds in which Redis is not asked again after it failed
BATCH = 200  # scripts that travel together: a few milliseconds of our time
QUEUE = 10_000


def hidden(kind: str, whom: str) -> str:
    """The key of somebody's count: addresses and mails are not written into Redis in the clear."""
    return f"care:{kind}:{sha256(whom.encode()).hexdigest()[:32]}"


class Away(Exception):
    """Redis does not answer, or cannot do what it is asked."""


class Asked(NamedTuple):
    """One call of a script; `answer` is None where nobody waits for it."""

    script: str
    keys: tuple[str, ...]
    args: tuple[Any, ...]
    answer: asyncio.Future[Any] | None


class Shared:
    """One a process."""

    def __init__(self, url: str) -> None:
        # Once more on a new connection, for the old one may be from before Redis was started anew: counting twice is
        # stricter than not at all. Never after a time-out.
        again = Retry(NoBackoff(), 1, supported_errors=(ConnectionError,))
        self._redis: Any = Redis.from_url(url, socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT, retry=again)
        self._asked: list[Asked] = []
        self._sending: asyncio.Task[None] | None = None
        self._away_until = 0.0

    async def run(self, script: str, keys: tuple[str, ...], *args: Any) -> Any:
        """What the script answers. Raises `Away`."""
        if time.monotonic() < self._away_until or len(self._asked) >= QUEUE:
            raise Away
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._ask(Asked(script, keys, args, answer))
        return await answer

    def tell(self, script: str, keys: tuple[str, ...], *args: Any) -> None:
        """Run a script that nobody waits for; it is lost when Redis is away."""
        if time.monotonic() >= self._away_until and len(self._asked) < QUEUE:
            self._ask(Asked(script, keys, args, None))

    async def close(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
        self._give_up(self._asked)
        await self._redis.aclose(close_connection_pool=True)

    def _ask(self, asked: Asked) -> None:
        self._asked.append(asked)
        if self._sending is None or self._sending.done():
            # Its own context: a request that goes away, or its transaction, must not matter to the others.
            self._sending = asyncio.get_running_loop().create_task(self._send(), context=Context())

    async def _send(self) -> None:
        while self._asked:
            batch, self._asked = self._asked[:BATCH], self._asked[BATCH:]
            try:
                self._answer(batch, await self._run_together(batch))
            except (RedisError, OSError, TimeoutError) as error:
                self._away(error)
                self._give_up(batch + self._asked)
                self._asked = []
                # Whatever the connection still holds belongs to nobody now.
                await self._redis.connection_pool.disconnect(inuse_connections=True)
            except BaseException:
                self._give_up(batch)
                raise

    async def _run_together(self, batch: list[Asked]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        for one in batch:
            pipeline.eval(one.script, len(one.keys), *one.keys, *one.args)
        async with asyncio.timeout(2 * TIMEOUT):
            return list(await pipeline.execute(raise_on_error=False))

    def _answer(self, batch: list[Asked], answers: list[Any]) -> None:
        for one, answer in zip(batch, answers, strict=True):
            if isinstance(answer, Exception):
                self._away(answer)
                self._give_up([one])
            elif one.answer is not None and not one.answer.done():
                one.answer.set_result(answer)

    def _give_up(self, batch: list[Asked]) -> None:
        for one in batch:
            if one.answer is not None and not one.answer.done():
                one.answer.set_exception(Away())

    def _away(self, error: Exception) -> None:
        if time.monotonic() >= self._away_until:
            logger.warning("redis does not answer (%s); this process counts by itself", type(error).__name__)
        self._away_until = time.monotonic() + PAUSE
