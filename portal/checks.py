"""What the portal stands on (PostgreSQL, Redis, RabbitMQ), and whether it answers within a deadline.

Whoever asks while the same part is already being asked waits for that answer: however many ask at once, the checks
take one connection of each kind, and never more than one of the pool.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any

from redis.asyncio import Redis

from portal import db
from portal.settings import Settings

SECONDS = 2.0

Check = Callable[[], Awaitable[Any]]

_asking: dict[tuple[str, str], asyncio.Task[float | None]] = {}


async def answers(settings: Settings) -> dict[str, float | None]:
    """Each part that these settings need, with the seconds that it took to answer; None where it is away."""
    parts = parts_of(settings)
    found = await asyncio.gather(*(_answer(name, url, check) for name, (url, check) in parts.items()))
    return dict(zip(parts, found, strict=True))


def parts_of(settings: Settings) -> dict[str, tuple[str, Check]]:
    """The database always, the others where they are set."""
    parts: dict[str, tuple[str, Check]] = {
        "postgresql": (settings.database_url, lambda: db.fetch_value("SELECT 1")),
    }
    if settings.redis_url:
        parts["redis"] = settings.redis_url, lambda: _redis(settings.redis_url)
    if settings.amqp_url:
        parts["amqp"] = settings.amqp_url, lambda: _broker(settings.amqp_url)
    return parts


async def _redis(url: str) -> None:
    async with Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS) as redis:
        await redis.ping()


async def _broker(url: str) -> None:
    import aio_pika  # only where there is a broker: it takes 3 MB

    connection = await aio_pika.connect(url, timeout=SECONDS)
    await connection.close()


async def _answer(name: str, url: str, check: Check) -> float | None:
    """Wait no longer than the deadline, even where giving up takes its time as well."""
    key = (name, url)
    asked = _asking.get(key)
    if asked is None:
        asked = _asking[key] = asyncio.create_task(_asked(check), context=Context())
        asked.add_done_callback(lambda _: _asking.pop(key, None))
    done, _ = await asyncio.wait([asked], timeout=SECONDS)
    return asked.result() if done and not asked.cancelled() else None


async def _asked(check: Check) -> float | None:
    began = time.perf_counter()
    try:
        async with asyncio.timeout(SECONDS):
            await check()
    except Exception:  # whatever it is, this part is away
        return None
    return time.perf_counter() - began
