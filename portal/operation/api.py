"""How the portal runs, for the system admin's programs and for Prometheus."""

import asyncio
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from portal import metrics
from portal.accounts.schemas import Actor, Role
from portal.errors import NotFound
from portal.operation import actions, queries
from portal.operation.policy import may_read_figures
from portal.operation.schemas import Done, Health
from portal.web.guards import ANYBODY, roles
from portal.web.request import StrictRequest

ADMIN = roles(Role.SYSTEM_ADMIN)
TEXT = "text/plain; version=0.0.4; charset=utf-8"


@get("/metrics", access=ANYBODY, include_in_schema=False)
async def read_metrics(request: StrictRequest) -> Response[bytes]:
    """All figures as Prometheus reads them; for whoever does not send the token there is no such page."""
    settings = request.app.state.settings
    if not may_read_figures(request.headers.get("authorization", ""), settings.metrics_token):
        raise NotFound
    read = await queries.figures(settings)
    return Response(await asyncio.to_thread(metrics.text, read), media_type=TEXT)


@get("/api/admin/health", access=ADMIN, tags=["Administration"])
async def read_health(request: StrictRequest) -> Health:
    """Everything that runs and everything it stands on, each with its state."""
    return await queries.health(request.app.state.settings)


@post("/api/admin/health/events/send-again", access=ADMIN, status_code=200, tags=["Administration"])
async def send_events_again(actor: NamedDependency[Actor]) -> Done:
    """Deliver every parked event again."""
    return await actions.send_events_again(actor)


@post("/api/admin/health/events/{event_id:uuid}/send-again", access=ADMIN, status_code=200, tags=["Administration"])
async def send_event_again(actor: NamedDependency[Actor], event_id: FromPath[UUID]) -> Done:
    """Deliver one parked event again."""
    return await actions.send_event_again(actor, event_id)


@post("/api/admin/health/jobs/run-again", access=ADMIN, status_code=200, tags=["Administration"])
async def run_jobs_again(actor: NamedDependency[Actor]) -> Done:
    """Run every held job again."""
    return await actions.run_jobs_again(actor)


handlers = [read_metrics, read_health, send_events_again, send_event_again, run_jobs_again]
