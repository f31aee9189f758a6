"""Writes of stock: each is rows of the ledger, with who, why and by which document, and one row of the audit."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from portal import db
from portal.accounts.schemas import Actor
from portal.audit.actions import record_in_tx
from portal.errors import FieldError, Invalid, NotFound
from portal.ids import uuid7
from portal.inventory import events, policy, queries, statements
from portal.inventory.ledger import enter_in_tx, take_rows_in_tx
from portal.inventory.schemas import (
    Adjustment,
    Move,
    Moved,
    PlaceStock,
    Receipt,
    Threshold,
    TransactionType,
    Transfer,
)
from portal.web.i18n import _

SWEEP = 500  # batches of one transaction


@db.retried
async def receive(actor: Actor, data: Receipt) -> Moved:
    """Goods come in. More of a batch that is there joins it, at the prices of the last that came.

    Raises `Forbidden`, `NotFound` for an unknown item or another's place, `Invalid` for what has expired already, or
    `Conflict` with `location_suspended` or `too_much`.
    """
    policy.demand_own(actor, data.location_id)
    if data.expiry_date < await queries.today_at(data.location_id):
        raise Invalid([FieldError("expiry_date", _("This batch has expired. It cannot be received."))])
    async with db.transaction():
        batch_id = await receive_in_tx(data)
        moves = [(batch_id, data.quantity)]
        ids = await enter_in_tx(
            actor, data.location_id, moves, TransactionType.IN, data.reason or "", document=data.document or ""
        )
        return await _done_in_tx(actor, "received", data.item_id, ids)


async def receive_in_tx(data: Receipt) -> UUID:
    """The batch that the goods belong to, made where there is none yet. Raises `NotFound`."""
    # In the order of everybody else: the item at its place first, then its batches.
    await db.fetch(statements.LOCK_PLACES, data.item_id, [data.location_id])
    prices = (data.cost_price, data.selling_price, data.currency)
    batch = (data.item_id, data.location_id, data.batch_number, data.expiry_date)
    batch_id = await db.fetch_value(statements.RECEIVE, uuid7(), *batch, *prices)
    if batch_id is None:
        raise NotFound
    found: UUID = batch_id
    return found


@db.retried
async def take_out(actor: Actor, data: Move) -> Moved:
    """Something is used up, broken or thrown away; of a batch that is named also when it is expired or recalled.

    Raises `Forbidden`, `NotFound`, or the `Conflict` of `take_in_tx`.
    """
    policy.demand_own(actor, data.location_id)
    async with db.transaction():
        rows = await take_rows_in_tx(
            actor, data.location_id, data.item_id, data.quantity, TransactionType.OUT, data.reason, data.batch_id,
            data.document or "", to_dispose=True,
        )  # fmt: skip
        return await _done_in_tx(actor, "taken_out", data.item_id, [row["id"] for row in rows])


@db.retried
async def sell(actor: Actor, data: Move) -> Moved:
    """Over the counter, without a prescription. Raises `Forbidden`, `NotFound`, or the `Conflict` of `take_in_tx`."""
    policy.demand_own(actor, data.location_id)
    async with db.transaction():
        rows = await take_rows_in_tx(
            actor, data.location_id, data.item_id, data.quantity, TransactionType.DISPENSE, data.reason, data.batch_id,
            data.document or "",
        )  # fmt: skip
        return await _done_in_tx(actor, "sold", data.item_id, [row["id"] for row in rows])


@db.retried
async def adjust(actor: Actor, data: Adjustment) -> Moved:
    """The ledger is put right by what was found. Raises as `put_back`, or `Conflict` with `out_of_stock`."""
    return await _enter(actor, data, TransactionType.ADJUSTMENT, "adjusted")


@db.retried
async def put_back(actor: Actor, data: Move) -> Moved:
    """Something that was given out is back in its batch.

    Raises `Forbidden`, `NotFound`, `Invalid` where the batch is not named and there are several, or `Conflict` with
    `location_suspended` or `too_much`.
    """
    return await _enter(actor, data, TransactionType.RETURN, "returned")


async def _enter(actor: Actor, data: Move | Adjustment, kind: TransactionType, word: str) -> Moved:
    policy.demand_own(actor, data.location_id)
    batch_id = data.batch_id or await _only_batch(data)
    async with db.transaction():
        ids = await enter_in_tx(
            actor, data.location_id, [(batch_id, data.quantity)], kind, data.reason or "", document=data.document or ""
        )
        done = await _done_in_tx(actor, word, data.item_id, ids)
        if {one.item_id for one in done.transactions} != {data.item_id}:  # the batch of another item
            raise NotFound
        return done


async def _only_batch(data: Move | Adjustment) -> UUID:
    found: UUID | None = await db.fetch_value(statements.ONLY_BATCH, data.item_id, data.location_id)
    if found is None:
        raise Invalid([FieldError("batch_id", _("Choose the batch."))])
    return found


@db.retried
async def transfer(actor: Actor, data: Transfer) -> Moved:
    """From one of one's own places to another: batches keep number, expiry and prices, and both ledgers say where.

    Raises `Forbidden`, `NotFound`, or the `Conflict` of `take_in_tx` for either place.
    """
    policy.demand_own(actor, data.location_id, data.to_location_id)
    places = [data.location_id, data.to_location_id]
    document = data.document or ""
    async with db.transaction():
        await db.fetch(statements.LOCK_PLACES, data.item_id, places)
        rows = await take_rows_in_tx(
            actor, data.location_id, data.item_id, data.quantity, TransactionType.OUT, data.reason, data.batch_id,
            document, to_location_id=data.to_location_id,
        )  # fmt: skip
        moves = await _mirrored_in_tx(rows, data.to_location_id)
        ids = await enter_in_tx(
            actor, data.to_location_id, moves, TransactionType.IN, data.reason, document=document,
            from_location_id=data.location_id,
        )  # fmt: skip
        return await _done_in_tx(actor, "transferred", data.item_id, [*(row["id"] for row in rows), *ids])


async def _mirrored_in_tx(taken: Sequence[Any], location_id: UUID) -> list[tuple[UUID, Decimal]]:
    """The batches at the other place into which goes what was taken here."""
    ids = [row["batch_id"] for row in taken]
    there = await db.fetch(statements.MIRROR, ids, location_id, [uuid7() for _one in ids])
    amounts = {row["batch_id"]: row["quantity"] for row in taken}
    return [(row["id"], amounts[batch_id]) for row, batch_id in zip(there, sorted(ids), strict=True)]


@db.retried
async def set_threshold(actor: Actor, item_id: UUID, data: Threshold) -> PlaceStock:
    """From where on it is little, at one place. Raises `Forbidden`, `NotFound`."""
    policy.demand_own(actor, data.location_id)
    async with db.transaction():
        if await db.fetch_value(statements.THRESHOLD, item_id, data.location_id, data.threshold) is None:
            raise NotFound
        await record_in_tx(actor, "stock.threshold_set", subject_type="catalog_item", subject_id=item_id)
        await events.tell_moved_in_tx(data.location_id, [item_id])
        return (await queries.get_stock(actor, item_id, data.location_id)).places[0]


async def _done_in_tx(actor: Actor, word: str, item_id: UUID, ids: Sequence[UUID]) -> Moved:
    """The audit's row of a movement, and what the ledger says of it."""
    await record_in_tx(actor, f"stock.{word}", subject_type="catalog_item", subject_id=item_id)
    return Moved(transactions=await queries.get_transactions(ids))


async def sweep_expired() -> int:
    """Take what has expired off what can be given out, and tell of what has become little by it; how many batches."""
    total = count = await _sweep_some()
    while count == SWEEP:
        count = await _sweep_some()
        total += count
    return total


@db.retried
async def _sweep_some() -> int:
    async with db.as_portal(), db.transaction():  # the day ends for everybody
        rows = await db.fetch(statements.EXPIRE, SWEEP)
        places: dict[UUID, list[UUID]] = {}
        for row in rows:
            places.setdefault(row["location_id"], []).append(row["item_id"])
        for location_id, items in sorted(places.items()):
            await events.tell_moved_in_tx(location_id, items)
    return len(rows)


async def tell_expiring(days: int = 30) -> int:
    """Tell of every batch that expires within so many days, once; how many."""
    total = count = await _tell_some(days)
    while count == SWEEP:
        count = await _tell_some(days)
        total += count
    return total


@db.retried
async def _tell_some(days: int) -> int:
    async with db.as_portal(), db.transaction():  # as above
        rows = await db.fetch(statements.TELL_EXPIRING, days, SWEEP)
        for row in rows:
            await events.tell_expiring_in_tx(row)
    return len(rows)
