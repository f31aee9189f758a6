"""Weekly sessions: made, changed and ended, with what it does to slots, and what it never does to booked ones."""

import asyncio
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

import portal.appointments.events  # noqa: F401  # the topics that a changed schedule tells
from portal import db
from portal.errors import Conflict, Forbidden, Invalid, NotFound
from portal.schedules import actions, queries
from portal.schedules.schemas import ChangedSession, NewOverride, NewSession, OverrideKind
from portal.slots.schemas import ServiceType, SlotChanges, Weekday
from tests import factories as make
from tests.clients import published
from tests.owner import as_owner
from tests.slots.conftest import book

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]

MONDAY = datetime.now(UTC).date() + timedelta(days=7 - datetime.now(UTC).weekday())
HORIZON = 20  # three Mondays
TERMS = {
    "day_of_week": Weekday.MONDAY, "session_start_time": time(9), "session_end_time": time(12),
    "service_type": ServiceType.VIRTUAL, "max_queue_size": 12, "estimated_consultation_minutes": 15,
    "effective_from": MONDAY,
}  # fmt: skip


def new(doctor: make.Person, **more: Any) -> NewSession:
    return NewSession(doctor_id=doctor.id, **{**TERMS, **more})


def terms(**more: Any) -> ChangedSession:
    return ChangedSession(**{**TERMS, **more})


async def slots_of(session_id: UUID) -> list[Any]:
    return await db.fetch("SELECT * FROM slot WHERE session_id = $1 ORDER BY starts_at", session_id)


async def created(doctor: make.Person, **more: Any) -> UUID:
    return (await actions.create_session(doctor.actor, new(doctor, **more), HORIZON)).id


async def attention(appointment_id: UUID) -> Any:
    return await db.fetch_value("SELECT needs_attention FROM appointment WHERE id = $1", appointment_id)


async def test_a_new_session_has_its_slots_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    doctor = await make.doctor()
    with published(monkeypatch) as told:
        session = await actions.create_session(doctor.actor, new(doctor), HORIZON)
    assert session.slots is not None and session.slots.added == len(await slots_of(session.id)) == len(told) * 12
    assert session.day_of_week is Weekday.MONDAY and session.capacity == 12
    assert (f"slots:{doctor.id}:{MONDAY}", "slot.added") in told


async def test_a_preview_changes_nothing_and_is_what_saving_brings(monkeypatch: pytest.MonkeyPatch) -> None:
    doctor = await make.doctor()
    session_id = await created(doctor)
    before = await slots_of(session_id)
    with published(monkeypatch) as told:
        seen = await actions.change_session(doctor.actor, session_id, terms(max_queue_size=8), HORIZON, rehearsal=True)
    assert await slots_of(session_id) == before and told == []
    saved = await actions.change_session(doctor.actor, session_id, terms(max_queue_size=8), HORIZON)
    assert saved.slots == seen.slots
    weeks = len(before) // 12
    assert saved.slots == SlotChanges(added=0, removed=4 * weeks, kept=8 * weeks, need_attention=0)


async def test_slots_that_still_fit_keep_their_id() -> None:
    doctor = await make.doctor()
    session_id = await created(doctor)
    before = {row["id"] for row in await slots_of(session_id)}
    await actions.change_session(doctor.actor, session_id, terms(max_queue_size=14), HORIZON)
    after = {row["id"]: row for row in await slots_of(session_id)}
    assert before < after.keys()
    assert all(row["overflow"] for slot_id, row in after.items() if slot_id not in before)


async def test_booked_visits_stay_are_marked_and_their_patients_told() -> None:
    doctor, patient, other = await make.doctor(), await make.patient(), await make.patient()
    session_id = await created(doctor)
    early, *_rest, late = (await slots_of(session_id))[:12]
    kept = await book(early["id"], patient.id)
    left_behind = await book(late["id"], other.id)
    changed = await actions.change_session(
        doctor.actor, session_id, terms(session_end_time=time(11), max_queue_size=8), HORIZON
    )
    assert changed.slots is not None and changed.slots.need_attention == 1
    assert (await attention(kept), await attention(left_behind)) == (None, "SCHEDULE_CHANGED")
    told = await db.fetch("SELECT account_id, link FROM notification")
    assert [tuple(row) for row in told] == [(other.id, f"/appointments/{left_behind}")]
    assert late["id"] in {row["id"] for row in await slots_of(session_id)}
    await actions.change_session(doctor.actor, session_id, terms(), HORIZON)
    assert await attention(left_behind) is None
    assert await db.fetch_value("SELECT count(*) FROM notification") == 1


async def test_ending_a_session_keeps_booked_visits() -> None:
    doctor, patient = await make.doctor(), await make.patient()
    session_id = await created(doctor)
    appointment = await book((await slots_of(session_id))[0]["id"], patient.id)
    changes = await actions.delete_session(doctor.actor, session_id, HORIZON)
    assert (changes.kept, changes.need_attention) == (1, 1)
    assert await attention(appointment) == "SCHEDULE_CHANGED"
    with pytest.raises(NotFound):
        await queries.get_session(doctor.actor, session_id)
    with pytest.raises(NotFound):
        await actions.delete_session(doctor.actor, session_id, HORIZON)


@pytest.mark.parametrize(
    ("more", "fits"),
    [
        ({"session_start_time": time(11, 45), "session_end_time": time(13)}, False),
        ({"session_start_time": time(12), "session_end_time": time(13)}, True),
        ({"day_of_week": Weekday.TUESDAY}, True),
        ({"effective_from": MONDAY - timedelta(days=70), "effective_to": MONDAY - timedelta(days=1)}, True),
    ],
)
async def test_sessions_of_a_doctor_never_overlap(more: dict[str, Any], fits: bool) -> None:
    doctor = await make.doctor()
    await created(doctor)
    if fits:
        await created(doctor, **more)
        return
    with pytest.raises(Conflict) as caught:
        await created(doctor, **more)
    assert caught.value.code == "session_overlaps"


async def naively_created(doctor: make.Person) -> UUID:
    """Look for a session at that time, then insert, on a table without the constraint."""
    session_id = uuid4()
    if await db.fetch_value("SELECT count(*) FROM naive_session WHERE doctor_id = $1", doctor.id):
        raise Conflict("session_overlaps", "")
    await db.execute("INSERT INTO naive_session VALUES ($1, $2)", session_id, doctor.id)
    return session_id


@pytest.mark.race
async def test_of_twenty_overlapping_at_once_one_is_made() -> None:
    """Beside a naive twin, which must make more."""
    doctor = await make.doctor()
    await as_owner("CREATE TABLE naive_session (id uuid, doctor_id uuid)")
    answers, twin = [
        await asyncio.gather(*(create(doctor) for _ in range(20)), return_exceptions=True)
        for create in (created, naively_created)
    ]
    made, doubled = [sum(isinstance(one, UUID) for one in found) for found in (answers, twin)]
    print(f"20 overlapping sessions at once: {made} made; naive twin {doubled}")
    assert made == 1 and doubled > 1
    assert {one.code for one in answers if isinstance(one, Conflict)} == {"session_overlaps"}


async def test_nobody_undoes_anothers_change_unseen() -> None:
    doctor = await make.doctor()
    session_id = await created(doctor)
    await actions.change_session(doctor.actor, session_id, terms(version=1, max_queue_size=10), HORIZON)
    with pytest.raises(Conflict) as caught:
        await actions.change_session(doctor.actor, session_id, terms(version=1), HORIZON)
    assert caught.value.code == "changed_meanwhile"


async def test_clinic_admins_plan_for_their_doctors_only() -> None:
    clinic, elsewhere = await make.clinic("Asia/Kathmandu"), await make.clinic()
    doctor = await make.doctor(clinic_ids=[clinic])
    admin = await make.person(make.Role.CLINIC_ADMIN, clinic_ids=[clinic])
    stranger = await make.person(make.Role.CLINIC_ADMIN, clinic_ids=[elsewhere])
    wanted = new(doctor, clinic_id=clinic, service_type=ServiceType.BOTH)
    session = await actions.create_session(admin.actor, wanted, HORIZON)
    assert session.time_zone == "Asia/Kathmandu"
    with pytest.raises(Invalid):
        await actions.create_session(stranger.actor, wanted, HORIZON)
    with pytest.raises(NotFound):
        await actions.create_session(stranger.actor, new(doctor, clinic_id=elsewhere), HORIZON)
    for actor in (stranger.actor, (await make.doctor()).actor):
        with pytest.raises(NotFound):
            await actions.change_session(actor, session.id, terms(), HORIZON)
        with pytest.raises(NotFound):
            await actions.delete_session(actor, session.id, HORIZON)
    with pytest.raises(Forbidden):
        await actions.delete_session((await make.patient()).actor, session.id, HORIZON)


@pytest.mark.parametrize("change", [{"session_end_time": time(9)}, {"effective_to": date(2026, 1, 1)}])
async def test_terms_that_cannot_be(change: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        terms(**change)


async def test_an_exception_cancels_one_date_and_keeps_the_booked() -> None:
    doctor, patient = await make.doctor(), await make.patient()
    session_id = await created(doctor)
    appointment = await book((await slots_of(session_id))[0]["id"], patient.id)
    override = await actions.add_override(
        doctor.actor, session_id, NewOverride(date=MONDAY, kind=OverrideKind.CANCELLED, reason="Training"), HORIZON
    )
    assert override.slots is not None and (override.slots.removed, override.slots.need_attention) == (11, 1)
    assert [row["date"] for row in await slots_of(session_id)].count(MONDAY) == 1
    assert await attention(appointment) == "SCHEDULE_CHANGED"
    back = await actions.remove_override(doctor.actor, session_id, override.id, HORIZON)
    assert (back.added, back.need_attention) == (11, 0)
    assert await attention(appointment) is None
    with pytest.raises(NotFound):
        await actions.remove_override(doctor.actor, session_id, override.id, HORIZON)


async def test_an_exception_changes_the_hours_of_one_date() -> None:
    doctor = await make.doctor()
    session_id = await created(doctor)
    new_hours = NewOverride(
        date=MONDAY, kind=OverrideKind.CHANGED, session_start_time=time(14), session_end_time=time(15), max_queue_size=4
    )
    await actions.add_override(doctor.actor, session_id, new_hours, HORIZON)
    found = [row["local_start"] for row in await slots_of(session_id) if row["date"] == MONDAY]
    assert found == [time(14), time(14, 15), time(14, 30), time(14, 45)]
    with pytest.raises(Conflict) as caught:
        await actions.add_override(doctor.actor, session_id, new_hours, HORIZON)
    assert caught.value.code == "override_exists"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"date": MONDAY + timedelta(days=1)}, "date"),
        ({"date": date(2026, 1, 5)}, "date"),
        ({"kind": OverrideKind.CHANGED, "session_end_time": time(8)}, "session_end_time"),
    ],
)
async def test_exceptions_that_cannot_be(change: dict[str, Any], field: str) -> None:
    doctor = await make.doctor()
    session_id = await created(doctor)
    override = NewOverride(**{"date": MONDAY, "kind": OverrideKind.CANCELLED, **change})
    with pytest.raises(Invalid) as caught:
        await actions.add_override(doctor.actor, session_id, override, HORIZON)
    assert caught.value.errors[0].field == field
    with pytest.raises(NotFound):
        await actions.add_override(doctor.actor, uuid4(), override, HORIZON)
