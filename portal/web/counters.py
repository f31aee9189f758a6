"""Counters with an end: in this process, or in Redis for all processes."""

import contextlib
import time
from typing import Protocol

from portal.web.shared import Away, Shared

MOST_KEYS = 100_000
STRICTER = 4  # a process alone knows a part of what is going on

ADD = """
local used = redis.call('INCR', KEYS[1])
if used == 1 or redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {used, redis.call('PTTL', KEYS[1])}
"""
ATTEMPT = """
local wait = redis.call('PTTL', KEYS[2])
if wait > 0 then return wait end
local tries = redis.call('INCR', KEYS[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
local over = tries - tonumber(ARGV[1])
if over > 0 then
    redis.call('SET', KEYS[2], '1', 'PX', math.floor(math.min(1000 * 2 ^ math.min(over - 1, 20), tonumber(ARGV[2]))))
end
return 0
"""
FORGET = "return redis.call('DEL', KEYS[1], KEYS[2])"


class Counters(Protocol):
    async def add(self, name: str, most: int, seconds: int) -> tuple[int, int, float]:
        """Count one; how many there are, how many may be, and the seconds until they are forgotten."""

    async def attempt(self, name: str, free: int, longest: int, remembered: int) -> float:
        """Count one attempt and answer 0, or the seconds to wait when none is allowed now."""

    async def forget(self, name: str) -> None: ...


class MemoryCounters:
    """One process. Old entries leave when it gets crowded; a full table forgets what ends soonest."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, float]] = {}
        self._pauses: dict[str, float] = {}

    async def add(self, name: str, most: int, seconds: int) -> tuple[int, int, float]:
        now = time.monotonic()
        used, ends = self._counts.get(name, (0, 0.0))
        used, ends = (used + 1, ends) if ends > now else (1, now + seconds)
        self._counts[name] = (used, ends)
        self._make_room(now)
        return used, most, ends - now

    async def attempt(self, name: str, free: int, longest: int, remembered: int) -> float:
        now = time.monotonic()
        wait = self._pauses.get(name, 0.0) - now
        if wait > 0:
            return wait
        used, ends = self._counts.get(name, (0, 0.0))
        used = used + 1 if ends > now else 1
        self._counts[name] = (used, now + remembered)
        self._pauses.pop(name, None)
        if used > free:
            self._pauses[name] = now + min(2.0 ** min(used - free - 1, 20), longest)
        self._make_room(now)
        return 0.0

    async def forget(self, name: str) -> None:
        self._counts.pop(name, None)
        self._pauses.pop(name, None)

    def _make_room(self, now: float) -> None:
        if len(self._counts) > MOST_KEYS:
            kept = sorted(self._counts.items(), key=lambda item: item[1][1])[MOST_KEYS // 4 :]
            self._counts = {name: value for name, value in kept if value[1] > now}
            self._pauses = {name: until for name, until in self._pauses.items() if until > now}


class RedisCounters:
    """All processes together. Raises `Away` when Redis does not answer in time."""

    def __init__(self, shared: Shared) -> None:
        self._shared = shared

    async def add(self, name: str, most: int, seconds: int) -> tuple[int, int, float]:
        used, left = await self._shared.run(ADD, (name,), seconds * 1000)
        return int(used), most, left / 1000

    async def attempt(self, name: str, free: int, longest: int, remembered: int) -> float:
        keys = (name, f"{name}:pause")
        return float(await self._shared.run(ATTEMPT, keys, free, longest * 1000, remembered * 1000)) / 1000

    async def forget(self, name: str) -> None:
        await self._shared.run(FORGET, (name, f"{name}:pause"))


class Stricter:
    """Redis, and in its absence this process alone with a part of the limit."""

    def __init__(self, shared: RedisCounters, local: MemoryCounters) -> None:
        self._shared, self._local = shared, local

    async def add(self, name: str, most: int, seconds: int) -> tuple[int, int, float]:
        try:
            return await self._shared.add(name, most, seconds)
        except Away:
            return await self._local.add(name, max(1, most // STRICTER), seconds)

    async def attempt(self, name: str, free: int, longest: int, remembered: int) -> float:
        try:
            return await self._shared.attempt(name, free, longest, remembered)
        except Away:
            return await self._local.attempt(name, max(1, free // STRICTER), longest, remembered)

    async def forget(self, name: str) -> None:
        await self._local.forget(name)
        with contextlib.suppress(Away):
            await self._shared.forget(name)
