"""Counting, and taking in a file: each as a whole or not at all."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from portal import db
from portal.accounts.schemas import Actor
from portal.audit.actions import record_in_tx
from portal.errors import Conflict
from portal.ids import uuid7
from portal.inventory import policy
from portal.inventory.ledger import enter_in_tx
from portal.inventory.queries import today_at
from portal.inventory.schemas import TransactionType
from portal.stocktakes import queries, spreadsheets, statements
from portal.stocktakes.schemas import Count, FileRow, ImportReport, LineError, NewCount, StockFile
from portal.web.i18n import N_, _

AGAIN = N_("This file has been taken in here already.")
db.conflict_for("stock_import_once", "already_imported", AGAIN)


@db.retried
async def count(actor: Actor, data: NewCount) -> Count:
    """Keep a count: what differs goes into the ledger as adjustments, all of it in one transaction.

    Raises `Forbidden`, `NotFound`, or `Conflict`: `stock_moved` where a batch has moved since it was counted (with what
    it holds now), or `location_suspended`.
    """
    policy.demand_own(actor, data.location_id)
    count_id = uuid7()
    columns = [[getattr(one, name) for one in data.lines] for name in ("batch_id", "expected", "counted")]
    async with db.transaction():
        await db.execute(statements.COUNT, count_id, data.location_id, actor.id, data.note or "")
        rows = await db.fetch(statements.COUNT_LINES, count_id, data.location_id, *columns)
        if not rows:
            raise await _moved(data)
        differences = [(row["batch_id"], row["difference"]) for row in rows if row["difference"]]
        if differences:
            reason = data.note or _("Counted")
            kind = TransactionType.ADJUSTMENT
            await enter_in_tx(actor, data.location_id, differences, kind, reason, document=f"count {count_id}")
        await record_in_tx(actor, "stock.counted", subject_type="stock_count", subject_id=count_id)
        return await queries.get_count(actor, count_id)


async def _moved(data: NewCount) -> Conflict:
    expected = [one.expected for one in data.lines]
    rows = await db.fetch(statements.MOVED, data.location_id, [one.batch_id for one in data.lines], expected)
    text = _("Some of it has moved since you counted. Count these batches again.")
    return Conflict(
        "stock_moved", text, moved=[{"batch_id": row["id"], "quantity": float(row["quantity"])} for row in rows]
    )


class Found(NamedTuple):
    """A line of a file, and the item that it means; None for one that is new."""

    line: int
    row: FileRow
    item_id: UUID | None


@db.retried
async def import_file(actor: Actor, data: StockFile) -> ImportReport:
    """Receive everything that a file lists, or, as a dry run, only say what that would be; with a bad line, nothing.

    Raises `Forbidden`, `NotFound`, or `Conflict`: `bad_lines` (with the `errors`), `already_imported`, or
    `location_suspended`.
    """
    policy.demand_own(actor, data.location_id)
    good, errors = spreadsheets.read(data.csv)
    found, more = await _matched(good, await today_at(data.location_id))
    errors = sorted([*errors, *more], key=lambda one: one.line)
    new = {_key(one.row): one for one in found if one.item_id is None}
    report = ImportReport(
        lines=len(good) + len({one.line for one in errors} - good.keys()),
        batches=len({(one.item_id or _key(one.row), one.row.batch_number, one.row.expiry_date) for one in found}),
        new_items=[one.row.label for one in new.values()],
        errors=errors,
        dry_run=data.dry_run,
        imported=not data.dry_run,
    )
    if data.dry_run:
        return report
    if errors:
        raise Conflict("bad_lines", _("Some lines are wrong. Nothing was taken in."), errors=errors[:200])
    async with db.transaction():
        await _take_in_tx(actor, data, found, list(new.values()))
    return report


async def _matched(good: dict[int, FileRow], today: date) -> tuple[list[Found], list[LineError]]:
    """What each line means in the catalogue, and the lines that mean nothing or too much."""
    names = ("name", "strength", "form", "unit_type")
    columns = [[str(getattr(row, name) or "") for row in good.values()] for name in names]
    matches = await db.fetch(statements.MATCH, *columns, public=True)
    found, errors = [], []
    for (line, row), match in zip(good.items(), matches, strict=True):
        if row.expiry_date < today:
            text = _("This batch has expired. It cannot be received.")
            errors.append(LineError(line=line, field="expiry_date", message=text))
        elif match["found"] > 1:
            errors.append(
                LineError(line=line, field="unit_type", message=_("There are several of this name. Say which unit."))
            )
        elif not match["found"] and row.unit_type is None:
            text = _("This is not in the catalogue. Give its unit to add it.")
            errors.append(LineError(line=line, field="name", message=text))
        else:
            found.append(Found(line, row, match["item_id"]))
    return found, errors


async def _take_in_tx(actor: Actor, data: StockFile, found: Sequence[Found], new: Sequence[Found]) -> None:
    import_id, digest = uuid7(), sha256(data.csv.encode()).digest()
    await db.execute(statements.IMPORTED, import_id, data.location_id, actor.id, digest, len(found))
    made = await _add_items_in_tx([one.row for one in new])
    lines = [(one.item_id or made[_key(one.row)], one.row) for one in found]
    batches = await _add_batches_in_tx(data.location_id, lines)
    moves = [(batches[item_id, row.batch_number, row.expiry_date], row.quantity) for item_id, row in lines]
    document = f"import {import_id}"
    await enter_in_tx(actor, data.location_id, moves, TransactionType.IN, _("From a file"), document=document)
    await record_in_tx(actor, "stock.imported", subject_type="stock_import", subject_id=import_id)


async def _add_items_in_tx(rows: Sequence[FileRow]) -> dict[tuple[str, ...], UUID]:
    ids = [uuid7() for _row in rows]
    names = ("name", "active_ingredient", "form", "strength", "unit_type", "category")
    columns = [[str(getattr(row, name) or "") for row in rows] for name in names]
    await db.execute(statements.NEW_ITEMS, ids, *columns, [row.reorder_threshold for row in rows])
    return {_key(row): made for row, made in zip(rows, ids, strict=True)}


async def _add_batches_in_tx(
    location_id: UUID, lines: Sequence[tuple[UUID, FileRow]]
) -> dict[tuple[UUID, str, date], UUID]:
    """One row a batch, also where the file lists it on several lines; the prices are those of its last."""
    last = {(item_id, row.batch_number, row.expiry_date): row for item_id, row in lines}
    amounts: list[list[Decimal]] = [
        [row.cost_price for row in last.values()],
        [row.selling_price for row in last.values()],
    ]
    keys = [[key[number] for key in last] for number in range(3)]
    currencies = [row.currency for row in last.values()]
    rows = await db.fetch(statements.BATCHES, location_id, [uuid7() for _key in last], *keys, *amounts, currencies)
    return {(row["item_id"], row["batch_number"], row["expiry_date"]): row["id"] for row in rows}


def _key(row: FileRow) -> tuple[str, ...]:
    """What makes two lines the same medicine."""
    parts = (row.name, row.strength or "", row.form or "", row.unit_type or "")
    return tuple(str(part).casefold() for part in parts)
