"""Holding a slot: works, again, one a day, three in all, and every way of being refused."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest

from portal import db
from portal.errors import Conflict, Forbidden, NotFound
from portal.slots import actions
from portal.slots.events import slots_topic
from tests import factories as make
from tests.clients import published
from tests.counting import counted_statements
from tests.slots.conftest import book, end_hold, in_parallel, row_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]

SECONDS = 300.0


async def refused(action, code: str) -> Conflict:  # type: ignore[no-untyped-def]
    with pytest.raises(Conflict) as caught:
        await action
    assert caught.value.code == code
    return caught.value


async def test_hold_keeps_the_slot_for_the_patient() -> None:
    doctor, patient = await make.doctor(), await make.patient()
    slot = await make.slot(doctor.id)
    hold = await actions.hold_slot(patient.actor, slot, SECONDS)
    row = await row_of(slot)
    assert (row["held_by"], row["held_until"], row["held"]) == (patient.id, hold.expires_at, True)
    assert 299 < hold.seconds_until_release <= 300


async def test_asking_again_gives_the_same_end() -> None:
    doctor, patient = await make.doctor(), await make.patient()
    slot = await make.slot(doctor.id)
    first = await actions.hold_slot(patient.actor, slot, SECONDS)
    again = await actions.hold_slot(patient.actor, slot, SECONDS)
    assert again.expires_at == first.expires_at
    assert await db.fetch_value("SELECT count(*) FROM audit_event WHERE subject_id = $1", str(slot)) == 1


async def test_another_patient_is_refused_and_told_how_long() -> None:
    doctor, first, second = await make.doctor(), await make.patient(), await make.patient()
    slot = await make.slot(doctor.id)
    await actions.hold_slot(first.actor, slot, SECONDS)
    error = await refused(actions.hold_slot(second.actor, slot, SECONDS), "slot_held")
    assert 295 <= error.extra["seconds_until_release"] <= 300
    assert (await row_of(slot))["held_by"] == first.id


async def test_a_hold_that_has_ended_is_free_for_others_with_no_sweeper() -> None:
    doctor, first, second = await make.doctor(), await make.patient(), await make.patient()
    slot = await make.slot(doctor.id)
    await actions.hold_slot(first.actor, slot, SECONDS)
    await end_hold(slot)
    await actions.hold_slot(second.actor, slot, SECONDS)
    assert (await row_of(slot))["held_by"] == second.id


async def test_holding_another_time_of_that_day_gives_the_first_back() -> None:
    doctor, patient = await make.doctor(), await make.patient()
    first, second = await make.slots(doctor.id, 2)
    await actions.hold_slot(patient.actor, first, SECONDS)
    await actions.hold_slot(patient.actor, second, SECONDS)
    assert (await row_of(first))["held_by"] is None
    assert (await row_of(second))["held_by"] == patient.id


async def test_a_refused_request_keeps_the_first_hold() -> None:
    doctor, patient, other = await make.doctor(), await make.patient(), await make.patient()
    first, second = await make.slots(doctor.id, 2)
    await actions.hold_slot(patient.actor, first, SECONDS)
    await actions.hold_slot(other.actor, second, SECONDS)
    await refused(actions.hold_slot(patient.actor, second, SECONDS), "slot_held")
    assert (await row_of(first))["held_by"] == patient.id


async def test_three_holds_in_all() -> None:
    patient = await make.patient()
    slots = [await make.slot((await make.doctor()).id) for _ in range(4)]
    for slot in slots[:3]:
        await actions.hold_slot(patient.actor, slot, SECONDS)
    await refused(actions.hold_slot(patient.actor, slots[3], SECONDS), "too_many_holds")
    await actions.release_slot(patient.actor, slots[0])
    await actions.hold_slot(patient.actor, slots[3], SECONDS)


@pytest.mark.A5
async def test_five_hundred_requests_at_once_keep_to_the_limit() -> None:
    """A5: holding is not hoarding."""
    patient = await make.patient()
    slots = [await make.slot((await make.doctor()).id) for _ in range(25)]
    answers = await in_parallel(
        [lambda slot=slot: actions.hold_slot(patient.actor, slot, SECONDS) for slot in slots * 20]
    )
    held = await db.fetch_value(
        "SELECT count(*) FROM slot WHERE held_by = $1 AND held_until > clock_timestamp()", patient.id
    )
    assert held == 3
    assert {type(one) for one in answers} <= {actions.Hold, Conflict}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("disabled = true", "slot_disabled"),
        ("overflow = true", "slot_after_hours"),
        ("starts_at = clock_timestamp() - interval '1 minute'", "slot_past"),
    ],
)
async def test_what_cannot_be_held(change: str, code: str) -> None:
    doctor, patient = await make.doctor(), await make.patient()
    slot = await make.slot(doctor.id)
    await db.execute("UPDATE slot SET " + change + " WHERE id = $1", slot)
    await refused(actions.hold_slot(patient.actor, slot, SECONDS), code)


async def test_a_booked_slot_is_taken() -> None:
    doctor, patient, other = await make.doctor(), await make.patient(), await make.patient()
    slot = await make.slot(doctor.id)
    await book(slot, other.id)
    await refused(actions.hold_slot(patient.actor, slot, SECONDS), "slot_taken")


async def test_a_locked_slot_is_answered_at_once() -> None:
    doctor, patient = await make.doctor(), await make.patient()
    slot = await make.slot(doctor.id)
    async with db.transaction():
        await db.execute("SELECT 1 FROM slot WHERE id = $1 FOR UPDATE", slot)
        task = asyncio.get_running_loop().create_task(_hold_elsewhere(patient, slot), context=_empty())
        async with asyncio.timeout(2):
            assert await task == "slot_held"


def _empty():  # type: ignore[no-untyped-def]
    from contextvars import Context

    return Context()


async def _hold_elsewhere(patient: make.Person, slot) -> str:  # type: ignore[no-untyped-def]
    try:
        await actions.hold_slot(patient.actor, slot, SECONDS)
    except Conflict as conflict:
        return conflict.code
    return "held"


async def test_other_roles_may_never() -> None:
    doctor = await make.doctor()
    slot = await make.slot(doctor.id)
    with pytest.raises(Forbidden):
        await actions.hold_slot(doctor.actor, slot, SECONDS)


async def test_unknown_slots_and_suspended_doctors_are_not_found() -> None:
    patient, doctor = await make.patient(), await make.doctor(status="SUSPENDED")
    slot = await make.slot(doctor.id)
    for unknown in (uuid4(), slot):
        with pytest.raises(NotFound):
            await actions.hold_slot(patient.actor, unknown, SECONDS)


async def test_the_day_hears_of_it_once_committed(monkeypatch: pytest.MonkeyPatch) -> None:
    doctor, patient, other = await make.doctor(), await make.patient(), await make.patient()
    first, second = await make.slots(doctor.id, 2)
    day = (await row_of(first))["date"]
    with published(monkeypatch) as told:
        await actions.hold_slot(patient.actor, first, SECONDS)
        await refused(actions.hold_slot(other.actor, first, SECONDS), "slot_held")
        await actions.hold_slot(patient.actor, second, SECONDS)
        await actions.release_slot(patient.actor, second)
    topic = slots_topic(doctor.id, day)
    events = ["slot.held", "slot.held", "slot.released", "slot.released"]
    assert told == [(topic, event) for event in events]


async def test_release_belongs_to_the_holder() -> None:
    doctor, patient, stranger = await make.doctor(), await make.patient(), await make.patient()
    slot = await make.slot(doctor.id)
    await actions.hold_slot(patient.actor, slot, SECONDS)
    with pytest.raises(NotFound):
        await actions.release_slot(stranger.actor, slot)
    assert (await row_of(slot))["held_by"] == patient.id
    await actions.release_slot(patient.actor, slot)
    assert (await row_of(slot))["held_by"] is None


async def test_one_statement() -> None:
    doctor, patient = await make.doctor(), await make.patient()
    slot = await make.slot(doctor.id)
    with counted_statements() as said:
        await actions.hold_slot(patient.actor, slot, SECONDS)
    assert len(said) == 1


async def test_over_the_api(client: httpx.AsyncClient) -> None:
    doctor, patient, other = await make.doctor(), await make.patient(), await make.patient()
    slot = await make.slot(doctor.id, datetime.now(UTC).replace(microsecond=0) + timedelta(days=2))
    path = f"/api/slots/{slot}/hold"
    assert (await client.post(path)).status_code == 401
    assert (await client.post(path, headers=doctor.bearer)).status_code == 403
    held = await client.post(path, headers=patient.bearer)
    assert held.status_code == 200, held.text
    assert held.json()["slot_id"] == str(slot) and held.json()["expires_at"].endswith("Z")
    refusal = await client.post(path, headers=other.bearer)
    assert refusal.status_code == 409 and refusal.json()["code"] == "slot_held"
    assert refusal.json()["seconds_until_release"] > 290
    assert (await client.delete(path, headers=other.bearer)).status_code == 404
    assert (await client.delete(path, headers=patient.bearer)).status_code == 204
    assert (await client.post(f"/api/slots/{uuid4()}/hold", headers=patient.bearer)).status_code == 404
