"""Counts, and stock as CSV, for programs."""

from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Response

from portal.accounts.schemas import Actor, Role
from portal.inventory.api import Since, Until
from portal.stocktakes import actions, queries
from portal.stocktakes.schemas import Count, CountList, ImportReport, NewCount, StockFile
from portal.web.guards import roles
from portal.web.query import Limit, Skip
from portal.web.types import Id

KEEPERS = roles(Role.PHARMACY, Role.CLINIC_ADMIN)
TAGS = ["Stock"]
Where = FromQuery[Id | None]
CSV = "text/csv"


@post("/api/inventory/counts", access=KEEPERS, tags=TAGS)
async def count(actor: NamedDependency[Actor], data: JSONBody[NewCount]) -> Count:
    """Keep a count; what differs goes into the ledger."""
    return await actions.count(actor, data)


@get("/api/inventory/counts", access=KEEPERS, tags=TAGS)
async def list_counts(
    actor: NamedDependency[Actor], location_id: Where = None, skip: Skip = 0, limit: Limit = 10
) -> CountList:
    """The counts of your places, the latest first."""
    return await queries.list_counts(actor, location_id, skip, limit)


@get("/api/inventory/counts/{count_id:uuid}", access=KEEPERS, tags=TAGS)
async def detail(actor: NamedDependency[Actor], count_id: FromPath[UUID]) -> Count:
    """One count with its lines, what differed on top."""
    return await queries.get_count(actor, count_id)


@post("/api/inventory/import", access=KEEPERS, status_code=200, tags=TAGS)
async def import_file(actor: NamedDependency[Actor], data: JSONBody[StockFile]) -> ImportReport:
    """Receive what a CSV file lists. A dry run, the default, only says what is wrong on which line."""
    return await actions.import_file(actor, data)


@get("/api/inventory/export", access=KEEPERS, media_type=CSV, tags=TAGS)
async def export_stock(actor: NamedDependency[Actor], location_id: Where = None) -> Response[str]:
    """What is on hand as CSV, in the columns of an import."""
    return as_file(await queries.export_stock(actor, location_id), "stock")


@get("/api/inventory/export/transactions", access=KEEPERS, media_type=CSV, tags=TAGS)
async def export_movements(
    actor: NamedDependency[Actor], location_id: Where = None, since: Since = None, until: Until = None
) -> Response[str]:
    """The ledger as CSV, at most its latest 20,000 rows."""
    return as_file(await queries.export_movements(actor, location_id, since, until), "movements")


def as_file(text: str, name: str) -> Response[str]:
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text, media_type=CSV, headers=headers)


handlers = [count, list_counts, detail, import_file, export_stock, export_movements]
