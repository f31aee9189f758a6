"""Integration events, written in the transaction of the change they tell of, and delivered by the worker later."""

from typing import Any
from uuid import UUID

from portal import db
from portal.ids import uuid7

INSERT = "INSERT INTO outbox_event (id, event_type, aggregate_id, data) VALUES ($1, $2, $3, $4)"


async def emit_in_tx(event_type: str, aggregate_id: UUID, data: dict[str, Any]) -> None:
    """Store one event; `event_type` is its routing key, and events of one aggregate are delivered in order.

    Raises RuntimeError outside a transaction: an event without its change would be a lie.
    """
    if not db.in_transaction():
        raise RuntimeError("emit_in_tx needs an open transaction")
    await db.execute(INSERT, uuid7(), event_type, aggregate_id, data)
