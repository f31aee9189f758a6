"""Specialties as JSON."""

from typing import Annotated
from uuid import UUID

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from portal.accounts.schemas import Actor, Role
from portal.specialties import actions, queries
from portal.specialties.schemas import NewSpecialty, Specialty, SpecialtyChange, SpecialtyList
from portal.web.guards import PUBLIC, roles
from portal.web.query import Limit, Skip
from portal.web.types import Line

KEEPERS = roles(Role.CLINIC_ADMIN, Role.SYSTEM_ADMIN)


@get("/api/specialties", access=PUBLIC, tags=["Profiles"])
async def list_specialties(
    viewer: NamedDependency[Actor | None],
    q: FromQuery[Annotated[str, Line(100)] | None] = None,
    skip: Skip = 0,
    limit: Limit = 10,
) -> SpecialtyList:
    """The specialties in use; `q` finds a part of the name."""
    return await queries.specialties(viewer, q, skip, limit)


@post("/api/specialties", access=KEEPERS, tags=["Profiles"])
async def create(actor: NamedDependency[Actor], data: JSONBody[NewSpecialty]) -> Specialty:
    """Add a specialty."""
    return await actions.create_specialty(actor, data)


@patch("/api/specialties/{specialty_id:uuid}", access=KEEPERS, tags=["Profiles"])
async def change(
    actor: NamedDependency[Actor], specialty_id: FromPath[UUID], data: JSONBody[SpecialtyChange]
) -> Specialty:
    """Rename, describe or use a specialty again."""
    return await actions.change_specialty(actor, specialty_id, data)


@delete("/api/specialties/{specialty_id:uuid}", access=KEEPERS, tags=["Profiles"])
async def remove(actor: NamedDependency[Actor], specialty_id: FromPath[UUID]) -> None:
    """Delete a specialty; one that doctors have is only offered no longer."""
    await actions.delete_specialty(actor, specialty_id)


handlers = [list_specialties, create, change, remove]
