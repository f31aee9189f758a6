"""Pharmacies as JSON."""

from typing import Annotated
from uuid import UUID

from litestar import get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from portal.accounts.schemas import Actor, Role
from portal.pharmacies import actions, queries
from portal.pharmacies.schemas import NewPharmacy, OwnPharmacy, Pharmacy, PharmacyChange, PharmacyList
from portal.web.guards import PUBLIC, roles
from portal.web.places import Near, WithinKm, read_point
from portal.web.query import Limit, Skip
from portal.web.types import Line

RUNNERS = roles(Role.PHARMACY, Role.SYSTEM_ADMIN)
TAGS = ["Profiles"]


@get("/api/pharmacies", access=PUBLIC, tags=TAGS)
async def list_pharmacies(
    q: FromQuery[Annotated[str, Line(100)] | None] = None,
    city: FromQuery[Annotated[str, Line(100)] | None] = None,
    near: FromQuery[Near | None] = None,
    within_km: FromQuery[WithinKm | None] = None,
    skip: Skip = 0,
    limit: Limit = 10,
) -> PharmacyList:
    """Pharmacies by words, town or distance."""
    return await queries.pharmacies(q, city, read_point(near) if near else None, within_km, skip, limit)


@post("/api/pharmacies", access=RUNNERS, tags=TAGS)
async def create(actor: NamedDependency[Actor], data: JSONBody[NewPharmacy]) -> OwnPharmacy:
    """Make a pharmacy."""
    return await actions.create_pharmacy(actor, data)


@get("/api/pharmacies/{pharmacy_id:uuid}", access=PUBLIC, tags=TAGS)
async def detail(pharmacy_id: FromPath[UUID]) -> Pharmacy:
    """One pharmacy."""
    return await queries.pharmacy(pharmacy_id)


@patch("/api/pharmacies/{pharmacy_id:uuid}", access=RUNNERS, tags=TAGS)
async def change(
    actor: NamedDependency[Actor], pharmacy_id: FromPath[UUID], data: JSONBody[PharmacyChange]
) -> OwnPharmacy:
    """Change a pharmacy."""
    return await actions.change_pharmacy(actor, pharmacy_id, data)


handlers = [list_pharmacies, create, detail, change]
