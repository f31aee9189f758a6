"""The provider Chime against an endpoint that checks every request: one meeting, one attendee a person, whatever fails."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import boto3
import httpx
import pytest
from litestar import Litestar

from portal import db
from portal.app import create_app
from portal.settings import Settings
from portal.video import jobs, providers
from tests import catalogue
from tests.appointments.conftest import Cast, post
from tests.video.chime import KEY, REGION, SECRET, FakeChime, environment, running_chime
from tests.video.conftest import Visit, make_visit

pytestmark = [pytest.mark.anyio, pytest.mark.F11]

ROUNDS = 20 if catalogue.FULL else 5
ERRORS = ("ServiceFailureException", "ServiceUnavailableException", "ConflictException", "lost", "silence")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[FakeChime]:
    with running_chime() as chime, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(chime.url).items():
            patch.setenv(name, value)
        providers._only_one.cache_clear()
        yield chime
    providers._only_one.cache_clear()


@pytest.fixture(scope="module")
async def app(settings: Settings, endpoint: FakeChime) -> AsyncIterator[Litestar]:
    application = create_app(replace(settings, video="chime"))
    async with application.lifespan():
        yield application


@pytest.fixture
def chime(endpoint: FakeChime) -> Iterator[FakeChime]:
    endpoint.clear()
    yield endpoint
    assert not endpoint.wrong, endpoint.wrong


async def job(settings: Settings, name: str) -> int:
    """Do what the worker would do now; how many jobs there were."""
    sql = "DELETE FROM pgqueuer WHERE entrypoint = $1 RETURNING convert_from(payload, 'UTF8')::jsonb AS payload"
    rows = await db.fetch(sql, name)
    for row in rows:
        await next(one for one in jobs.JOBS if one.name == name).run(replace(settings, video="chime"), row["payload"])
    return len(rows)


async def test_both_get_into_one_meeting(chime: FakeChime, visit: Visit, settings: Settings) -> None:
    first, second = await visit.both_in()
    assert (chime.made["meeting"], chime.made["attendee"]) == (1, 2)
    (known,) = chime.meetings.values()
    assert known["Meeting"]["ExternalMeetingId"] == first["external_meeting_id"] == str(visit.session_id)
    assert chime.tokens == {str(visit.session_id): first["meeting_id"]}
    assert first["provider"] == second["provider"] == "chime" and first["media_region"] == REGION
    assert first["media_placement"]["signaling_url"] == known["Meeting"]["MediaPlacement"]["SignalingUrl"]
    assert second["media_placement"] == first["media_placement"] and first["ice_servers"] is None
    places = {one["ExternalUserId"]: one["JoinToken"] for one in known["people"].values()}
    assert places == {
        str(visit.cast.patient.id): first["attendee"]["attendee_token"],
        str(visit.cast.doctor.id): second["attendee"]["attendee_token"],
    }
    stored = str(await db.fetch("SELECT * FROM video_session v JOIN video_attendee t ON t.video_session_id = v.id"))
    assert not any(token in stored for token in places.values())
    await visit.act(visit.cast.doctor, "end")
    assert await job(settings, "close_meeting") == 1 and not chime.meetings
    assert await visit.states() == ("COMPLETED", "COMPLETED")


async def test_coming_back_is_the_same_attendee(chime: FakeChime, visit: Visit) -> None:
    first = await visit.join(visit.cast.patient)
    second = await visit.join(visit.cast.patient, device_type="laptop")
    assert first["attendee"]["attendee_token"] == second["attendee"]["attendee_token"]
    assert (chime.made["attendee"], chime.asked["GetAttendee"]) == (1, 1)


async def test_a_meeting_that_chime_has_ended_is_made_anew(chime: FakeChime, visit: Visit) -> None:
    """Chime ends meetings in which nobody is for a while; the session goes on."""
    before, _doctor = await visit.both_in()
    chime.meetings.clear()
    patient, doctor = await visit.both_in()
    assert patient["meeting_id"] == doctor["meeting_id"] != before["meeting_id"]
    assert chime.attendees() == [
        (patient["meeting_id"], str(who.id)) for who in (visit.cast.patient, visit.cast.doctor)
    ]
    assert (await visit.row())["meetings"] == 1


@pytest.mark.parametrize("fault", ERRORS)
@pytest.mark.parametrize("at", [0, 1])
async def test_one_failure_is_got_over(chime: FakeChime, visit: Visit, fault: str, at: int) -> None:
    """Of making the meeting, and of making the attendee: the request is sent again, and means the same."""
    chime.faults[:] = [""] * at + [fault]
    await visit.both_in()
    assert len(chime.meetings) == 1 and len(chime.attendees()) == 2
    assert await visit.states() == ("ACTIVE", "IN_PROGRESS")


@pytest.mark.parametrize("fault", ERRORS)
async def test_whoever_cannot_get_in_hears_so_within_five_seconds(
    chime: FakeChime, visit: Visit, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    chime.faults[:] = [fault] * 12
    caplog.set_level(logging.DEBUG)
    began = time.monotonic()
    answer = await visit.act(visit.cast.patient, "join")
    took = time.monotonic() - began
    assert answer.status_code == 503 and answer.headers["retry-after"] == "5"
    assert "video service" in answer.json()["detail"]
    assert took < 5
    logs = "\n".join(one.getMessage() for one in caplog.records if one.name.startswith("portal"))
    assert "chime failed" in logs
    for told in (logs, answer.text):
        assert KEY not in told and SECRET not in told and "join-" not in told
    assert await visit.states() == ("SCHEDULED", "BOOKED") and await visit.trail() == ["SESSION_CREATED"]
    await asyncio.sleep(0)
    chime.faults.clear()
    await visit.both_in()
    assert len(chime.meetings) == 1 and len(chime.attendees()) == 2


async def test_without_credentials_it_says_so(chime: FakeChime, visit: Visit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    providers._only_one.cache_clear()
    try:
        assert (await visit.act(visit.cast.patient, "join")).status_code == 503
    finally:
        providers._only_one.cache_clear()
    assert not chime.asked


async def test_who_is_suspended_is_put_out(chime: FakeChime, visit: Visit, settings: Settings) -> None:
    await visit.both_in()
    assert len(chime.attendees()) == 2
    await db.execute("UPDATE account SET status = 'SUSPENDED' WHERE id = $1", visit.cast.patient.id)
    assert await job(settings, "expel_from_video") == 1
    assert [who for _meeting, who in chime.attendees()] == [str(visit.cast.doctor.id)]
    assert (await visit.trail())[-1] == "PATIENT_LEFT"


# Two at once


async def at_once(visit: Visit, times: int = 2) -> list[dict[str, Any]]:
    """Both press *join* in the same moment, each on several devices."""
    people = [visit.cast.patient, visit.cast.doctor] * times
    answers = await asyncio.gather(*(post(visit.client, who, f"{visit.path}/join") for who in people))
    assert [one.status_code for one in answers] == [200] * len(people), [one.text for one in answers]
    return [one.json() for one in answers]


@pytest.mark.race
@pytest.mark.parametrize("forgetful", [False, True])
async def test_many_joins_at_once_are_one_meeting(
    chime: FakeChime, client: httpx.AsyncClient, cast: Cast, forgetful: bool
) -> None:
    """Also at a Chime that would not recognise a request that it has had before."""
    chime.forgetful = forgetful
    for day in range(1, ROUNDS + 1):
        visit = await make_visit(client, cast, day=day)
        before = set(chime.meetings)
        joined = await at_once(visit)
        assert len({one["meeting_id"] for one in joined}) == 1
        assert set(chime.meetings) - before == {joined[0]["meeting_id"]}
        people = [who for meeting, who in chime.attendees() if meeting == joined[0]["meeting_id"]]
        assert sorted(people) == sorted([str(cast.patient.id), str(cast.doctor.id)])
        await db.execute("UPDATE appointment SET status = 'COMPLETED' WHERE id = $1", visit.appointment_id)
    kind = "a forgetful Chime" if forgetful else "Chime"
    catalogue.figure("F11", f"{ROUNDS} x 4 joins at once at {kind}: one meeting and one attendee a person each")


class Naive:
    """Look whether there is a meeting, make one, note it; and the same for the person."""

    def __init__(self) -> None:
        self.aws = boto3.session.Session().client("chime-sdk-meetings", region_name=REGION)
        self.meeting = ""
        self.people: dict[str, str] = {}

    def join(self, person: str) -> str:
        if not self.meeting:
            token = f"{time.monotonic_ns()}"
            made = self.aws.create_meeting(ClientRequestToken=token, ExternalMeetingId="naive", MediaRegion=REGION)
            self.meeting = made["Meeting"]["MeetingId"]
        mine = self.meeting
        if person not in self.people:
            made = self.aws.create_attendee(MeetingId=mine, ExternalUserId=person)
            self.people[person] = made["Attendee"]["AttendeeId"]
        return mine


@pytest.mark.race
async def test_the_naive_twin_makes_two(chime: FakeChime) -> None:
    chime.forgetful = True
    doubled = 0
    for _ in range(ROUNDS):
        chime.meetings.clear()
        naive = Naive()
        people = ["patient", "doctor"] * 2
        await asyncio.gather(*(asyncio.to_thread(naive.join, who) for who in people))
        doubled += len(chime.meetings) > 1 or len(chime.attendees()) > 2
    catalogue.figure("F11", f"naive twin: {doubled} of {ROUNDS} visits with more than one meeting or attendee a person")
    assert doubled
