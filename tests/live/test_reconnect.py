"""F2: streams that are cut again and again, while slow transactions change what they show, end up right.

A change is stamped inside its transaction and seen at its commit, which may be seconds later: whoever asks for "all since
my last event" by the clock alone misses it. The naive twin does.
"""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from portal import db, live
from portal.app import create_app
from portal.live import channel, hub
from portal.settings import Settings
from portal.slots.events import slots_topic
from tests import catalogue, factories, services
from tests.live.client import OPEN, Stream, connect, reset, serving
from tests.portal_server import served

pytestmark = [pytest.mark.anyio, pytest.mark.F2]

SLOTS = 30
STREAMS, CUTS, CHANGES = (60, 20, 10_000) if catalogue.FULL else (12, 6, 200)
WRITERS = 6
SETTLED = 5.0  # seconds in which a page must show what the database holds


class Watcher:
    """A page that merges what it is told by id, and comes back after each cut with the last id that it saw."""

    def __init__(self, port: int, topic: str) -> None:
        self.port, self.topic = port, topic
        self.view: dict[str, str] = {}
        self.last_id = ""
        self.stream: Stream | None = None

    async def open(self) -> None:
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        self.stream = await connect(self.port, self.topic, api=True, headers=headers)
        assert self.stream.status == 200

    def merge(self) -> None:
        assert self.stream is not None
        events, self.stream.events = self.stream.events, []
        for event in events:
            for one in event.json.get("slots", [event.json]):
                self.view[one["slot_id"]] = one["local_start"]
        self.last_id = self.stream.last_id

    async def cut(self) -> None:
        """Without a word, in the middle of whatever comes."""
        assert self.stream is not None and self.stream.task is not None
        self.stream.task.cancel()
        self.merge()
        reset(self.stream)
        OPEN.remove(self.stream)

    async def watch(self, seed: int) -> None:
        """Be cut at random moments, be away for random times."""
        rng = random.Random(seed)
        await self.open()
        for _ in range(CUTS - 1):
            await asyncio.sleep(rng.random() * 0.3)
            await self.cut()
            await asyncio.sleep(rng.random() * 0.4)
            await self.open()

    async def settled(self, wanted: dict[str, str]) -> bool:
        """Whether the page shows what the database holds, soon."""
        for _ in range(int(SETTLED / 0.1)):
            self.merge()
            if self.view == wanted:
                return True
            await asyncio.sleep(0.1)
        return False


async def change(topic: str, slot_ids: list[UUID], open_for: float) -> None:
    """Move the clock of some slots on by a minute, in a transaction that stays open for so long."""
    async with db.transaction():
        await db.execute(
            "UPDATE slot SET local_start = local_start + interval '1 minute', changed_at = clock_timestamp()"
            " WHERE id = ANY($1)",
            slot_ids,
        )
        for slot_id in slot_ids:
            live.publish(topic, "slot.changed", slot_id=slot_id)
        await asyncio.sleep(open_for)


async def write_all(topic: str, slot_ids: list[UUID]) -> None:
    """One slot after the other; one in ten changes holds its transaction open for a while."""
    numbers = iter(range(CHANGES))

    async def write(seed: int) -> None:
        rng = random.Random(seed)
        for number in numbers:
            await change(topic, [slot_ids[number % SLOTS]], rng.random() if rng.random() < 0.1 else 0.01)

    await asyncio.gather(*(write(number) for number in range(WRITERS)))


async def last_cut(topic: str, slot_ids: list[UUID], watchers: list[Watcher]) -> None:
    """The last change is long under way when the streams are cut, and has happened when they come back.

    Another slot goes on changing, so that what the pages saw last is younger than the stamp of that change.
    """
    quick, *slow = slot_ids
    under_way = asyncio.create_task(change(topic, slow, 2.5))
    for _ in range(16):
        await change(topic, [quick], 0.1)
    for one in watchers:
        await one.cut()
    await under_way
    for one in watchers:
        await one.open()


async def wrong_pages(port: int) -> int:
    """How many of the pages do not show, in the end, what the database holds."""
    doctor = await factories.doctor()
    slot_ids = await factories.slots(doctor.id, SLOTS)
    topic = slots_topic(doctor.id, (await db.fetch_value("SELECT date FROM slot WHERE id = $1", slot_ids[0])))
    watchers = [Watcher(port, topic) for _ in range(STREAMS)]
    await asyncio.gather(write_all(topic, slot_ids), *(one.watch(number) for number, one in enumerate(watchers)))
    await last_cut(topic, slot_ids, watchers)
    rows = await db.fetch(
        "SELECT id, to_char(local_start, 'HH24:MI') AS shown FROM slot WHERE doctor_id = $1", doctor.id
    )
    wanted = {str(row["id"]): row["shown"] for row in rows}
    return (await asyncio.gather(*(one.settled(wanted) for one in watchers))).count(False)


@asynccontextmanager
async def one_process(settings: Settings) -> AsyncIterator[int]:
    async with serving(create_app(replace(settings, base_url="http://127.0.0.1:8000", pool_size=15))) as port:
        yield port
        while OPEN:
            await OPEN.pop().close()


@asynccontextmanager
async def three_workers(settings: Settings) -> AsyncIterator[int]:
    """The writers are a fourth process, as `portal worker` would be."""
    environment = {"DATABASE_URL": settings.database_url, "PORTAL_RATE_LIMIT": "0"}
    with (
        services.redis() as redis,
        served("--workers", "3", data=settings.data, REDIS_URL=redis.url, **environment) as one,
    ):
        await db.connect(settings)
        async with live.running(replace(settings, redis_url=redis.url)) as here:
            while not here.bus.connected:
                await asyncio.sleep(0.05)
            yield int(urlsplit(one.url).port or 0)
            while OPEN:
                await OPEN.pop().close()
        await db.disconnect()


def report(wrong: int, where: str) -> None:
    catalogue.figure(
        "F2", f"{where}: {STREAMS} streams cut {CUTS} times each, {CHANGES} changes: {wrong} pages wrong in the end"
    )


@pytest.mark.parametrize("where", [one_process, pytest.param(three_workers, marks=pytest.mark.soak)])
async def test_pages_that_are_cut_again_and_again_end_up_right(settings: Settings, where: object) -> None:
    open_portal: AbstractAsyncContextManager[int] = where(settings)  # type: ignore[operator]
    async with open_portal as port:
        wrong = await wrong_pages(port)
    report(wrong, where.__name__.replace("_", " "))  # type: ignore[attr-defined]
    assert wrong == 0


async def test_naive_twin_misses_slow_transactions(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "OVERLAP", timedelta())
    monkeypatch.setattr(channel, "SHARE_SECONDS", 1)
    for size, small in {"CHANGES": 20, "CUTS": 1, "SETTLED": 1.5}.items():
        monkeypatch.setitem(globals(), size, small)
    async with one_process(settings) as port:
        wrong = await wrong_pages(port)
    assert wrong > 0
