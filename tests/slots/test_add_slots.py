"""Slots by hand: one, many, and what many would bring before it is done."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import httpx
import pytest

from portal import db
from portal.errors import Conflict, Forbidden, Invalid, NotFound
from portal.slots import actions
from portal.slots.schemas import BulkSlots, NewSlot, ServiceType, Weekday
from tests import factories as make
from tests.clients import published
from tests.counting import counted_statements

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]

MONDAY = datetime.now(UTC).date() + timedelta(days=14 - datetime.now(UTC).weekday())


def one(**more: Any) -> NewSlot:
    return NewSlot(**{"date": MONDAY, "start": time(9), "minutes": 15, **more})


def many(**more: Any) -> BulkSlots:
    values = {"start": time(9), "end": time(12), "minutes": 15, "dates": [MONDAY]}
    return BulkSlots(**{**values, **more})


async def clinic_cast() -> tuple[make.Person, make.Person, Any]:
    """A doctor and an admin of the same clinic."""
    clinic = await make.clinic("Europe/Berlin")
    doctor = await make.doctor(clinic_ids=[clinic])
    return doctor, await make.person(make.Role.CLINIC_ADMIN, clinic_ids=[clinic]), clinic


async def test_a_doctor_adds_one_on_the_clock_of_the_clinic() -> None:
    doctor, _admin, clinic = await clinic_cast()
    slot = await actions.add_slot(doctor.actor, doctor.id, one(clinic_id=clinic, service_type=ServiceType.BOTH))
    assert slot.local_start == "09:00" and slot.time_zone == "Europe/Berlin"
    assert slot.start.hour in (7, 8) and slot.position is None


async def test_an_admin_adds_for_doctors_of_the_clinic_only() -> None:
    doctor, admin, clinic = await clinic_cast()
    await actions.add_slot(admin.actor, doctor.id, one(clinic_id=clinic))
    stranger = await make.doctor()
    with pytest.raises(NotFound):
        await actions.add_slot(admin.actor, stranger.id, one(clinic_id=clinic))
    with pytest.raises(Invalid):
        await actions.add_slot(admin.actor, doctor.id, one(clinic_id=None))
    with pytest.raises(Invalid):
        await actions.add_slot(admin.actor, doctor.id, one(clinic_id=await make.clinic()))


async def test_strangers_and_other_roles() -> None:
    doctor, other, patient = await make.doctor(), await make.doctor(), await make.patient()
    with pytest.raises(NotFound):
        await actions.add_slot(other.actor, doctor.id, one())
    with pytest.raises(Forbidden):
        await actions.add_slot(patient.actor, doctor.id, one())
    with pytest.raises(Invalid):
        await actions.add_slot(doctor.actor, doctor.id, one(clinic_id=await make.clinic()))
    with pytest.raises(Invalid):
        await actions.add_slot(doctor.actor, doctor.id, one(service_type=ServiceType.IN_PERSON))


async def test_overlaps_are_refused_by_the_database() -> None:
    doctor = await make.doctor()
    await actions.add_slot(doctor.actor, doctor.id, one())
    with pytest.raises(Conflict) as caught:
        await actions.add_slot(doctor.actor, doctor.id, one(start=time(9, 10)))
    assert caught.value.code == "slot_overlaps"
    await actions.add_slot(doctor.actor, doctor.id, one(start=time(9, 15)))


async def test_many_are_previewed_and_then_made() -> None:
    doctor = await make.doctor()
    await actions.add_slot(doctor.actor, doctor.id, one(start=time(10)))
    bulk = many(dates=[], weekdays=[Weekday.MONDAY, Weekday.TUESDAY], from_=MONDAY, to=MONDAY + timedelta(days=13))
    before = await actions.preview_slots(doctor.actor, doctor.id, bulk)
    count = "SELECT count(*) FROM slot WHERE doctor_id = $1"
    assert await db.fetch_value(count, doctor.id) == 1
    assert (before.added, before.skipped, len(before.days)) == (47, 1, 4)
    assert before.days[0].skipped == [time(10)]
    assert await actions.add_slots(doctor.actor, doctor.id, bulk) == before
    assert await db.fetch_value(count, doctor.id) == 48
    again = await actions.add_slots(doctor.actor, doctor.id, bulk)
    assert (again.added, again.skipped) == (0, 48)


async def test_thousands_in_one_statement() -> None:
    doctor = await make.doctor()
    weekdays = list(Weekday)
    bulk = many(
        dates=[],
        weekdays=weekdays,
        from_=MONDAY,
        to=MONDAY + timedelta(days=99),
        start=time(8),
        end=time(18),
        minutes=15,
    )
    with counted_statements() as said:
        made = await actions.add_slots(doctor.actor, doctor.id, bulk)
    assert made.added == 4000
    assert len(said) == 4


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"dates": []}, "dates"),
        ({"end": time(9, 10)}, "end"),
        ({"dates": [date(2020, 1, 1)]}, "dates"),
        ({"dates": [], "weekdays": [Weekday.MONDAY], "from_": MONDAY, "to": MONDAY - timedelta(days=1)}, "to"),
        ({"dates": [], "weekdays": [Weekday.MONDAY], "from_": MONDAY, "to": MONDAY + timedelta(days=400)}, "to"),
        (
            {"dates": [], "weekdays": list(Weekday), "from_": MONDAY, "to": MONDAY + timedelta(days=300), "minutes": 5},
            "minutes",
        ),
    ],
)
async def test_bulk_that_cannot_be(change: dict[str, Any], field: str) -> None:
    doctor = await make.doctor()
    with pytest.raises(Invalid) as caught:
        await actions.preview_slots(doctor.actor, doctor.id, many(**change))
    assert caught.value.errors[0].field == field


async def test_the_days_hear_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    doctor = await make.doctor()
    with published(monkeypatch) as told:
        await actions.preview_slots(doctor.actor, doctor.id, many())
        assert told == []
        await actions.add_slots(doctor.actor, doctor.id, many())
    assert told == [(f"slots:{doctor.id}:{MONDAY}", "slot.added")]


async def test_over_the_api(client: httpx.AsyncClient) -> None:
    doctor, admin, clinic = await clinic_cast()
    stranger, patient = await make.doctor(), await make.patient()
    path, body = f"/api/doctors/{doctor.id}/slots", {"date": str(MONDAY), "start": "09:00", "minutes": 15}
    made = await client.post(path, json=body, headers=doctor.bearer)
    assert made.status_code == 201, made.text
    assert made.json()["local_start"] == "09:00"
    assert (await client.post(path, json=body, headers=doctor.bearer)).json()["code"] == "slot_overlaps"
    assert (await client.post(path, json=body, headers=stranger.bearer)).status_code == 404
    assert (await client.post(path, json=body, headers=patient.bearer)).status_code == 403
    assert (await client.post(path, json=body)).status_code == 401
    bad = await client.post(path, json={"date": "2026-02-30", "start": "9", "minutes": 1}, headers=doctor.bearer)
    assert {one["field"] for one in bad.json()["errors"]} == {"date", "start", "minutes"}
    bulk = {
        "start": "09:00", "end": "10:00", "minutes": 15, "weekdays": ["MONDAY"], "from": str(MONDAY), "to": str(MONDAY),
        "clinic_id": str(clinic), "service_type": "IN_PERSON",
    }  # fmt: skip
    preview = await client.post(path + "/bulk/preview", json=bulk, headers=admin.bearer)
    assert preview.status_code == 200 and preview.json()["added"] in (3, 4), preview.text
    assert (await client.post(path + "/bulk", json=bulk, headers=admin.bearer)).json() == preview.json()
