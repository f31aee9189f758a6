"""B5 and G4: RabbitMQ is killed, or takes nothing more, while people book. Nobody notices, and no event is lost."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from uuid import UUID

import aio_pika
import httpx
import pytest

from portal import db
from portal.accounts import tokens
from portal.settings import Settings
from tests import catalogue, factories, services
from tests.factories import Person
from tests.outbox import relay
from tests.portal_server import served

pytestmark = [pytest.mark.anyio, pytest.mark.soak]

SECONDS = 60.0 if catalogue.FULL else 5.0
RATE = 25  # bookings a second
RELAYS = 2
SLOWER, LONGEST = 1.5, 2.0  # times the usual p95; seconds of one booking
EVERYTHING = "test-everything"


@pytest.fixture(scope="module")
def rabbit() -> Iterator[services.Rabbit]:
    with services.rabbit() as server:
        yield server


@pytest.fixture(scope="module")
async def url(settings: Settings, pool: None, rabbit: services.Rabbit) -> AsyncIterator[str]:
    """Three workers that book, and two relays that tell the broker."""
    environment = {"DATABASE_URL": settings.database_url, "PORTAL_RATE_LIMIT": "0"}
    relays = [relay.start(settings.database_url, rabbit.url) for _ in range(RELAYS)]
    try:
        with services.redis() as shared, served(
            "--workers", "3", data=settings.data, REDIS_URL=shared.url, **environment
        ) as portal:  # fmt: skip
            tokens.use_keys(replace(settings, base_url=portal.url))
            yield portal.url
    finally:
        for one in relays:
            one.kill()
            one.wait()


@dataclass
class Booked:
    """What the bookings of a while were answered, and how quickly."""

    codes: Counter[int] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.seconds, n=20)[-1]


async def book(url: str, people: list[Person], slot_ids: list[UUID]) -> Booked:
    """One booking after the other at a steady rate, none of them contended."""
    booked = Booked()

    async def one(client: httpx.AsyncClient, who: Person, slot_id: UUID) -> None:
        begun = time.monotonic()
        body = {"slot_id": str(slot_id), "appointment_type": "IN_PERSON"}
        answer = await client.post("/api/appointments", json=body, headers=who.bearer)
        booked.seconds.append(time.monotonic() - begun)
        booked.codes[answer.status_code] += 1

    async with httpx.AsyncClient(base_url=url, timeout=30) as client, asyncio.TaskGroup() as group:
        for number, slot_id in enumerate(slot_ids):
            group.create_task(one(client, people[number % len(people)], slot_id))
            await asyncio.sleep(1 / RATE)
    return booked


async def cast(batches: int) -> tuple[list[Person], list[list[UUID]]]:
    doctor = await factories.doctor()
    each = int(SECONDS * RATE)
    slot_ids = await factories.slots(doctor.id, each * batches)
    people = [await factories.patient() for _ in range(20)]
    return people, [slot_ids[n * each : (n + 1) * each] for n in range(batches)]


async def drained(seconds: float = 90) -> float:
    """Until every event has been delivered."""
    begun = time.monotonic()
    async with asyncio.timeout(seconds):
        while await db.fetch_value("SELECT count(*) FROM outbox_event WHERE delivered_at IS NULL"):
            await asyncio.sleep(0.1)
    return time.monotonic() - begun


async def listen(rabbit: services.Rabbit) -> None:
    """A queue for all events of appointments, which outlives the broker."""
    async with await aio_pika.connect(rabbit.url) as connection:
        queue = await (await connection.channel()).declare_queue(EVERYTHING, durable=True)
        await queue.bind("appointments-events", "#")


async def heard(rabbit: services.Rabbit) -> set[str]:
    """The ids of all events that have arrived."""
    found: set[str] = set()
    async with await aio_pika.connect(rabbit.url) as connection:
        queue = await (await connection.channel()).get_queue(EVERYTHING)
        while (message := await queue.get(fail=False, timeout=10)) is not None:
            found.add(str(message.message_id))
            await message.ack()
    return found


async def lost(rabbit: services.Rabbit, slot_ids: list[UUID]) -> int:
    """Events of these bookings that never arrived."""
    rows = await db.fetch(
        "SELECT o.id FROM outbox_event o JOIN appointment a ON a.id = o.aggregate_id WHERE a.slot_id = ANY($1)",
        slot_ids,
    )
    assert len(rows) >= len(slot_ids)
    return len({str(row["id"]) for row in rows} - await heard(rabbit))


async def declared(url: str, rabbit: services.Rabbit) -> None:
    """A first booking, whose event makes a relay declare the exchanges."""
    people, _batches = await cast(0)
    await book(url, people, await factories.slots((await factories.doctor()).id, 2))
    await drained()
    await listen(rabbit)


@pytest.mark.B5
async def test_the_broker_is_killed_while_people_book(url: str, rabbit: services.Rabbit) -> None:
    await declared(url, rabbit)
    people, (before, meanwhile) = await cast(2)
    usual = await book(url, people, before)
    rabbit.kill()
    without = await book(url, people, meanwhile)
    rabbit.start()
    seconds = await drained()
    missing = await lost(rabbit, before + meanwhile)
    catalogue.figure(
        "B5",
        f"broker dead for {SECONDS:g} s: {without.codes[201]} of {len(meanwhile)} booked, {missing} events lost,"
        f" drained {seconds:.1f} s after its start, p95 {usual.p95 * 1000:.0f} → {without.p95 * 1000:.0f} ms"
        f" (x{without.p95 / usual.p95:.2f})",
    )
    assert without.codes == {201: len(meanwhile)} and missing == 0 and seconds < 60
    if catalogue.FULL:  # times depend on the machine: they are judged where nothing else runs
        assert without.p95 <= SLOWER * usual.p95


@pytest.mark.G4
async def test_a_broker_that_takes_nothing_keeps_nobody_waiting(url: str, rabbit: services.Rabbit) -> None:
    """Its memory alarm stops publishers in the middle of a connection."""
    await declared(url, rabbit)
    people, (before, meanwhile) = await cast(2)
    usual = await book(url, people, before)
    await drained()
    await asyncio.to_thread(rabbit.control, "set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        blocked = await book(url, people, meanwhile)
        waiting = await db.fetch_value("SELECT count(*) FROM outbox_event WHERE delivered_at IS NULL")
        stuck = (await asyncio.to_thread(rabbit.control, "list_connections", "state")).count("block")
    finally:
        await asyncio.to_thread(rabbit.control, "set_vm_memory_high_watermark", "0.6")
    seconds = await drained()
    missing = await lost(rabbit, before + meanwhile)
    catalogue.figure(
        "G4",
        f"publishers blocked for {SECONDS:g} s: {blocked.codes[201]} of {len(meanwhile)} booked, slowest"
        f" {max(blocked.seconds):.2f} s, p95 x{blocked.p95 / usual.p95:.2f}, {waiting} events waited, {missing} lost,"
        f" {stuck} connections of {RELAYS} relays,"
        f" drained {seconds:.1f} s later",
    )
    assert blocked.codes == {201: len(meanwhile)} and missing == 0 and seconds < 60
    if catalogue.FULL:  # no request waits for the broker
        assert blocked.p95 <= SLOWER * usual.p95 and max(blocked.seconds) < LONGEST
    assert stuck <= RELAYS, "each try leaves a connection behind"
    assert waiting > len(meanwhile) / 2, "the broker took them all: it was not blocked"
