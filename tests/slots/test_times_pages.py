"""The screens for times by hand: many with a preview, and the list of a day."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from portal import db
from tests import factories as make
from tests.slots.conftest import book, row_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("app")]

DAY = datetime.now(UTC).date() + timedelta(days=1)
FORM = {
    "from": str(DAY), "to": str(DAY + timedelta(days=6)), "start": "09:00", "end": "10:00", "minutes": "15",
    "weekdays": [], "clinic_id": "", "service_type": "VIRTUAL",
}  # fmt: skip


async def send(client: httpx.AsyncClient, path: str, form: dict[str, Any], at: str = "") -> httpx.Response:
    text = (await client.get(at or path)).text
    token = text.split('name="csrf_token" value="')[1].split('"')[0]
    return await client.post(path, data={**form, "csrf_token": token})


async def test_many_are_shown_and_then_added(client: httpx.AsyncClient) -> None:
    doctor = await make.doctor()
    client.cookies.update(doctor.cookies)
    await make.slot(doctor.id)
    shown = await send(client, "/schedule/times/new", FORM)
    assert shown.status_code == 200 and "27 times will be added." in shown.text, shown.text
    assert "1 time is left out" in shown.text
    count = "SELECT count(*) FROM slot WHERE doctor_id = $1"
    assert await db.fetch_value(count, doctor.id) == 1
    added = await send(client, "/schedule/times/new", {**FORM, "confirmed": "true"})
    assert added.headers["location"] == f"/schedule/times?date={DAY}"
    assert await db.fetch_value(count, doctor.id) == 28
    some = await send(
        client, "/schedule/times/new", {**FORM, "weekdays": ["MONDAY", "FRIDAY"], "start": "14:00", "end": "15:00"}
    )
    assert "8 times will be added." in some.text and some.text.count('name="weekdays"') == 2


async def test_errors_come_back_with_the_form(client: httpx.AsyncClient) -> None:
    client.cookies.update((await make.doctor()).cookies)
    for change, field in (({"minutes": "1"}, "minutes"), ({"end": "09:05"}, "end"), ({"from": "2020-01-01"}, "to")):
        answer = await send(client, "/schedule/times/new", {**FORM, **change})
        assert answer.status_code == 422 and f'href="#f-{field}"' in answer.text


async def test_the_list_of_a_day(client: httpx.AsyncClient) -> None:
    clinic = await make.clinic()
    doctor, patient = await make.doctor(clinic_ids=[clinic]), await make.patient()
    admin = await make.person(make.Role.CLINIC_ADMIN, clinic_ids=[clinic])
    slot, booked = await make.slots(doctor.id, 2, clinic_id=clinic)
    day = (await row_of(slot))["date"]  # midnight may have come since this file was read
    await make.slot(doctor.id, datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=15))
    await book(booked, patient.id)
    base = f"/clinic/doctors/{doctor.id}/schedule/times?date={day}"
    client.cookies.update(admin.cookies)
    text = (await client.get(base)).text
    assert "09:00" in text and "09:15" in text and "15:00" not in text
    closed = await send(client, f"/slots/{slot}/close", {}, at=base)
    assert closed.headers["location"] == base
    assert (await row_of(slot))["disabled"]
    await send(client, f"/slots/{slot}/open", {}, at=base)
    await send(client, f"/slots/{booked}/remove", {}, at=base)
    assert await row_of(booked) is not None
    assert "A patient has booked this time" in (await client.get(base)).text
    await send(client, f"/slots/{slot}/remove", {}, at=base)
    assert await row_of(slot) is None


async def test_strangers(client: httpx.AsyncClient) -> None:
    doctor, stranger, patient = await make.doctor(), await make.doctor(), await make.patient()
    slot = await make.slot(doctor.id)
    client.cookies.update(stranger.cookies)
    assert (await send(client, f"/slots/{slot}/close", {}, at="/schedule/times/new")).status_code == 404
    assert (await client.get(f"/clinic/doctors/{doctor.id}/schedule/times")).status_code == 404
    client.cookies.update(patient.cookies)
    assert (await client.get("/schedule/times")).status_code == 403
