"""Moving stock inside the transaction of an action: what is taken expires first, and is never more than there is."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from portal import db
from portal.accounts.schemas import Actor
from portal.errors import Conflict, NotFound
from portal.inventory import events, statements
from portal.inventory.schemas import TransactionType
from portal.web.i18n import N_, _

NOT_ENOUGH = N_("There is not enough of it in stock.")
TOO_MUCH = N_("No batch holds that much.")
RECALLED = N_("This batch is recalled. It must not be given out.")
EXPIRED = N_("This batch is expired. It must not be given out.")
db.conflict_for("batch_quantity_not_negative", "out_of_stock", NOT_ENOUGH)
db.conflict_for("batch_quantity_bounded", "too_much", TOO_MUCH)
db.conflict_for("batch_not_recalled", "batch_recalled", RECALLED)
db.conflict_for("batch_not_expired", "batch_expired", EXPIRED)


class Taken(NamedTuple):
    """So much came out of one batch."""

    batch_id: UUID
    quantity: Decimal


async def take_in_tx(
    actor: Actor,
    location_id: UUID,
    item_id: UUID,
    quantity: Decimal,
    transaction_type: TransactionType | str,
    reason: str,
    batch_id: UUID | None = None,
    *,
    document: str = "",
) -> list[Taken]:
    """Take exactly that much, from the batches that expire first or from the one that is named; one ledger row a batch.

    Expired and recalled batches are left out. Several items of one transaction are taken in the order of their ids, so
    that two such transactions never wait for each other.

    Raises `NotFound` for an unknown location or batch, or `Conflict`: `out_of_stock` (with what is `available`),
    `batch_expired`, `batch_recalled`, or `location_suspended`.
    """
    rows = await take_rows_in_tx(actor, location_id, item_id, quantity, transaction_type, reason, batch_id, document)
    return [Taken(row["batch_id"], row["quantity"]) for row in rows]


async def take_rows_in_tx(
    actor: Actor,
    location_id: UUID,
    item_id: UUID,
    quantity: Decimal,
    transaction_type: TransactionType | str,
    reason: str,
    batch_id: UUID | None = None,
    document: str = "",
    *,
    to_dispose: bool = False,
    to_location_id: UUID | None = None,
) -> list[Any]:
    """The same, with the ids of the ledger's rows. `to_dispose` takes a named batch that must not be given out."""
    unusable_too = to_dispose and batch_id is not None
    rows = await db.fetch(
        statements.TAKE, location_id, item_id, quantity, str(transaction_type), actor.id, reason, document, batch_id,
        unusable_too, to_location_id,
    )  # fmt: skip
    if not rows:
        raise await _why_not(location_id, item_id, batch_id, unusable_too)
    await events.tell_moved_in_tx(location_id, [item_id])
    return rows


async def give_back_in_tx(
    actor: Actor, location_id: UUID, taken: Sequence[tuple[UUID, Decimal]], reason: str, *, document: str = ""
) -> None:
    """Put what was taken back into its batches, as RETURN rows; also into one that has expired since.

    Raises `Conflict` with `location_suspended`, or `NotFound` when one of the batches is not at that location.
    """
    await enter_in_tx(actor, location_id, taken, TransactionType.RETURN, reason, document=document)


async def enter_in_tx(
    actor: Actor,
    location_id: UUID,
    moves: Sequence[tuple[UUID, Decimal]],
    transaction_type: TransactionType | str,
    reason: str,
    *,
    document: str = "",
    from_location_id: UUID | None = None,
) -> list[UUID]:
    """Write a ledger row for each of these batches of a location, and give their ids; an ADJUSTMENT may be negative.

    Raises `NotFound`, or `Conflict`: `out_of_stock` where a batch would be left with less than nothing, or
    `location_suspended`.
    """
    batches, amounts = [one[0] for one in moves], [one[1] for one in moves]
    kind = str(transaction_type)
    rows = await db.fetch(
        statements.ENTER, location_id, batches, amounts, kind, actor.id, reason, document, from_location_id
    )
    if not rows:
        raise await _why_not(location_id, None, None, to_dispose=True)
    await events.tell_moved_in_tx(location_id, [row["item_id"] for row in rows])
    return [row["id"] for row in rows]


async def _why_not(
    location_id: UUID, item_id: UUID | None, batch_id: UUID | None, to_dispose: bool
) -> Conflict | NotFound:
    row = await db.fetch_row(statements.WHY, location_id, item_id, batch_id)
    if row is None:
        return NotFound()
    if not row["active"]:
        return Conflict("location_suspended", _("This place is suspended. Its stock cannot be moved."))
    if item_id is None or (batch_id and row["quantity"] is None):
        return NotFound()
    if row["recalled_at"] and not to_dispose:
        return Conflict("batch_recalled", _(RECALLED))
    if row["expiry_date"] and row["expiry_date"] < row["today"] and not to_dispose:
        return Conflict("batch_expired", _(EXPIRED))
    available = row["quantity"] if batch_id else row["available"]
    return Conflict("out_of_stock", _(NOT_ENOUGH), available=float(available))  # a number in JSON, and exact
