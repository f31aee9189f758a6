"""An event is delivered if, and only if, its change was committed."""

import asyncio
import random
import time
from collections import defaultdict
from itertools import pairwise
from uuid import UUID

import asyncpg
import pytest

from portal import db, outbox
from portal.ids import uuid7
from portal.outbox import Event
from portal.settings import Settings
from tests import catalogue

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]

TRANSACTIONS = 10_200
WRITERS = 8


@pytest.fixture(autouse=True)
async def empty(pool: None) -> None:
    await db.execute("DELETE FROM outbox_event")


async def write(rng: random.Random, number: int, committed: set[int]) -> None:
    """One change of random length; every tenth is rolled back."""
    try:
        async with db.transaction():
            await outbox.emit_in_tx("user.registered", uuid7(), {"number": number})
            if rng.random() < 0.1:
                await asyncio.sleep(rng.random() * 0.01)
            if rng.random() < 0.1:
                raise ValueError
    except ValueError:
        return
    committed.add(number)


async def write_all(committed: set[int]) -> None:
    async def writer(offset: int) -> None:
        rng = random.Random(offset)
        for number in range(offset, TRANSACTIONS, WRITERS):
            await write(rng, number, committed)

    await asyncio.gather(*(writer(n) for n in range(WRITERS)))


@pytest.mark.B4
@pytest.mark.race
async def test_delivered_is_committed(settings: Settings) -> None:
    """B4, with the naive twin: a relay that remembers the highest position loses what commits later."""
    committed: set[int] = set()
    delivered: list[int] = []
    naive: set[int] = set()
    done = asyncio.Event()

    async def sink(event: Event) -> None:
        delivered.append(event.data["number"])

    async def relay() -> None:
        while not done.is_set() or await outbox.relay_once(sink):
            await outbox.relay_once(sink)
            await asyncio.sleep(0)

    async def naive_relay() -> None:
        cursor = 0
        connection = await asyncpg.connect(settings.database_url)
        while not done.is_set():
            rows = await connection.fetch(
                "SELECT position, (data->>'number')::int AS number FROM outbox_event WHERE position > $1", cursor
            )
            naive.update(row["number"] for row in rows)
            cursor = max([cursor, *(row["position"] for row in rows)])
            await asyncio.sleep(0.001)
        await connection.close()

    relays = asyncio.gather(relay(), naive_relay())
    await write_all(committed)
    done.set()
    await relays
    lost = committed - set(delivered)
    catalogue.figure(
        "B4",
        f"{TRANSACTIONS} transactions, {len(committed)} committed, {len(delivered)} delivered, {len(lost)} lost;"
        f" a naive cursor lost {len(committed - naive)}",
    )
    assert not lost and len(delivered) == len(committed) and set(delivered) == committed
    assert committed - naive, "the naive twin must lose events, or this test shows nothing"


async def regressions(things: int, steps: int) -> int:
    """How often three relays deliver an older change of a thing after a newer one."""
    changed = [uuid7() for _ in range(things)]
    for step in range(steps):
        async with db.transaction():
            for thing in changed:
                await outbox.emit_in_tx("user.verified", thing, {"step": step})
    seen: dict[UUID, list[int]] = defaultdict(list)

    async def sink(event: Event) -> None:
        await asyncio.sleep(random.random() * 0.002)
        seen[event.aggregate_id].append(event.data["step"])

    async def relay() -> None:
        while await db.fetch_value("SELECT count(*) FROM outbox_event WHERE delivered_at IS NULL"):
            await outbox.relay_once(sink)

    await asyncio.gather(relay(), relay(), relay())
    assert all(len(one) == steps for one in seen.values()) and len(seen) == things
    return sum(one < before for told in seen.values() for before, one in pairwise(told))


@pytest.mark.B8
@pytest.mark.race
async def test_order_within_an_aggregate_under_three_relays() -> None:
    """A second event of a thing never overtakes the first, whoever delivers."""
    things, steps = (200, 20) if catalogue.FULL else (20, 10)
    found = await regressions(things, steps)
    catalogue.figure("B8", f"{things} things x {steps} changes, 3 relays: {found} regressions")
    assert found == 0


@pytest.mark.B8
@pytest.mark.race
async def test_naive_twin_delivers_out_of_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim that does not look whether an earlier event of the same thing is under way."""
    naive = outbox.CLAIM.partition(" AND NOT EXISTS (")[0] + outbox.CLAIM.partition("p.dead_at IS NULL)")[2]
    monkeypatch.setattr(outbox, "CLAIM", naive)
    assert await regressions(20, 10) > 0


@pytest.mark.B7
async def test_poison_is_parked_and_blocks_only_its_own(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox, "MOST_ATTEMPTS", 2)
    bad, good = uuid7(), uuid7()
    async with db.transaction():
        await outbox.emit_in_tx("stock.low", bad, {})
        await outbox.emit_in_tx("stock.expiring", bad, {})
        await outbox.emit_in_tx("stock.expiring", good, {})
    delivered: list[UUID] = []

    async def sink(event: Event) -> None:
        if event.event_type == "stock.low":
            raise ValueError("cannot be sent")
        delivered.append(event.aggregate_id)

    begun = time.monotonic()
    await outbox.relay_once(sink)
    catalogue.figure("B7", f"a poisoned event delays another thing's by {(time.monotonic() - begun) * 1000:.0f} ms")
    assert delivered == [good]
    await db.execute("UPDATE outbox_event SET due_at = clock_timestamp()")
    await outbox.relay_once(sink)
    parked = await db.fetch_row("SELECT id, dead_at, last_error FROM outbox_event WHERE event_type = 'stock.low'")
    assert parked["dead_at"] and parked["last_error"] == "ValueError: cannot be sent"
    assert f"event {parked['id']} (stock.low) was refused too often and is parked" in caplog.text
    await outbox.relay_once(sink)
    assert delivered == [good, bad]
    assert await outbox.send_again(parked["id"]) and not await outbox.send_again(parked["id"])


@pytest.mark.B6
async def test_dead_relay_loses_its_lease() -> None:
    async with db.transaction():
        await outbox.emit_in_tx("user.registered", uuid7(), {})
    assert len(await db.fetch(outbox.CLAIM, 0.2, 10)) == 1
    assert len(await db.fetch(outbox.CLAIM, 0.2, 10)) == 0
    await asyncio.sleep(0.3)
    assert len(await db.fetch(outbox.CLAIM, 0.2, 10)) == 1


async def test_event_without_a_change_is_refused() -> None:
    with pytest.raises(RuntimeError):
        await outbox.emit_in_tx("user.registered", uuid7(), {})
