"""Repairing a broken day as JSON."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from portal.accounts.schemas import Actor, Role
from portal.appointments.schemas import Appointment
from portal.repairs import actions, queries
from portal.repairs.schemas import (
    AffectedFilter,
    AffectedList,
    NewRepair,
    NewRepairs,
    Outcome,
    Repair,
    RepairBatch,
    RepairList,
)
from portal.web.guards import roles
from portal.web.query import Limit, Skip
from portal.web.types import Id

STAFF = roles(Role.DOCTOR, Role.CLINIC_ADMIN)
PATIENT = roles(Role.PATIENT)
PARTIES = roles(Role.PATIENT, Role.DOCTOR, Role.CLINIC_ADMIN)
ONE = "/api/repairs/{repair_id:uuid}"


@get("/api/repairs/affected", access=STAFF, tags=["Repairs"])
async def list_affected(
    actor: NamedDependency[Actor],
    doctor_id: FromQuery[Id | None] = None,
    session_id: FromQuery[Id | None] = None,
    day: Annotated[date | None, QueryParameter(name="date", description="The date of the session")] = None,
    first: Annotated[date | None, QueryParameter(name="from", description="First date")] = None,
    last: Annotated[date | None, QueryParameter(name="to", description="Last date")] = None,
    delay_minutes: Annotated[int | None, QueryParameter(ge=0, le=600, description="How late the doctor is")] = None,
    skip: Skip = 0,
    limit: Limit = 50,
) -> AffectedList:
    """The visits that a changed schedule, leave or a delay has left behind, with what each was offered."""
    wanted = AffectedFilter(
        doctor_id=doctor_id, session_id=session_id, date=day, from_=first, to=last, delay_minutes=delay_minutes
    )
    return await queries.affected(actor, wanted, skip=skip, limit=limit)


@post("/api/repairs/all", access=STAFF, tags=["Repairs"])
async def propose_all(actor: NamedDependency[Actor], data: JSONBody[NewRepairs]) -> RepairBatch:
    """Offer the same to all who are affected and have no open offer, batch by batch (`after` = `next` of the last one)."""
    return await actions.propose_all(actor, data)


@post("/api/repairs/all/preview", access=STAFF, status_code=200, tags=["Repairs"])
async def preview_all(actor: NamedDependency[Actor], data: JSONBody[NewRepairs]) -> RepairBatch:
    """What each would be offered, without doing it."""
    return await actions.preview_all(actor, data)


@get("/api/appointments/{appointment_id:uuid}/repairs", access=PARTIES, tags=["Repairs"])
async def list_repairs(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> RepairList:
    """What was offered instead of a visit, the latest first."""
    return await queries.list_repairs(actor, appointment_id)


@post("/api/appointments/{appointment_id:uuid}/repairs", access=STAFF, tags=["Repairs"])
async def propose(actor: NamedDependency[Actor], appointment_id: FromPath[UUID], data: JSONBody[NewRepair]) -> Outcome:
    """Offer a patient something else instead of a visit, or cancel it."""
    return await actions.propose(actor, appointment_id, data)


@post("/api/appointments/{appointment_id:uuid}/take-video", access=PATIENT, status_code=200, tags=["Repairs"])
async def take_video(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Appointment:
    """Take a visit that needs attention by video, at the same time."""
    return await actions.take_video(actor, appointment_id)


@post(ONE + "/accept", access=PARTIES, status_code=200, tags=["Repairs"])
async def accept(actor: NamedDependency[Actor], repair_id: FromPath[UUID]) -> Appointment:
    """Take what is offered; the visit as it is now."""
    return await actions.accept(actor, repair_id)


@post(ONE + "/decline", access=PATIENT, status_code=200, tags=["Repairs"])
async def decline(actor: NamedDependency[Actor], repair_id: FromPath[UUID]) -> Repair:
    """Do not take what is offered."""
    return await actions.decline(actor, repair_id)


@post(ONE + "/withdraw", access=STAFF, status_code=200, tags=["Repairs"])
async def withdraw(actor: NamedDependency[Actor], repair_id: FromPath[UUID]) -> Repair:
    """Take an offer back."""
    return await actions.withdraw(actor, repair_id)


handlers = [list_affected, propose_all, preview_all, list_repairs, propose, take_video, accept, decline, withdraw]
