"""What open pages of a place are told about its stock, and what other systems are told; ids and amounts only."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from portal import db, live
from portal.accounts.schemas import Actor, Role
from portal.appointments.events import CLINIC
from portal.inventory import statements
from portal.outbox import emit_in_tx

MOST_TOLD = 20


async def may_listen_to_pharmacy(actor: Actor | None, topic: str) -> bool:
    """The staff of the pharmacy."""
    return actor is not None and actor.role is Role.PHARMACY and live.topic_parts(topic) == [actor.pharmacy_id]


PHARMACY = live.register(live.TopicKind(prefix="pharmacy", parts=(UUID,), may_listen=may_listen_to_pharmacy))


def topic_of(kind: str, location_id: UUID) -> str:
    """The topic of a place's staff."""
    return f"{(PHARMACY if kind == 'PHARMACY' else CLINIC).prefix}:{location_id}"


async def tell_moved_in_tx(location_id: UUID, item_ids: Iterable[UUID]) -> None:
    """Pages of the place that show these items; and where one has just become few, everybody who is to know, once."""
    items = list(dict.fromkeys(item_ids))
    kind = await db.fetch_value("SELECT kind FROM stock_location WHERE id = $1", location_id)
    topic = topic_of(kind, location_id)
    for row in await db.fetch(statements.TELL_LOW, location_id, items):
        amounts = {name: float(row[name]) for name in ("quantity", "threshold")}  # as numbers; twelve digits are exact
        data = {"item_id": row["item_id"], "location_id": location_id, **amounts}
        await emit_in_tx("stock.low", row["item_id"], data)
        live.publish(topic, "stock.low", item_id=row["item_id"])
    for item_id in items[:MOST_TOLD]:  # a page asks anew after the first, whichever it is
        live.publish(topic, "stock.changed", item_id=item_id)


async def tell_expiring_in_tx(row: Any) -> None:
    """A batch that expires soon, to other systems and to the place's open pages."""
    amounts = {name: float(row[name]) for name in ("quantity", "threshold")}
    ids = {"item_id": row["item_id"], "location_id": row["location_id"], "batch_id": row["id"]}
    await emit_in_tx("stock.expiring", row["item_id"], {**ids, **amounts, "expiry_date": row["expiry_date"]})
    live.publish(topic_of(row["kind"], row["location_id"]), "stock.expiring", item_id=row["item_id"])
