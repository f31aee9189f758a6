"""Whether the process lives, and whether it can work."""

from typing import Any

from litestar import Request, get
from litestar.response import Response

from portal import checks
from portal.web.guards import ANYBODY

PATHS = ("/health", "/health/ready")  # answered under any host name: the answers make no link and tell nothing of it


@get("/health", access=ANYBODY, tags=["Health"])
async def health() -> dict[str, str]:
    """The process lives."""
    return {"status": "ok"}


@get("/health/ready", access=ANYBODY, tags=["Health"])
async def ready(request: Request) -> Response[dict[str, Any]]:
    """What the portal stands on answers: 200, or 503 naming what does not."""
    answers = await checks.answers(request.app.state.settings)
    found = {name: "away" if seconds is None else "ok" for name, seconds in answers.items()}
    well = "away" not in found.values()
    body = {"status": "ok" if well else "unavailable", "checks": found}
    return Response(body, status_code=200 if well else 503, headers={} if well else {"Retry-After": "2"})


handlers = [health, ready]
