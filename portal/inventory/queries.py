"""Reads of stock, always of one's own places. What may be given out is one row an item and place, however much has moved."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.catalogue.queries import get_item
from portal.errors import NotFound
from portal.inventory import policy, readings
from portal.inventory.schemas import (
    Batch,
    BatchList,
    ItemStock,
    Kind,
    Ledger,
    LowLine,
    LowList,
    Place,
    PlaceStock,
    StockLine,
    StockList,
    Transaction,
)

MOST_BATCHES = 200  # of one item at one place, on its page


async def own_places(actor: Actor) -> list[Place]:
    """The places whose stock somebody keeps. Raises `Forbidden`."""
    rows = await db.fetch(readings.PLACES, policy.own_locations(actor), public=True)
    return [msgspec.convert(dict(row), Place) for row in rows]


async def list_stock(
    actor: Actor, location_id: UUID | None = None, q: str | None = None, skip: int = 0, limit: int = 10
) -> StockList:
    """What is kept, by name. Raises `Forbidden`, `NotFound` for a place of others."""
    places = policy.among_own(actor, location_id)
    words = readings.BY_WORDS if q else ""
    rows = await db.fetch(readings.STOCK + words + readings.BY_NAME, places, q, skip, limit)
    total = await db.fetch_value(readings.COUNT_STOCK + words, places, q)
    return StockList(total=total, skip=skip, limit=limit, items=[_as(StockLine, row) for row in rows])


async def list_low(actor: Actor, location_id: UUID | None = None, skip: int = 0, limit: int = 10) -> LowList:
    """What has reached its threshold, the emptiest first, with the day on which it runs out as it is used now."""
    places = policy.among_own(actor, location_id)
    rows = await db.fetch(readings.LOW, places, skip, limit)
    total = await db.fetch_value(readings.COUNT_LOW, places)
    return LowList(total=total, skip=skip, limit=limit, items=[_low(row) for row in rows])


async def get_stock(actor: Actor, item_id: UUID, location_id: UUID | None = None) -> ItemStock:
    """One item at one's own places, with its batches. Raises `NotFound` for an unknown item or a place of others."""
    places = policy.among_own(actor, location_id)
    item = await get_item(actor, item_id)
    lines = await db.fetch(readings.OF_ITEM, places, item_id)
    used = {row["location_id"]: row for row in await db.fetch(readings.USE, item_id, places)}
    rows = await db.fetch(readings.LIST + readings.IN_STOCK + readings.BY_EXPIRY, places, item_id, 0, MOST_BATCHES)
    batches = [_as(Batch, row) for row in rows]
    names = {one.id: one.name for one in await own_places(actor)}
    found = []
    for line in lines:
        use = used.get(line["location_id"])
        used_up, first_day = (use["used"], use["first_day"]) if use else (Decimal(0), None)
        daily, ends = policy.forecast(line["quantity"], used_up, first_day, line["today"])
        given = {name: line[name] for name in ("location_id", "quantity", "threshold", "own_threshold", "low")}
        own = [one for one in batches if one.location_id == line["location_id"]]
        name = names[line["location_id"]]
        found.append(PlaceStock(**given, location_name=name, daily_use=daily, runs_out_on=ends, batches=own))
    return ItemStock(item=item, places=sorted(found, key=lambda one: one.location_name.lower()))


async def list_batches(
    actor: Actor,
    location_id: UUID,
    kind: Kind | None = None,
    item_id: UUID | None = None,
    *,
    empty_too: bool = False,
    skip: int = 0,
    limit: int = 10,
) -> BatchList:
    """The batches at a place, those that expire first on top. Raises `Forbidden`, `NotFound` (also for the wrong kind)."""
    places = policy.among_own(actor, location_id)
    if kind and [kind] != [one.kind for one in await own_places(actor) if one.id == location_id]:
        raise NotFound
    where = "" if empty_too else readings.IN_STOCK
    rows = await db.fetch(readings.LIST + where + readings.BY_EXPIRY, places, item_id, skip, limit)
    total = await db.fetch_value(readings.COUNT + where, places, item_id)
    return BatchList(total=total, skip=skip, limit=limit, batches=[_as(Batch, row) for row in rows])


async def list_shelf(
    actor: Actor, location_id: UUID, q: str | None = None, skip: int = 0, limit: int = 10
) -> list[Batch]:
    """The batches that lie at a place, by name, as one walks along the shelf."""
    places = policy.among_own(actor, location_id)
    words = readings.BY_WORDS if q else ""
    rows = await db.fetch(readings.SHELF + words + readings.BY_PLACE, places, q, skip, limit)
    return [_as(Batch, row) for row in rows]


async def list_expiring(
    actor: Actor, days: int = 30, location_id: UUID | None = None, skip: int = 0, limit: int = 10
) -> BatchList:
    """What expires within so many days, or has expired already and is still there."""
    places = policy.among_own(actor, location_id)
    rows = await db.fetch(readings.EXPIRING, places, days, skip, limit)
    total = await db.fetch_value(readings.COUNT_EXPIRING, places, days)
    return BatchList(total=total, skip=skip, limit=limit, batches=[_as(Batch, row) for row in rows])


async def get_batches(actor: Actor, batch_ids: Sequence[UUID]) -> list[Batch]:
    """Those of these batches that are at one's own places."""
    rows = await db.fetch(readings.ONE, policy.own_locations(actor), list(batch_ids))
    return [_as(Batch, row) for row in rows]


async def list_transactions(
    actor: Actor,
    location_id: UUID | None = None,
    item_id: UUID | None = None,
    batch_id: UUID | None = None,
    transaction_type: str | None = None,
    since: date | None = None,
    until: date | None = None,
    skip: int = 0,
    limit: int = 10,
) -> Ledger:
    """The ledger, the latest first. How much there is of it is counted as it is written."""
    places = policy.among_own(actor, location_id)
    values = (item_id, batch_id, transaction_type, since, until)
    where = "".join(sql for sql, value in zip(readings.FILTERS, values, strict=True) if value is not None)
    rows = await db.fetch(readings.LEDGER + where + readings.LATEST, places, *values, skip, limit)
    if any(value is not None for value in values[1:]):
        total = await db.fetch_value(readings.COUNT_LEDGER + where, places, *values)
    else:
        total = await db.fetch_value(readings.MOVEMENTS, places, item_id)
    return Ledger(total=total, skip=skip, limit=limit, transactions=[_as(Transaction, row) for row in rows])


async def get_transactions(transaction_ids: Sequence[UUID]) -> list[Transaction]:
    """Rows that an action has just written."""
    return [_as(Transaction, row) for row in await db.fetch(readings.BY_ID, list(transaction_ids))]


async def batches_numbered(actor: Actor, batch_number: str) -> list[Batch]:
    """The batches of a number among one's own places, whatever they are of."""
    rows = await db.fetch(readings.NUMBERED, policy.own_locations(actor), batch_number)
    return [_as(Batch, row) for row in rows]


async def transactions_of(batch_ids: Sequence[UUID]) -> list[Transaction]:
    """The latest movements of some batches of one's own places."""
    return [_as(Transaction, row) for row in await db.fetch(readings.OF_BATCHES, list(batch_ids))]


async def today_at(location_id: UUID) -> date:
    """The day that it is at a place. Raises `NotFound`."""
    today = await db.fetch_value("SELECT stock_today($1)", location_id, public=True)
    if today is None:
        raise NotFound
    found: date = today
    return found


async def stock_at(item_ids: Sequence[UUID], location_ids: Sequence[UUID]) -> list[Any]:
    """How much of each item each of these places can give out, and what expires first: rows of `item_id`, `location_id`,
    `quantity` and `earliest_expiry`. No batch and no price, so anybody who prescribes may be shown it.
    """
    return list(await db.fetch("SELECT * FROM stock_at($1, $2)", list(item_ids), list(location_ids), public=True))


def _low(row: Any) -> LowLine:
    daily, ends = policy.forecast(row["quantity"], row["used"], row["first_day"], row["today"])
    line = _as(StockLine, row)
    return LowLine(
        **{name: getattr(line, name) for name in StockLine.__struct_fields__}, daily_use=daily, runs_out_on=ends
    )


def _as(kind: Any, row: Any) -> Any:
    return msgspec.convert({name: row[name] for name in kind.__struct_fields__}, kind)
