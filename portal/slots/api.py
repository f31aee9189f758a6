"""Slots as JSON."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import Request, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from portal.accounts.schemas import Actor, Role
from portal.slots import actions
from portal.slots.schemas import BulkResult, BulkSlots, Hold, NewSlot, Slot, SlotChange, SlotList
from portal.web.guards import PUBLIC, roles

PATIENT = roles(Role.PATIENT)
PLANNERS = roles(Role.DOCTOR, Role.CLINIC_ADMIN)


@get("/api/doctors/{doctor_id:uuid}/slots", access=PUBLIC, tags=["Slots"])
async def list_slots(
    request: Request,
    doctor_id: FromPath[UUID],
    viewer: NamedDependency[Actor | None],
    first: Annotated[date | None, QueryParameter(name="from", description="First date")] = None,
    last: Annotated[date | None, QueryParameter(name="to", description="Last date, at most 61 days later")] = None,
) -> SlotList:
    """The slots of a doctor, by default of seven days from the next free one."""
    horizon_days = request.app.state.settings.horizon_days
    found = await actions.look_at_days(viewer, doctor_id, first, last or first, horizon_days)
    return SlotList(doctor_id=doctor_id, slots=found.slots)


@post("/api/slots/{slot_id:uuid}/hold", access=PATIENT, status_code=200, tags=["Slots"])
async def hold(request: Request, actor: NamedDependency[Actor], slot_id: FromPath[UUID]) -> Hold:
    """Keep a slot while the booking form is filled in."""
    return await actions.hold_slot(actor, slot_id, request.app.state.settings.hold_seconds)


@delete("/api/slots/{slot_id:uuid}/hold", access=PATIENT, tags=["Slots"])
async def release(actor: NamedDependency[Actor], slot_id: FromPath[UUID]) -> None:
    """Give an own hold back."""
    await actions.release_slot(actor, slot_id)


@post("/api/doctors/{doctor_id:uuid}/slots", access=PLANNERS, tags=["Slots"])
async def add(actor: NamedDependency[Actor], doctor_id: FromPath[UUID], data: JSONBody[NewSlot]) -> Slot:
    """Make one slot by hand."""
    return await actions.add_slot(actor, doctor_id, data)


@post("/api/doctors/{doctor_id:uuid}/slots/bulk", access=PLANNERS, tags=["Slots"])
async def add_many(actor: NamedDependency[Actor], doctor_id: FromPath[UUID], data: JSONBody[BulkSlots]) -> BulkResult:
    """Make many slots by hand: the same hours on several dates."""
    return await actions.add_slots(actor, doctor_id, data)


@post("/api/doctors/{doctor_id:uuid}/slots/bulk/preview", access=PLANNERS, status_code=200, tags=["Slots"])
async def preview_many(
    actor: NamedDependency[Actor], doctor_id: FromPath[UUID], data: JSONBody[BulkSlots]
) -> BulkResult:
    """What making many slots would add and skip, without doing it."""
    return await actions.preview_slots(actor, doctor_id, data)


@patch("/api/slots/{slot_id:uuid}", access=PLANNERS, tags=["Slots"])
async def change(actor: NamedDependency[Actor], slot_id: FromPath[UUID], data: JSONBody[SlotChange]) -> Slot:
    """Close a slot or open it again."""
    return await actions.change_slot(actor, slot_id, data)


@delete("/api/slots/{slot_id:uuid}", access=PLANNERS, tags=["Slots"])
async def remove(actor: NamedDependency[Actor], slot_id: FromPath[UUID]) -> None:
    """Remove a slot that nobody has booked."""
    await actions.remove_slot(actor, slot_id)


handlers = [list_slots, hold, release, add, add_many, preview_many, change, remove]
