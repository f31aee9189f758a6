"""Writes of the catalogue, which all places share: each is in the audit with who did it."""

from typing import Any
from uuid import UUID

from portal import db
from portal.accounts.schemas import Actor
from portal.audit.actions import record_in_tx
from portal.catalogue import policy, queries
from portal.catalogue.schemas import CatalogItem, ItemChange, NewItem
from portal.errors import Forbidden, NotFound
from portal.ids import uuid7
from portal.web.i18n import N_

THERE = N_("This medicine is in the catalogue already, in this strength and form.")
db.conflict_for("catalog_item_once", "already_in_catalog", THERE)

ADD = """
INSERT INTO catalog_item AS i (id, name, active_ingredient, form, strength, unit_type, category, reorder_threshold, max_daily)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING""" + queries.COLUMNS  # fmt: skip
CHANGE = """
UPDATE catalog_item i SET name = $2, active_ingredient = $3, form = $4, strength = $5, unit_type = $6, category = $7,
    reorder_threshold = $8, max_daily = $9, is_active = $10
WHERE id = $1 RETURNING""" + queries.COLUMNS  # fmt: skip


@db.retried
async def add_item(actor: Actor, data: NewItem) -> CatalogItem:
    """Add a medicine. Raises `Forbidden`, or `Conflict` (`already_in_catalog`), however its name is written."""
    if not policy.may_keep(actor):
        raise Forbidden
    async with db.transaction():
        row = await db.fetch_row(ADD, uuid7(), *_values(data))
        item = queries.as_item(row)
        await record_in_tx(actor, "catalog.added", subject_type="catalog_item", subject_id=item.id)
    return item


@db.retried
async def change_item(actor: Actor, item_id: UUID, data: ItemChange) -> CatalogItem:
    """Change a medicine, or use it no longer. What was prescribed before keeps its own words.

    Raises `Forbidden`, `NotFound`, or `Conflict` (`already_in_catalog`).
    """
    if not policy.may_keep(actor):
        raise Forbidden
    async with db.transaction():
        row = await db.fetch_row(CHANGE, item_id, *_values(data), data.is_active)
        if row is None:
            raise NotFound
        await record_in_tx(actor, "catalog.changed", subject_type="catalog_item", subject_id=item_id)
    return queries.as_item(row)


def _values(data: NewItem) -> tuple[Any, ...]:
    texts = (data.active_ingredient or "", data.form or "", data.strength or "")
    return (data.name, *texts, data.unit_type, data.category or "", data.reorder_threshold, data.max_daily)
