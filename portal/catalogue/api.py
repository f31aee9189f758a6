"""The catalogue of medicines as JSON."""

from typing import Annotated
from uuid import UUID

from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from portal.accounts.schemas import Actor, Role
from portal.catalogue import actions, queries
from portal.catalogue.schemas import Catalog, CatalogItem, ItemChange, NewItem, UnitType
from portal.web.guards import roles
from portal.web.query import Limit, Skip
from portal.web.types import Line

KEEPERS = roles(Role.PHARMACY, Role.CLINIC_ADMIN)
READERS = roles(Role.PHARMACY, Role.CLINIC_ADMIN, Role.DOCTOR)
TAGS = ["Stock"]
Words = FromQuery[Annotated[str, Line(100)] | None]


@get("/api/inventory/catalog", access=READERS, tags=TAGS)
async def list_items(
    actor: NamedDependency[Actor],
    q: Words = None,
    category: Words = None,
    unit_type: FromQuery[UnitType | None] = None,
    retired_too: FromQuery[bool] = False,
    skip: Skip = 0,
    limit: Limit = 10,
) -> Catalog:
    """Medicines; `q` finds the beginnings of words of the name, the active ingredient and the strength."""
    return await queries.search_items(
        actor, q, category, unit_type, retired_too=retired_too, skip=skip, limit=limit
    )  # fmt: skip


@post("/api/inventory/catalog", access=KEEPERS, tags=TAGS)
async def add(actor: NamedDependency[Actor], data: JSONBody[NewItem]) -> CatalogItem:
    """Add a medicine, for all places."""
    return await actions.add_item(actor, data)


@get("/api/inventory/catalog/{item_id:uuid}", access=READERS, tags=TAGS)
async def detail(actor: NamedDependency[Actor], item_id: FromPath[UUID]) -> CatalogItem:
    """One medicine."""
    return await queries.get_item(actor, item_id)


@put("/api/inventory/catalog/{item_id:uuid}", access=KEEPERS, tags=TAGS)
async def change(actor: NamedDependency[Actor], item_id: FromPath[UUID], data: JSONBody[ItemChange]) -> CatalogItem:
    """Change a medicine, or use it no longer (`is_active`)."""
    return await actions.change_item(actor, item_id, data)


handlers = [list_items, add, detail, change]
