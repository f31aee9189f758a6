"""Appointments as JSON."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from portal.accounts.schemas import Actor, Role
from portal.appointments import actions, queries
from portal.appointments.schemas import (
    Appointment,
    AppointmentList,
    AppointmentStatus,
    Cancellation,
    Completion,
    History,
    Reason,
    ReferralList,
    VisitSummary,
)
from portal.web.guards import roles
from portal.web.query import Limit, Skip
from portal.web.types import Id

BOOKERS = roles(Role.PATIENT, Role.DOCTOR, Role.CLINIC_ADMIN)
STAFF = roles(Role.DOCTOR, Role.CLINIC_ADMIN)
DOCTORS = roles(Role.DOCTOR)
THE_TWO = roles(Role.PATIENT, Role.DOCTOR)
READERS = roles(Role.PATIENT, Role.DOCTOR, Role.CLINIC_ADMIN, Role.SYSTEM_ADMIN)
ONE = "/api/appointments/{appointment_id:uuid}"
TAGS = ["Appointments"]


@get("/api/appointments", access=READERS, tags=TAGS)
async def list_appointments(
    actor: NamedDependency[Actor],
    status: FromQuery[list[AppointmentStatus] | None] = None,
    first: Annotated[date | None, QueryParameter(name="from")] = None,
    last: Annotated[date | None, QueryParameter(name="to")] = None,
    doctor_id: FromQuery[Id | None] = None,
    patient_id: FromQuery[Id | None] = None,
    clinic_id: FromQuery[Id | None] = None,
    skip: Skip = 0,
    limit: Limit = 10,
) -> AppointmentList:
    """The caller's own appointments, latest first; for clinic admins those of their clinics."""
    return await queries.list_appointments(
        actor, statuses=status, first=first, last=last, doctor_id=doctor_id, patient_id=patient_id,
        clinic_id=clinic_id, skip=skip, limit=limit,
    )  # fmt: skip


@get(ONE, access=READERS, tags=TAGS)
async def get_appointment(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Appointment:
    """One appointment."""
    return await queries.get_appointment(actor, appointment_id)


@get(ONE + "/history", access=READERS, tags=TAGS)
async def get_history(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> History:
    """Every transition, oldest first."""
    return await queries.read_history(actor, appointment_id)


@get(ONE + "/referrals", access=READERS, tags=TAGS)
async def get_referrals(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> ReferralList:
    """What led to this visit and what came of it, with the notes: for the patient and the doctors."""
    return await queries.read_referrals(actor, appointment_id)


@get(ONE + "/summary", access=THE_TWO, tags=["Visit"])
async def get_summary(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> VisitSummary:
    """What the doctor wrote for the patient, once the visit is over."""
    return await queries.read_summary(actor, appointment_id)


@post(ONE + "/confirm", access=BOOKERS, status_code=200, tags=TAGS)
async def confirm(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Appointment:
    """Say that the visit will take place."""
    return await actions.move(actor, appointment_id, "confirm")


@post(ONE + "/check-in", access=BOOKERS, status_code=200, tags=TAGS)
async def check_in(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Appointment:
    """Say that the patient is there."""
    return await actions.move(actor, appointment_id, "check-in")


@post(ONE + "/start", access=DOCTORS, status_code=200, tags=TAGS)
async def start(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Appointment:
    """Begin the visit."""
    return await actions.move(actor, appointment_id, "start")


@post(ONE + "/complete", access=DOCTORS, status_code=200, tags=TAGS)
async def complete(
    actor: NamedDependency[Actor], appointment_id: FromPath[UUID], data: JSONBody[Completion | None] = None
) -> Appointment:
    """End the visit. `doctor_notes` are for the patient to read, after what `PUT …/notes` has written for them."""
    return await actions.move(actor, appointment_id, "complete", completion=data)


@post(ONE + "/no-show", access=STAFF, status_code=200, tags=TAGS)
async def no_show(
    actor: NamedDependency[Actor], appointment_id: FromPath[UUID], data: JSONBody[Reason | None] = None
) -> Appointment:
    """Note that the patient did not come; the time is free again."""
    return await actions.move(actor, appointment_id, "no-show", reason=data.reason if data else None)


@post(ONE + "/cancel", access=BOOKERS, status_code=200, tags=TAGS)
async def cancel(
    actor: NamedDependency[Actor], appointment_id: FromPath[UUID], data: JSONBody[Cancellation]
) -> Appointment:
    """Cancel the visit; the time is free again at once."""
    return await actions.cancel(actor, appointment_id, data.reason)


handlers = [
    list_appointments, get_appointment, get_history, get_referrals, get_summary, confirm, check_in, start,
    complete, no_show, cancel,
]  # fmt: skip
