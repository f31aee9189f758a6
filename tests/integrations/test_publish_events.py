"""Events reach a real RabbitMQ, confirmed, and what nobody is bound for is kept."""

import asyncio
import time
from collections.abc import Iterator

import aio_pika
import msgspec
import pytest

from portal import db, outbox, worker
from portal.ids import uuid7
from portal.integrations import broker
from portal.settings import Settings
from tests import catalogue, services

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]


@pytest.fixture(scope="module")
def rabbit() -> Iterator[str]:
    with services.rabbitmq() as url:
        yield url


async def received(url: str, queue_name: str) -> aio_pika.abc.AbstractIncomingMessage:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(queue_name)
        message = await queue.get(timeout=10)
        await message.ack()
        return message


async def test_event_arrives_with_its_envelope(rabbit: str, settings: Settings) -> None:
    publisher = broker.Broker(rabbit)
    async with worker.running(settings, [], [], publisher.send):
        booking = uuid7()
        async with db.transaction():
            await outbox.emit_in_tx("appointment.booked", booking, {"appointment_id": str(booking)})
            await outbox.emit_in_tx("user.registered", uuid7(), {"role": "PATIENT"})
        async with asyncio.timeout(15):
            while await db.fetch_value("SELECT count(*) FROM outbox_event WHERE delivered_at IS NULL"):
                await asyncio.sleep(0.05)
    await publisher.close()
    message = await received(rabbit, "video-consultation-events")
    envelope = msgspec.json.decode(message.body)
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert envelope["event_type"] == "appointment.booked" and envelope["version"] == 1
    assert envelope["data"] == {"appointment_id": str(booking)} and envelope["event_id"] == message.message_id
    unrouted = await received(rabbit, broker.UNROUTED)
    assert msgspec.json.decode(unrouted.body)["event_type"] == "user.registered"


async def test_exchanges_of_other_services_are_taken_as_they_are(settings: Settings) -> None:
    """One has declared its exchange plainly, one a queue of its own kind, and an earlier portal an alternate exchange."""
    await db.execute("DELETE FROM outbox_event")
    topic = aio_pika.ExchangeType.TOPIC
    with services.rabbitmq() as url:
        async with await aio_pika.connect(url) as connection:
            channel = await connection.channel()
            await channel.declare_exchange("appointments-events", topic, durable=True)
            kept = {"alternate-exchange": broker.UNROUTED}
            await channel.declare_exchange("user-events", topic, durable=True, arguments=kept)
            await channel.declare_queue("video-consultation-events", durable=True, arguments={"x-queue-type": "quorum"})
        publisher = broker.Broker(url)
        async with worker.running(settings, [], [], publisher.send, prepare=publisher.prepare):
            async with asyncio.timeout(15), await aio_pika.connect(url) as connection:
                while not publisher._exchanges:
                    await asyncio.sleep(0.05)
                channel = await connection.channel()  # all is there before the first event
                await channel.get_queue("video-consultation-events-appointments")
            async with db.transaction():
                for name in ("appointment.booked", "appointment.started", "user.registered"):
                    await outbox.emit_in_tx(name, uuid7(), {})
            async with asyncio.timeout(15):
                while await db.fetch_value("SELECT count(*) FROM outbox_event WHERE delivered_at IS NULL"):
                    await asyncio.sleep(0.05)
        await publisher.close()
        assert (await received(url, "video-consultation-events")).type == "appointment.booked"
        unrouted = {(await received(url, broker.UNROUTED)).type for _ in range(2)}
        assert unrouted == {"appointment.started", "user.registered"}


async def test_a_refused_declaration_is_tried_again(rabbit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent by halves: the event keeps its turn until everything is declared."""
    await db.execute("DELETE FROM outbox_event")
    async with db.transaction():
        await outbox.emit_in_tx("user.registered", uuid7(), {})
    publisher, declare = broker.Broker(rabbit), broker.declare

    async def refused(*_: object) -> dict[str, aio_pika.abc.AbstractExchange]:
        raise aio_pika.exceptions.AMQPChannelError

    monkeypatch.setattr(broker, "declare", refused)
    for _ in range(2):
        with pytest.raises(outbox.SinkAway):
            await outbox.relay_once(publisher.send)
    assert await db.fetch_value("SELECT attempts FROM outbox_event WHERE delivered_at IS NULL") == 0
    monkeypatch.setattr(broker, "declare", declare)
    assert await outbox.relay_once(publisher.send) == 1
    await publisher.close()
    assert not await db.fetch_value("SELECT count(*) FROM outbox_event WHERE delivered_at IS NULL")


async def test_a_broker_that_is_away_costs_no_event_its_turn() -> None:
    async with db.transaction():
        await outbox.emit_in_tx("appointment.booked", uuid7(), {})
    away = broker.Broker(f"amqp://guest:guest@127.0.0.1:{services.free_port()}/")
    with pytest.raises(outbox.SinkAway):
        await outbox.relay_once(away.send)
    row = await db.fetch_row(
        "SELECT attempts, due_at <= clock_timestamp() AS due FROM outbox_event WHERE delivered_at IS NULL"
    )
    assert dict(row) == {"attempts": 0, "due": True}


@pytest.mark.B7
async def test_what_the_broker_returns_is_parked_and_delays_nobody(
    rabbit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody has unbound the place for unrouted events: an event that no queue takes comes back, and is kept here."""
    await db.execute("DELETE FROM outbox_event")
    monkeypatch.setattr(outbox, "MOST_ATTEMPTS", 3)
    publisher = broker.Broker(rabbit)
    await publisher._connected()
    async with await aio_pika.connect(rabbit) as connection:
        channel = await connection.channel()
        await (await channel.get_queue(broker.UNROUTED)).unbind(await channel.get_exchange(broker.UNROUTED))
    lost, taken = uuid7(), uuid7()
    async with db.transaction():
        await outbox.emit_in_tx("user.registered", lost, {})
        await outbox.emit_in_tx("appointment.booked", taken, {})
    begun = time.monotonic()
    await outbox.relay_once(publisher.send)
    delay = time.monotonic() - begun
    state = "SELECT delivered_at IS NOT NULL AS sent, dead_at IS NOT NULL AS parked, attempts, last_error AS why"
    assert (await db.fetch_row(f"{state} FROM outbox_event WHERE aggregate_id = $1", taken))["sent"]
    for _ in range(outbox.MOST_ATTEMPTS - 1):
        await db.execute("UPDATE outbox_event SET due_at = clock_timestamp()")
        await outbox.relay_once(publisher.send)
    row = await db.fetch_row(f"{state} FROM outbox_event WHERE aggregate_id = $1", lost)
    await publisher.close()
    catalogue.figure(
        "B7", f"unroutable: parked after {row['attempts']} tries; the next event waited {delay * 1000:.0f} ms"
    )
    assert row["parked"] and row["attempts"] == 3 and row["why"] and delay < 5
