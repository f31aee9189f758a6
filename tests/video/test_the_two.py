"""Only the two people of a visit meet: before, during and after its time, with any token, on any device."""

import asyncio
from itertools import product
from typing import Any

import httpx
import pytest

from portal import db
from portal.accounts.schemas import Role
from tests import catalogue, factories
from tests.appointments.conftest import Cast, get, post
from tests.video.conftest import CANDIDATE, OFFER, SDP, Visit, make_visit

pytestmark = [pytest.mark.anyio, pytest.mark.F9]

ROUNDS = 14 if catalogue.FULL else 2
ASKED = (
    ("join", None), ("leave", None), ("presence", None), ("signals", OFFER),
    ("signals", {"type": "answer", "data": {"sdp": SDP}}), ("signals", CANDIDATE), ("end", None),
)  # fmt: skip


async def strangers(cast: Cast) -> list[factories.Person]:
    """Everybody else: of the same clinic, of another, and those who may see the session without being in it."""
    others = [await factories.person(role) for role in (Role.PHARMACY, Role.SYSTEM_ADMIN)]
    return [cast.other_patient, cast.other_doctor, cast.admin, cast.other_admin, *others]


async def unnamed(visit: Visit, token: str) -> list[httpx.Response]:
    """The same from somebody who says no name, or one that nobody believes."""
    answers = []
    for headers in ({}, {"Authorization": "Bearer x.y.z"}):
        for action, body in ASKED:
            for one in (body, {**(body or {}), "attendee_token": token}):
                extra = {"json": one} if one is not None else {}
                answers.append(await visit.client.post(f"/api{visit.path}/{action}", headers=headers, **extra))
        paths = [f"/api{visit.path}{what}" for what in ("", "/signals", "/room")]
        answers += [await visit.client.get(path, headers=headers) for path in paths]
    return answers


async def test_nobody_else_gets_in_at_any_time(visit: Visit) -> None:
    cast, tries, inside = visit.cast, 0, 0
    others = await strangers(cast)
    token = "1." + "0" * 64
    for state in ("before", "waiting", "during", "after"):
        if state == "waiting":
            token = (await visit.join(cast.patient))["attendee"]["attendee_token"]
        if state == "during":
            await visit.join(cast.doctor)
            await visit.act(cast.patient, "signals", OFFER)
        if state == "after":
            await visit.act(cast.doctor, "end")
        for _round, who, (action, body) in product(range(ROUNDS), others, ASKED):
            stolen = {**(body or {}), "attendee_token": token} if action in ("signals", "presence", "leave") else body
            answers = [await visit.act(who, action, one) for one in (body, stolen)]
            answers.append(await get(visit.client, who, f"{visit.path}/signals"))
            answers.append(await get(visit.client, who, f"{visit.path}/room"))
            tries += len(answers)
            inside += sum(one.status_code != 403 or token in one.text for one in answers)
        nameless = await unnamed(visit, token)
        tries += len(nameless)
        inside += sum(one.status_code != 401 or token in one.text for one in nameless)
        people = await db.fetch("SELECT account_id FROM video_attendee WHERE video_session_id = $1", visit.session_id)
        assert {row["account_id"] for row in people} <= {cast.patient.id, cast.doctor.id} and len(people) <= 2
    catalogue.figure(
        "F9",
        f"{tries} tries of {len(others)} others and of nobody known, before to after: {inside} got in or were told anything",
    )
    assert inside == 0


async def test_a_token_of_one_room_never_fits_another(visit: Visit, client: httpx.AsyncClient, cast: Cast) -> None:
    """Nor the other one's in the same room; nor does the id of a room that one has no part in."""
    other_cast = await _another_cast(cast)
    other = await make_visit(client, other_cast)
    here, there = await visit.both_in(), await other.both_in()
    own = await visit.act(cast.patient, "signals", {**OFFER, "attendee_token": here[0]["attendee"]["attendee_token"]})
    assert own.status_code == 201
    wrong = [here[1], *there]
    for joined in wrong:
        token = joined["attendee"]["attendee_token"]
        for action, body in (("signals", OFFER), ("presence", {}), ("leave", {})):
            assert (await visit.act(cast.patient, action, {**body, "attendee_token": token})).status_code == 403
    for junk in ("1.", "x", "1." + "0" * 64, "9" * 12 + ".0", "-1.x"):
        assert (await visit.act(cast.patient, "presence", {"attendee_token": junk})).status_code == 403
    assert (await other.act(cast.patient, "signals", OFFER)).status_code == 403
    assert await other.look(other_cast.patient, "/signals") == {"signals": []}


async def _another_cast(cast: Cast) -> Cast:
    return Cast(
        clinic_id=cast.clinic_id, specialty_id=cast.specialty_id, patient=cast.other_patient, doctor=cast.other_doctor,
        admin=cast.admin, other_patient=cast.patient, other_doctor=cast.doctor, other_admin=cast.other_admin,
    )  # fmt: skip


async def test_the_room_opens_before_the_visit_and_closes_after_it(visit: Visit) -> None:
    cast = visit.cast

    async def door(begins: float) -> str:
        await visit.begin_in(begins, lasts=15)
        answer = await visit.act(cast.patient, "join")
        return answer.json().get("code", "open")

    assert [await door(minutes) for minutes in (60, 15.5, -45.5)] == ["too_early", "too_early", "too_late"]
    early = (await visit.act(cast.patient, "join")).json()
    assert early["closed_at"] and early["detail"]
    assert [await door(minutes) for minutes in (14.5, -44.5)] == ["open", "open"]
    assert await visit.states() == ("WAITING", "BOOKED")


@pytest.mark.parametrize("status", ["CHECKED_IN", "IN_PROGRESS"])
async def test_whoever_waits_for_a_late_doctor_is_not_shut_out(visit: Visit, status: str) -> None:
    await visit.begin_in(-180)
    assert (await visit.act(visit.cast.patient, "join")).json()["code"] == "too_late"
    await db.execute("UPDATE appointment SET status = $2 WHERE id = $1", visit.appointment_id, status)
    await visit.both_in()
    assert await visit.states() == ("ACTIVE", "IN_PROGRESS")


async def test_whoever_was_in_the_call_may_come_back_however_late(visit: Visit) -> None:
    await visit.both_in()
    await visit.begin_in(-300)
    await visit.join(visit.cast.patient)
    assert await visit.states() == ("ACTIVE", "IN_PROGRESS")


async def test_a_cancelled_visit_has_no_room(visit: Visit) -> None:
    cast = visit.cast
    await visit.join(cast.patient)
    await visit.act(cast.patient, "signals", OFFER)
    await post(visit.client, cast.patient, f"/appointments/{visit.appointment_id}/cancel", {"reason": "x"})
    for who, (action, body) in product((cast.patient, cast.doctor), ASKED[:6]):
        answer = await visit.act(who, action, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "wrong_status"), action
    assert await visit.look(cast.doctor, "/signals") == {"signals": []}
    assert await db.fetch_value("SELECT count(*) FROM video_signal WHERE video_session_id = $1", visit.session_id) == 0


async def test_a_third_device_never_makes_a_third_person(visit: Visit) -> None:
    cast = visit.cast
    joined = await asyncio.gather(*(visit.join(who) for who in (cast.patient, cast.doctor) * 6))
    assert len({one["attendee"]["attendee_id"] for one in joined}) == 2
    assert len({one["meeting_id"] for one in joined}) == 1
    assert len({one["attendee"]["attendee_token"] for one in joined}) == 12
    assert len((await visit.look(cast.doctor))["attendees"]) == 2
    newest = [
        await db.fetch_value("SELECT max(joins) FROM video_attendee WHERE video_session_id = $1 AND account_id = $2",
                             visit.session_id, who.id)
        for who in (cast.patient, cast.doctor)
    ]  # fmt: skip
    assert newest == [6, 6]
    working = [
        (await visit.act(who, "presence", {"attendee_token": one["attendee"]["attendee_token"]})).status_code
        for who, one in zip((cast.patient, cast.doctor) * 6, joined, strict=True)
    ]
    assert sorted(working) == [200] * 2 + [409] * 10


# Races


async def met(visit: Visit) -> tuple[int, int, int]:
    """How often it began, by the events, by the history, and by the trail."""
    sql = "SELECT count(*) FROM outbox_event WHERE event_type = 'video.consultation.started' AND aggregate_id = $1"
    began = await db.fetch_value(sql, visit.session_id)
    sql = "SELECT count(*) FROM appointment_history WHERE to_status = 'IN_PROGRESS' AND appointment_id = $1"
    history = await db.fetch_value(sql, visit.appointment_id)
    return began, history, (await visit.trail()).count("DOCTOR_JOINED")


@pytest.mark.race
async def test_two_who_come_at_once_meet_once(client: httpx.AsyncClient, cast: Cast) -> None:
    for day in range(1, 4 + ROUNDS):
        visit = await make_visit(client, cast, day=day)
        await asyncio.gather(*(visit.join(who) for who in (cast.patient, cast.doctor) * 3))
        assert await visit.states() == ("ACTIVE", "IN_PROGRESS")
        assert await met(visit) == (1, 1, 1)
        answers = await asyncio.gather(
            visit.act(cast.doctor, "end"), visit.act(cast.doctor, "leave"), visit.act(cast.patient, "leave"),
            visit.act(cast.doctor, "end"), post(client, cast.doctor, f"/appointments/{visit.appointment_id}/complete"),
        )  # fmt: skip
        assert {one.status_code for one in answers} <= {200, 409}
        assert await visit.states() == ("COMPLETED", "COMPLETED")
        sql = "SELECT count(*) FROM outbox_event WHERE event_type LIKE '%.completed' AND aggregate_id = ANY($1)"
        assert await db.fetch_value(sql, [visit.session_id, visit.appointment_id]) == 2
        assert (await visit.trail()).count("SESSION_COMPLETED") == 1


NAIVE_COME = (
    "INSERT INTO video_attendee (id, video_session_id, account_id, role) VALUES (gen_random_uuid(), $1, $2, $3)"
)


async def naive_join(visit: Visit, who: factories.Person, role: str) -> None:
    """Look who is there, come in, and note what that makes of the session."""
    there = await db.fetch_value("SELECT count(*) FROM video_attendee WHERE video_session_id = $1", visit.session_id)
    await db.execute(NAIVE_COME, visit.session_id, who.id, role)
    became = "ACTIVE" if there else "WAITING"
    await db.execute("UPDATE video_session SET status = $2 WHERE id = $1", visit.session_id, became)


@pytest.mark.race
async def test_the_naive_twin_leaves_two_people_waiting_for_each_other(client: httpx.AsyncClient, cast: Cast) -> None:
    missed, rounds = 0, 6 + ROUNDS
    for day in range(1, 1 + rounds):
        visit = await make_visit(client, cast, day=day)
        await asyncio.gather(naive_join(visit, cast.patient, "PATIENT"), naive_join(visit, cast.doctor, "DOCTOR"))
        missed += (await visit.states())[0] != "ACTIVE"
        await db.execute("UPDATE appointment SET status = 'COMPLETED' WHERE id = $1", visit.appointment_id)
    catalogue.figure("F9", f"naive twin: in {missed} of {rounds} visits both wait for each other")
    assert missed


# Floods and junk


@pytest.mark.F10
async def test_junk_is_refused_and_nothing_of_it_is_passed_on(visit: Visit) -> None:
    cast = visit.cast
    await visit.both_in()
    signal = {"type": "offer", "data": {"sdp": SDP}}
    junk: list[tuple[Any, set[int]]] = [
        ({**signal, "data": {"sdp": "v=0" + "a" * 1_100_000}}, {413}),
        ({**signal, "data": {"sdp": "v=0" + "a" * 100_000}}, {422}),
        ({**signal, "data": {"sdp": "<script>"}}, {422}),
        ({**signal, "data": {}}, {422}),
        ({**signal, "data": "v=0"}, {422}),
        ({**signal, "to": str(cast.other_patient.id)}, {422}),
        ({**signal, "type": "bye"}, {422}),
        ({"type": "ice-candidate", "data": {"candidate": "a" * 2_000}}, {422}),
        ({"type": "ice-candidate", "data": {"candidate": "x\ny"}}, {422}),
        ({"type": "ice-candidate", "data": {"candidate": "a", "sdpMLineIndex": -1}}, {422}),
        ({"type": "ice-candidate", "data": {"sdp": SDP}}, {422}),
        ([signal], {400}),
    ]
    for body, expected in junk:
        assert (await visit.act(cast.doctor, "signals", body)).status_code in expected, str(body)[:80]
    headers = {**cast.doctor.bearer, "Content-Type": "application/json"}
    for raw in (b"{", b"not json", b'{"type": "offer", "data": {"sdp": "\xff"}}', b"[" * 50_000):
        answer = await visit.client.post(f"/api{visit.path}/signals", headers=headers, content=raw)
        assert answer.status_code == 400
    assert await visit.look(cast.patient, "/signals") == {"signals": []}
    foreign = {"type": "ice-candidate", "data": {"candidate": "candidate:1 1 udp 1 10.1.2.3 9 typ host", "sdpMid": "0"}}
    assert (
        await visit.act(cast.doctor, "signals", foreign)
    ).status_code == 201  # a private address is how two in one house meet
    (passed,) = (await visit.look(cast.patient, "/signals"))["signals"]
    assert passed["data"]["candidate"] == foreign["data"]["candidate"]


@pytest.mark.F10
async def test_more_than_the_other_side_can_read_waits_outside(visit: Visit) -> None:
    cast = visit.cast
    await visit.both_in()
    answers = [await visit.act(cast.doctor, "signals", CANDIDATE) for _ in range(310)]
    assert [one.status_code for one in answers].count(201) == 300
    assert {(one.status_code, one.headers["retry-after"]) for one in answers[300:]} == {(429, "5")}
    read = (await visit.look(cast.patient, "/signals"))["signals"]
    assert [one["number"] for one in read] == list(range(1, 101))
    await visit.look(cast.patient, "/signals", after=100)
    assert (await visit.act(cast.doctor, "signals", CANDIDATE)).status_code == 201
