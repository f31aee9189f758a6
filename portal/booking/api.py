"""Booking as JSON."""

from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from portal.accounts.schemas import Actor, Role
from portal.appointments.schemas import Appointment
from portal.booking import actions, queries
from portal.booking.schemas import FreeNow, NewAppointment, NewTime
from portal.web.guards import roles

BOOKERS = roles(Role.PATIENT, Role.DOCTOR, Role.CLINIC_ADMIN)
TAGS = ["Appointments"]


@post("/api/appointments", access=BOOKERS, tags=TAGS)
async def book(request: Request, actor: NamedDependency[Actor], data: JSONBody[NewAppointment]) -> Appointment:
    """Book a slot, the next place of a session on a date, or the first doctor of a specialty who is free now."""
    return await actions.book(actor, data, request.app.state.settings.horizon_days)


@post("/api/appointments/{appointment_id:uuid}/reschedule", access=BOOKERS, tags=TAGS)
async def reschedule(
    actor: NamedDependency[Actor], appointment_id: FromPath[UUID], data: JSONBody[NewTime]
) -> Appointment:
    """Move the visit to another slot; when that is gone, the visit stays as it was."""
    return await actions.reschedule(actor, appointment_id, data.slot_id)


@get("/api/first-available", access=roles(Role.PATIENT), tags=TAGS)
async def free_now() -> FreeNow:
    """How many doctors of each specialty could begin a video visit at this moment."""
    return await queries.free_now()


handlers = [book, reschedule, free_now]
