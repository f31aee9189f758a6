"""Integration events and jobs: written in the transaction of the change they tell of, carried out later.

An event waits in `outbox_event` until a relay has delivered it. A relay takes the oldest waiting event of each
aggregate (never a second one while the first is under way, which keeps their order), leases it by moving `due_at`,
delivers outside any transaction, and marks it. A relay that dies loses its lease after `LEASE_SECONDS` and the
event is delivered again: at least once, by an id that the receiver can recognise.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from portal import db, tracing
from portal.faults import fault
from portal.ids import uuid7
from portal.settings import Settings

logger = logging.getLogger(__name__)

LEASE_SECONDS = 30
BATCH = 100
MOST_ATTEMPTS = 12  # 47 minutes of waits that double up to a quarter of an hour, then a person looks at it

# What other systems may count on (see the contract of events): nothing else leaves the portal.
EVENT_TYPES = frozenset(
    """
    user.registered user.verified user.suspended
    appointment.booked appointment.confirmed appointment.checked_in appointment.started appointment.completed
    appointment.cancelled appointment.no_show appointment.rescheduled appointment.referred
    video.consultation.created video.consultation.started video.consultation.completed video.consultation.cancelled
    prescription.issued prescription.filled prescription.partially_filled prescription.cancelled
    stock.low stock.expiring
    """.split()  # noqa: SIM905  # a table to read, not a list to maintain
)

# What PgQueuer writes, but for the row in its own log. The library takes 13 MB, and is there where jobs are run.
ENQUEUE = """
INSERT INTO pgqueuer (priority, status, entrypoint, payload) SELECT 0, 'queued', $1, payload FROM unnest($2::bytea[]) AS payload
"""
INSERT = "INSERT INTO outbox_event (id, event_type, aggregate_id, data) VALUES ($1, $2, $3, $4)"

CLAIM = """
UPDATE outbox_event SET due_at = clock_timestamp() + make_interval(secs => $1), attempts = attempts + 1
WHERE id IN (
    SELECT e.id FROM outbox_event e
    WHERE e.delivered_at IS NULL AND e.dead_at IS NULL AND e.due_at <= clock_timestamp() AND NOT EXISTS (
        SELECT FROM outbox_event p
        WHERE p.aggregate_id = e.aggregate_id AND p.position < e.position AND p.delivered_at IS NULL AND p.dead_at IS NULL)
    ORDER BY e.position LIMIT $2 FOR UPDATE SKIP LOCKED)
RETURNING id, event_type, aggregate_id, data, created_at, attempts, position
"""
DELIVERED = "UPDATE outbox_event SET delivered_at = clock_timestamp(), last_error = NULL WHERE id = ANY($1)"
GIVEN_BACK = "UPDATE outbox_event SET due_at = clock_timestamp(), attempts = attempts - 1 WHERE id = ANY($1)"
FAILED = """
UPDATE outbox_event SET last_error = left($2, 500),
    due_at = clock_timestamp() + make_interval(secs => least(power(2, attempts), 900)),
    dead_at = CASE WHEN attempts >= $3 THEN clock_timestamp() END
WHERE id = $1 AND delivered_at IS NULL RETURNING dead_at IS NOT NULL
"""


class Event(msgspec.Struct, frozen=True):
    """One integration event as it leaves the portal."""

    id: UUID
    event_type: str
    aggregate_id: UUID
    data: dict[str, Any]
    created_at: datetime
    attempts: int
    position: int

    def envelope(self) -> dict[str, Any]:
        """The body that other systems receive; `event_id` lets them drop a second delivery."""
        return {
            "event_id": str(self.id),
            "event_type": self.event_type,
            "timestamp": self.created_at.isoformat().replace("+00:00", "Z"),
            "version": 1,
            "data": self.data,
        }


class SinkAway(Exception):
    """The receiving system cannot be reached at all: nobody's fault among the events, so none of them is counted."""


Sink = Callable[[Event], Awaitable[None]]


class Job(msgspec.Struct, frozen=True):
    """Work that an action queues with `enqueue_in_tx(name, payload)`; tried five times with growing pauses."""

    name: str
    run: Callable[[Settings, dict[str, Any]], Awaitable[None]]


class Loop(msgspec.Struct, frozen=True):
    """Work that is looked for every few seconds; `run` does a batch and says how much it was."""

    name: str
    run: Callable[[], Awaitable[int]]


class Schedule(msgspec.Struct, frozen=True):
    """Work that comes round by the clock; `cron` in UTC. Only one process runs each turn."""

    name: str
    cron: str
    run: Callable[[Settings], Awaitable[None]]


class Arrival(msgspec.Struct, frozen=True):
    """What is done when another system tells of something: `take(data)`, in the transaction that remembers the event.

    `queue` is one of those that the broker binds. `take` raises `BadEvent` for what nobody can make sense of.
    """

    queue: str
    event_type: str
    take: Callable[[dict[str, Any]], Awaitable[None]]


class BadEvent(Exception):
    """An event that will never be any good; the text says why, and names nobody."""


TAKE = "INSERT INTO inbox_event (id, event_type) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING true"


async def take_once(event_id: UUID, event_type: str, take: Callable[[], Awaitable[None]]) -> bool:
    """Let an event of another system have its effect, unless it has had it; whether it had it now."""
    async with db.transaction():
        if not await db.fetch_value(TAKE, event_id, event_type):
            return False
        await take()
    return True


async def emit_in_tx(event_type: str, aggregate_id: UUID, data: dict[str, Any]) -> None:
    """Store one event; `event_type` is its routing key, and events of one aggregate are delivered in order.

    Raises RuntimeError outside a transaction (an event without its change would be a lie) and ValueError for a type
    that is not in the contract.
    """
    _demand_transaction()
    if event_type not in EVENT_TYPES:
        raise ValueError(f"{event_type} is not an integration event")
    await db.execute(INSERT, uuid7(), event_type, aggregate_id, data)


async def enqueue_in_tx(job: str, payload: dict[str, Any]) -> None:
    """Queue one job on PgQueuer; it exists only if the transaction commits."""
    await enqueue_many_in_tx(job, [payload])


async def enqueue_many_in_tx(job: str, payloads: list[dict[str, Any]]) -> None:
    """The same for several payloads of one job."""
    _demand_transaction()
    await db.execute(ENQUEUE, job, [msgspec.json.encode(payload) for payload in payloads])


def _demand_transaction() -> None:
    if not db.in_transaction():
        raise RuntimeError("events and jobs belong to the transaction of their change")


async def relay_once(sink: Sink) -> int:
    """Deliver one batch; the number of events taken.

    A failing event waits, doubling, and blocks its own aggregate only; after `MOST_ATTEMPTS` it is parked for a
    person to look at. Raises `SinkAway` when the receiver cannot be reached; the events keep their turn.
    """
    rows = await db.fetch(CLAIM, float(LEASE_SECONDS), BATCH)
    waiting = sorted((Event(**row) for row in rows), key=lambda event: event.position, reverse=True)
    delivered: list[UUID] = []
    try:
        while waiting:
            if await _delivered(waiting[-1], sink):
                delivered.append(waiting[-1].id)
            waiting.pop()
    finally:
        if delivered:
            await fault("before_mark")
            await db.execute(DELIVERED, delivered)
            await fault("after_mark")
        if waiting:
            await db.execute(GIVEN_BACK, [event.id for event in waiting])
    return len(rows)


async def _delivered(event: Event, sink: Sink) -> bool:
    if event.event_type not in EVENT_TYPES:  # written by an earlier version; nobody has been promised it
        return True
    try:
        await fault("before_publish")
        with tracing.span("publish event", **{"portal.event_type": event.event_type}):
            await sink(event)
        await fault("after_publish")
    except SinkAway:
        raise
    except Exception as error:
        if await db.fetch_value(FAILED, event.id, f"{type(error).__name__}: {error}", MOST_ATTEMPTS):
            logger.error("event %s (%s) was refused too often and is parked", event.id, event.event_type)
        return False
    return True


async def send_again(event_id: UUID) -> bool:
    """Give a parked event a new start; False when it is not parked."""
    return bool(
        await db.execute(
            "UPDATE outbox_event SET dead_at = NULL, attempts = 0, due_at = clock_timestamp()"
            " WHERE id = $1 AND dead_at IS NOT NULL",
            event_id,
        )
    )
