"""Events reach a real RabbitMQ, confirmed, and what nobody is bound for is kept."""

import asyncio
from collections.abc import Iterator

import aio_pika
import msgspec
import pytest

from portal import db, outbox, worker
from portal.ids import uuid7
from portal.integrations import broker
from portal.settings import Settings
from tests import services

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
