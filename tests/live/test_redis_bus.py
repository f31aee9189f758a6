"""Live events between processes: through Redis, while Redis is away, and after it has come back."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from portal.live.bus import Message, RedisBus
from tests.live import processes
from tests.live.client import Stream, connect, post

pytestmark = pytest.mark.anyio

ME = UUID(int=7)
PERSON, THINGS = f"person:{ME}", f"things:{UUID(int=1)}"


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[processes.PrivateRedis]:
    private = processes.PrivateRedis(tmp_path)
    await private.start()
    yield private
    await private.kill()


@pytest.fixture
async def ports(redis: processes.PrivateRedis) -> AsyncIterator[tuple[int, int]]:
    """Two processes of the application on one Redis."""
    async with processes.server(redis_url=redis.url) as one, processes.server(redis_url=redis.url) as two:
        await connected(one.port, two.port)
        yield one.port, two.port


async def connected(*ports: int, state: bool = True, seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        for port in ports:
            while (await post(port, "/stats", {}))["connected"] != state:
                await asyncio.sleep(0.05)


async def tell(port: int, canary: str) -> float:
    """Publish in one process; how long the publisher waited."""
    began = time.monotonic()
    await post(port, "/publish", [[PERSON, "person.told", {"note_id": canary}]])
    return time.monotonic() - began


def notes(stream: Stream) -> list[str]:
    return [event.json["note_id"] for event in stream.events if event.name == "person.told"]


async def fresh(port: int, topics: str = PERSON, **how: Any) -> Stream:
    stream = await connect(port, topics, user=ME, query=f"&since=t{int(time.time() * 1000)}", **how)
    await stream.until(lambda it: it.last_id)
    return stream


async def test_an_event_reaches_the_readers_of_every_process_once(ports: tuple[int, int]) -> None:
    streams = [await fresh(port) for port in ports]
    for number in range(100):
        await tell(ports[number % 2], f"n{number}")
    for stream in streams:
        await stream.until(lambda it: len(notes(it)) == 100)
        assert sorted(notes(stream), key=lambda note: int(note[1:])) == [f"n{number}" for number in range(100)]


@pytest.mark.G3
async def test_redis_may_die_and_come_back(ports: tuple[int, int], redis: processes.PrivateRedis) -> None:
    one, two = ports
    here, there = await fresh(one), await fresh(two, f"{PERSON},{THINGS}")
    await redis.kill()
    await connected(one, two, state=False)
    waits = [await tell(one, f"lost{number}") for number in range(50)]
    assert max(waits) < 1
    await here.until(lambda it: len(notes(it)) == 50)
    assert notes(there) == []
    await redis.start()
    await connected(one, two)
    await there.until(lambda it: any(event.name == "resync" for event in it.events), 10)
    assert not here.ended.is_set()
    assert not there.ended.is_set()
    await tell(one, "after")
    await there.until(lambda it: "after" in notes(it), 10)


@pytest.mark.G3
async def test_a_redis_that_hangs_is_noticed(ports: tuple[int, int], redis: processes.PrivateRedis) -> None:
    one, two = ports
    there = await fresh(two)
    redis.freeze()
    try:
        assert await tell(one, "hangs") < 1
        await connected(one, two, state=False, seconds=20)
    finally:
        redis.freeze(still=False)
    await there.until(lambda it: any(event.name == "resync" for event in it.events), 15)


@pytest.mark.G3
async def test_a_reader_who_moves_while_redis_is_away_misses_nothing(
    ports: tuple[int, int], redis: processes.PrivateRedis
) -> None:
    """Its cursor stands still while the other processes cannot be heard."""
    one, two = ports
    stream = await fresh(two)
    await redis.kill()
    await connected(one, two, state=False)
    await tell(one, "missed")
    await tell(two, "seen")
    await stream.until(lambda it: "seen" in notes(it))
    left_at = stream.last_id
    await stream.close()
    await redis.start()
    await connected(one, two)
    back = await connect(two, PERSON, user=ME, headers={"Last-Event-ID": left_at})
    await back.until(lambda it: any(event.name == "resync" for event in it.events))


async def test_a_stranger_on_the_channel_does_no_harm(ports: tuple[int, int], redis: processes.PrivateRedis) -> None:
    from redis.asyncio import from_url

    stream = await fresh(ports[0])
    async with from_url(redis.url) as client:
        for junk in (b"", b"null", b"{}", b"[1,2]", b"\xff", b'[["no such topic","x",{}]]', b'[["person:1","x",{}]]'):
            assert await client.publish("portal:live:0", junk) == 2
        wrong = b'[["' + PERSON.encode() + b'","bad\\nname",{}]]'
        await client.publish("portal:live:0", wrong)
    await tell(ports[1], "fine")
    await stream.until(lambda it: notes(it) == ["fine"])
    await connected(*ports, seconds=1)


async def test_publishing_never_waits_for_a_redis_that_never_answers() -> None:
    """Whoever waited for this one would never come back; nor does each message knock anew."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        bus = RedisBus(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        await bus.start(lambda _message: None)
        for number in range(20_000):
            bus.send(Message(PERSON, "person.told"))
            if number % 1_000 == 0:
                await asyncio.sleep(0)  # what publishes has its turns meanwhile
        assert not bus.connected and 0 < knocks(silent) < 10
        async with asyncio.timeout(10):  # all that a portal has for its end
            await bus.close()


def knocks(server: socket.socket) -> int:
    """How many connections wait at a server that has taken none."""
    server.setblocking(False)
    found = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            server.accept()[0].close()
            found += 1
    return found
