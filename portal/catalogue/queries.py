"""Reads of the catalogue. Names of medicines are public; the words are found by an index, however many there are."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.catalogue import policy
from portal.catalogue.schemas import Catalog, CatalogItem
from portal.errors import Forbidden, NotFound

COLUMNS = """
i.id, i.name, i.active_ingredient, i.form, i.strength, i.unit_type, i.category, i.reorder_threshold, i.max_daily, i.is_active
"""
GIVEN = "WITH given AS (SELECT $1::text, $2::text, $3::text) "
AMONG = " FROM catalog_item i WHERE true"
BY_WORDS = " AND i.lexemes @@ search_query($1)"
BY_CATEGORY = " AND fold_text(i.category) = fold_text($2)"
BY_UNIT = " AND i.unit_type = $3"
IN_USE = " AND i.is_active"
# Whose name begins with what was typed comes before whose ingredient does.
ORDER = " ORDER BY i.name_key, fold_text(i.strength), i.id OFFSET $4 LIMIT $5"
BEST_FIRST = (
    " ORDER BY starts_with(i.name_key, fold_text($1)) DESC, i.name_key, fold_text(i.strength), i.id OFFSET $4 LIMIT $5"
)
ONE = "SELECT" + COLUMNS + "FROM catalog_item i WHERE i.id = $1"
MANY = "SELECT" + COLUMNS + "FROM catalog_item i WHERE i.id = ANY($1)"
SAME_INGREDIENT = (
    "SELECT"
    + COLUMNS
    + """
FROM catalog_item o JOIN catalog_item i ON i.ingredient_key = o.ingredient_key AND i.id <> o.id AND i.is_active
WHERE o.id = $1 AND o.ingredient_key <> ''
ORDER BY (fold_text(i.strength), fold_text(i.form)) = (fold_text(o.strength), fold_text(o.form)) DESC, i.name_key, i.id LIMIT 50
"""
)


async def search_items(
    actor: Actor,
    q: str | None = None,
    category: str | None = None,
    unit_type: str | None = None,
    *,
    retired_too: bool = False,
    skip: int = 0,
    limit: int = 10,
) -> Catalog:
    """The medicines whose name, ingredient or strength begins with each word. Raises `Forbidden`."""
    if not policy.may_read(actor):
        raise Forbidden
    where = AMONG + (BY_WORDS if q else "") + (BY_CATEGORY if category else "") + (BY_UNIT if unit_type else "")
    where += "" if retired_too else IN_USE
    values, order = (q, category, unit_type), BEST_FIRST if q else ORDER
    rows = await db.fetch(GIVEN + "SELECT" + COLUMNS + where + order, *values, skip, limit, public=True)
    total = len(rows)
    if skip or total == limit:
        total = await db.fetch_value(GIVEN + "SELECT count(*)" + where, *values, public=True)
    return Catalog(total=total, skip=skip, limit=limit, items=[as_item(row) for row in rows])


async def get_item(actor: Actor, item_id: UUID) -> CatalogItem:
    """One medicine. Raises `Forbidden`, `NotFound`."""
    if not policy.may_read(actor):
        raise Forbidden
    row = await db.fetch_row(ONE, item_id, public=True)
    if row is None:
        raise NotFound
    return as_item(row)


async def items_of(item_ids: Sequence[UUID]) -> dict[UUID, CatalogItem]:
    """Those of these that there are, by their id."""
    rows = await db.fetch(MANY, list(item_ids), public=True)
    return {row["id"]: as_item(row) for row in rows}


async def same_ingredient(item_id: UUID) -> list[CatalogItem]:
    """What has the same active ingredient, of the same strength and form first."""
    return [as_item(row) for row in await db.fetch(SAME_INGREDIENT, item_id, public=True)]


async def categories() -> list[str]:
    """The groups in use, by name."""
    sql = "SELECT DISTINCT category FROM catalog_item WHERE is_active AND category <> '' ORDER BY category LIMIT 100"
    return [row["category"] for row in await db.fetch(sql, public=True)]


def as_item(row: Any) -> CatalogItem:
    """A row as a Struct; further columns are left out."""
    return msgspec.convert({name: row[name] for name in CatalogItem.__struct_fields__}, CatalogItem)
