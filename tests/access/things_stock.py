"""What lies on the shelves of one side: an item of its own, with batches, movements and a count, all with canaries."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from portal import db
from portal.ids import uuid7
from tests.access.canaries import canary

BATCH = """
INSERT INTO batch (id, item_id, location_id, batch_number, expiry_date, cost_price, selling_price, currency)
VALUES ($1, $2, $3, $4, $5, 1, 2, 'USD')
"""
RECEIVED = """
INSERT INTO stock_transaction (item_id, batch_id, location_id, transaction_type, quantity, balance, actor_id, reason, document)
VALUES ($1, $2, $3, 'IN', 40, 0, $4, $5, $5)
"""
USED = """
INSERT INTO stock_transaction (item_id, batch_id, location_id, transaction_type, quantity, balance, actor_id)
VALUES ($1, $2, $3, 'OUT', 1, 0, $4)
"""
STOPPED = "UPDATE batch SET recalled_at = clock_timestamp(), recall_reason = $2, counted = false WHERE id = $1"
COUNTED = "INSERT INTO stock_count (id, location_id, actor_id, note) VALUES ($1, $2, $3, $4)"
COUNTED_LINE = "INSERT INTO stock_count_line (count_id, batch_id, expected, counted) VALUES ($1, $2, 40, 40)"
IMPORTED = "INSERT INTO stock_import (id, location_id, actor_id, digest, lines) VALUES ($1, $2, $3, '\\x01', 1)"
UNITS = {"owner": "TABLETS", "other": "CAPSULES", "elsewhere": "VIALS"}  # so that they may have the same name


async def of_side(side: str, clinic_id: UUID, pharmacy_id: UUID, admin_id: UUID, pharmacist_id: UUID) -> dict[str, Any]:
    """The item is public, as all of the catalogue; its batches are those of the place."""
    item, count = uuid7(), uuid7()
    await db.execute(
        "INSERT INTO catalog_item (id, name, unit_type, reorder_threshold) VALUES ($1, $2, $3, 500)",
        item, f"Shared {side}", UNITS[side],
    )  # fmt: skip
    found: dict[str, Any] = {"stock_item": item, "stock_count": count}
    for days, (name, place, actor, audience) in enumerate((
        ("pharmacy_batch", pharmacy_id, pharmacist_id, "counter"), ("clinic_batch", clinic_id, admin_id, "shelf"),
        ("good_batch", pharmacy_id, pharmacist_id, "counter"), ("stopped_batch", pharmacy_id, pharmacist_id, "counter"),
    )):  # fmt: skip
        batch, text = uuid7(), canary(side, audience)
        lot = (
            f"{name}-{side}" if name in ("good_batch", "stopped_batch") else text
        )  # those are searched by their numbers
        await db.execute(BATCH, batch, item, place, lot, date.today() + timedelta(days=20 + days))
        await db.execute(RECEIVED, item, batch, place, actor, text)
        found |= {name: batch, f"{name}_lot": lot}
    await db.execute(USED, item, found["good_batch"], pharmacy_id, pharmacist_id)
    await db.execute(STOPPED, found["stopped_batch"], canary(side, "counter"))
    await db.execute(COUNTED, count, pharmacy_id, pharmacist_id, canary(side, "counter"))
    await db.execute(COUNTED_LINE, count, found["pharmacy_batch"])
    if side != "other":  # which shares the places of the owner
        await db.execute(IMPORTED, uuid7(), pharmacy_id, pharmacist_id)
    return found
