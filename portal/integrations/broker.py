"""Integration events on RabbitMQ: durable topic exchanges, persistent messages, publisher confirms.

An event that no queue is bound for goes to the alternate exchange `care-portal-unrouted` and its queue, so that nothing
is dropped silently and a site may bind its consumers later.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import msgspec
from aio_pika.abc import AbstractExchange, AbstractRobustChannel

from portal.outbox import Event

logger = logging.getLogger(__name__)

UNROUTED = "care-portal-unrouted"
UNROUTED_MOST = 100_000  # messages kept in the unrouted queue; the oldest go first
PUBLISH_SECONDS = 5.0

# The first word of an event's type decides its exchange (spec: live updates and integration events).
EXCHANGES = {
    "user": "user-events",
    "appointment": "appointments-events",
    "video": "video-consultation-events",
    "prescription": "prescription-events",
    "stock": "inventory-events",
}
# Queues that other services of a clinic expect to find, and what they are bound to.
QUEUES = {
    "video-consultation-events": ("appointments-events", "appointment.booked"),
    "video-consultation-events-appointments": ("video-consultation-events", "video.consultation.completed"),
}


class Broker:
    """A publisher whose connection heals itself; `send` is the outbox's sink."""

    def __init__(self, channel: AbstractRobustChannel, exchanges: dict[str, AbstractExchange]) -> None:
        self._channel = channel
        self._exchanges = exchanges

    async def send(self, event: Event) -> None:
        """Publish one event and wait for the broker's confirm. Raises when it is not confirmed in time."""
        exchange = self._exchanges[EXCHANGES[event.event_type.partition(".")[0]]]
        message = aio_pika.Message(
            msgspec.json.encode(event.envelope()),
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=str(event.id),
            type=event.event_type,
            timestamp=event.created_at,
        )
        await exchange.publish(message, routing_key=event.event_type, mandatory=True, timeout=PUBLISH_SECONDS)


@asynccontextmanager
async def connected(amqp_url: str) -> AsyncIterator[Broker]:
    """Connect, declare what the contract promises, and publish until the block ends."""
    connection = await aio_pika.connect_robust(amqp_url, timeout=PUBLISH_SECONDS)
    async with connection:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        yield Broker(channel, await declare(channel))  # type: ignore[arg-type]  # connect_robust gives robust channels


async def declare(channel: aio_pika.abc.AbstractChannel) -> dict[str, AbstractExchange]:
    """Declare exchanges, the queues bound to them, and the place for what nobody is bound to."""
    unrouted = await channel.declare_exchange(UNROUTED, aio_pika.ExchangeType.FANOUT, durable=True)
    parked = await channel.declare_queue(UNROUTED, durable=True, arguments={"x-max-length": UNROUTED_MOST})
    await parked.bind(unrouted)
    exchanges = {
        name: await channel.declare_exchange(
            name, aio_pika.ExchangeType.TOPIC, durable=True, arguments={"alternate-exchange": UNROUTED}
        )
        for name in EXCHANGES.values()
    }
    for queue_name, (exchange, key) in QUEUES.items():
        queue = await channel.declare_queue(queue_name, durable=True)
        await queue.bind(exchanges[exchange], key)
    return exchanges
