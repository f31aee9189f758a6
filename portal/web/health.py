"""Whether the process lives, and whether it can work."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from litestar import get
from litestar.datastructures import State
from litestar.response import Response

from portal import db
from portal.web.guards import ANYBODY

SECONDS = 2.0


@get("/health", access=ANYBODY, tags=["Health"])
async def health() -> dict[str, str]:
    """The process lives."""
    return {"status": "ok"}


@get("/health/ready", access=ANYBODY, tags=["Health"])
async def ready(state: State) -> Response[dict[str, Any]]:
    """What the portal stands on answers: 200, or 503 naming what does not."""
    checks: dict[str, Callable[[], Awaitable[Any]]] = {"postgresql": _postgresql, **state.get("checks", {})}
    answers = await asyncio.gather(*(_works(check) for check in checks.values()))
    found = dict(zip(checks, answers, strict=True))
    well = all(found.values())
    body = {"status": "ok" if well else "unavailable", "checks": {n: "ok" if v else "away" for n, v in found.items()}}
    return Response(body, status_code=200 if well else 503, headers={} if well else {"Retry-After": "2"})


async def _postgresql() -> None:
    await db.fetch_value("SELECT 1")


async def _works(check: Callable[[], Awaitable[Any]]) -> bool:
    try:
        async with asyncio.timeout(SECONDS):
            await check()
    except Exception:  # whatever it is, this part is away
        return False
    return True


handlers = [health, ready]
