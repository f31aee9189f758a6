"""Integration events on RabbitMQ: durable topic exchanges, persistent messages, publisher confirms.

An event that no queue is bound for comes back, and goes to the exchange `care-portal-unrouted` and its queue, so that
nothing is dropped silently and a site may bind its consumers later.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import msgspec
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractExchange
from aio_pika.exceptions import (
    AMQPChannelError,
    AMQPConnectionError,
    ChannelInvalidStateError,
    ChannelPreconditionFailed,
    PublishError,
)

from portal.outbox import Event, SinkAway

logger = logging.getLogger(__name__)

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
            exchanges = await self._connected()
            try:
                await _publish(exchanges[EXCHANGES[event.event_type.partition(".")[0]]], message)
            except PublishError:  # it came back: nobody is bound for it
                await _publish(exchanges[UNROUTED], message)
        except (OSError, TimeoutError, AMQPConnectionError, ChannelInvalidStateError) as error:
            if not await self._is_blocked():
                await self.close()
            raise SinkAway(type(error).__name__) from error

    async def prepare(self) -> None:
        """Connect and declare before there is anything to send, so that other services find what they bind to.

        Raises `SinkAway` when the broker cannot be reached or refuses a declaration.
        """
        try:
            await self._connected()
        except (OSError, TimeoutError, AMQPConnectionError, ChannelInvalidStateError) as error:
            raise SinkAway(type(error).__name__) from error

    async def close(self) -> None:
        """Let the connection go; the next `send` makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await _close(connection)

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
            self._connection, self._exchanges = await self._opened()
        return self._exchanges

    async def _opened(self) -> tuple[AbstractConnection, dict[str, AbstractExchange]]:
        """A connection counts only when everything is declared on it: half of the exchanges would refuse half of the events."""
        connection = await aio_pika.connect(self._url, timeout=PUBLISH_SECONDS)
        try:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            return connection, await declare(connection, channel)
        except AMQPChannelError as error:
            logger.error("the broker refuses a declaration; events wait: %s", error)
            await _close(connection)
            raise SinkAway(type(error).__name__) from error
        except BaseException:
            await _close(connection)
            raise


async def _publish(exchange: AbstractExchange, message: aio_pika.Message) -> None:
    await exchange.publish(message, routing_key=message.type or "", mandatory=True, timeout=PUBLISH_SECONDS)


async def _close(connection: AbstractConnection) -> None:
    with contextlib.suppress(Exception):
        await connection.close()


async def declare(connection: AbstractConnection, channel: AbstractChannel) -> dict[str, AbstractExchange]:
    """Declare exchanges, the queues bound to them, and the place for what nobody is bound to.

    Plainly, as the other services of a clinic do: the broker refuses a second declaration with other arguments. Where
    somebody has given theirs already (an earlier portal among them: an alternate exchange), what is there is taken.
    """
    for name in EXCHANGES.values():
        async with _apart(connection) as own:
            await own.declare_exchange(name, aio_pika.ExchangeType.TOPIC, durable=True)
    async with _apart(connection) as own:
        await own.declare_exchange(UNROUTED, aio_pika.ExchangeType.FANOUT, durable=True)
    async with _apart(connection) as own:
        await own.declare_queue(UNROUTED, durable=True, arguments={"x-max-length": UNROUTED_MOST})
    for name in QUEUES:
        async with _apart(connection) as own:
            await own.declare_queue(name, durable=True)
    exchanges = {name: await channel.get_exchange(name, ensure=False) for name in (*EXCHANGES.values(), UNROUTED)}
    for name, (exchange, key) in {UNROUTED: (UNROUTED, UNROUTED), **QUEUES}.items():
        await (await channel.get_queue(name, ensure=False)).bind(exchanges[exchange], key)
    return exchanges


@asynccontextmanager
async def _apart(connection: AbstractConnection) -> AsyncIterator[AbstractChannel]:
    """A channel of its own, which a refusal closes; what is there with other arguments is taken as it is."""
    own = await connection.channel()
    try:
        yield own
    except ChannelPreconditionFailed as refusal:
        logger.info("declared by somebody else: %s", refusal)
    else:
        await own.close()
