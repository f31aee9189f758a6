"""A whole journey by documented calls alone, as an integrator would make it: register, find, hold, book, be seen."""

from datetime import date, timedelta

import httpx
import pytest

from tests import factories
from tests.appointments.conftest import app, client, near
from tests.journeys.caller import Caller

__all__ = ["app", "client"]  # fixtures

pytestmark = pytest.mark.anyio
DAY = date.today() + timedelta(days=4)


async def registered(client: httpx.AsyncClient, number: int) -> Caller:
    body = {
        "email": f"journey{number}@patients.example", "password": "correct horse battery", "role": "PATIENT",
        "first_name": "Journey", "last_name": f"Number{number}",
    }  # fmt: skip
    answer = await client.post("/api/auth/register", json=body)
    assert answer.status_code == 201, answer.text
    return Caller(client, {"Authorization": f"Bearer {answer.json()['access_token']}"})


async def test_from_registration_to_the_end_of_the_visit(client: httpx.AsyncClient) -> None:
    clinic_id, specialty_id = await factories.clinic(), await factories.specialty()
    someone = await factories.doctor(clinic_ids=[clinic_id], specialty_id=specialty_id)
    doctor = Caller(client, someone.bearer)
    session = {
        "doctor_id": str(someone.id), "clinic_id": str(clinic_id), "day_of_week": DAY.strftime("%A").upper(),
        "session_start_time": "09:00", "session_end_time": "10:00", "service_type": "BOTH", "max_queue_size": 5,
        "estimated_consultation_minutes": 15, "effective_from": DAY.isoformat(),
    }  # fmt: skip
    made = await doctor("POST", "/sessions", session, expect=201)
    patient, other = await registered(client, 1), await registered(client, 2)

    day = {"from": DAY.isoformat(), "to": DAY.isoformat()}
    slots = (await patient("GET", f"/doctors/{someone.id}/slots", **day))["slots"]
    assert [slot["state"] for slot in slots] == ["OPEN"] * 5 and slots[-1]["overflow"]
    second = slots[1]["id"]
    await patient("POST", f"/slots/{second}/hold")
    booking = {"slot_id": second, "appointment_type": "VIRTUAL", "chief_complaint": "a cough"}
    assert (await other("POST", "/appointments", booking, expect=409))["code"] == "slot_held"
    visit = await patient("POST", "/appointments", booking, expect=201)
    assert visit["queue_position"] == 2 and visit["video_session_id"]
    queue = {"session_id": made["id"], "date": DAY.isoformat(), "appointment_type": "IN_PERSON"}
    assert (await other("POST", "/appointments", queue, expect=201))["queue_position"] == 1

    await patient("POST", f"/appointments/{visit['id']}/confirm")
    early = await patient("POST", f"/appointments/{visit['id']}/check-in", expect=409)
    assert early["code"] == "too_early" and early["opens_at"] < visit["start_time"]
    await near(visit["id"])
    await patient("POST", f"/appointments/{visit['id']}/check-in")
    todays = await doctor("GET", "/appointments", status="CHECKED_IN", **day)
    assert [one["id"] for one in todays["appointments"]] == [visit["id"]]
    await doctor("POST", f"/appointments/{visit['id']}/start")
    await doctor("POST", f"/appointments/{visit['id']}/complete", {"doctor_notes": "rest"})
    ended = await patient("GET", f"/appointments/{visit['id']}")
    assert (ended["status"], ended["doctor_notes"]) == ("COMPLETED", "rest")
    history = (await patient("GET", f"/appointments/{visit['id']}/history"))["history"]
    assert [one["to"] for one in history] == ["BOOKED", "BOOKED", "CHECKED_IN", "IN_PROGRESS", "COMPLETED"]
    assert (await patient("POST", f"/appointments/{visit['id']}/cancel", {"reason": "x"}, expect=409))[
        "code"
    ] == "wrong_status"
    await other("GET", f"/appointments/{visit['id']}", expect=404)
    await other("GET", f"/video/sessions/{visit['video_session_id']}", expect=403)
    states = [slot["state"] for slot in (await other("GET", f"/doctors/{someone.id}/slots", **day))["slots"]]
    assert states == ["BOOKED", "BOOKED", "OPEN", "OPEN", "OPEN"]
