"""F1: two hundred streams of fifty users over three workers; each hears all that is its owner's and nothing else."""

import asyncio
import random
from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from tests import catalogue, services
from tests.live.client import Stream, connect, post
from tests.live.processes import server

pytestmark = [pytest.mark.anyio, pytest.mark.F1, pytest.mark.soak]

USERS, STREAMS, WORKERS = 50, 200, 3
EVENTS = 10_000
BATCH = 50


@pytest.fixture(scope="module")
def redis() -> Iterator[services.Redis]:
    with services.redis() as one:
        yield one


async def connected(port: int) -> None:
    """Until every worker hears the others; each connection may meet another one."""
    async with asyncio.timeout(60):
        heard = 0
        while heard < 6 * WORKERS:
            heard = heard + 1 if (await post(port, "/stats", {}))["connected"] else 0


def heard_by(stream: Stream) -> list[str]:
    return [event.json["note_id"] for event in stream.events if event.name == "person.told"]


async def listen(port: int, users: list[UUID]) -> list[tuple[UUID, Stream]]:
    """Each user has a few streams; each of those also asks for somebody else's topic, which must be refused."""
    opened = []
    for number in range(STREAMS):
        user = users[number % USERS]
        foreign = random.choice([one for one in users if one != user])
        stream = await connect(port, f"person:{user},person:{foreign}", user=user, api=bool(number % 2))
        if stream.status != 200:
            stream = await connect(port, f"person:{user}", user=user, api=bool(number % 2))
        opened.append((user, stream))
    for _user, stream in opened:
        await stream.until(lambda it: it.last_id)
    return opened


async def tell_all(port: int, users: list[UUID]) -> dict[UUID, set[str]]:
    """Events with a secret in each, published by whichever worker takes the request."""
    secrets: dict[UUID, set[str]] = {user: set() for user in users}
    for _ in range(EVENTS // BATCH):
        batch = []
        for user in random.choices(users, k=BATCH):
            secret = uuid4().hex
            secrets[user].add(secret)
            batch.append([f"person:{user}", "person.told", {"note_id": secret}])
        await post(port, "/publish", batch)
    return secrets


async def foreign_and_missing(redis_url: str, naive: bool = False) -> tuple[int, int]:
    """Secrets that a stream of somebody else has heard, and those that one of its owner's has not."""
    users = [uuid4() for _ in range(USERS)]
    async with server(1 if naive else WORKERS, redis_url, naive) as running:
        await connected(running.port)
        opened = await listen(running.port, users)
        secrets = await tell_all(running.port, users)
        for user, stream in opened:
            await stream.until(lambda it, user=user: secrets[user] <= set(heard_by(it)), 60)
    heard = [(user, heard_by(stream)) for user, stream in opened]
    foreign = sum(len(set(notes) - secrets[user]) for user, notes in heard)
    missing = sum(len(secrets[user] - set(notes)) + len(notes) - len(set(notes)) for user, notes in heard if not naive)
    return foreign, missing


async def test_a_stream_carries_only_its_owners_events(redis: services.Redis) -> None:
    foreign, missing = await foreign_and_missing(redis.url)
    catalogue.figure(
        "F1",
        f"{EVENTS} events, {STREAMS} streams of {USERS} users, {WORKERS} workers: {foreign} foreign,"
        f" {missing} missing or doubled",
    )
    assert (foreign, missing) == (0, 0)


async def test_naive_twin_leaks(redis: services.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that lets anybody listen who knows a topic's name."""
    monkeypatch.setitem(globals(), "EVENTS", 200)
    foreign, _missing = await foreign_and_missing(redis.url, naive=True)
    assert foreign > 0
