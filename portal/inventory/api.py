"""Stock as JSON: of the places of whoever asks, and of no others."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from portal.accounts.schemas import Actor, Role
from portal.inventory import actions, queries
from portal.inventory.schemas import (
    Adjustment,
    BatchList,
    ItemStock,
    Kind,
    Ledger,
    LowList,
    Move,
    Moved,
    PlaceStock,
    Receipt,
    StockList,
    Threshold,
    TransactionType,
    Transfer,
)
from portal.web.guards import roles
from portal.web.query import Limit, Skip
from portal.web.types import Id, Line

KEEPERS = roles(Role.PHARMACY, Role.CLINIC_ADMIN)
TAGS = ["Stock"]
INVENTORY = "/api/inventory"
Where = FromQuery[Id | None]
Days = Annotated[int, QueryParameter(ge=0, le=3660, description="How many days from today")]
Since = Annotated[date | None, QueryParameter(name="from")]
Until = Annotated[date | None, QueryParameter(name="to")]


@get(INVENTORY, access=KEEPERS, tags=TAGS)
async def list_stock(
    actor: NamedDependency[Actor],
    location_id: Where = None,
    q: FromQuery[Annotated[str, Line(100)] | None] = None,
    skip: Skip = 0,
    limit: Limit = 10,
) -> StockList:
    """What is on hand and may be given out, an item and place each."""
    return await queries.list_stock(actor, location_id, q, skip, limit)


@get(INVENTORY + "/{item_id:uuid}", access=KEEPERS, tags=TAGS)
async def detail(actor: NamedDependency[Actor], item_id: FromPath[UUID], location_id: Where = None) -> ItemStock:
    """One item at your places: batches, threshold, and when it runs out as it is used now."""
    return await queries.get_stock(actor, item_id, location_id)


@put(INVENTORY + "/{item_id:uuid}/threshold", access=KEEPERS, tags=TAGS)
async def set_threshold(
    actor: NamedDependency[Actor], item_id: FromPath[UUID], data: JSONBody[Threshold]
) -> PlaceStock:
    """From where on it is little, at one place; null for the catalogue's threshold."""
    return await actions.set_threshold(actor, item_id, data)


@get(INVENTORY + "/batches/clinic/{clinic_id:uuid}", access=KEEPERS, tags=TAGS)
async def clinic_batches(
    actor: NamedDependency[Actor],
    clinic_id: FromPath[UUID],
    item_id: Where = None,
    empty_too: FromQuery[bool] = False,
    skip: Skip = 0,
    limit: Limit = 10,
) -> BatchList:
    """The batches at a clinic, those that expire first on top."""
    return await queries.list_batches(
        actor, clinic_id, Kind.CLINIC, item_id, empty_too=empty_too, skip=skip, limit=limit
    )


@get(INVENTORY + "/batches/pharmacy/{pharmacy_id:uuid}", access=KEEPERS, tags=TAGS)
async def pharmacy_batches(
    actor: NamedDependency[Actor],
    pharmacy_id: FromPath[UUID],
    item_id: Where = None,
    empty_too: FromQuery[bool] = False,
    skip: Skip = 0,
    limit: Limit = 10,
) -> BatchList:
    """The batches at a pharmacy, those that expire first on top."""
    return await queries.list_batches(
        actor, pharmacy_id, Kind.PHARMACY, item_id, empty_too=empty_too, skip=skip, limit=limit
    )


@post(INVENTORY + "/stock/in", access=KEEPERS, tags=TAGS)
async def receive(actor: NamedDependency[Actor], data: JSONBody[Receipt]) -> Moved:
    """Goods come in."""
    return await actions.receive(actor, data)


@post(INVENTORY + "/stock/out", access=KEEPERS, tags=TAGS)
async def take_out(actor: NamedDependency[Actor], data: JSONBody[Move]) -> Moved:
    """Something is used up, broken or thrown away; a batch that is named also when it is expired or recalled."""
    return await actions.take_out(actor, data)


@post(INVENTORY + "/stock/adjust", access=KEEPERS, tags=TAGS)
async def adjust(actor: NamedDependency[Actor], data: JSONBody[Adjustment]) -> Moved:
    """By how much a batch differs from what the ledger says: more, or with a minus, less."""
    return await actions.adjust(actor, data)


@post(INVENTORY + "/stock/return", access=KEEPERS, tags=TAGS)
async def put_back(actor: NamedDependency[Actor], data: JSONBody[Move]) -> Moved:
    """Something that was given out is back in its batch."""
    return await actions.put_back(actor, data)


@post(INVENTORY + "/stock/transfer", access=KEEPERS, tags=TAGS)
async def transfer(actor: NamedDependency[Actor], data: JSONBody[Transfer]) -> Moved:
    """From one of your places to another."""
    return await actions.transfer(actor, data)


@post(INVENTORY + "/dispense", access=KEEPERS, tags=TAGS)
async def sell(actor: NamedDependency[Actor], data: JSONBody[Move]) -> Moved:
    """Over the counter, without a prescription."""
    return await actions.sell(actor, data)


@get(INVENTORY + "/stock/low", access=KEEPERS, tags=TAGS)
async def low(actor: NamedDependency[Actor], location_id: Where = None, skip: Skip = 0, limit: Limit = 10) -> LowList:
    """What has reached its threshold, the emptiest first, with the day on which it runs out."""
    return await queries.list_low(actor, location_id, skip, limit)


@get(INVENTORY + "/stock/expiring", access=KEEPERS, tags=TAGS)
async def expiring(
    actor: NamedDependency[Actor], days: Days = 30, location_id: Where = None, skip: Skip = 0, limit: Limit = 10
) -> BatchList:
    """Batches that expire within so many days, and those that have expired and are still there."""
    return await queries.list_expiring(actor, days, location_id, skip, limit)


@get(INVENTORY + "/transactions", access=KEEPERS, tags=TAGS)
async def transactions(
    actor: NamedDependency[Actor],
    location_id: Where = None,
    item_id: Where = None,
    batch_id: Where = None,
    transaction_type: FromQuery[TransactionType | None] = None,
    since: Since = None,
    until: Until = None,
    skip: Skip = 0,
    limit: Limit = 10,
) -> Ledger:
    """The ledger, the latest first. `quantity` is positive but for ADJUSTMENT; `balance` is the batch's, after it."""
    return await queries.list_transactions(
        actor, location_id, item_id, batch_id, transaction_type, since, until, skip, limit
    )


handlers = [
    list_stock, detail, set_threshold, clinic_batches, pharmacy_batches, receive, take_out, adjust, put_back, transfer,
    sell, low, expiring, transactions,
]  # fmt: skip
