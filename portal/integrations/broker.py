"""Integration events on RabbitMQ: durable topic exchanges, persistent messages, publisher confirms.

An event that no queue is bound for goes to the alternate exchange `care-portal-unrouted` and its queue, so that nothing
is dropped silently and a site may bind its consumers later.
"""

import asyncio
import contextlib

import aio_pika
import msgspec
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.exceptions import AMQPConnectionError, ChannelInvalidStateError

from portal.outbox import Event, SinkAway

UNROUTED = "care-portal-unrouted"
UNROUTED_MOST = 100_000  # messages kept in the unrouted queue; the oldest go first
PUBLISH_SECONDS = 5.0
ASK_SECONDS = 0.01  # what the broker has said is known here; this waits for nobody

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
    """A publisher that connects when it is first needed and again whenever it must; `send` is the outbox's sink."""

    def __init__(self, amqp_url: str) -> None:
        self._url = amqp_url
        self._connection: AbstractConnection | None = None
        self._exchanges: dict[str, AbstractExchange] = {}

    async def send(self, event: Event) -> None:
        """Publish one event and wait for the broker's confirm.

        Raises `SinkAway` when the broker cannot be reached, and another error when it refuses this event.
        """
        message = aio_pika.Message(
            msgspec.json.encode(event.envelope()),
            content_type="application/json",
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
            message_id=str(event.id),
            type=event.event_type,
            timestamp=event.created_at,
        )
        try:
            exchange = (await self._connected())[EXCHANGES[event.event_type.partition(".")[0]]]
            await exchange.publish(message, routing_key=event.event_type, mandatory=True, timeout=PUBLISH_SECONDS)
        except (OSError, TimeoutError, AMQPConnectionError, ChannelInvalidStateError) as error:
            if not await self._is_blocked():
                await self.close()
            raise SinkAway(type(error).__name__) from error

    async def close(self) -> None:
        """Let the connection go; the next `send` makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                await connection.close()

    async def _is_blocked(self) -> bool:
        """Whether the broker has said on this connection that it takes nothing for now (its memory or disk alarm).

        Then the connection stays: the broker would not even read that we close it, and hold one more with each try.
        """
        if self._connection is None or self._connection.is_closed or self._connection.transport is None:
            return False
        try:
            async with asyncio.timeout(ASK_SECONDS):
                await self._connection.transport.connection.ready()
        except TimeoutError:
            return True
        return False

    async def _connected(self) -> dict[str, AbstractExchange]:
        if await self._is_blocked():
            raise TimeoutError
        if self._connection is None or self._connection.is_closed:
            self._connection = await aio_pika.connect(self._url, timeout=PUBLISH_SECONDS)
            channel = await self._connection.channel(publisher_confirms=True, on_return_raises=True)
            self._exchanges = await declare(channel)
        return self._exchanges


async def declare(channel: AbstractChannel) -> dict[str, AbstractExchange]:
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
