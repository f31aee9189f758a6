"""Streams are counted right over processes: with Redis, without it, after it was emptied, and after a process died."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import pytest

from portal.errors import TooMany
from portal.web import seats, shared
from portal.web.counters import STRICTER
from portal.web.shared import Shared
from tests.services import Redis

pytestmark = [pytest.mark.anyio, pytest.mark.D6, pytest.mark.G3]

MOST = 12


@pytest.fixture
async def together(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shared]:
    """This process counts over all; its rounds are quick."""
    monkeypatch.setattr(seats, "ROUND_SECONDS", 0.1)
    monkeypatch.setattr(seats, "KEPT_SECONDS", 1)
    one = Shared(redis.url)
    async with seats.running(one):
        yield one
    await one.close()


async def sit(stack: AsyncExitStack, whom: str, times: int) -> int:
    """How many of so many streams were let in."""
    granted = 0
    for _ in range(times):
        try:
            await stack.enter_async_context(seats.taken(whom, MOST))
            granted += 1
        except TooMany:
            pass
    return granted


async def elsewhere(one: Shared, whom: str, number: int) -> None:
    """Another process takes so many seats, and dies without a word."""
    for _ in range(number):
        await one.run(seats.TAKE, (seats._key(whom),), 1000, MOST, uuid4().hex)


async def test_a_dead_process_holds_its_seats_for_a_short_while_only(together: Shared) -> None:
    whom = uuid4().hex
    await elsewhere(together, whom, MOST - 2)
    async with AsyncExitStack() as stack:
        assert await sit(stack, whom, 4) == 2
        await asyncio.sleep(1.1)
        assert await sit(stack, whom, MOST) == MOST - 2, "and ours were kept, longer than a seat lasts by itself"


async def test_an_emptied_redis_knows_the_seats_again(together: Shared, redis: Redis) -> None:
    whom = uuid4().hex
    async with AsyncExitStack() as stack:
        assert await sit(stack, whom, MOST) == MOST
        await together.run("return redis.call('FLUSHALL')", ())
        await asyncio.sleep(0.4)
        assert await together.run("return redis.call('ZCARD', KEYS[1])", (seats._key(whom),)) == MOST
        assert await sit(stack, whom, 1) == 0
    assert await together.run("return redis.call('ZCARD', KEYS[1])", (seats._key(whom),)) == 0
    assert whom not in seats._own


async def test_without_redis_fewer_streams_never_more(
    together: Shared, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "PAUSE", 0.2)
    whom, other = uuid4().hex, uuid4().hex
    async with AsyncExitStack() as stack:
        assert await sit(stack, whom, 2) == 2
        redis.kill()
        try:
            assert await sit(stack, whom, MOST) == MOST // STRICTER - 2, "those that were open stay"
            assert await sit(stack, other, MOST) == MOST // STRICTER
        finally:
            redis.start()
        await asyncio.sleep(0.5)
        assert await sit(stack, whom, 2 * MOST) == MOST - MOST // STRICTER
