"""The naive twin: it looks whether a slot is free and then books it. The races must catch it, or they catch nothing."""

import json
import os
from typing import Any

import asyncpg

POOL: dict[str, asyncpg.Pool] = {}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        POOL["pool"] = await asyncpg.create_pool(os.environ["NAIVE_DATABASE_URL"], min_size=8, max_size=10)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await POOL["pool"].close()
        await send({"type": "lifespan.shutdown.complete"})
        return
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message.get("more_body"):
            break
    status = await book(json.loads(body)["slot_id"])
    answer = b"{}"
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": answer})


async def book(slot_id: str) -> int:
    """Read, decide, write: each step right, the whole wrong."""
    pool = POOL["pool"]
    if await pool.fetchval("SELECT count(*) FROM naive_booking WHERE slot_id = $1::text::uuid", slot_id):
        return 409
    await pool.execute("INSERT INTO naive_booking VALUES ($1::text::uuid)", slot_id)
    return 201
