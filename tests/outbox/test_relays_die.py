"""B6 and B8 with a real broker: relays that are killed in the middle of a batch lose nothing, and break no order."""

import asyncio
import random
from collections.abc import Iterator
from time import monotonic
from uuid import UUID

import pytest

from portal import db, outbox
from portal.ids import uuid7
from portal.settings import Settings
from tests import catalogue, services
from tests.outbox import consumer, relay

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool"), pytest.mark.soak, pytest.mark.B6, pytest.mark.B8]

THINGS, STEPS = (500, 20) if catalogue.FULL else (100, 15)
SILENT_SECONDS = 20
EVERY, LEASE = (2.0, outbox.LEASE_SECONDS) if catalogue.FULL else (0.7, 2.0)  # seconds


@pytest.fixture(scope="module")
def rabbit() -> Iterator[services.Rabbit]:
    with services.rabbit() as server:
        yield server


async def emit_all(things: list[UUID]) -> None:
    """Each thing changes so many times, all of them mixed."""
    for step in range(STEPS):
        async with db.transaction():
            for thing in things:
                await outbox.emit_in_tx("appointment.booked", thing, {"thing": str(thing), "step": step})
        await asyncio.sleep(0.02)


async def waiting() -> int:
    return int(await db.fetch_value("SELECT count(*) FROM outbox_event WHERE delivered_at IS NULL"))


async def kill_one_after_the_other(settings: Settings, rabbit: services.Rabbit, emitting: asyncio.Task[None]) -> int:
    """Three relays; every so often one dies and a new one comes, until all is emitted and nothing waits. How many died."""
    relays = [relay.start(settings.database_url, rabbit.url, LEASE) for _ in range(3)]
    killed = 0
    try:
        while not emitting.done() or await waiting():
            await asyncio.sleep(EVERY)
            if await db.fetch_value("SELECT count(*) FROM outbox_event WHERE delivered_at IS NULL AND attempts = 0"):
                victim = relays.pop(random.randrange(3))
                victim.kill()
                victim.wait()
                killed += 1
                relays.append(relay.start(settings.database_url, rabbit.url, LEASE))
    finally:
        for one in relays:
            one.kill()
            one.wait()
    return killed


async def all_that_comes(settings: Settings) -> dict[UUID, list[int]]:
    """What the listener has done, once it has done everything or nothing more for so long; it takes one event at a time."""
    number, grew_at = 0, monotonic()
    while number < THINGS * STEPS and monotonic() - grew_at < SILENT_SECONDS:
        await asyncio.sleep(0.2)
        done = await consumer.effects(settings.database_url)
        if (now := sum(map(len, done.values()))) > number:
            number, grew_at = now, monotonic()
    return done


async def test_relays_killed_in_the_middle(settings: Settings, rabbit: services.Rabbit) -> None:
    things = [uuid7() for _ in range(THINGS)]
    async with consumer.listening(settings.database_url, rabbit.url) as heard:
        emitting = asyncio.create_task(emit_all(things))
        killed = await kill_one_after_the_other(settings, rabbit, emitting)
        await emitting
        done = await all_that_comes(settings)
    effects = sum(map(len, done.values()))
    naive = heard.deliveries - effects
    regressions = sum(steps != sorted(steps) for steps in done.values())
    catalogue.figure(
        "B6",
        f"{THINGS * STEPS} events, 3 relays, {killed} killed: {THINGS * STEPS - effects} lost, 0 double effects;"
        f" without an inbox {naive} doubles",
    )
    catalogue.figure("B8", f"{THINGS} things x {STEPS} changes over dying relays: {regressions} out of order")
    assert all(steps == list(range(STEPS)) for steps in done.values()) and len(done) == THINGS
    assert killed and naive > 0, "a relay that dies in a batch tells some events twice, or this test shows nothing"
