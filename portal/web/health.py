"""Whether the process lives, and whether it can work."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aio_pika
from litestar import Request, get
from litestar.response import Response
from redis.asyncio import Redis

from portal import db
from portal.settings import Settings
from portal.web.guards import ANYBODY

SECONDS = 2.0


@get("/health", access=ANYBODY, tags=["Health"])
async def health() -> dict[str, str]:
    """The process lives."""
    return {"status": "ok"}


@get("/health/ready", access=ANYBODY, tags=["Health"])
async def ready(request: Request) -> Response[dict[str, Any]]:
    """What the portal stands on answers: 200, or 503 naming what does not."""
    checks = checks_of(request.app.state.settings)
    answers = await asyncio.gather(*(_works(check) for check in checks.values()))
    well = all(answers)
    found = {name: "ok" if works else "away" for name, works in zip(checks, answers, strict=True)}
    body = {"status": "ok" if well else "unavailable", "checks": found}
    return Response(body, status_code=200 if well else 503, headers={} if well else {"Retry-After": "2"})


def checks_of(settings: Settings) -> dict[str, Callable[[], Awaitable[Any]]]:
    """What these settings need: the database always, the others where they are set."""
    checks: dict[str, Callable[[], Awaitable[Any]]] = {"postgresql": lambda: db.fetch_value("SELECT 1")}
    if settings.redis_url:
        checks["redis"] = lambda: _redis(settings.redis_url)
    if settings.amqp_url:
        checks["amqp"] = lambda: _broker(settings.amqp_url)
    return checks


async def _redis(url: str) -> None:
    async with Redis.from_url(url, socket_timeout=SECONDS, socket_connect_timeout=SECONDS) as redis:
        await redis.ping()


async def _broker(url: str) -> None:
    connection = await aio_pika.connect(url, timeout=SECONDS)
    await connection.close()


async def _works(check: Callable[[], Awaitable[Any]]) -> bool:
    try:
        async with asyncio.timeout(SECONDS):
            await check()
    except Exception:  # whatever it is, this part is away
        return False
    return True


handlers = [health, ready]
