"""Book one slot: works, wrong role, stranger, conflict, bad input, what follows, who hears of it."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from portal import clock, db
from portal.accounts.schemas import Role
from portal.appointments import mails
from tests import factories
from tests.appointments.conftest import Cast, appointment_row, audit_of, book, events_of, get, post
from tests.clients import published
from tests.counting import counted_statements
from tests.slots.conftest import row_of

pytestmark = pytest.mark.anyio


async def test_books_and_writes_all_that_follows(client: httpx.AsyncClient, cast: Cast) -> None:
    slot_id = await factories.slot(cast.doctor.id, clinic_id=cast.clinic_id)
    answer = await book(client, cast.patient, slot_id, chief_complaint="a cough")
    assert answer.status_code == 201, answer.text
    found = answer.json()
    assert (found["status"], found["slot_id"], found["patient_id"]) == ("BOOKED", str(slot_id), str(cast.patient.id))
    assert found["consultation_fee"] == 50 and found["start_time"].endswith("Z") and found["video_session_id"] is None
    assert (await row_of(slot_id))["appointment_id"] == (await appointment_row(found["id"]))["id"]
    history = (await get(client, cast.patient, f"/appointments/{found['id']}/history")).json()["history"]
    assert [(one["from"], one["to"], one["actor_id"]) for one in history] == [(None, "BOOKED", str(cast.patient.id))]
    assert [(row["action"], row["patient_id"]) for row in await audit_of(found["id"])] == [
        ("appointment.booked", cast.patient.id)
    ]
    [(event, data)] = await events_of(found["id"])
    assert event == "appointment.booked"
    assert data == {
        "appointment_id": found["id"], "patient_id": found["patient_id"], "doctor_id": found["doctor_id"],
        "clinic_id": found["clinic_id"], "appointment_date": found["date"], "start_time": found["start_time"],
        "appointment_type": "IN_PERSON", "status": "BOOKED", "consultation_fee": 50.0, "currency": "USD",
    }  # fmt: skip
    assert await mails.find_words() == 1
    [mail] = await db.fetch("SELECT * FROM mail WHERE account_id = $1", cast.patient.id)
    assert "cough" not in mail["subject"] + mail["body"] and cast.doctor.actor.last_name not in mail["body"]
    assert await db.fetch_value("SELECT kind FROM notification WHERE account_id = $1", cast.patient.id)
    assert (await get(client, cast.patient, f"/appointments/{found['id']}")).json() == found  # told as it is then read


async def test_mail_speaks_the_patients_language_on_the_visits_clock(client: httpx.AsyncClient, cast: Cast) -> None:
    await db.execute("UPDATE account SET locale = 'es' WHERE id = $1", cast.patient.id)
    start = datetime(2027, 3, 1, 9, tzinfo=UTC)
    slot_id = await factories.slot(cast.doctor.id, start, clinic_id=cast.clinic_id, time_zone="America/New_York")
    assert (await book(client, cast.admin, slot_id, patient_id=str(cast.patient.id))).status_code == 201
    await mails.find_words()
    body = await db.fetch_value("SELECT body FROM mail WHERE account_id = $1", cast.patient.id)
    assert "lunes, 1 de marzo de 2027" in body and "4:00" in body and "America/New_York" in body


async def test_virtual_visit_gets_its_video_session(client: httpx.AsyncClient, cast: Cast) -> None:
    for clinic_id, kind in ((cast.clinic_id, "CLINIC_BASED"), (None, "DIRECT_DOCTOR")):
        start = factories.tomorrow_at(9 if clinic_id else 10)
        slot_id = await factories.slot(cast.doctor.id, start, clinic_id=clinic_id)
        found = (await book(client, cast.patient, slot_id, appointment_type="VIRTUAL")).json()
        video = await db.fetch_row("SELECT * FROM video_session WHERE id = $1", found["video_session_id"])
        assert (video["booking_type"], video["status"], str(video["appointment_id"])) == (
            kind,
            "SCHEDULED",
            found["id"],
        )
        assert await db.fetch_value("SELECT event_type FROM video_event WHERE video_session_id = $1", video["id"]) == (
            "SESSION_CREATED"
        )
        assert [event for event, _data in await events_of(video["id"])] == ["video.consultation.created"]


async def test_own_hold_is_used_and_others_of_the_day_are_given_back(client: httpx.AsyncClient, cast: Cast) -> None:
    first, second = await factories.slots(cast.doctor.id, 2, clinic_id=cast.clinic_id)
    assert (await post(client, cast.patient, f"/slots/{first}/hold")).status_code == 200
    assert (await book(client, cast.patient, second)).status_code == 201
    assert (await row_of(first))["held_by"] is None
    assert (await post(client, cast.other_patient, f"/slots/{first}/hold")).status_code == 200
    assert (await book(client, cast.other_patient, first)).status_code == 201
    assert (await row_of(first))["held_by"] is None


async def test_refusals_say_why_and_what_else_there_is(client: httpx.AsyncClient, cast: Cast) -> None:
    first, second = await factories.slots(cast.doctor.id, 2, clinic_id=cast.clinic_id)
    await post(client, cast.other_patient, f"/slots/{first}/hold")
    held = await book(client, cast.patient, first)
    assert (held.status_code, held.json()["code"]) == (409, "slot_held")
    assert 0 < held.json()["seconds_until_release"] <= 300
    assert [one["slot_id"] for one in held.json()["alternatives"]] == [str(second)]
    await book(client, cast.other_patient, first)
    taken = await book(client, cast.patient, first)
    assert (taken.status_code, taken.json()["code"]) == (409, "slot_taken") and "appointment_id" not in taken.json()
    again = await book(client, cast.other_patient, first)
    assert again.status_code == 409 and again.json()["appointment_id"]
    await db.execute("UPDATE slot SET disabled = true WHERE id = $1", second)
    assert (await book(client, cast.patient, second)).json()["code"] == "slot_disabled"
    past = await factories.slot(cast.doctor.id, clock.now() - timedelta(minutes=1), clinic_id=cast.clinic_id)
    assert (await book(client, cast.patient, past)).json()["code"] == "slot_past"
    film = await factories.slot(cast.doctor.id, factories.tomorrow_at(15), service_type="VIRTUAL")
    assert (await book(client, cast.patient, film)).json()["code"] == "wrong_type"
    await db.execute("UPDATE slot SET overflow = true WHERE id = $1", film)
    assert (await book(client, cast.patient, film, appointment_type="VIRTUAL")).json()["code"] == "queue_only"
    assert (await book(client, cast.patient, uuid4())).status_code == 404


async def test_own_expired_hold_is_no_way_in(client: httpx.AsyncClient, cast: Cast) -> None:
    slot_id = await factories.slot(cast.doctor.id, clinic_id=cast.clinic_id)
    await post(client, cast.patient, f"/slots/{slot_id}/hold")
    await db.execute("UPDATE slot SET held_until = clock_timestamp() - interval '1 ms' WHERE id = $1", slot_id)
    assert (await book(client, cast.patient, slot_id)).json()["code"] == "hold_expired"
    assert (await book(client, cast.other_patient, slot_id)).status_code == 201


async def test_patient_is_at_one_place_at_a_time(client: httpx.AsyncClient, cast: Cast) -> None:
    here = await factories.slot(cast.doctor.id, clinic_id=cast.clinic_id)
    there = await factories.slot(cast.other_doctor.id)
    assert (await book(client, cast.patient, here)).status_code == 201
    refused = await book(client, cast.patient, there)
    assert (refused.status_code, refused.json()["code"]) == (409, "patient_busy")
    assert (await row_of(there))["appointment_id"] is None
    assert (await book(client, cast.other_patient, there)).status_code == 201


async def test_staff_book_for_patients_within_their_own(client: httpx.AsyncClient, cast: Cast) -> None:
    mine, ours, other = await factories.slots(cast.doctor.id, 3, clinic_id=cast.clinic_id)
    whom = {"patient_id": str(cast.patient.id)}
    found = (await book(client, cast.doctor, mine, **whom)).json()
    assert (found["patient_id"], (await appointment_row(found["id"]))["booked_by"]) == (
        whom["patient_id"],
        cast.doctor.id,
    )
    assert (await book(client, cast.admin, ours, **whom)).status_code == 201
    for stranger in (cast.other_doctor, cast.other_admin):
        assert (await book(client, stranger, other, **whom)).status_code == 404
    assert (await book(client, cast.admin, other, patient_id=str(uuid4()))).status_code == 404
    missing = await book(client, cast.admin, other)
    assert (missing.status_code, missing.json()["errors"][0]["field"]) == (422, "patient_id")


async def test_patients_book_for_themselves_alone(client: httpx.AsyncClient, cast: Cast) -> None:
    slot_id = await factories.slot(cast.doctor.id, clinic_id=cast.clinic_id)
    assert (await book(client, cast.patient, slot_id, patient_id=str(cast.other_patient.id))).status_code == 403
    assert (await row_of(slot_id))["appointment_id"] is None
    assert (await book(client, cast.patient, slot_id, patient_id=str(cast.patient.id))).status_code == 201


@pytest.mark.parametrize("role", [Role.PHARMACY, Role.SYSTEM_ADMIN])
async def test_other_roles_may_not(client: httpx.AsyncClient, cast: Cast, role: Role) -> None:
    slot_id = await factories.slot(cast.doctor.id)
    assert (await book(client, await factories.person(role), slot_id)).status_code == 403
    nobody = await client.post("/api/appointments", json={"slot_id": str(slot_id), "appointment_type": "VIRTUAL"})
    assert nobody.status_code == 401


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"slot_id": None}, {"slot_id"}),
        ({"appointment_type": "BOTH"}, {"appointment_type"}),
        ({"session_id": str(uuid4()), "date": "2030-01-01"}, {"session_id"}),
        ({"date": "2030-01-01"}, {"date"}),
        ({"slot_id": None, "session_id": str(uuid4())}, {"date"}),
        ({"slot_id": None, "specialty_id": str(uuid4()), "mode": "FIRST_AVAILABLE"}, {"appointment_type"}),
        ({"status": "COMPLETED", "doctor_id": str(uuid4())}, {"status", "doctor_id"}),
        ({"chief_complaint": "a" * 2001}, {"chief_complaint"}),
    ],
)
async def test_bad_input_names_the_fields(
    client: httpx.AsyncClient, cast: Cast, change: dict, fields: set[str]
) -> None:
    body = {"slot_id": str(uuid4()), "appointment_type": "IN_PERSON", **change}
    answer = await post(client, cast.patient, "/appointments", body)
    assert answer.status_code == 422, answer.text
    assert {one["field"] for one in answer.json()["errors"]} == fields


async def test_who_hears_of_it(client: httpx.AsyncClient, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    slot_id = await factories.slot(cast.doctor.id, clinic_id=cast.clinic_id)
    with published(monkeypatch) as told:
        found = (await book(client, cast.patient, slot_id)).json()
    assert set(told) == {
        (f"appointment:{found['id']}", "appointment.booked"), (f"user:{cast.patient.id}", "appointment.booked"),
        (f"user:{cast.doctor.id}", "appointment.booked"), (f"clinic:{cast.clinic_id}", "appointment.booked"),
        (f"slots:{cast.doctor.id}:{found['date']}", "slot.booked"),
    }  # fmt: skip
    with published(monkeypatch) as told:
        await book(client, cast.other_patient, slot_id)
    assert told == []


async def test_statements(client: httpx.AsyncClient, cast: Cast) -> None:
    """The login's own, and the visit with all that follows from it; losers are told why by one more."""
    slot_id = await factories.slot(cast.doctor.id, clinic_id=cast.clinic_id)
    with counted_statements() as said:
        assert (await book(client, cast.patient, slot_id)).status_code == 201
    assert len(said) == 1 + 1, said
    with counted_statements() as said:
        assert (await book(client, cast.other_patient, slot_id)).status_code == 409
    assert len(said) <= 1 + 2, said
