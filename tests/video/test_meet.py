"""Coming into the room, meeting, leaving and ending: what the session becomes, and its appointment with it."""

import pytest

from portal import db
from tests.appointments.conftest import appointment_row, audit_of, events_of, post
from tests.clients import emitted, published
from tests.video.conftest import Visit

pytestmark = pytest.mark.anyio


async def test_the_first_one_waits_and_with_the_second_the_visit_begins(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = visit.cast
    with published(monkeypatch) as told:
        first = await visit.join(cast.patient, device_type="phone", browser_info="Firefox 140")
    assert await visit.states() == ("WAITING", "BOOKED")
    assert {(f"appointment:{visit.appointment_id}", "video.joined"), (f"user:{cast.doctor.id}", "video.joined")} <= {
        *told
    }
    with published(monkeypatch) as told:
        second = await visit.join(cast.doctor)
    assert await visit.states() == ("ACTIVE", "IN_PROGRESS")
    assert (f"appointment:{visit.appointment_id}", "appointment.changed") in told
    assert (first["provider"], first["meeting_id"]) == ("webrtc", second["meeting_id"])
    assert first["session_id"] == first["external_meeting_id"] == str(visit.session_id)
    assert (first["attendee"]["role"], second["attendee"]["role"]) == ("PATIENT", "DOCTOR")
    assert first["attendee"]["attendee_id"] != second["attendee"]["attendee_id"]
    assert await visit.trail() == ["SESSION_CREATED", "PATIENT_JOINED", "DOCTOR_JOINED"]
    assert [row["action"] for row in await audit_of(visit.session_id)] == ["video.joined"] * 2
    started = await emitted("video.consultation.started", visit.session_id)
    assert len(started) == 1 and started[0]["appointment_id"] == str(visit.appointment_id)
    assert (await appointment_row(visit.appointment_id))["actual_start_time"]
    found = await visit.look(cast.patient)
    assert [(one["role"], one["present"], one["left_at"]) for one in found["attendees"]] == [
        ("PATIENT", True, None),
        ("DOCTOR", True, None),
    ]


@pytest.mark.parametrize(("action", "met"), [("complete", True), ("cancel", False), ("no-show", False)])
async def test_whoever_is_in_the_room_hears_that_the_visit_was_closed_elsewhere(
    visit: Visit, monkeypatch: pytest.MonkeyPatch, action: str, met: bool
) -> None:
    """By the doctor's day or over the API: the room is told, and told before anybody loses the right to listen."""
    cast = visit.cast
    await visit.join(cast.patient)
    if met:
        await visit.join(cast.doctor)
    elif action == "no-show":
        await visit.begin_in(-10)
    with published(monkeypatch) as told:
        body = {"reason": "The doctor is ill"} if action == "cancel" else None
        answer = await post(visit.client, cast.doctor, f"/appointments/{visit.appointment_id}/{action}", body)
    assert answer.status_code == 200, answer.text
    topics = [f"appointment:{visit.appointment_id}", f"user:{cast.patient.id}", f"user:{cast.doctor.id}"]
    assert [topic for topic, name in told if name == "video.ended"] == topics
    assert next(name for topic, name in told if topic == topics[0]) == "video.ended"


async def test_the_answer_has_the_fields_of_the_contract(visit: Visit) -> None:
    joined = await visit.join(visit.cast.patient)
    assert joined.keys() == {
        "session_id", "provider", "meeting_id", "external_meeting_id", "media_region", "media_placement", "attendee",
        "ice_servers", "scheduled_start_time", "scheduled_end_time",
    }  # fmt: skip
    assert joined["media_placement"].keys() == {
        "audio_host_url", "audio_fallback_url", "signaling_url", "turn_control_url", "screen_data_url",
        "screen_viewing_url", "screen_sharing_url",
    }  # fmt: skip
    assert joined["attendee"].keys() == {"attendee_id", "role", "attendee_token", "joined_at"}


async def test_the_doctor_ends_it_and_the_appointment_is_completed(
    visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast = visit.cast
    await visit.both_in()
    await db.execute(
        "UPDATE video_session SET actual_start_time = now() - interval '12 minutes' WHERE id = $1", visit.session_id
    )
    with published(monkeypatch) as told:
        answer = await visit.act(cast.doctor, "end", {"session_notes": "rest", "connection_quality_rating": 4})
    assert answer.status_code == 200, answer.text
    ended = answer.json()
    assert (ended["status"], ended["total_duration_minutes"], ended["session_notes"]) == ("COMPLETED", 12, "rest")
    assert all(one["left_at"] and not one["present"] for one in ended["attendees"])
    assert await visit.states() == ("COMPLETED", "COMPLETED")
    names = {name for _topic, name in told}
    assert {"video.ended", "appointment.changed"} <= names
    assert told[0][1] == "video.ended"  # before anybody loses the right to listen
    (event,) = await emitted("video.consultation.completed", visit.session_id)
    assert event == {
        "session_id": str(visit.session_id), "appointment_id": str(visit.appointment_id), "doctor_id": str(cast.doctor.id),
        "patient_id": str(cast.patient.id), "duration_minutes": 12, "completed_at": event["completed_at"],
        "session_notes": "rest", "connection_quality_rating": 4,
    }  # fmt: skip
    completed = [data for name, data in await events_of(visit.appointment_id) if name == "appointment.completed"]
    assert completed[0]["video_session_id"] == str(visit.session_id)
    assert (await visit.trail())[-1] == "SESSION_COMPLETED"
    again = await visit.act(cast.doctor, "end")
    assert (again.status_code, again.json()["code"]) == (409, "wrong_status")
    assert (await visit.act(cast.patient, "join")).json()["code"] == "wrong_status"


async def test_only_the_doctor_ends_and_only_what_has_begun(visit: Visit) -> None:
    cast = visit.cast
    assert (await visit.act(cast.doctor, "end")).json()["code"] == "wrong_status"
    await visit.both_in()
    assert (await visit.act(cast.patient, "end")).status_code == 403
    assert (await visit.act(cast.other_doctor, "end")).status_code == 403
    assert (await visit.act(cast.doctor, "end", {"connection_quality_rating": 6})).status_code == 422
    assert (await visit.act(cast.doctor, "end", {"status": "x"})).status_code == 422
    assert await visit.states() == ("ACTIVE", "IN_PROGRESS")


async def test_when_both_have_left_it_is_over(visit: Visit) -> None:
    cast = visit.cast
    await visit.both_in()
    left = (await visit.act(cast.patient, "leave")).json()
    assert left["status"] == "ACTIVE" and [one["present"] for one in left["attendees"]] == [False, True]
    assert (await visit.act(cast.patient, "leave")).status_code == 200  # leaving twice is leaving once
    assert await visit.states() == ("ACTIVE", "IN_PROGRESS")
    await visit.join(cast.patient)  # and one may come back
    await visit.act(cast.doctor, "leave")
    assert (await visit.act(cast.patient, "leave")).json()["status"] == "COMPLETED"
    assert await visit.states() == ("COMPLETED", "COMPLETED")
    assert len(await emitted("video.consultation.completed", visit.session_id)) == 1
    assert await visit.trail() == [
        "SESSION_CREATED", "PATIENT_JOINED", "DOCTOR_JOINED", "PATIENT_LEFT", "PATIENT_JOINED", "DOCTOR_LEFT",
        "PATIENT_LEFT", "SESSION_COMPLETED",
    ]  # fmt: skip


async def test_another_device_takes_over_as_the_same_attendee(visit: Visit) -> None:
    cast = visit.cast
    phone = await visit.join(cast.patient, device_type="phone")
    laptop = await visit.join(cast.patient, device_type="laptop")
    assert phone["attendee"]["attendee_id"] == laptop["attendee"]["attendee_id"]
    assert (await visit.look(cast.patient, "/room"))["device"] == 2
    assert await visit.trail() == ["SESSION_CREATED", "PATIENT_JOINED"]
    await visit.join(cast.doctor)
    old, new = phone["attendee"]["attendee_token"], laptop["attendee"]["attendee_token"]
    for action in ("leave", "presence"):
        refused = await visit.act(cast.patient, action, {"attendee_token": old})
        assert (refused.status_code, refused.json()["code"]) == (409, "taken_over")
    assert (await visit.act(cast.patient, "presence", {"attendee_token": new})).status_code == 200
    assert await visit.states() == ("ACTIVE", "IN_PROGRESS")


async def test_who_waits_alone_and_leaves_ends_nothing(visit: Visit) -> None:
    await visit.join(visit.cast.patient)
    assert (await visit.act(visit.cast.patient, "leave")).status_code == 200
    await visit.join(visit.cast.doctor)
    assert await visit.states() == ("WAITING", "BOOKED")
    await visit.join(visit.cast.patient)
    assert await visit.states() == ("ACTIVE", "IN_PROGRESS")
