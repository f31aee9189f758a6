"""The bare twin of live updates over two workers: raw ASGI streams, one Redis subscription a worker, one loop over all readers.

`GET /live` opens a stream; `POST /hold/{slot}/{patient}` changes one row and publishes a ready frame after the commit.
"""

import asyncio
import os
from contextlib import suppress
from typing import Any

import asyncpg
from redis.asyncio import from_url

from bench.bare.web import HOLD

CHANNEL = "bare"
FRAME = b"data: " + b"x" * 900 + b"\n\n"  # about as long as the portal's fragment of one slot


class Twin:
    def __init__(self) -> None:
        self.sends: set[Any] = set()
        self.redis = from_url(os.environ["REDIS_URL"])
        self.pool: Any = None
        self.listening: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.live(receive, send)
        elif scope["path"] == "/live":
            await self.stream(receive, send)
        else:
            await self.hold(scope["path"], send)

    async def live(self, receive: Any, send: Any) -> None:
        await receive()
        self.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=4)
        self.listening = asyncio.create_task(self.listen())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.listening.cancel()
        with suppress(asyncio.CancelledError):
            await self.listening
        await self.pool.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def listen(self) -> None:
        async with self.redis.pubsub() as channel:
            await channel.subscribe(CHANNEL)
            async for message in channel.listen():
                if message["type"] == "message":
                    for send in tuple(self.sends):
                        await send({"type": "http.response.body", "body": message["data"], "more_body": True})

    async def stream(self, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        self.sends.add(send)
        while (await receive())["type"] != "http.disconnect":
            pass
        self.sends.discard(send)

    async def hold(self, path: str, send: Any) -> None:
        _, _, slot_id, patient_id = path.split("/")
        until = await self.pool.fetchval(HOLD, slot_id, patient_id)
        await self.redis.publish(CHANNEL, FRAME)
        await send(
            {"type": "http.response.start", "status": 200 if until else 409, "headers": [(b"content-length", b"0")]}
        )
        await send({"type": "http.response.body", "body": b""})


def create() -> Twin:
    return Twin()
