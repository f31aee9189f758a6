"""A system that listens: it keeps what it has seen in an inbox table, so that an event told twice has one effect."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import aio_pika
import asyncpg
import msgspec

from portal.integrations import broker

TABLES = """
CREATE TABLE IF NOT EXISTS inbox (event_id uuid PRIMARY KEY);
CREATE TABLE IF NOT EXISTS effect (position bigint GENERATED ALWAYS AS IDENTITY, event_id uuid, thing uuid, step int);
"""
QUEUE = "test-everything"


class Consumer:
    """Counts what came, and does each thing once."""

    def __init__(self, database: asyncpg.Connection) -> None:
        self._database = database
        self.deliveries = 0  # what a consumer without an inbox would have done

    async def take(self, message: Any) -> None:
        """Effect and inbox in one transaction, then the acknowledgement."""
        event = msgspec.json.decode(message.body)
        self.deliveries += 1
        async with self._database.transaction():
            new = await self._database.fetchval(
                "INSERT INTO inbox VALUES ($1) ON CONFLICT DO NOTHING RETURNING true", UUID(event["event_id"])
            )
            if new:
                await self._database.execute(
                    "INSERT INTO effect (event_id, thing, step) VALUES ($1, $2, $3)",
                    UUID(event["event_id"]), UUID(event["data"]["thing"]), event["data"]["step"],
                )  # fmt: skip
        await message.ack()


@contextlib.asynccontextmanager
async def listening(database_url: str, amqp_url: str) -> AsyncIterator[Consumer]:
    """Everything of the appointments' exchange, for as long as the block runs."""
    database = await asyncpg.connect(database_url)
    await database.execute(TABLES)
    await database.execute("TRUNCATE inbox, effect")
    consumer = Consumer(database)
    async with await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        await channel.set_qos(200)
        exchanges = await broker.declare(connection, channel)
        queue = await channel.declare_queue(QUEUE, durable=True)
        await queue.bind(exchanges["appointments-events"], "#")
        await queue.purge()
        turn = asyncio.Lock()

        async def take(message: Any) -> None:
            async with turn:
                await consumer.take(message)

        tag = await queue.consume(take)
        yield consumer
        await queue.cancel(tag)
        async with turn:
            pass
        await queue.delete(if_unused=False, if_empty=False)
    await database.close()


async def effects(database_url: str) -> dict[UUID, list[int]]:
    """The steps of each thing, in the order in which they were done."""
    database = await asyncpg.connect(database_url)
    rows = await database.fetch("SELECT thing, array_agg(step ORDER BY position) FROM effect GROUP BY thing")
    await database.close()
    return {thing: list(steps) for thing, steps in rows}
