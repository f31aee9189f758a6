"""How many streams a user or an address has open, over all processes.

Each process knows its own; Redis knows them all, as a set whose members end by themselves unless their process goes on
keeping them. So a killed process holds nobody's seats for longer than `KEPT_SECONDS`, and a Redis that was emptied
knows them all again after `ROUND_SECONDS`. While Redis is away, a process gives a quarter of the limit by itself.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from portal.errors import TooMany
from portal.web.counters import STRICTER
from portal.web.shared import Away, Shared, hidden

KEPT_SECONDS = 60
ROUND_SECONDS = 20.0
RETRY_SECONDS = 10  # what is told to whoever is refused

TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
"""
KEEP = """
local time = redis.call('TIME')
local ends = time[1] * 1000 + math.floor(time[2] / 1000) + ARGV[1]
for number = 2, #ARGV do redis.call('ZADD', KEYS[1], ends, ARGV[number]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""
LEAVE = "redis.call('ZREM', KEYS[1], ARGV[1])"

_own: dict[str, set[str]] = {}
_shared: Shared | None = None


@asynccontextmanager
async def running(shared: Shared | None) -> AsyncIterator[None]:
    """Count over all processes for as long as the block runs; in this process alone where there is no Redis."""
    global _shared
    before, _shared = _shared, shared
    keeping = asyncio.create_task(_keep_for_ever(shared)) if shared else None
    try:
        yield
    finally:
        _shared = before
        if keeping:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


class taken:
    """One of `most` seats of a user or an address, from the first moment of a stream to its last. Raises `TooMany`.

    A class, because every open stream keeps one, and a generator would be several times as large.
    """

    __slots__ = ("_most", "_seat", "_whom")

    def __init__(self, whom: str, most: float) -> None:
        self._whom, self._most, self._seat = whom, most, uuid4().hex

    async def __aenter__(self) -> None:
        seats = _own.setdefault(self._whom, set())
        seats.add(self._seat)
        try:
            if len(seats) > self._most or not await _granted(self._whom, self._seat, self._most):
                raise TooMany(RETRY_SECONDS)
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *_error: object) -> None:
        self._leave()

    def _leave(self) -> None:
        seats = _own.get(self._whom, set())
        seats.discard(self._seat)
        if not seats:
            _own.pop(self._whom, None)
        if _shared is not None:
            _shared.tell(LEAVE, (_key(self._whom),), self._seat)


async def _granted(whom: str, seat: str, most: float) -> bool:
    if _shared is None:
        return True
    try:
        return bool(await _shared.run(TAKE, (_key(whom),), KEPT_SECONDS * 1000, most, seat))
    except Away:
        return len(_own[whom]) <= max(1, most // STRICTER)


async def _keep_for_ever(shared: Shared) -> None:
    while True:
        await asyncio.sleep(ROUND_SECONDS)
        for whom, seats in list(_own.items()):
            shared.tell(KEEP, (_key(whom),), KEPT_SECONDS * 1000, *seats)


def _key(whom: str) -> str:
    return hidden("streams", whom)
