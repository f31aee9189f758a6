"""Doctors and profiles as JSON."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from portal.accounts.schemas import Actor, Role
from portal.people import actions, queries
from portal.people.schemas import (
    Availability,
    AvailabilityChange,
    AvailableDoctors,
    Doctor,
    DoctorChange,
    FoundPatients,
    NewDoctor,
    Profile,
    ProfileChange,
)
from portal.web.guards import PUBLIC, SIGNED_IN, SIGNED_IN_OR_WAITING, roles
from portal.web.query import Limit, Skip
from portal.web.types import Line

STAFFERS = roles(Role.CLINIC_ADMIN, Role.SYSTEM_ADMIN)
TAGS = ["Profiles"]


class AvailabilityState(msgspec.Struct, frozen=True):
    doctor_id: UUID
    status: Availability


@get("/api/profiles/{user_id:uuid}", access=SIGNED_IN_OR_WAITING, tags=TAGS)
async def profile(actor: NamedDependency[Actor], user_id: FromPath[UUID]) -> Profile:
    """The profile of any role."""
    return await queries.profile(actor, user_id)


@put("/api/profiles/{user_id:uuid}", access=SIGNED_IN, tags=TAGS)
async def change_profile(
    actor: NamedDependency[Actor], user_id: FromPath[UUID], data: JSONBody[ProfileChange]
) -> Profile:
    """Change a profile."""
    return await actions.change_profile(actor, user_id, data)


@post("/api/doctors", access=STAFFERS, tags=TAGS)
async def invite(actor: NamedDependency[Actor], data: JSONBody[NewDoctor]) -> Profile:
    """Invite a new doctor to a clinic."""
    return await actions.invite_doctor(actor, data)


@get("/api/doctors/available", access=SIGNED_IN, tags=TAGS)
async def available(specialty_id: FromQuery[UUID | None] = None, skip: Skip = 0, limit: Limit = 10) -> AvailableDoctors:
    """The doctors who are available at this moment."""
    return await queries.available_doctors(specialty_id, skip, limit)


@get("/api/doctors/{doctor_id:uuid}", access=PUBLIC, tags=TAGS)
async def detail(doctor_id: FromPath[UUID]) -> Doctor:
    """What anybody may know of a doctor."""
    return await queries.doctor(doctor_id)


@patch("/api/doctors/{doctor_id:uuid}", access=roles(Role.DOCTOR, Role.CLINIC_ADMIN), tags=TAGS)
async def change(actor: NamedDependency[Actor], doctor_id: FromPath[UUID], data: JSONBody[DoctorChange]) -> Doctor:
    """Change a doctor's practice."""
    return await actions.change_doctor(actor, doctor_id, data)


@put("/api/doctors/{doctor_id:uuid}/availability-status", access=roles(Role.DOCTOR), tags=TAGS)
async def set_availability(
    actor: NamedDependency[Actor], doctor_id: FromPath[UUID], data: JSONBody[AvailabilityChange]
) -> AvailabilityState:
    """Say whether you can be reached at this moment."""
    return AvailabilityState(doctor_id, await actions.set_availability(actor, doctor_id, data.status))


@get("/api/patients", access=roles(Role.DOCTOR, Role.CLINIC_ADMIN), tags=TAGS)
async def find_patients(actor: NamedDependency[Actor], q: FromQuery[Annotated[str, Line(100)]]) -> FoundPatients:
    """Your own patients by name, telephone number or date of birth, at most 20."""
    return await queries.find_patients(actor, q)


handlers = [find_patients, profile, change_profile, invite, available, detail, change, set_availability]
