"""The schedule screens: what will change is shown before it is saved, to the doctor and to the clinic's admin."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from portal import db
from tests import factories as make

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("app")]

MONDAY = datetime.now(UTC).date() + timedelta(days=7 - datetime.now(UTC).weekday())
TERMS = {
    "day_of_week": "MONDAY", "session_start_time": "09:00", "session_end_time": "12:00", "service_type": "VIRTUAL",
    "max_queue_size": "14", "estimated_consultation_minutes": "15", "effective_from": str(MONDAY), "effective_to": "",
    "clinic_id": "",
}  # fmt: skip


async def send(client: httpx.AsyncClient, path: str, form: dict[str, Any], at: str = "") -> httpx.Response:
    text = (await client.get(at or path)).text
    token = text.split('name="csrf_token" value="')[1].split('"')[0]
    return await client.post(path, data={**form, "csrf_token": token})


async def count(doctor: make.Person) -> int:
    return await db.fetch_value("SELECT count(*) FROM slot WHERE doctor_id = $1", doctor.id)


async def test_a_doctor_adds_changes_and_ends_a_session(client: httpx.AsyncClient) -> None:
    doctor = await make.doctor()
    client.cookies.update(doctor.cookies)
    empty = await client.get("/schedule")
    assert empty.status_code == 200 and "No weekly hours yet" in empty.text
    seen = await send(client, "/schedule/sessions/new", TERMS)
    assert seen.status_code == 200 and "Free times added" in seen.text, seen.text
    assert await count(doctor) == 0
    saved = await send(client, "/schedule/sessions/new", {**TERMS, "confirmed": "true"})
    assert (saved.status_code, saved.headers["location"]) == (303, "/schedule")
    assert await count(doctor) % 14 == 0
    listed = (await client.get("/schedule")).text
    assert "12 visits" in listed and "2 places after hours" in listed
    session_id = await db.fetch_value("SELECT id FROM weekly_session WHERE doctor_id = $1", doctor.id)
    path = f"/schedule/sessions/{session_id}"
    change = {**TERMS, "max_queue_size": "8", "version": "1"}
    assert "Save these changes?" in (await send(client, path, change)).text
    assert (await send(client, path, {**change, "confirmed": "true"})).status_code == 303
    assert await count(doctor) % 8 == 0
    again = await send(client, path, {**change, "confirmed": "true"})
    assert again.status_code == 409 and "Somebody has changed this session meanwhile" in again.text
    off = {"date": str(MONDAY), "kind": "CANCELLED", "reason": "Training"}
    assert "Save this exception?" in (await send(client, path + "/exceptions/new", off)).text
    assert (await send(client, path + "/exceptions/new", {**off, "confirmed": "true"})).status_code == 303
    assert "Training" in (await client.get("/schedule")).text
    override = await db.fetch_value("SELECT id FROM session_override WHERE session_id = $1", session_id)
    assert (await send(client, f"{path}/exceptions/{override}/remove", {}, at="/schedule")).status_code == 303
    assert "End this session?" in (await client.get(path + "/end")).text
    assert (await send(client, path + "/end", {})).status_code == 303
    assert await count(doctor) == 0


async def test_errors_come_back_with_the_form(client: httpx.AsyncClient) -> None:
    doctor = await make.doctor()
    client.cookies.update(doctor.cookies)
    wrong = await send(
        client, "/schedule/sessions/new", {**TERMS, "session_end_time": "08:00", "max_queue_size": "many"}
    )
    assert wrong.status_code == 422
    assert 'href="#f-max_queue_size"' in wrong.text and 'value="many"' in wrong.text
    assert (await send(client, "/schedule/sessions/new", {**TERMS, "confirmed": "true"})).status_code == 303
    twice = await send(client, "/schedule/sessions/new", TERMS)
    assert twice.status_code == 409 and "already has a session at that time" in twice.text


async def test_an_admin_plans_for_the_doctors_of_the_clinic(client: httpx.AsyncClient) -> None:
    clinic = await make.clinic(name="Harbour clinic")
    doctor = await make.doctor(clinic_ids=[clinic], first_name="Grace")
    admin = await make.person(make.Role.CLINIC_ADMIN, clinic_ids=[clinic])
    stranger = await make.person(make.Role.CLINIC_ADMIN, clinic_ids=[await make.clinic()])
    base = f"/clinic/doctors/{doctor.id}/schedule"
    client.cookies.update(admin.cookies)
    assert "Grace" in (await client.get(base)).text
    terms = {**TERMS, "clinic_id": str(clinic), "service_type": "BOTH", "confirmed": "true"}
    saved = await send(client, base + "/sessions/new", terms)
    assert (saved.status_code, saved.headers.get("location")) == (303, base), saved.text
    assert "Harbour clinic" in (await client.get(base)).text
    client.cookies.update(stranger.cookies)
    assert (await client.get(base)).status_code == 404
    client.cookies.update((await make.patient()).cookies)
    assert (await client.get(base)).status_code == 403
    client.cookies.clear()
    assert (await client.get("/schedule")).headers["location"] == "/login?next=%2Fschedule"
