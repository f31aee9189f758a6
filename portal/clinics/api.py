"""Clinics as JSON."""

from typing import Annotated
from uuid import UUID

from litestar import get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from portal.accounts.schemas import Actor, Role
from portal.clinics import actions, queries
from portal.clinics.schemas import Clinic, ClinicChange, ClinicList, Employment, NewClinic, StaffRequest
from portal.web.guards import PUBLIC, roles
from portal.web.places import Near, WithinKm, read_point
from portal.web.query import Limit, Skip
from portal.web.types import Line

RUNNERS = roles(Role.CLINIC_ADMIN, Role.SYSTEM_ADMIN)
TAGS = ["Profiles"]


@get("/api/clinics", access=PUBLIC, tags=TAGS)
async def list_clinics(
    q: FromQuery[Annotated[str, Line(100)] | None] = None,
    city: FromQuery[Annotated[str, Line(100)] | None] = None,
    near: FromQuery[Near | None] = None,
    within_km: FromQuery[WithinKm | None] = None,
    skip: Skip = 0,
    limit: Limit = 10,
) -> ClinicList:
    """Clinics by words, town or distance."""
    return await queries.clinics(q, city, read_point(near) if near else None, within_km, skip, limit)


@post("/api/clinics", access=RUNNERS, tags=TAGS)
async def create(actor: NamedDependency[Actor], data: JSONBody[NewClinic]) -> Clinic:
    """Make a clinic."""
    return await actions.create_clinic(actor, data)


@get("/api/clinics/{clinic_id:uuid}", access=PUBLIC, tags=TAGS)
async def detail(viewer: NamedDependency[Actor | None], clinic_id: FromPath[UUID]) -> Clinic:
    """One clinic with its opening hours and departments."""
    return await queries.clinic(viewer, clinic_id)


@patch("/api/clinics/{clinic_id:uuid}", access=RUNNERS, tags=TAGS)
async def change(actor: NamedDependency[Actor], clinic_id: FromPath[UUID], data: JSONBody[ClinicChange]) -> Clinic:
    """Change a clinic."""
    return await actions.change_clinic(actor, clinic_id, data)


@post("/api/clinics/{clinic_id:uuid}/doctors", access=RUNNERS, tags=TAGS)
async def add_doctor(
    actor: NamedDependency[Actor], clinic_id: FromPath[UUID], data: JSONBody[StaffRequest]
) -> Employment:
    """Take a doctor who has an account into a clinic; for a new one see `POST /api/doctors`."""
    return await actions.add_doctor(actor, clinic_id, data)


handlers = [list_clinics, create, detail, change, add_doctor]
