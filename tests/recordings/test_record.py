"""A video visit is recorded while both agree, either ends it at once, and the file is for the two alone."""

import asyncio
from uuid import uuid4

import pytest
from litestar import Litestar

from portal import db, storage
from portal.recordings import jobs
from tests.appointments.conftest import audit_of
from tests.clients import published
from tests.recordings.conftest import UNKNOWN, WEBM, Recorded

pytestmark = pytest.mark.anyio


async def test_both_agree_then_it_runs_and_the_two_fetch_it(visit: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    doctor, patient = visit.cast.doctor, visit.cast.patient
    alone = await visit.step(doctor, "CONSENT")
    assert (alone.json()["doctor_agrees"], alone.json()["patient_agrees"]) == (True, None)
    early = await visit.step(doctor, "START")
    assert (early.status_code, early.json()["code"]) == (409, "needs_consent")
    with published(monkeypatch) as told:
        await visit.step(patient, "CONSENT")
    assert told == [(f"appointment:{visit.appointment_id}", "recording.changed")]
    recording = await visit.begun()
    assert await visit.begun() == recording  # it runs already
    for number, content in enumerate((WEBM, b"second", b"third")):
        assert (await visit.send(doctor, recording, number, content)).status_code == 201
    assert (await visit.fetch(patient, recording)).json()["code"] == "not_ready"
    stopped = (await visit.step(patient, "STOP")).json()["recordings"][0]
    assert stopped["status"] == "STOPPED"
    assert stopped["link"] == f"/api/video/sessions/{visit.session_id}/recording/{recording}"
    assert (await visit.send(doctor, recording, 3, b"the last one")).status_code == 201  # it was on its way
    for who in (doctor, patient):
        file = await visit.fetch(who, recording)
        assert file.content == WEBM + b"secondthirdthe last one"
        assert file.headers["content-type"] == "video/webm" and "sandbox" in file.headers["content-security-policy"]
        assert file.headers["content-disposition"].startswith("attachment")
    assert (await visit.trail())[-4:] == [
        "RECORDING_CONSENT_GIVEN", "RECORDING_CONSENT_GIVEN", "RECORDING_STARTED", "RECORDING_STOPPED",
    ]  # fmt: skip
    actions = [row["action"] for row in await audit_of(visit.session_id)]
    assert actions.count("recording.consent") == 2 and actions.count("recording.read") == 2
    assert {"recording.start", "recording.stop", "recording.kept"} <= set(actions)


async def test_whoever_takes_their_word_back_ends_it(visit: Recorded) -> None:
    recording = await visit.begun()
    state = (await visit.step(visit.cast.patient, "WITHDRAW")).json()
    assert (state["patient_agrees"], state["recordings"][0]["status"]) == (False, "STOPPED")
    assert (await visit.step(visit.cast.doctor, "START")).json()["code"] == "needs_consent"
    await db.execute(
        "UPDATE recording SET stopped_at = clock_timestamp() - interval '2 minutes' WHERE id::text = $1", recording
    )
    late = await visit.send(visit.cast.doctor, recording, 0, WEBM)
    assert (late.status_code, late.json()["code"]) == (409, "not_recording")
    assert "RECORDING_CONSENT_WITHDRAWN" in await visit.trail()


async def test_it_ends_with_the_visit(visit: Recorded) -> None:
    await visit.begun()
    await visit.act(visit.cast.doctor, "end", {})
    state = await visit.state(visit.cast.patient)
    assert state["recordings"][0]["status"] == "STOPPED"
    over = await visit.step(visit.cast.doctor, "START")
    assert (over.status_code, over.json()["code"]) == (409, "wrong_status")


async def test_nobody_else_has_any_of_it(visit: Recorded) -> None:
    recording = await visit.begun()
    await visit.send(visit.cast.doctor, recording, 0, WEBM)
    await visit.step(visit.cast.doctor, "STOP")
    for who in (visit.cast.other_patient, visit.cast.other_doctor, visit.cast.admin):
        for answer in (
            await visit.fetch(who, recording),
            await visit.step(who, "CONSENT"),
            await visit.send(who, recording, 1, b"mine"),
        ):
            assert answer.status_code == 403 and b"first piece" not in answer.content
    assert (await visit.step(visit.cast.patient, "START")).status_code == 403
    assert (await visit.send(visit.cast.patient, recording, 1, b"mine")).status_code == 403
    assert (await visit.fetch(visit.cast.doctor, UNKNOWN)).status_code == 404


async def test_a_piece_is_kept_once(visit: Recorded) -> None:
    recording = await visit.begun()
    answers = await asyncio.gather(*(visit.send(visit.cast.doctor, recording, 0, WEBM) for _ in range(5)))
    assert {one.status_code for one in answers} == {201}
    other = await visit.send(visit.cast.doctor, recording, 0, WEBM + b"!")
    assert (other.status_code, other.json()["code"]) == (409, "other_piece")
    keys = {row["storage_key"] for row in await db.fetch("SELECT storage_key FROM recording_piece")}
    assert set(await storage.names("recordings")) >= keys
    mine = await db.fetch("SELECT storage_key FROM recording_piece WHERE recording_id::text = $1", recording)
    assert len(mine) == 1


@pytest.mark.parametrize("content", [b"", b"<html>not a film</html>", b"x" * (6 * 1024 * 1024 + 1)])
async def test_what_is_no_piece(visit: Recorded, content: bytes) -> None:
    recording = await visit.begun()
    answer = await visit.send(visit.cast.doctor, recording, 0, content)
    assert answer.status_code in (413, 422)
    for body in (
        {},
        {"action": "PAUSE"},
        {"action": "START", "media_type": "text/html"},
        {"action": "STOP", "by": "me"},
    ):
        wrong = await visit.act(visit.cast.doctor, "recording", body)
        assert wrong.status_code == 422


async def test_old_recordings_go(visit: Recorded, app: Litestar) -> None:
    recording = await visit.begun()
    await visit.send(visit.cast.doctor, recording, 0, WEBM)
    await visit.step(visit.cast.doctor, "STOP")
    key = await db.fetch_value("SELECT storage_key FROM recording_piece WHERE recording_id::text = $1", recording)
    await jobs.delete_expired(app.state.settings)
    assert await storage.get(key) == WEBM
    await db.execute("UPDATE recording SET stopped_at = stopped_at - interval '31 days' WHERE id::text = $1", recording)
    await jobs.delete_expired(app.state.settings)
    gone = await visit.fetch(visit.cast.patient, recording)
    assert (gone.status_code, gone.json()["code"]) == (409, "deleted")
    assert key not in await storage.names("recordings")
    assert (await visit.trail())[-1] == "RECORDING_DELETED"
    assert "recording.deleted" in {row["action"] for row in await audit_of(visit.session_id)}


RUNNING = "SELECT count(*) FROM recording WHERE video_session_id = $1 AND status = 'RUNNING'"


async def test_word_and_start_at_once_never_record_against_it(visit: Recorded) -> None:
    """Whichever comes first: when the word is taken back, nothing runs."""
    for _ in range(6):
        await visit.both_agree()
        await asyncio.gather(visit.step(visit.cast.doctor, "START"), visit.step(visit.cast.patient, "WITHDRAW"))
        assert await db.fetch_value(RUNNING, visit.session_id) == 0


async def test_a_naive_twin_records_against_it(visit: Recorded) -> None:
    """It looks whether both agree, and starts: the word that is taken back in between is not heard."""
    await visit.both_agree()
    sql = "SELECT count(*) FROM recording_consent WHERE video_session_id = $1 AND given"
    both = await db.fetch_value(sql, visit.session_id) == 2
    await visit.step(visit.cast.patient, "WITHDRAW")
    if both:
        await db.execute(
            "INSERT INTO recording (id, video_session_id, provider, media_type) VALUES ($1, $2, 'webrtc', 'video/webm')",
            uuid4(), visit.session_id,
        )  # fmt: skip
    assert await db.fetch_value(RUNNING, visit.session_id) == 1
