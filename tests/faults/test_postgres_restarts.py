"""G2: PostgreSQL is killed and comes back under load; requests fail only meanwhile, and every loop goes on by itself."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from portal import db, outbox, worker
from portal.errors import Unavailable
from portal.ids import uuid7
from portal.outbox import Event, Job
from portal.settings import Settings
from portal.web.idempotency import CLAIM_SECONDS
from tests import catalogue, factories
from tests.booking.attacks import book_call, token_of
from tests.faults import fixtures
from tests.faults.load import CUT, Line
from tests.faults.postgres import Server
from tests.faults.stage import crowd, workers
from tests.faults.test_workers_killed import LATER
from tests.invariants import broken, doubled
from tests.portal_server import Served

pytestmark = [pytest.mark.anyio, pytest.mark.G2, pytest.mark.usefixtures("only_logged")]

server, database_url = fixtures.server, fixtures.own_database_url
RESTARTS, BETWEEN = (6, 9) if catalogue.FULL else (1, 2)


@pytest.fixture(scope="module")
async def portal(settings: Settings, pool: None) -> AsyncIterator[Served]:
    with workers(settings, 3) as running:
        yield running


EVERY_LOOP = frozenset({"relay", "jobs", "live"})


class Loops:
    """What goes on beside the requests, and when each last did something: relay, jobs, and a live stream."""

    def __init__(self, portal: Served, settings: Settings) -> None:
        self.portal, self.settings = portal, settings
        self.relayed: set[UUID] = set()
        self.worked: set[str] = set()
        self.heard: dict[str, float] = {}

    async def relay(self, event: Event) -> None:
        self.relayed.add(event.aggregate_id)

    async def work(self, _settings: Settings, payload: dict[str, Any]) -> None:
        self.worked.add(payload["name"])

    async def listen(self, doctor_id: UUID, day: date) -> None:
        """As a page does: come back whenever the stream ends."""
        topic = f"{self.portal.url}/api/live?topics=slots:{doctor_id}:{day}"
        async with httpx.AsyncClient(timeout=60) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError):
                    async with client.stream("GET", topic) as stream:
                        async for line in stream.aiter_lines():
                            self.heard[line] = time.time()
                await asyncio.sleep(0.2)

    async def go_on(self, awaited: frozenset[str] = EVERY_LOOP) -> dict[str, float]:
        """Give each of them something to do, until those awaited have done it: the seconds of each that did."""
        begun, thing, doctor = time.monotonic(), uuid7(), await factories.doctor()
        slot = await factories.slot(doctor.id)
        listening = asyncio.create_task(self.listen(doctor.id, date.today() + timedelta(days=1)))
        async with db.transaction():
            await outbox.emit_in_tx("user.registered", thing, {})
            await outbox.enqueue_in_tx("probe", {"name": str(thing)})
        await asyncio.sleep(0.3)
        await Line([self.portal.url], []).insist(book_call(token_of(await factories.patient()), slot), pause=0.05)
        took: dict[str, float] = {}
        while not took.keys() >= awaited and time.monotonic() - begun < 30:
            done = {"relay": thing in self.relayed, "jobs": str(thing) in self.worked}
            done["live"] = any("BOOKED" in line for line in self.heard)
            took.update({name: time.monotonic() - begun for name, well in done.items() if well and name not in took})
            await asyncio.sleep(0.05)
        listening.cancel()
        self.heard.clear()
        return took


async def let_time_pass() -> None:
    while True:
        await asyncio.sleep(1)
        with contextlib.suppress(Unavailable):
            if not catalogue.FULL:
                await db.execute(LATER, CLAIM_SECONDS)


async def patiently(action: Any) -> Any:
    """The test's own pool loses its connections too, one refusal each."""
    for _attempt in range(20):
        with contextlib.suppress(Unavailable):
            return await action()
        await asyncio.sleep(0.05)
    return await action()


async def test_restarts_under_load(server: Server, portal: Served, settings: Settings, tmp_path: Path) -> None:
    loops, callers = Loops(portal, settings), await crowd([portal.url])
    away, back = [], []
    async with worker.running(settings, [Job("probe", loops.work)], [], loops.relay):
        await loops.go_on()
        time_passes = asyncio.create_task(let_time_pass())
        running = asyncio.create_task(callers.run(RESTARTS * BETWEEN + 2))
        for _turn in range(RESTARTS):
            await asyncio.sleep(BETWEEN / 2)
            away.append(await asyncio.to_thread(server.restart))
            back.append(await patiently(loops.go_on))
            await asyncio.sleep(BETWEEN / 2)
        await running
        time_passes.cancel()
    lost, twice = await doubled(settings.database_url, callers.promised + callers.uncertain)
    failed = [one for one in callers.seen if one.status in (CUT, 503)]
    latest = max(min((one.at - up for gone, up in away if one.at + one.seconds >= gone), default=0.0) for one in failed)
    slowest = {name: round(max(one.get(name, 99) for one in back), 1) for name in back[0]}
    down = max(up - gone for gone, up in away)
    catalogue.figure(
        "G2", f"{RESTARTS} restarts, away for {down:.1f} s: {len(failed)} of {len(callers.seen)} refused, none later than"
        f" {max(latest, 0):.1f} s after; loops again within {slowest} s; {lost} lost, {twice} doubled",
    )  # fmt: skip
    assert failed and not [one for one in failed if one.status == CUT] and not callers.broken_answers()
    assert latest < 2 and max(slowest.values()) < 5 and (lost, twice) == (0, 0), [away, failed[-3:]]
    assert not await broken(settings.database_url)


class NaiveLoops(Loops):
    """Relay and jobs over one connection, in one task that ends with its first error."""

    async def for_ever(self) -> None:
        connection = await asyncpg.connect(self.settings.database_url)
        while True:
            for row in await connection.fetch("SELECT aggregate_id FROM outbox_event WHERE delivered_at IS NULL"):
                self.relayed.add(row["aggregate_id"])
            for row in await connection.fetch("SELECT payload FROM pgqueuer WHERE entrypoint = 'probe'"):
                self.worked.add(json.loads(row["payload"])["name"])
            await asyncio.sleep(0.05)


async def test_loops_that_end_at_their_first_error_stay_dead(
    server: Server, portal: Served, settings: Settings
) -> None:
    """The naive twin: the same task for both loops after the same restart, and the same look at who goes on."""
    loops = NaiveLoops(portal, settings)
    naive = asyncio.create_task(loops.for_ever())
    try:
        before = await loops.go_on()
        await asyncio.to_thread(server.restart)
        after = await patiently(lambda: loops.go_on(frozenset({"live"})))
    finally:
        naive.cancel()
        [ended] = await asyncio.gather(naive, return_exceptions=True)
    catalogue.figure("G2", f"naive twin: {sorted(before)} before a restart, {sorted(after)} after it")
    assert before.keys() == EVERY_LOOP and after.keys() == {"live"}
    assert isinstance(ended, (asyncpg.PostgresError, asyncpg.InterfaceError, OSError))
