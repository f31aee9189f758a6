"""Sessions that somebody arranges, calls off, lists or writes notes about; and when a doctor is free."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from portal import db
from portal.accounts.schemas import Role
from portal.video.statements import WAITING_OF_PATIENT
from tests import factories
from tests.appointments.conftest import Cast, appointment_row, audit_of, booked, events_of, get, post
from tests.clients import emitted, published
from tests.factories import Person
from tests.video.conftest import Visit

pytestmark = pytest.mark.anyio

ALL = "/video/sessions"


def direct(cast: Cast, hour: int = 10, **more: Any) -> dict[str, Any]:
    """A visit of half an hour with the doctor of the cast, in five days."""
    return {
        "booking_type": "DIRECT_DOCTOR", "doctor_id": str(cast.doctor.id), "patient_id": str(cast.patient.id),
        "scheduled_start_time": factories.tomorrow_at(hour, 5).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "consultation_duration_minutes": 30, **more,
    }  # fmt: skip


async def arranged(client: httpx.AsyncClient, who: Person, body: dict[str, Any]) -> dict[str, Any]:
    answer = await post(client, who, ALL, body)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def code(client: httpx.AsyncClient, who: Person, body: dict[str, Any]) -> tuple[int, str]:
    answer = await post(client, who, ALL, body)
    return answer.status_code, answer.json()["code"]


async def test_patients_doctors_and_admins_arrange_visits(
    client: httpx.AsyncClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    with published(monkeypatch) as told:
        made = await arranged(client, cast.patient, direct(cast, chief_complaint="a rash"))
    assert (made["status"], made["booking_type"], made["appointment_id"]) == ("SCHEDULED", "DIRECT_DOCTOR", None)
    assert made["chief_complaint"] == "a rash" and made["attendees"] == []
    start = datetime.fromisoformat(made["scheduled_start_time"])
    assert datetime.fromisoformat(made["scheduled_end_time"]) - start == timedelta(minutes=30)
    assert {(f"user:{cast.doctor.id}", "video.created"), (f"video:{made['id']}", "video.created")} <= {*told}
    (event,) = await emitted("video.consultation.created", made["id"])
    assert (event["booking_type"], event["scheduled_start_time"]) == ("DIRECT_DOCTOR", made["scheduled_start_time"])
    assert [row["action"] for row in await audit_of(made["id"])] == ["video.created"]
    notices = await db.fetch("SELECT account_id, link FROM notification WHERE kind = 'video.created'")
    assert (cast.doctor.id, f"/video/sessions/{made['id']}") in [(row["account_id"], row["link"]) for row in notices]
    system = await factories.person(Role.SYSTEM_ADMIN)
    await arranged(client, cast.doctor, direct(cast, 11))
    await arranged(client, cast.admin, direct(cast, 12, clinic_id=str(cast.clinic_id)))
    await arranged(client, system, direct(cast, 13))


async def test_nobody_arranges_for_others(client: httpx.AsyncClient, cast: Cast) -> None:
    pharmacist = await factories.person(Role.PHARMACY)
    for who in (cast.other_patient, cast.other_doctor, cast.other_admin, cast.admin, pharmacist):
        assert (await code(client, who, direct(cast)))[0] == 403
    assert (await code(client, cast.other_admin, direct(cast, clinic_id=str(cast.clinic_id))))[0] == 403
    system = await factories.person(Role.SYSTEM_ADMIN)
    assert (await code(client, system, direct(cast, doctor_id=str(uuid4()))))[0] == 404
    assert (await code(client, system, direct(cast, clinic_id=str(uuid4()))))[0] == 404
    assert (await code(client, cast.patient, direct(cast, doctor_id=str(cast.other_patient.id))))[0] == 404


async def test_what_cannot_be_arranged(client: httpx.AsyncClient, cast: Cast) -> None:
    past = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    for wrong in (
        {"consultation_duration_minutes": 14}, {"consultation_duration_minutes": 121}, {"scheduled_start_time": past},
        {"booking_type": "CLINIC_BASED"}, {"appointment_id": str(uuid4())}, {"status": "ACTIVE"},
    ):  # fmt: skip
        assert (await code(client, cast.patient, direct(cast, **wrong)))[0] == 422, wrong
    await arranged(client, cast.patient, direct(cast))
    later = factories.tomorrow_at(10, 5) + timedelta(minutes=20)
    overlapping = direct(cast, scheduled_start_time=later.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert await code(client, cast.patient, overlapping) == (409, "time_taken")
    other = {**overlapping, "patient_id": str(cast.other_patient.id)}
    assert await code(client, cast.other_patient, other) == (409, "time_taken")
    elsewhere = {**overlapping, "doctor_id": str(cast.other_doctor.id)}
    assert await code(client, cast.patient, elsewhere) == (409, "time_taken")
    for hour in (14, 16):
        await arranged(client, cast.patient, direct(cast, hour))
    assert await code(client, cast.patient, direct(cast, 18)) == (409, "too_many_sessions")
    # Asked as the portal, so that no policy hides the others': each patient's are counted for themselves.
    assert await db.fetch_value(WAITING_OF_PATIENT, cast.other_patient.id) == 0
    await arranged(client, cast.other_patient, direct(cast, 18, patient_id=str(cast.other_patient.id)))


async def test_a_booked_time_is_taken_and_a_free_one_is_closed(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    taken = direct(cast, scheduled_start_time=visit["start_time"], patient_id=str(cast.other_patient.id))
    assert await code(client, cast.doctor, taken) == (409, "time_taken")
    assert await code(client, cast.patient, {**taken, "patient_id": str(cast.patient.id)}) == (409, "time_taken")
    free = await factories.slot(cast.doctor.id, factories.tomorrow_at(10, 5))
    await arranged(client, cast.patient, direct(cast))
    assert await db.fetch_value("SELECT disabled FROM slot WHERE id = $1", free)


async def test_a_session_of_an_appointment(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)  # in person, so that it has none
    body = {
        "booking_type": "CLINIC_BASED", "appointment_id": visit["id"], "doctor_id": str(cast.doctor.id),
        "patient_id": str(cast.patient.id), "scheduled_start_time": visit["start_time"], "consultation_duration_minutes": 15,
    }  # fmt: skip
    later = factories.tomorrow_at(15).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert (await code(client, cast.patient, {**body, "scheduled_start_time": later}))[0] == 422
    assert (await code(client, cast.other_patient, {**body, "patient_id": str(cast.other_patient.id)}))[0] == 404
    made = await arranged(client, cast.doctor, body)
    assert (made["appointment_id"], made["clinic_id"]) == (visit["id"], str(cast.clinic_id))
    assert (await appointment_row(visit["id"]))["appointment_type"] == "VIRTUAL"
    answer = await post(client, cast.patient, ALL, body)
    assert (answer.status_code, answer.json()["session_id"]) == (409, made["id"])
    await post(client, cast.patient, f"/appointments/{visit['id']}/cancel", {"reason": "x"})
    assert (await get(client, cast.patient, f"{ALL}/{made['id']}")).json()["status"] == "CANCELLED"


async def test_a_time_for_the_clinic_alone_stays_there(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    await db.execute("UPDATE slot SET service_type = 'IN_PERSON' WHERE id = $1", UUID(visit["slot_id"]))
    body = {
        "booking_type": "CLINIC_BASED", "appointment_id": visit["id"], "doctor_id": str(cast.doctor.id),
        "patient_id": str(cast.patient.id), "scheduled_start_time": visit["start_time"], "consultation_duration_minutes": 15,
    }  # fmt: skip
    assert await code(client, cast.patient, body) == (409, "not_by_video")
    assert (await appointment_row(visit["id"]))["appointment_type"] == "IN_PERSON"


@pytest.mark.race
async def test_of_many_who_want_one_time_one_gets_it(client: httpx.AsyncClient, cast: Cast) -> None:
    import asyncio

    people = [await factories.patient() for _ in range(12)]
    bodies = [direct(cast, patient_id=str(who.id)) for who in people]
    answers = await asyncio.gather(*(post(client, who, ALL, body) for who, body in zip(people, bodies, strict=True)))
    assert sorted(one.status_code for one in answers) == [201] + [409] * 11


# Calling off


async def test_either_of_the_two_calls_it_off(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    cast = visit.cast
    await visit.join(cast.patient)
    with published(monkeypatch) as told:
        answer = await visit.act(cast.doctor, "cancel", {"cancellation_reason": "an emergency"})
    assert (answer.json()["status"], answer.json()["cancellation_reason"]) == ("CANCELLED", "an emergency")
    assert {"video.ended", "appointment.cancelled", "slot.freed"} <= {name for _topic, name in told}
    assert await visit.states() == ("CANCELLED", "CANCELLED")
    assert len(await emitted("video.consultation.cancelled", visit.session_id)) == 1
    assert [name for name, _data in await events_of(visit.appointment_id)].count("appointment.cancelled") == 1
    assert (await visit.trail()).count("SESSION_CANCELLED") == 1
    assert (await visit.act(cast.patient, "cancel", {"cancellation_reason": "x"})).json()["code"] == "wrong_status"


async def test_while_they_talk_only_an_admin_does(visit: Visit) -> None:
    cast = visit.cast
    reason = {"cancellation_reason": "x"}
    await visit.both_in()
    for who in (cast.patient, cast.doctor):
        assert (await visit.act(who, "cancel", reason)).json()["code"] == "wrong_status"
    for who in (cast.other_patient, cast.other_doctor, cast.other_admin):
        assert (await visit.act(who, "cancel", reason)).status_code == 403
    assert (await visit.act(cast.admin, "cancel", {})).status_code == 422
    answer = await visit.act(cast.admin, "cancel", reason)
    assert answer.status_code == 200 and answer.json()["chief_complaint"] == ""
    assert await visit.states() == ("CANCELLED", "CANCELLED")


async def test_system_admins_call_off_anything(visit: Visit) -> None:
    system = await factories.person(Role.SYSTEM_ADMIN)
    await visit.both_in()
    answer = await visit.act(system, "cancel", {"cancellation_reason": "x"})
    assert answer.status_code == 200, answer.text
    assert await visit.states() == ("CANCELLED", "CANCELLED")
    done = [(row["action"], row["actor_id"]) for row in await audit_of(visit.session_id)]
    assert ("video.cancelled", system.id) in done


# Notes, lists, history


async def test_notes_are_the_doctors(visit: Visit) -> None:
    cast = visit.cast
    headers = {"headers": cast.doctor.bearer}
    path = f"/api{visit.path}/notes"
    answer = await visit.client.put(path, json={"session_notes": "rest\r\nand tea"}, **headers)
    assert answer.status_code == 200 and answer.json()["session_notes"] == "rest\nand tea"
    assert (await visit.look(cast.patient))["session_notes"] == ""
    system = await factories.person(Role.SYSTEM_ADMIN)
    assert (await visit.look(system))["session_notes"] == ""
    for who in (cast.patient, cast.other_doctor):
        assert (await visit.client.put(path, json={"session_notes": "x"}, headers=who.bearer)).status_code == 403
    assert (await visit.client.put(path, json={"session_notes": ""}, **headers)).json()["session_notes"] == ""
    await visit.client.put(path, json={"session_notes": "kept"}, **headers)
    await visit.both_in()
    assert (await visit.act(cast.doctor, "end")).json()["session_notes"] == "kept"
    (event,) = await emitted("video.consultation.completed", visit.session_id)
    assert event["session_notes"] == "kept"
    assert (await visit.client.put(path, json={"session_notes": "later"}, **headers)).status_code == 200
    assert [row["action"] for row in await audit_of(visit.session_id)].count("video.noted") == 4
    await db.execute("UPDATE video_session SET status = 'CANCELLED' WHERE id = $1", visit.session_id)
    assert (await visit.client.put(path, json={"session_notes": "x"}, **headers)).json()["code"] == "wrong_status"


async def test_lists_and_histories_hold_only_own_sessions(visit: Visit, client: httpx.AsyncClient) -> None:
    cast = visit.cast
    direct_one = await arranged(client, cast.patient, direct(cast))
    listed = (await get(client, cast.patient, ALL)).json()
    assert [one["id"] for one in listed["sessions"]] == [direct_one["id"], str(visit.session_id)]
    assert (listed["total"], listed["skip"], listed["limit"]) == (2, 0, 10)
    today = datetime.now(UTC).date()
    for query, expected in (
        ({"booking_type": "DIRECT_DOCTOR"}, 1), ({"status": "SCHEDULED"}, 2), ({"status": "ACTIVE"}, 0),
        ({"end_date": str(today + timedelta(days=2))}, 1), ({"start_date": str(today + timedelta(days=2))}, 1),
        ({"skip": 1}, 2), ({"skip": 5}, 2),
    ):  # fmt: skip
        assert (await get(client, cast.doctor, ALL, **query)).json()["total"] == expected, query
    assert (await get(client, cast.other_patient, ALL)).json()["total"] == 0
    assert (await get(client, cast.admin, ALL)).status_code == 403
    system = await factories.person(Role.SYSTEM_ADMIN)
    assert (await get(client, system, ALL)).json()["total"] >= 2
    history = f"{ALL}/history/{cast.patient.id}"
    assert (await get(client, cast.patient, history)).json()["total"] == 0
    await visit.both_in()
    await visit.act(cast.doctor, "end")
    for who in (cast.patient, system):
        found = (await get(client, who, history)).json()
        assert [one["id"] for one in found["sessions"]] == [str(visit.session_id)]
        assert len(found["sessions"][0]["attendees"]) == 2
    for who in (cast.doctor, cast.other_patient, cast.admin):
        assert (await get(client, who, history)).status_code == 403
    assert (await get(client, system, f"{ALL}/history/{uuid4()}")).status_code == 404


# When a doctor is free


async def test_free_times_stand_together_on_any_clock(client: httpx.AsyncClient, cast: Cast) -> None:
    day = date.today() + timedelta(days=1)
    begin = factories.tomorrow_at(9)
    for minutes in (0, 15, 30, 60):
        await factories.slot(cast.doctor.id, begin + timedelta(minutes=minutes), service_type="VIRTUAL")
    await factories.slot(cast.doctor.id, begin + timedelta(minutes=90), service_type="IN_PERSON")
    held = await factories.slot(cast.doctor.id, begin + timedelta(minutes=105), service_type="BOTH")
    await db.execute("UPDATE slot SET disabled = true WHERE id = $1", held)
    path = f"/api/video/doctors/{cast.doctor.id}/availability"
    found = (await client.get(path, params={"date": str(day)})).json()
    assert found["doctor_id"] == str(cast.doctor.id)
    whole = {"date": str(day), "slot_duration_minutes": 15, "consultation_fee": 50, "currency": "USD"}
    assert found["availability_slots"] == [
        {**whole, "start_time": "09:00", "end_time": "09:45", "available_slots": 3},
        {**whole, "start_time": "10:00", "end_time": "10:15", "available_slots": 1},
    ]
    far = (await client.get(path, params={"date": str(day), "timezone": "Pacific/Auckland"})).json()
    assert [one["start_time"] for one in far["availability_slots"]][:1] in (["21:00"], ["22:00"])
    assert (await client.get(path, params={"date": str(day), "timezone": "Mars/Crater"})).status_code == 422
    assert (await client.get(path)).status_code == 422
    unknown = await client.get(f"/api/video/doctors/{uuid4()}/availability", params={"date": str(day)})
    assert unknown.status_code == 404


async def test_the_appointment_that_ended_may_not_be_touched_again(visit: Visit) -> None:
    await visit.both_in()
    await visit.act(visit.cast.doctor, "end")
    row = await appointment_row(visit.appointment_id)
    assert row["actual_end_time"] and row["status"] == "COMPLETED"
    answer = await visit.act(visit.cast.admin, "cancel", {"cancellation_reason": "x"})
    assert answer.json()["code"] == "wrong_status"
