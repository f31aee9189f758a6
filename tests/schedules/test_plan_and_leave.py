"""The week as those who plan it see it, and closing or opening a whole range of dates, with what it does to booked visits."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from portal import clock, db
from portal.schedules import actions
from portal.schedules.schemas import BlockState, LeaveKind, NewLeave
from portal.slots.actions import make_missing
from tests import factories as make
from tests.clients import audited, published, submit
from tests.slots.conftest import book

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("app")]

MONDAY = datetime.now(UTC).date() + timedelta(days=7 - datetime.now(UTC).weekday())
HORIZON = 30


async def practice(**more: Any) -> tuple[make.Person, make.Person, list[Any], list[Any]]:
    """A doctor of a clinic with a morning on Monday and on Tuesday, one place more than fits, and the clinic's admin."""
    clinic = await make.clinic(more.get("zone", "UTC"))
    doctor = await make.doctor(clinic_ids=[clinic])
    admin = await make.person(make.Role.CLINIC_ADMIN, clinic_ids=[clinic])
    days = [MONDAY, MONDAY + timedelta(days=1)]
    sessions = [await make.session(doctor.id, clinic, day=day, places=13) for day in days]
    await make_missing(doctor.id, HORIZON)
    slots = await db.fetch("SELECT * FROM slot WHERE doctor_id = $1 AND date = $2 ORDER BY position", doctor.id, MONDAY)
    return doctor, admin, sessions, slots


async def attention(doctor: make.Person) -> list[Any]:
    return await db.fetch("SELECT needs_attention FROM appointment WHERE doctor_id = $1 ORDER BY starts_at", doctor.id)


async def test_a_week_says_what_is_taken_of_each_session(client: httpx.AsyncClient) -> None:
    doctor, admin, sessions, slots = await practice()
    for slot, who in ((slots[0], await make.patient()), (slots[12], await make.patient())):
        await book(slot["id"], who.id)
    await db.execute("UPDATE slot SET disabled = true WHERE id = $1", slots[1]["id"])
    await db.execute(
        "UPDATE slot SET held_by = $2, held_until = clock_timestamp() + interval '5 minutes' WHERE id = $1",
        slots[2]["id"], doctor.id,
    )  # fmt: skip
    for start in (time(14), time(14, 15), time(16)):
        await make.slot(doctor.id, datetime.combine(MONDAY, start, UTC))  # the doctor's own, without the clinic
    path, span = f"/api/doctors/{doctor.id}/schedule", {"from": str(MONDAY), "to": str(MONDAY + timedelta(days=6))}
    found = (await client.get(path, params=span, headers=doctor.bearer)).json()
    first = found["days"][0]
    block = first["blocks"][0]
    assert [len(day["blocks"]) for day in found["days"]] == [3, 1, 0, 0, 0, 0, 0]
    assert (block["session_id"], block["state"], block["local_start"]) == (str(sessions[0]), "REGULAR", "09:00")
    counts = ("free", "held", "booked", "closed", "overflow", "overflow_booked")
    assert [block[name] for name in counts] == [9, 1, 1, 1, 1, 1]
    by_hand = [(one["state"], one["local_start"], one["local_end"], one["free"]) for one in first["blocks"][1:]]
    assert by_hand == [("BY_HAND", "14:00", "14:30", 2), ("BY_HAND", "16:00", "16:15", 1)]
    assert (first["free"], first["booked"]) == (12, 2)
    seen = (await client.get(path, params=span, headers=admin.bearer)).json()
    assert [len(day["blocks"]) for day in seen["days"]] == [1, 1, 0, 0, 0, 0, 0]
    far = {"from": str(MONDAY + timedelta(days=70)), "to": str(MONDAY + timedelta(days=70))}
    unmade = (await client.get(path, params=far, headers=doctor.bearer)).json()["days"][0]["blocks"][0]
    assert (unmade["free"], unmade["overflow"]) == (12, 1)
    for headers, query, status in (
        ((await make.doctor()).bearer, span, 404), ((await make.patient()).bearer, span, 403), ({}, span, 401),
        (doctor.bearer, {"from": str(MONDAY), "to": str(MONDAY - timedelta(days=1))}, 422), (doctor.bearer, {}, 422),
    ):  # fmt: skip
        assert (await client.get(path, params=query, headers=headers)).status_code == status
    client.cookies.update(doctor.cookies)
    page = (await client.get("/schedule", params={"week": str(MONDAY + timedelta(days=3))})).text
    assert "9 free · 1 held · 1 booked · 1 closed · after hours 1 of 1" in page and 'data-rows="36-48"' in page


async def test_leave_closes_every_session_and_opens_them_again(monkeypatch: pytest.MonkeyPatch) -> None:
    doctor, _admin, sessions, slots = await practice()
    patient = await make.patient()
    await book(slots[0]["id"], patient.id)
    by_hand = [await make.slot(doctor.id, datetime.combine(MONDAY, time(14 + n), UTC)) for n in (0, 1)]
    other = await make.patient()
    await book(by_hand[1], other.id)
    await db.execute(
        "INSERT INTO session_override (id, session_id, date, kind, max_queue_size) VALUES ($1, $2, $3, 'CHANGED', 5)",
        uuid4(), sessions[1], MONDAY + timedelta(days=1),
    )  # fmt: skip
    wanted = NewLeave(from_=MONDAY, to=MONDAY + timedelta(days=8), reason="Holiday")
    before = await db.fetch("SELECT id, disabled FROM slot WHERE doctor_id = $1 ORDER BY id", doctor.id)
    with published(monkeypatch) as told:
        seen = await actions.set_leave(doctor.actor, doctor.id, wanted, HORIZON, rehearsal=True)
    assert not told and before == await db.fetch(
        "SELECT id, disabled FROM slot WHERE doctor_id = $1 ORDER BY id", doctor.id
    )
    with published(monkeypatch) as told:
        done = await actions.set_leave(doctor.actor, doctor.id, wanted, HORIZON)
    assert done == seen and (done.sessions, done.by_hand, done.slots.need_attention) == (4, 1, 2)
    assert [(day.sessions, day.visits) for day in done.days] == [(1, 2), (1, 0), (1, 0), (1, 0)]
    assert [row["needs_attention"] for row in await attention(doctor)] == ["SCHEDULE_CHANGED"] * 2
    assert {(f"user:{who.id}", "appointment.changed") for who in (patient, other)} <= set(told)
    kinds = await db.fetch("SELECT kind, max_queue_size FROM session_override WHERE session_id = ANY($1)", sessions)
    assert {tuple(row) for row in kinds} == {("CANCELLED", None)} and await audited("leave.close", doctor.id) == 1
    assert await db.fetch_value(
        "SELECT count(*) FROM notification WHERE account_id = $1 AND kind = 'appointment.schedule_changed'", other.id
    ) == 1  # fmt: skip
    plan = await actions.look_at_plan(doctor.actor, doctor.id, MONDAY, MONDAY, HORIZON)
    assert plan.days[0].blocks[0].state is BlockState.CANCELLED and plan.days[0].need_attention == 2
    again = await actions.set_leave(doctor.actor, doctor.id, wanted, HORIZON)
    assert (again.sessions, again.slots.removed) == (0, 0)
    back = await actions.set_leave(
        doctor.actor, doctor.id, NewLeave(from_=MONDAY, to=wanted.to, kind=LeaveKind.OPEN), HORIZON
    )
    assert (back.sessions, back.by_hand, back.slots.added, back.slots.need_attention) == (4, 1, 4 * 13 - 1, 0)
    assert [row["needs_attention"] for row in await attention(doctor)] == [None, None]


async def test_leave_by_both_faces_and_by_those_who_may(client: httpx.AsyncClient) -> None:
    doctor, admin, _sessions, slots = await practice()
    await book(slots[0]["id"], (await make.patient()).id)
    path = f"/api/doctors/{doctor.id}/leave"
    body = {"from": str(MONDAY), "to": str(MONDAY), "reason": "Training"}
    far = await make.person(make.Role.CLINIC_ADMIN, clinic_ids=[await make.clinic()])
    for headers, status in ((far.bearer, 404), ((await make.patient()).bearer, 403), ({}, 401), (admin.bearer, 200)):
        assert (await client.post(path + "/preview", json=body, headers=headers)).status_code == status
    for wrong in ({"to": str(MONDAY - timedelta(days=1))}, {"from": "2020-01-01", "to": "2020-01-02"}, {"more": 1}):
        assert (await client.post(path, json=body | wrong, headers=admin.bearer)).status_code == 422
    client.cookies.update(admin.cookies)
    base = f"/clinic/doctors/{doctor.id}/schedule"
    form = body | {"kind": "CLOSE"}
    seen = await submit(client, base + "/leave", form)
    assert (
        seen.status_code == 200 and "Close these dates?" in seen.text and "1 booked visit no longer fits" in seen.text
    )
    assert (await submit(client, base + "/leave", form | {"to": "2020-01-01"})).status_code == 422
    saved = await submit(client, base + "/leave", form | {"confirmed": "true"})
    where = f"/attention?doctor_id={doctor.id}&from={MONDAY}&to={MONDAY}"
    assert (saved.status_code, saved.headers["location"]) == (303, where)
    assert "Who is affected" not in (listed := (await client.get(where)).text) and "The schedule has changed" in listed
    week = (await client.get(f"{base}?week={MONDAY}")).text
    assert "Does not take place" in week and "1 needs attention" in week
    opened = await client.post(path, json=body | {"kind": "OPEN"}, headers=doctor.bearer)
    assert opened.status_code == 201 and opened.json()["slots"]["added"] == 12


@pytest.mark.parametrize(("day", "utc"), [(date(2027, 3, 28), "00:00"), (date(2027, 10, 31), "23:00")])
async def test_the_day_on_which_the_clocks_change(day: date, utc: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks stand at the hours of the clinic's wall, and no place is lost or shown twice."""
    clinic = await make.clinic("Europe/Berlin")
    doctor = await make.doctor(clinic_ids=[clinic], time_zone="America/New_York")
    await make.session(doctor.id, clinic, day=day, start=time(1), end=time(5), places=16)
    far = (day - clock.now().date()).days + 2
    plan = await actions.look_at_plan(doctor.actor, doctor.id, day, day, far)
    block = plan.days[0].blocks[0]
    first = await db.fetch_value("SELECT min(starts_at) FROM slot WHERE doctor_id = $1 AND date = $2", doctor.id, day)
    made = await db.fetch_value("SELECT count(*) FROM slot WHERE doctor_id = $1 AND date = $2", doctor.id, day)
    assert (block.local_start, block.local_end, block.rows) == (time(1), time(5), (4, 20))
    assert block.places + block.overflow == made and f"{first.astimezone(UTC):%H:%M}" == utc
    leave = await actions.set_leave(doctor.actor, doctor.id, NewLeave(from_=day, to=day), far)
    assert leave.slots.removed == made
