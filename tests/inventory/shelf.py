"""Medicines on shelves, made by plain SQL: items, batches and what the ledger says of them."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from portal import db
from portal.accounts.schemas import Role
from portal.ids import uuid7
from tests import factories
from tests.factories import Person

_numbers = count(1)


@dataclass
class Shelf:
    """A pharmacy with its pharmacist, and an item that is kept there."""

    pharmacist: Person
    pharmacy_id: UUID
    item_id: UUID


async def pharmacy(name: str = "", **more: Any) -> UUID:
    pharmacy_id = uuid7()
    await db.execute(
        "INSERT INTO pharmacy (id, name, time_zone, active) VALUES ($1, $2, $3, $4)",
        pharmacy_id, name or f"Pharmacy {next(_numbers)}", more.get("time_zone", "UTC"), more.get("active", True),
    )  # fmt: skip
    return pharmacy_id


async def item(name: str = "", **more: Any) -> UUID:
    item_id = uuid7()
    await db.execute(
        "INSERT INTO catalog_item (id, name, active_ingredient, form, strength, unit_type, reorder_threshold)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        item_id, name or f"Item {next(_numbers)}", more.get("ingredient", "Substance"), more.get("form", "tablet"),
        more.get("strength", "400 mg"), more.get("unit_type", "TABLETS"), Decimal(more.get("threshold", 0)),
    )  # fmt: skip
    return item_id


async def batch(item_id: UUID, location_id: UUID, quantity: str | int = 100, **more: Any) -> UUID:
    """A batch that expires in a year unless told otherwise, received by nobody in particular."""
    batch_id, actor_id = uuid7(), more.get("actor_id", uuid7())
    await db.execute(
        "INSERT INTO batch (id, item_id, location_id, batch_number, expiry_date, cost_price, selling_price, currency)"
        " VALUES ($1, $2, $3, $4, $5, 1, $6, 'USD')",
        batch_id, item_id, location_id, more.get("number", f"B{next(_numbers)}"),
        more.get("expires", date.today() + timedelta(days=more.get("days", 365))), Decimal(more.get("price", 2)),
    )  # fmt: skip
    await db.execute(
        "INSERT INTO stock_transaction (item_id, batch_id, location_id, transaction_type, quantity, balance, actor_id)"
        " VALUES ($1, $2, $3, 'IN', $4, 0, $5)",
        item_id, batch_id, location_id, Decimal(quantity), actor_id,
    )  # fmt: skip
    if more.get("recalled"):
        await db.execute(
            "UPDATE batch SET recalled_at = clock_timestamp(), recall_reason = 'told', counted = false WHERE id = $1",
            batch_id,
        )
    return batch_id


async def shelf(quantity: str | int = 100, **more: Any) -> Shelf:
    """A pharmacy with one item, of which it has one batch (none for 0)."""
    pharmacy_id = await pharmacy()
    pharmacist = await factories.person(Role.PHARMACY, pharmacy_id=pharmacy_id)
    item_id = await item(**more)
    if Decimal(quantity):
        await batch(item_id, pharmacy_id, quantity)
    return Shelf(pharmacist, pharmacy_id, item_id)


async def quantity_of(batch_id: UUID) -> Decimal:
    return Decimal(await db.fetch_value("SELECT quantity FROM batch WHERE id = $1", batch_id))


async def level(shelf: Shelf) -> Decimal:
    """What may be given out, as the level's row says."""
    sql = "SELECT quantity FROM stock_level WHERE item_id = $1 AND location_id = $2"
    return Decimal(await db.fetch_value(sql, shelf.item_id, shelf.pharmacy_id))
