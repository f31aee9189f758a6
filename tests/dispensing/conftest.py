"""The whole portal in this process, and ways to look past it into what was given out."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx

from portal import db
from tests.clients import app, client
from tests.factories import Person

__all__ = ["app", "client"]


async def post(client: httpx.AsyncClient, who: Person, path: str, body: Any = None) -> httpx.Response:
    extra = {"json": body} if body is not None else {}
    return await client.post(f"/api{path}", headers=who.bearer, **extra)


async def get(client: httpx.AsyncClient, who: Person, path: str, **query: Any) -> httpx.Response:
    return await client.get(f"/api{path}", headers=who.bearer, params=query)


async def status_of(prescription_id: UUID) -> str:
    return str(await db.fetch_value("SELECT status FROM prescription WHERE id = $1", prescription_id))


async def dispensed(item_id: UUID) -> Decimal:
    return Decimal(await db.fetch_value("SELECT dispensed FROM prescription_item WHERE id = $1", item_id))


async def ledger_of(batch_id: UUID) -> list[tuple[str, Decimal]]:
    """What moved a batch, after it was received."""
    sql = "SELECT transaction_type, quantity FROM stock_transaction WHERE batch_id = $1 ORDER BY created_at, id"
    return [(row["transaction_type"], row["quantity"]) for row in await db.fetch(sql, batch_id)][1:]


async def history_of(prescription_id: UUID) -> list[tuple[str, str]]:
    sql = "SELECT from_status, to_status FROM prescription_history WHERE prescription_id = $1 ORDER BY at"
    return [(row["from_status"], row["to_status"]) for row in await db.fetch(sql, prescription_id)]


async def audit_of(subject_id: object, outcome: str = "OK") -> list[tuple[str, str | None]]:
    """Actions and reasons of one thing in the audit."""
    sql = "SELECT action, reason FROM audit_event WHERE subject_id = $1 AND outcome = $2 ORDER BY at"
    return [(row["action"], row["reason"]) for row in await db.fetch(sql, str(subject_id), outcome)]
