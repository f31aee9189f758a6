"""Who looks at a day sees every change of it: over a real server, as fragments and as JSON, and nobody else hears it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from portal import db, live
from portal.settings import Settings
from portal.slots import actions
from portal.slots.events import slots_topic
from portal.slots.schemas import NewSlot, SlotChange
from tests import factories as make
from tests.live.client import Stream, close_all, connect, serving
from tests.slots.conftest import book, row_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("port")]


@pytest.fixture
async def port(database_url: str, settings: Settings) -> AsyncIterator[int]:
    from portal.app import create_app

    local = Settings(database_url=database_url, data=settings.data, rate_limit=0, base_url="http://127.0.0.1:8000")
    async with serving(create_app(local)) as number:
        yield number
        await close_all()


async def watched(port: int, doctor: make.Person, day: Any, **how: Any) -> Stream:
    stream = await connect(port, slots_topic(doctor.id, day), query=f"&since={live.cursor()}", **how)
    await stream.until(lambda it: it.last_id)
    return stream


async def told(stream: Stream, slot: UUID, state: str) -> dict[str, Any]:
    """The event that shows a slot in a state."""

    def found(it: Stream) -> Any:
        return [one for one in it.events if one.json.get("slot_id") == str(slot) and one.json.get("state") == state]

    await stream.until(found)
    return {"event": found(stream)[-1].name, **found(stream)[-1].json}


async def test_held_given_back_booked_and_freed(port: int) -> None:
    doctor, patient = await make.doctor(), await make.patient()
    slot = await make.slot(doctor.id)
    day = (await row_of(slot))["date"]
    stream = await watched(port, doctor, day, api=True)
    await actions.hold_slot(patient.actor, slot, 300)
    held = await told(stream, slot, "HELD")
    assert held["event"] == "slot.held" and 290 < held["seconds_until_release"] <= 300
    assert str(patient.id) not in str(held)
    await actions.release_slot(patient.actor, slot)
    assert (await told(stream, slot, "OPEN"))["event"] == "slot.released"
    await actions.change_slot(doctor.actor, slot, SlotChange(disabled=True))
    assert (await told(stream, slot, "DISABLED"))["event"] == "slot.disabled"


async def test_a_hold_that_ends_comes_back_by_itself(port: int) -> None:
    doctor, patient = await make.doctor(), await make.patient()
    slot = await make.slot(doctor.id)
    stream = await watched(port, doctor, (await row_of(slot))["date"], api=True)
    await actions.hold_slot(patient.actor, slot, 0.8)
    await told(stream, slot, "HELD")
    began = asyncio.get_running_loop().time()
    await told(stream, slot, "OPEN")
    assert asyncio.get_running_loop().time() - began < 2.5


async def test_a_page_gets_the_fragment_in_its_language(port: int) -> None:
    doctor, patient = await make.doctor(), await make.patient()
    slot = await make.slot(doctor.id)
    stream = await watched(port, doctor, (await row_of(slot))["date"])
    await actions.hold_slot(patient.actor, slot, 300)
    await stream.until(lambda it: any('data-state="HELD"' in one.data for one in it.events))
    fragment = stream.events[-1].data
    assert fragment.startswith(f'<hx-partial hx-target="#slot-{slot}" hx-swap="outerHTML"><li class="slot" id="slot-')
    assert "csrf" not in fragment and str(patient.id) not in fragment


async def test_an_added_time_shows_the_whole_day_and_a_removed_one_goes(port: int) -> None:
    doctor = await make.doctor()
    day = datetime.now(UTC).date() + timedelta(days=1)
    page, client = await watched(port, doctor, day), await watched(port, doctor, day, api=True)
    slot = await actions.add_slot(doctor.actor, doctor.id, NewSlot(date=day, start=datetime.min.time(), minutes=30))
    (event,) = await page.count(1)
    assert f'hx-target="#day-{doctor.id}-{day}"' in event.data and f'id="slot-{slot.id}"' in event.data
    (event,) = await client.count(1)
    assert event.name == "slot.added" and event.json["slots"][0]["slot_id"] == str(slot.id)
    await actions.remove_slot(doctor.actor, slot.id)
    events = await page.count(2)
    assert str(slot.id) not in events[1].data
    gone = (await client.count(2))[1]
    assert (gone.name, gone.json["slots"]) == ("slot.removed", [])


async def test_who_was_away_sees_what_was_removed_meanwhile(port: int) -> None:
    doctor = await make.doctor()
    day = datetime.now(UTC).date() + timedelta(days=1)
    await make.slots(doctor.id, 2)
    since = live.cursor()
    await asyncio.sleep(0.01)
    gone = await make.slot(doctor.id, datetime.combine(day, datetime.min.time(), UTC))
    await actions.remove_slot(doctor.actor, gone)
    stream = await connect(port, slots_topic(doctor.id, day), query=f"&since={since}")
    (event,) = await stream.count(1)
    assert f'hx-target="#day-{doctor.id}-{day}"' in event.data


async def test_other_days_and_doctors_hear_nothing(port: int) -> None:
    doctor, other, patient = await make.doctor(), await make.doctor(), await make.patient()
    slot = await make.slot(doctor.id)
    day = (await row_of(slot))["date"]
    streams = [
        await watched(port, other, day, api=True),
        await watched(port, doctor, day + timedelta(days=1), api=True),
    ]
    right = await watched(port, doctor, day, api=True)
    await actions.hold_slot(patient.actor, slot, 300)
    await told(right, slot, "HELD")
    await asyncio.sleep(0.3)
    assert [stream.events for stream in streams] == [[], []]


async def test_a_cancelled_visit_frees_its_time(port: int) -> None:
    doctor, patient = await make.doctor(), await make.patient()
    slot = await make.slot(doctor.id)
    day = (await row_of(slot))["date"]
    appointment = await book(slot, patient.id)
    stream = await watched(port, doctor, day, api=True)
    async with db.transaction():
        await db.execute("UPDATE appointment SET status = 'CANCELLED' WHERE id = $1", appointment)
        live.publish(slots_topic(doctor.id, day), "slot.freed", slot_id=slot)
    assert (await told(stream, slot, "OPEN"))["event"] == "slot.freed"
    async with db.transaction():  # what is said of a time never contradicts what is read of it
        await db.execute("UPDATE slot SET disabled = true WHERE id = $1", slot)
        live.publish(slots_topic(doctor.id, day), "slot.freed", slot_id=slot)
    assert (await told(stream, slot, "DISABLED"))["event"] == "slot.disabled"
    assert (await connect(port, f"slots:{doctor.id}:2026-13-01")).status == 404
