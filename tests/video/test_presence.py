"""Who is in the room: a reload, a lost network, a closed browser, and what ends a visit and what does not."""

import httpx
import pytest

from portal import db
from portal.settings import Settings
from portal.video import jobs
from tests.appointments.conftest import Cast, appointment_row, audit_of
from tests.clients import emitted, published
from tests.video.conftest import CANDIDATE, OFFER, SDP, Visit

pytestmark = pytest.mark.anyio


async def present(visit: Visit) -> list[bool]:
    room = await visit.look(visit.cast.doctor, "/room")
    return [one["present"] for one in room["attendees"]]


async def test_the_line_of_one_is_told_to_the_other(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    cast = visit.cast
    await visit.both_in()
    with published(monkeypatch) as told:
        for _ in range(2):
            room = (await visit.act(cast.patient, "presence", {"quality": "POOR", "mode": "LOW_VIDEO"})).json()
    assert told == [(f"appointment:{visit.appointment_id}", "video.changed")]  # the second said nothing new
    assert (room["attendees"][0]["quality"], room["attendees"][0]["mode"]) == ("POOR", "LOW_VIDEO")
    assert (await visit.act(cast.patient, "presence", {"quality": "TERRIBLE"})).status_code == 422


async def test_a_lost_network_ends_nothing_and_coming_back_heals(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    cast = visit.cast
    await visit.both_in()
    await visit.act(cast.patient, "presence")
    assert await present(visit) == [True, True]
    await visit.silent_for(cast.patient, 60)
    assert await present(visit) == [False, True]
    assert await visit.states() == ("ACTIVE", "IN_PROGRESS")
    with published(monkeypatch) as told:
        await visit.act(cast.patient, "presence")
    assert told and await present(visit) == [True, True]
    await visit.silent_for(cast.patient, 60)
    await visit.join(cast.patient)  # a reload
    assert await present(visit) == [True, True]
    assert "PATIENT_LEFT" not in await visit.trail()


async def test_the_visit_begins_when_both_are_really_there(visit: Visit) -> None:
    """A patient who has closed the browser waits no more; when they are back, it begins."""
    cast = visit.cast
    await visit.join(cast.patient)
    await visit.act(cast.patient, "presence")
    await visit.silent_for(cast.patient, 60)
    await visit.join(cast.doctor)
    assert await visit.states() == ("WAITING", "BOOKED")
    room = (await visit.act(cast.patient, "presence")).json()
    assert room["status"] == "ACTIVE" and await visit.states() == ("ACTIVE", "IN_PROGRESS")


async def test_who_is_not_in_the_room_is_not_heard(visit: Visit) -> None:
    cast = visit.cast
    assert (await visit.act(cast.patient, "presence")).json()["code"] == "wrong_status"
    await visit.join(cast.doctor)
    for action, body in (("presence", None), ("signals", OFFER), ("leave", None)):
        answer = await visit.act(cast.patient, action, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_in_room")
    await visit.join(cast.patient)
    await visit.act(cast.patient, "leave")
    assert (await visit.act(cast.patient, "signals", OFFER)).json()["code"] == "not_in_room"


async def test_rooms_that_both_have_left_without_a_word_are_closed(visit: Visit, settings: Settings) -> None:
    cast = visit.cast
    await visit.both_in()
    await db.execute(
        "UPDATE video_session SET actual_start_time = now() - interval '2 hours' WHERE id = $1", visit.session_id
    )
    for who in (cast.patient, cast.doctor):
        await visit.act(who, "presence")
    await visit.silent_for(cast.patient, 3600)
    await jobs.close_empty(settings)
    assert await visit.states() == ("ACTIVE", "IN_PROGRESS")  # one is still there
    await visit.silent_for(cast.doctor, 29 * 60)
    await jobs.close_empty(settings)
    assert await visit.states() == ("ACTIVE", "IN_PROGRESS")
    await visit.silent_for(cast.doctor, 31 * 60)
    for _ in range(2):
        await jobs.close_empty(settings)
    assert await visit.states() == ("COMPLETED", "COMPLETED")
    (event,) = await emitted("video.consultation.completed", visit.session_id)
    assert 88 <= event["duration_minutes"] <= 90  # until the last one was heard of
    closing = [(row["action"], row["actor_id"]) for row in await audit_of(visit.session_id)][-1]
    assert closing == ("video.completed", None)
    history = await db.fetch_row(
        "SELECT * FROM appointment_history WHERE appointment_id = $1 ORDER BY at DESC LIMIT 1", visit.appointment_id
    )
    assert (history["from_status"], history["to_status"], history["actor_id"]) == ("IN_PROGRESS", "COMPLETED", None)


async def test_one_left_on_purpose_and_the_other_without_a_word(visit: Visit, settings: Settings) -> None:
    cast = visit.cast
    await visit.both_in()
    await visit.act(cast.patient, "presence")
    await visit.silent_for(cast.patient, 31 * 60)
    await visit.act(cast.doctor, "leave")
    await jobs.close_empty(settings)
    assert await visit.states() == ("ACTIVE", "IN_PROGRESS")  # the doctor left a moment ago, and may come back
    sql = "UPDATE video_attendee SET left_at = left_at - interval '31 minutes' WHERE video_session_id = $1"
    await db.execute(sql, visit.session_id)
    await jobs.close_empty(settings)
    assert await visit.states() == ("COMPLETED", "COMPLETED")


# Signals


async def test_signals_are_kept_until_they_are_read(visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    cast = visit.cast
    await visit.join(cast.doctor)
    with published(monkeypatch) as told:
        assert (await visit.act(cast.doctor, "signals", OFFER)).json() == {"number": 1}
    assert told == [(f"appointment:{visit.appointment_id}", "video.signal")]
    await visit.act(cast.doctor, "signals", CANDIDATE)
    await visit.join(cast.patient)  # who came later has missed nothing
    found = (await visit.look(cast.patient, "/signals"))["signals"]
    assert [(one["number"], one["type"], one["device"]) for one in found] == [(1, "offer", 1), (2, "ice-candidate", 1)]
    assert found[0]["data"]["sdp"] == SDP and found[1]["data"]["sdpMid"] == "0"
    assert await visit.look(cast.patient, "/signals") == {"signals": found}  # asking twice loses nothing
    assert [one["number"] for one in (await visit.look(cast.patient, "/signals", after=1))["signals"]] == [2]
    assert [one["number"] for one in (await visit.look(cast.patient, "/signals"))["signals"]] == [2]
    assert await visit.look(cast.doctor, "/signals") == {"signals": []}  # never one's own


async def test_another_device_begins_anew(visit: Visit) -> None:
    cast = visit.cast
    await visit.both_in()
    await visit.act(cast.doctor, "signals", OFFER)
    await visit.act(cast.patient, "signals", CANDIDATE)
    await visit.join(cast.patient)
    assert await visit.look(cast.patient, "/signals") == {"signals": []}  # it was for the page that is gone
    assert await visit.look(cast.doctor, "/signals") == {"signals": []}
    await visit.act(cast.patient, "signals", OFFER)
    (signal,) = (await visit.look(cast.doctor, "/signals"))["signals"]
    assert (signal["device"], signal["number"]) == (2, 2)
    refused = await visit.client.get(f"/api{visit.path}/signals", headers=cast.patient.bearer, params={"device": 1})
    assert (refused.status_code, refused.json()["code"]) == (409, "taken_over")


async def test_losing_the_account_ends_it(visit: Visit, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next request is refused at once; the room hears of it from a job that stands in the same transaction."""
    cast = visit.cast
    await visit.both_in()
    await visit.act(cast.patient, "signals", OFFER)
    await db.execute("UPDATE account SET status = 'SUSPENDED' WHERE id = $1", cast.patient.id)
    for action, body in (("presence", None), ("signals", OFFER), ("join", None)):
        assert (await visit.act(cast.patient, action, body)).status_code in (401, 403)
    sql = "DELETE FROM pgqueuer WHERE entrypoint = 'expel_from_video' RETURNING convert_from(payload, 'UTF8')::jsonb AS payload"
    (row,) = await db.fetch(sql)
    with published(monkeypatch) as told:
        for _ in range(2):
            await jobs.expel(settings, row["payload"])
    assert told == [(f"appointment:{visit.appointment_id}", "video.left")]
    assert await visit.look(cast.doctor, "/signals") == {"signals": []}
    assert await present(visit) == [False, True]
    assert [row["action"] for row in await audit_of(visit.session_id)].count("video.expelled") == 1
    await visit.act(cast.doctor, "leave")
    assert await visit.states() == ("COMPLETED", "COMPLETED")
    assert (await appointment_row(visit.appointment_id))["actual_end_time"]


async def test_it_is_heard_by_the_two_and_by_nobody_else(client: httpx.AsyncClient, cast: Cast, visit: Visit) -> None:
    from portal import live

    topic = f"video:{visit.session_id}"
    may = live.kind_of(topic).may_listen
    assert await may(cast.patient.actor, topic) and await may(cast.doctor.actor, topic)
    for who in (cast.other_patient, cast.other_doctor, cast.admin):
        assert not await may(who.actor, topic)
        answer = await client.get("/api/live", headers=who.bearer, params={"topics": topic})
        assert answer.status_code == 403
    assert not await may(None, topic)
