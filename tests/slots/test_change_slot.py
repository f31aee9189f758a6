"""Closing, opening and removing a slot: never one that a patient has booked."""

from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import httpx
import pytest

from portal import db
from portal.accounts.schemas import Actor
from portal.errors import Conflict, Forbidden, NotFound
from portal.slots import actions
from portal.slots.schemas import SlotChange, SlotState
from tests import factories as make
from tests.clients import published
from tests.slots.conftest import book, row_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]

Verb = Callable[[Actor, UUID], Awaitable[object]]


async def close(actor: Actor, slot_id: UUID) -> object:
    return await actions.change_slot(actor, slot_id, SlotChange(disabled=True))


VERBS = pytest.mark.parametrize("verb", [close, actions.remove_slot])


async def test_close_and_open_again() -> None:
    doctor = await make.doctor()
    slot = await make.slot(doctor.id)
    closed = await actions.change_slot(doctor.actor, slot, SlotChange(disabled=True))
    assert closed.state is SlotState.DISABLED
    opened = await actions.change_slot(doctor.actor, slot, SlotChange(disabled=False))
    assert opened.state is SlotState.OPEN


async def test_closing_ends_a_hold() -> None:
    doctor, patient = await make.doctor(), await make.patient()
    slot = await make.slot(doctor.id)
    await actions.hold_slot(patient.actor, slot, 300)
    await close(doctor.actor, slot)
    assert (await row_of(slot))["held_by"] is None


async def test_remove() -> None:
    doctor = await make.doctor()
    slot = await make.slot(doctor.id)
    await actions.remove_slot(doctor.actor, slot)
    assert await row_of(slot) is None


@VERBS
async def test_a_booked_slot_stays(verb: Verb) -> None:
    doctor, patient = await make.doctor(), await make.patient()
    slot = await make.slot(doctor.id)
    await book(slot, patient.id)
    with pytest.raises(Conflict) as caught:
        await verb(doctor.actor, slot)
    assert caught.value.code == "slot_booked"
    row = await row_of(slot)
    assert row is not None and not row["disabled"]


@VERBS
async def test_a_past_slot_stays(verb: Verb) -> None:
    doctor = await make.doctor()
    slot = await make.slot(doctor.id)
    await db.execute("UPDATE slot SET starts_at = clock_timestamp() - interval '1 minute' WHERE id = $1", slot)
    with pytest.raises(Conflict) as caught:
        await verb(doctor.actor, slot)
    assert caught.value.code == "slot_past"


@VERBS
async def test_strangers_do_not_find_it_and_other_roles_may_not(verb: Verb) -> None:
    clinic, elsewhere = await make.clinic(), await make.clinic()
    doctor, stranger = await make.doctor(clinic_ids=[clinic]), await make.doctor(clinic_ids=[clinic])
    admin = await make.person(make.Role.CLINIC_ADMIN, clinic_ids=[elsewhere])
    slot, virtual = await make.slot(doctor.id, clinic_id=clinic), uuid4()
    for actor in (stranger.actor, admin.actor):
        for slot_id in (slot, virtual):
            with pytest.raises(NotFound):
                await verb(actor, slot_id)
    with pytest.raises(Forbidden):
        await verb((await make.patient()).actor, slot)
    await verb((await make.person(make.Role.CLINIC_ADMIN, clinic_ids=[clinic])).actor, slot)


async def test_the_day_hears_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    doctor = await make.doctor()
    slot = await make.slot(doctor.id)
    with published(monkeypatch) as told:
        await actions.change_slot(doctor.actor, slot, SlotChange(disabled=True))
        await actions.change_slot(doctor.actor, slot, SlotChange(disabled=False))
        await actions.remove_slot(doctor.actor, slot)
    assert [event for _topic, event in told] == ["slot.disabled", "slot.enabled", "slot.removed"]


async def test_over_the_api(client: httpx.AsyncClient) -> None:
    doctor, patient = await make.doctor(), await make.patient()
    slot = await make.slot(doctor.id)
    path = f"/api/slots/{slot}"
    closed = await client.patch(path, json={"disabled": True}, headers=doctor.bearer)
    assert closed.json()["state"] == "DISABLED"
    assert (await client.patch(path, json={"disabled": "yes"}, headers=doctor.bearer)).status_code == 422
    assert (await client.patch(path, json={"disabled": True}, headers=patient.bearer)).status_code == 403
    assert (await client.delete(path, headers=patient.bearer)).status_code == 403
    assert (await client.delete(path)).status_code == 401
    assert (await client.delete(path, headers=doctor.bearer)).status_code == 204
    assert (await client.delete(path, headers=doctor.bearer)).status_code == 404
