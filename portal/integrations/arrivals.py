"""What other systems tell on RabbitMQ, where `PORTAL_AMQP_CONSUME` says that the portal acts on it.

Each event has its effect once, however often it is delivered. One that nobody can make sense of goes to the queue
`care-portal-dead-letters` with the reason, and never stands in the way of the next; while the database is away, all wait.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

import aio_pika
import asyncpg
import msgspec
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

from portal import acting, liveness, outbox
from portal.errors import DomainError, Unavailable
from portal.integrations.broker import PUBLISH_SECONDS, declare
from portal.outbox import Arrival, BadEvent

logger = logging.getLogger(__name__)

DEAD_LETTERS = "care-portal-dead-letters"
PAUSE_SECONDS = 2.0  # before the next try, when broker or database are away
AT_ONCE = 10  # messages that a queue may hand out before they are done
TRIES = 3  # of an event that fails in a way that nobody thought of
PASSING = (Unavailable, OSError, TimeoutError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError)


class Envelope(msgspec.Struct, frozen=True):
    """What every event has, whoever wrote it; more fields are no matter."""

    event_id: UUID
    event_type: str
    data: dict[str, object]


@asynccontextmanager
async def listening(amqp_url: str, arrivals: Sequence[Arrival]) -> AsyncIterator[None]:
    """Act on these events for as long as the block runs; on none without an address."""
    task = asyncio.create_task(_for_ever(amqp_url, arrivals), name="arrivals") if amqp_url else None
    try:
        yield
    finally:
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def _for_ever(amqp_url: str, arrivals: Sequence[Arrival]) -> None:
    acting.become(acting.PORTAL)  # this task works for other systems, and does nothing else
    while True:
        try:
            await _while_connected(amqp_url, arrivals)
        except Exception as error:
            logger.warning("listening to events failed (%s); trying again", type(error).__name__)
        await asyncio.sleep(PAUSE_SECONDS)


async def _while_connected(amqp_url: str, arrivals: Sequence[Arrival]) -> None:
    """Until the connection ends, which raises."""
    wanted: dict[str, dict[str, Arrival]] = defaultdict(dict)
    for one in arrivals:
        wanted[one.queue][one.event_type] = one
    async with await aio_pika.connect(amqp_url, timeout=PUBLISH_SECONDS) as connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        await channel.set_qos(AT_ONCE)
        await declare(connection, channel)
        await channel.declare_queue(DEAD_LETTERS, durable=True)
        async with asyncio.TaskGroup() as group:
            for name, known in wanted.items():
                group.create_task(_work(channel, await channel.get_queue(name), known))


async def _work(channel: AbstractChannel, queue: AbstractQueue, known: dict[str, Arrival]) -> None:
    async with queue.iterator() as messages:
        async for message in messages:
            await _take(channel, queue.name, message, known)
    raise ConnectionError  # the broker has ended it


async def _take(
    channel: AbstractChannel, queue: str, message: AbstractIncomingMessage, known: dict[str, Arrival]
) -> None:
    """One message, until it has had its effect or lies with the dead letters; only then is it acknowledged."""
    try:
        with liveness.turn("LOOP", "arrivals"):
            event = _read(message.body)
            arrival = known.get(event.event_type)
            if arrival is None:
                raise BadEvent(f"unknown event type {event.event_type[:60]}")
            await _patiently(event, arrival)
    except BadEvent as bad:
        await _bury(channel, queue, message, str(bad))
    await message.ack()


def _read(body: bytes) -> Envelope:
    """Raises `BadEvent` for whatever goes wrong: a text of others may be broken, or nested, in ways nobody thought of."""
    try:
        return msgspec.json.decode(body, type=Envelope)
    except Exception as error:
        raise BadEvent(f"not an event: {type(error).__name__}") from None


async def _patiently(event: Envelope, arrival: Arrival) -> None:
    """Until it has had its effect. Raises `BadEvent` for what will never have one."""
    failed = 0
    while True:
        try:
            await outbox.take_once(event.event_id, event.event_type, partial(arrival.take, event.data))
            return
        except BadEvent:
            raise
        except PASSING as error:
            logger.warning("an event waits (%s)", type(error).__name__)
        except DomainError as error:
            raise BadEvent(f"refused: {error.code}") from None
        except msgspec.ValidationError as error:
            raise BadEvent(f"its data cannot be read: {error}") from None
        except Exception as error:
            failed += 1
            logger.warning("event %s failed (%s)", event.event_id, type(error).__name__)
            if failed == TRIES:
                raise BadEvent(f"failed {TRIES} times: {type(error).__name__}") from None
        await asyncio.sleep(PAUSE_SECONDS)


async def _bury(channel: AbstractChannel, queue: str, message: AbstractIncomingMessage, reason: str) -> None:
    """Keep a message as it came, with the reason, where a person can look at it.

    Raises `DeliveryError` when the broker does not keep it: then the message stays where it was, and is tried again.
    """
    logger.error("an event of %s is a dead letter: %s", queue, reason)
    kept = aio_pika.Message(
        message.body,
        headers={"x-reason": reason[:500], "x-queue": queue},
        content_type=message.content_type,
        message_id=message.message_id,
        type=message.type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )
    await channel.default_exchange.publish(kept, routing_key=DEAD_LETTERS, mandatory=True, timeout=PUBLISH_SECONDS)
