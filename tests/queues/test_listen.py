"""Who hears of a queue: its doctor, its clinic, and each patient until their own visit in it is over; never of whom."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from time import perf_counter
from typing import Any

import httpx
import pytest

from portal import db, live
from portal.app import create_app
from portal.settings import Settings
from tests import catalogue
from tests.appointments.conftest import Cast, cast
from tests.factories import Person
from tests.live.client import Stream, close_all, connect, serving
from tests.queues.conftest import Morning, begun

pytestmark = pytest.mark.anyio
__all__ = ["cast"]
EVENTS = {"queue.checked_in", "queue.called", "queue.started", "queue.completed", "queue.position", "queue.delay",
          "queue.walk_in", "queue.cancelled", "queue.no_show"}  # fmt: skip


@pytest.fixture
async def app(settings: Settings) -> AsyncIterator[int]:
    """The port of a real server."""
    async with serving(create_app(replace(settings, base_url="http://127.0.0.1:8000"))) as number:
        yield number
        await close_all()


@pytest.fixture
async def morning(app: int, cast: Cast) -> AsyncIterator[Morning]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{app}", headers={"Host": "127.0.0.1"}) as client:
        yield await begun(client, cast)


async def listen(port: int, who: Person, morning: Morning, **more: Any) -> Stream:
    headers = who.bearer | more.pop("headers", {})
    return await connect(port, f"queue:{morning.session_id}:{morning.day}", api=True, headers=headers, **more)


async def whole_morning(morning: Morning) -> None:
    """Everything that can happen, by two others than the first and the fifth."""
    cast = morning.cast
    await morning.act(morning.people[3], 3, "check-in")
    await morning.queue(cast.admin, "walk-ins", first_name="Secretwalt", last_name="In")
    await morning.queue(cast.admin, "delay", delay_minutes=10)
    await morning.call()
    await morning.act(cast.admin, 2, "missed-call")
    await morning.call()
    await morning.act(cast.doctor, 3, "start")
    await morning.act(cast.doctor, 3, "complete", {"doctor_notes": "Secretnote"})
    await morning.act(cast.admin, 2, "cancel", {"reason": "Secretreason"})
    await morning.act(cast.admin, 4, "no-show")


@pytest.mark.F1
async def test_a_stream_carries_nobody_else(app: int, morning: Morning) -> None:
    for number, status in ((1, "BOOKED"), (2, "CHECKED_IN"), (3, "BOOKED"), (4, "BOOKED"), (5, "BOOKED")):
        await morning.book(number, status, name=f"Secret{number}")
    streams = [await listen(app, who, morning) for who in (morning.people[5], morning.cast.doctor, morning.cast.admin)]
    await whole_morning(morning)
    foreign = {str(one) for n in (1, 2, 3, 4) for one in (morning.people[n].id, morning.visits[n])}
    for stream in streams:
        await stream.until(lambda one: {event.name for event in one.events} >= EVENTS - {"queue.no_show"})
        for event in stream.events:
            if event.name.startswith("queue."):
                assert set(event.json) <= {"topic", "session_id", "date"}, event
                assert "Secret" not in event.data and not [one for one in foreign if one in event.data]
    told = sum(event.name.startswith("queue.") for event in streams[0].events)
    catalogue.figure("F1", f"queue: {told} events to a waiting patient, 0 with anybody's name, id or number")


@pytest.mark.C6
async def test_the_grant_ends_with_the_visit_and_with_the_clinic(app: int, morning: Morning) -> None:
    """Strangers never listen; a patient until the visit is over; an admin until they leave the clinic."""
    cast = morning.cast
    for number in (1, 2, 3):
        await morning.book(number, "CHECKED_IN")
    for who in (cast.other_patient, cast.other_doctor, cast.other_admin):
        assert (await listen(app, who, morning)).status == 403
    assert (await connect(app, f"queue:{morning.session_id}:{morning.day}", api=True)).status == 401
    assert not await live.kind_of(f"queue:{morning.session_id}:2020-01-01").may_listen(
        morning.people[1].actor, f"queue:{morning.session_id}:2020-01-01"
    )
    mine, others = await listen(app, morning.people[1], morning), await listen(app, morning.people[2], morning)
    boss = await listen(app, cast.admin, morning)
    begun_at = perf_counter()
    await morning.call()
    await morning.act(cast.doctor, 1, "start")
    await morning.act(cast.doctor, 1, "complete")
    await asyncio.wait_for(mine.ended.wait(), 5)
    seconds = perf_counter() - begun_at
    assert not others.ended.is_set() and (await listen(app, morning.people[1], morning)).status == 403
    await db.execute("DELETE FROM clinic_admin WHERE account_id = $1", cast.admin.id)
    left_at = perf_counter()
    await asyncio.wait_for(boss.ended.wait(), 5)
    left = perf_counter() - left_at
    catalogue.figure("C6", f"queue: ended with the visit after {seconds:.1f} s, with the clinic after {left:.1f} s")
    assert not others.ended.is_set()


@pytest.mark.F2
async def test_a_cut_stream_learns_what_it_missed(app: int, morning: Morning) -> None:
    """Cut before each step, back after it: each time told of the step, or to look again."""
    for number in range(1, 9):
        await morning.book(number, "CHECKED_IN")
    cuts, told = 0, 0
    last = ""
    for number in range(1, 7):
        stream = await listen(app, morning.people[8], morning, headers={"Last-Event-ID": last} if last else {})
        await stream.until(lambda one: one.last_id)
        last = stream.last_id
        await stream.close()
        cuts += 1
        assert await morning.call() == number
        await morning.act(morning.cast.doctor, number, "start")
        back = await listen(app, morning.people[8], morning, headers={"Last-Event-ID": last})
        await back.until(lambda one: {"queue.called", "queue.started"} <= {e.name for e in one.events}
                         or "resync" in {e.name for e in one.events})  # fmt: skip
        told += 1
        last = back.last_id
        await back.close()
        await morning.act(morning.cast.doctor, number, "complete")
    place = await morning.place(8)
    catalogue.figure("F2", f"queue: a patient's stream cut {cuts} times, told of what was missed {told} times")
    assert told == cuts and place["ahead"] == 1


async def test_a_call_reaches_everybody_at_once(app: int, morning: Morning) -> None:
    for number in range(1, 9):
        await morning.book(number, "CHECKED_IN")
    streams = [await listen(app, person, morning) for person in morning.people.values()]
    begun_at = perf_counter()
    await morning.call()
    for stream in streams:
        await stream.until(lambda one: "queue.called" in {event.name for event in one.events}, 1)
    assert perf_counter() - begun_at < 2
