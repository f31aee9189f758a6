"""The life of an appointment: every state, action and role, and what follows from each move."""

import asyncio
from itertools import pairwise
from typing import Any

import httpx
import pytest
from litestar import Litestar

from portal import db
from portal.accounts.schemas import Role
from portal.appointments.schemas import AppointmentStatus
from portal.appointments.transitions import MOVES
from tests import catalogue, factories
from tests.appointments.conftest import Cast, appointment_row, audit_of, book, booked, events_of, get, near, post
from tests.appointments.life import DECLARED, may_lead
from tests.clients import published
from tests.factories import Person
from tests.owner import as_owner
from tests.slots.conftest import row_of

pytestmark = pytest.mark.anyio
BODIES = {"cancel": {"reason": "no time"}, "reschedule": {"slot_id": str(factories.uuid7())}}
SET_STATUS = "UPDATE appointment SET status = $2, confirmed_at = NULL WHERE id = $1"


async def act(client: httpx.AsyncClient, who: Person, visit: dict[str, Any], action: str) -> httpx.Response:
    return await post(client, who, f"/appointments/{visit['id']}/{action}", BODIES.get(action))


def expected(action: str, role: str, status: str) -> int:
    if role not in DECLARED[action][0]:
        return 403
    return 200 if may_lead(role, action, status) else 409


async def everybody(cast: Cast) -> dict[str, Person]:
    people = {"PATIENT": cast.patient, "DOCTOR": cast.doctor, "CLINIC_ADMIN": cast.admin}
    return people | {role.value: await factories.person(role) for role in (Role.PHARMACY, Role.SYSTEM_ADMIN)}


@pytest.mark.A8
@pytest.mark.parametrize("action", [action for action in DECLARED if action != "reschedule"])
async def test_every_state_and_role(client: httpx.AsyncClient, cast: Cast, action: str) -> None:
    visit, tried = await booked(client, cast), 0
    await near(visit["id"])
    for role, who in (await everybody(cast)).items():
        for status in AppointmentStatus:
            await db.execute(SET_STATUS, visit["id"], status.value)
            before = await appointment_row(visit["id"])
            answer = await act(client, who, visit, action)
            after = await appointment_row(visit["id"])
            want = expected(action, role, status.value)
            assert answer.status_code == want, (action, role, status, answer.text)
            assert (after["status"] if want == 200 else after) == (DECLARED[action][2] if want == 200 else before)
            tried += 1
    catalogue.figure("A8", f"{action}: {tried} pairs of state and role, all as declared")
    assert tried == 5 * len(AppointmentStatus)


@pytest.mark.A8
async def test_every_state_and_role_that_reschedules(client: httpx.AsyncClient, cast: Cast) -> None:
    """A visit of its own for each pair, since moving one ends it."""
    tried = 0
    for role, who in (await everybody(cast)).items():
        for status in AppointmentStatus:
            visit = await booked(client, cast, day=2 * tried + 1)
            new = await factories.slot(
                cast.doctor.id, factories.tomorrow_at(9, 2 * tried + 2), clinic_id=cast.clinic_id
            )
            await db.execute(SET_STATUS, visit["id"], status.value)
            before = await appointment_row(visit["id"])
            answer = await post(client, who, f"/appointments/{visit['id']}/reschedule", {"slot_id": str(new)})
            after, want = await appointment_row(visit["id"]), expected("reschedule", role, status.value)
            assert answer.status_code == (201 if want == 200 else want), (role, status, answer.text)
            assert (after["status"] == "CANCELLED") if want == 200 else (after == before)
            assert ((await row_of(new))["appointment_id"] is not None) is (want == 200)
            tried += 1
    catalogue.figure("A8", f"reschedule: {tried} pairs of state and role, all as declared")


async def test_strangers_meet_nothing(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    strangers = {"PATIENT": cast.other_patient, "DOCTOR": cast.other_doctor, "CLINIC_ADMIN": cast.other_admin}
    for action, (roles, _sources, _target) in DECLARED.items():
        for role in roles:
            answer = await act(client, strangers[role], visit, action)
            nothing = await act(client, strangers[role], {"id": factories.uuid7()}, action)
            assert answer.status_code == nothing.status_code == 404
            assert {**answer.json(), "request_id": ""} == {**nothing.json(), "request_id": ""}
    assert (await appointment_row(visit["id"]))["status"] == "BOOKED"


async def test_a_whole_visit(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast, appointment_type="VIRTUAL")
    await near(visit["id"])
    for who, action in ((cast.patient, "confirm"), (cast.patient, "check-in"), (cast.doctor, "start")):
        assert (await act(client, who, visit, action)).status_code == 200
    done = await post(client, cast.doctor, f"/appointments/{visit['id']}/complete", {"doctor_notes": "rest and tea"})
    assert (done.json()["status"], done.json()["doctor_notes"]) == ("COMPLETED", "rest and tea")
    assert done.json()["actual_end_time"] >= done.json()["actual_start_time"]
    history = (await get(client, cast.patient, f"/appointments/{visit['id']}/history")).json()["history"]
    assert [(one["from"], one["to"]) for one in history] == [
        (None, "BOOKED"), ("BOOKED", "BOOKED"), ("BOOKED", "CHECKED_IN"), ("CHECKED_IN", "IN_PROGRESS"),
        ("IN_PROGRESS", "COMPLETED"),
    ]  # fmt: skip
    events = await events_of(visit["id"])
    names = ["booked", "confirmed", "checked_in", "started", "completed"]
    assert [event for event, _data in events] == [f"appointment.{name}" for name in names]
    assert events[-1][1]["video_session_id"] == visit["video_session_id"]
    assert events[-1][1]["consultation_duration_minutes"] == 0 and events[-1][1]["consultation_date"] == visit["date"]
    assert "rest" not in str(events) and "rest" not in str(await audit_of(visit["id"]))
    assert (await get(client, cast.admin, f"/appointments/{visit['id']}")).json()["doctor_notes"] == ""
    assert (await get(client, cast.patient, f"/appointments/{visit['id']}")).json()["doctor_notes"] == "rest and tea"


async def test_cancel_frees_the_time_and_tells_the_other_side(
    client: httpx.AsyncClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = await booked(client, cast, appointment_type="VIRTUAL")
    with published(monkeypatch) as told:
        assert (await act(client, cast.patient, visit, "cancel")).json()["status"] == "CANCELLED"
    assert set(told) == {
        (f"appointment:{visit['id']}", "appointment.cancelled"), (f"user:{cast.patient.id}", "appointment.cancelled"),
        (f"user:{cast.doctor.id}", "appointment.cancelled"), (f"clinic:{cast.clinic_id}", "appointment.cancelled"),
        (f"slots:{cast.doctor.id}:{visit['date']}", "slot.freed"),
        (f"appointment:{visit['id']}", "video.ended"), (f"user:{cast.patient.id}", "video.ended"),
        (f"user:{cast.doctor.id}", "video.ended"),
    }  # fmt: skip
    assert (await row_of(visit["slot_id"]))["appointment_id"] is None
    video = await db.fetch_row("SELECT * FROM video_session WHERE id = $1", visit["video_session_id"])
    assert video["status"] == "CANCELLED"
    assert (await events_of(video["id"]))[-1][0] == "video.consultation.cancelled"
    kinds = "SELECT kind FROM notification WHERE account_id = $1 ORDER BY created_at"
    assert [row["kind"] for row in await db.fetch(kinds, cast.doctor.id)] == ["appointment.cancelled"]
    assert [row["kind"] for row in await db.fetch(kinds, cast.patient.id)] == ["appointment.booked"]
    history = (await get(client, cast.patient, f"/appointments/{visit['id']}/history")).json()["history"]
    assert history[-1]["reason"] == "no time"


async def test_cancelled_by_the_clinic_reaches_both(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    await act(client, cast.admin, visit, "cancel")
    kinds = "SELECT count(*) FROM notification WHERE account_id = $1 AND kind = 'appointment.cancelled'"
    assert [await db.fetch_value(kinds, who.id) for who in (cast.patient, cast.doctor, cast.admin)] == [1, 1, 0]
    mails = await db.fetch("SELECT subject FROM mail WHERE account_id = $1 ORDER BY created_at", cast.patient.id)
    assert "cancelled" in mails[-1]["subject"]


async def test_cancel_needs_a_reason(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    for body in ({}, {"reason": ""}, {"reason": "x" * 501}, {"reason": "a", "status": "BOOKED"}):
        assert (await post(client, cast.patient, f"/appointments/{visit['id']}/cancel", body)).status_code == 422
    assert (await appointment_row(visit["id"]))["status"] == "BOOKED"


@pytest.mark.A8
@pytest.mark.race
async def test_cancel_against_check_in(client: httpx.AsyncClient, cast: Cast) -> None:
    """Whichever comes first, the row and its history tell one story."""
    for number in range(20):
        visit = await booked(client, cast, day=number + 1)
        await near(visit["id"])
        answers = await asyncio.gather(*(act(client, cast.patient, visit, one) for one in ["cancel", "check-in"] * 3))
        assert sorted(one.status_code for one in answers)[:1] == [200]
        assert sum(one.status_code == 200 for one in answers[::2]) == 1
        history = (await get(client, cast.patient, f"/appointments/{visit['id']}/history")).json()["history"]
        assert all(one["from"] == before["to"] for before, one in pairwise(history))
        assert (await appointment_row(visit["id"]))["status"] == history[-1]["to"] == "CANCELLED"


@pytest.mark.A8
@pytest.mark.race
async def test_the_naive_twin_tells_two_stories(app: Litestar) -> None:
    """Read the status, decide, write it and its history: visits are cancelled twice or checked in after their end."""
    await as_owner("CREATE TABLE naive_visit AS SELECT id, 'BOOKED' AS status FROM generate_series(1, 20) AS id")
    await as_owner("CREATE TABLE naive_history (position bigserial, id int, was text, became text)")

    async def naive(visit: int, action: str) -> None:
        _roles, sources, target = DECLARED[action]
        status = await db.fetch_value("SELECT status FROM naive_visit WHERE id = $1", visit)
        if status in sources:
            await db.execute("UPDATE naive_visit SET status = $2 WHERE id = $1", visit, target)
            told = "INSERT INTO naive_history (id, was, became) VALUES ($1, $2, $3)"
            await db.execute(told, visit, status, target)

    broken = 0
    for visit in range(1, 21):
        await asyncio.gather(*(naive(visit, one) for one in ["cancel", "check-in"] * 3))
        history = await db.fetch("SELECT * FROM naive_history WHERE id = $1 ORDER BY position", visit)
        broken += any(one["was"] != before["became"] for before, one in pairwise(history))
    catalogue.figure("A8", f"naive twin: {broken} of 20 visits cancelled and checked in tell two stories")
    assert broken > 0


@pytest.mark.A8
def test_table_leads_where_the_product_says() -> None:
    for action, (roles, sources, target) in DECLARED.items():
        move = MOVES[action]
        assert {role.value for role in move.sources} == roles and move.target == target
        assert {one.value for found in move.sources.values() for one in found} == sources


async def test_reschedule_keeps_the_old_when_the_new_is_gone(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast, appointment_type="VIRTUAL")
    target = await factories.slot(cast.doctor.id, factories.tomorrow_at(14), clinic_id=cast.clinic_id)
    await book(client, cast.other_patient, target)
    path = f"/appointments/{visit['id']}/reschedule"
    refused = await post(client, cast.patient, path, {"slot_id": str(target)})
    assert (refused.status_code, refused.json()["code"]) == (409, "slot_taken")
    assert (await appointment_row(visit["id"]))["status"] == "BOOKED"
    assert str((await row_of(visit["slot_id"]))["appointment_id"]) == visit["id"]
    free = await factories.slot(cast.doctor.id, factories.tomorrow_at(15), clinic_id=cast.clinic_id)
    moved = await post(client, cast.patient, path, {"slot_id": str(free)})
    assert moved.status_code == 201 and moved.json()["slot_id"] == str(free) and moved.json()["video_session_id"]
    assert (await appointment_row(visit["id"]))["status"] == "CANCELLED"
    assert (await row_of(visit["slot_id"]))["appointment_id"] is None
    assert (await events_of(visit["id"]))[-1][0] == "appointment.rescheduled"
    assert (await events_of(moved.json()["id"]))[0][0] == "appointment.booked"
    assert (await post(client, cast.patient, path, {"slot_id": str(free)})).json()["code"] == "wrong_status"
    assert (await post(client, cast.other_patient, path, {"slot_id": str(free)})).status_code == 404
