"""Reads of counts, and stock as CSV; always of one's own places."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.errors import NotFound
from portal.inventory import policy
from portal.stocktakes import spreadsheets, statements
from portal.stocktakes.schemas import Count, CountedLine, CountLineTotal, CountList

_COUNT = """
SELECT c.id, c.location_id, l.name AS location_name, c.actor_id, name_of(c.actor_id) AS actor_name, c.note, c.created_at,
    n.counted, n.different
FROM stock_count c JOIN stock_location l ON l.id = c.location_id, LATERAL (
    SELECT count(*) AS counted, count(*) FILTER (WHERE s.counted <> s.expected) AS different
    FROM stock_count_line s WHERE s.count_id = c.id) n
"""
LIST = _COUNT + " WHERE c.location_id = ANY($1) ORDER BY c.created_at DESC, c.id DESC OFFSET $2 LIMIT $3"
TOTAL = "SELECT count(*) FROM stock_count WHERE location_id = ANY($1)"
ONE = _COUNT + " WHERE c.location_id = ANY($1) AND c.id = $2"
LINES = """
SELECT s.batch_id, b.item_id, concat_ws(' ', i.name, nullif(i.strength, ''), nullif(i.form, '')) AS item_name, b.batch_number,
    b.expiry_date, s.expected, s.counted, s.counted - s.expected AS difference
FROM stock_count_line s JOIN batch b ON b.id = s.batch_id JOIN catalog_item i ON i.id = b.item_id
WHERE s.count_id = $1 ORDER BY (s.counted = s.expected), i.name_key, b.expiry_date, b.id
"""


async def list_counts(actor: Actor, location_id: UUID | None = None, skip: int = 0, limit: int = 10) -> CountList:
    """The counts that were kept, the latest first. Raises `Forbidden`, `NotFound`."""
    places = policy.among_own(actor, location_id)
    rows = await db.fetch(LIST, places, skip, limit)
    total = await db.fetch_value(TOTAL, places)
    return CountList(total=total, skip=skip, limit=limit, counts=[_as(CountLineTotal, row) for row in rows])


async def get_count(actor: Actor, count_id: UUID) -> Count:
    """One count, what differed on top. Raises `Forbidden`, `NotFound`."""
    row = await db.fetch_row(ONE, policy.own_locations(actor), count_id)
    if row is None:
        raise NotFound
    lines = [_as(CountedLine, line) for line in await db.fetch(LINES, count_id)]
    return msgspec.convert({**dict(row), "lines": lines}, Count)


async def export_stock(actor: Actor, location_id: UUID | None = None) -> str:
    """What is on hand as CSV, in the columns that an import takes. Raises `Forbidden`, `NotFound`."""
    rows = await db.fetch(statements.EXPORT, policy.among_own(actor, location_id))
    return spreadsheets.written(list(rows[0].keys()) if rows else spreadsheets.NEEDED, [tuple(row) for row in rows])


async def export_movements(
    actor: Actor, location_id: UUID | None = None, since: date | None = None, until: date | None = None
) -> str:
    """The ledger as CSV, the latest first. Raises `Forbidden`, `NotFound`."""
    rows = await db.fetch(statements.EXPORT_MOVEMENTS, policy.among_own(actor, location_id), since, until)
    table = [(row[0].strftime("%Y-%m-%dT%H:%M:%SZ"), *tuple(row)[1:]) for row in rows]
    return spreadsheets.written(list(rows[0].keys()) if rows else ["created_at"], table)


def _as(kind: Any, row: Any) -> Any:
    return msgspec.convert({name: row[name] for name in kind.__struct_fields__}, kind)
