"""A doctor's slots of some days: made when first looked at, once, by however many look."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4

import httpx
import pytest

from portal import db
from portal.errors import Invalid, NotFound
from portal.slots import actions
from portal.slots.schemas import SlotState
from tests import factories as make
from tests.counting import counted_statements
from tests.slots.conftest import book

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]


def tomorrow() -> date:
    return datetime.now(UTC).date() + timedelta(days=1)


async def test_slots_are_made_when_first_looked_at() -> None:
    doctor, clinic = await make.doctor(), await make.clinic("Europe/Berlin")
    await make.session(doctor.id, clinic, day=tomorrow(), start=time(9), end=time(10), places=5, minutes=15)
    found = await actions.look_at_days(None, doctor.id, tomorrow(), tomorrow(), 56)
    assert [one.local_start for one in found.slots] == ["09:00", "09:15", "09:30", "09:45", "10:00"]
    assert [one.overflow for one in found.slots] == [False] * 4 + [True]
    assert [one.position for one in found.slots] == [1, 2, 3, 4, 5]
    weeks = await db.fetch_value("SELECT count(DISTINCT date) FROM slot WHERE doctor_id = $1", doctor.id)
    assert weeks >= 8


async def test_many_who_look_at_once_make_them_once() -> None:
    doctor = await make.doctor()
    for day in range(5):
        await make.session(doctor.id, day=tomorrow() + timedelta(days=day), places=12)
    found = await asyncio.gather(*(actions.look_at_days(None, doctor.id, None, None, 56) for _ in range(20)))
    assert {len(one.slots) for one in found} == {60}
    doubled = "SELECT count(*) - count(DISTINCT (session_id, date, position)) FROM slot WHERE doctor_id = $1"
    assert await db.fetch_value(doubled, doctor.id) == 0


async def test_the_horizon_moves_on_without_touching_what_is_there() -> None:
    doctor = await make.doctor()
    await make.session(doctor.id, day=tomorrow())
    await actions.look_at_days(None, doctor.id, tomorrow(), tomorrow(), 7)
    before = {row["id"] for row in await db.fetch("SELECT id FROM slot WHERE doctor_id = $1", doctor.id)}
    await actions.look_at_days(None, doctor.id, tomorrow() + timedelta(days=7), tomorrow() + timedelta(days=8), 28)
    after = {row["id"] for row in await db.fetch("SELECT id FROM slot WHERE doctor_id = $1", doctor.id)}
    assert before < after


async def test_states_are_shown_and_never_whose_they_are() -> None:
    doctor, patient, other = await make.doctor(), await make.patient(), await make.patient()
    free, held, booked, closed = await make.slots(doctor.id, 4)
    await actions.hold_slot(patient.actor, held, 300)
    await book(booked, other.id)
    await db.execute("UPDATE slot SET disabled = true WHERE id = $1", closed)
    found = await actions.look_at_days(patient.actor, doctor.id, tomorrow(), tomorrow(), 56)
    states = {one.id: one.state for one in found.slots}
    assert states == {
        free: SlotState.OPEN, held: SlotState.HELD, booked: SlotState.BOOKED, closed: SlotState.DISABLED,
    }  # fmt: skip
    assert [one.slot_id for one in found.holds] == [held]
    assert found.next_free == tomorrow()
    assert (await actions.look_at_days(other.actor, doctor.id, tomorrow(), tomorrow(), 56)).holds == []


async def test_one_statement_once_they_are_made() -> None:
    doctor, patient = await make.doctor(), await make.patient()
    await make.session(doctor.id, day=tomorrow())
    await actions.look_at_days(patient.actor, doctor.id, None, None, 56)
    with counted_statements() as said:
        await actions.look_at_days(patient.actor, doctor.id, None, None, 56)
    assert len(said) == 1


async def test_ranges_and_unknown_doctors() -> None:
    doctor, waiting = await make.doctor(), await make.doctor(status="PENDING_VERIFICATION")
    for first, last in ((0, -1), (0, 62)):
        with pytest.raises(Invalid):
            days = tomorrow() + timedelta(days=first), tomorrow() + timedelta(days=last)
            await actions.look_at_days(None, doctor.id, *days, 56)
    for unknown in (uuid4(), waiting.id):
        with pytest.raises(NotFound):
            await actions.look_at_days(None, unknown, None, None, 56)


async def test_over_the_api(client: httpx.AsyncClient) -> None:
    doctor = await make.doctor(fee="40.50")
    await make.session(doctor.id, day=tomorrow(), places=3)
    path = f"/api/doctors/{doctor.id}/slots"
    answer = await client.get(path, params={"from": str(tomorrow()), "to": str(tomorrow())})
    assert answer.status_code == 200, answer.text
    first = answer.json()["slots"][0]
    assert (first["local_start"], first["state"], first["fee"], first["position"]) == ("09:00", "OPEN", 40.5, 1)
    assert first["start"] == f"{tomorrow()}T09:00:00Z"
    assert (await client.get(path, params={"from": "2026-02-30"})).status_code == 422
    assert (await client.get(path, params={"from": "2026-01-01", "to": "2026-12-31"})).status_code == 422
    assert (await client.get(f"/api/doctors/{uuid4()}/slots")).status_code == 404
