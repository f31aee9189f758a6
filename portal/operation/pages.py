"""The page that tells a system admin how the portal runs."""

from typing import Any
from uuid import UUID

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from portal.accounts.schemas import Actor, Role
from portal.operation import actions, queries
from portal.operation.schemas import Done
from portal.web.guards import roles
from portal.web.i18n import ngettext
from portal.web.render import page, redirect
from portal.web.request import StrictRequest

ADMIN = roles(Role.SYSTEM_ADMIN)
HERE = "/admin/health"


@get(HERE, access=ADMIN)
async def health(request: StrictRequest) -> Response[Any]:
    return page("operation/health.html", health=await queries.health(request.app.state.settings))


@post(HERE + "/events/send-again", access=ADMIN, status_code=303)
async def send_events_again(actor: NamedDependency[Actor]) -> Response[Any]:
    return told(await actions.send_events_again(actor))


@post(HERE + "/events/{event_id:uuid}/send-again", access=ADMIN, status_code=303)
async def send_event_again(actor: NamedDependency[Actor], event_id: FromPath[UUID]) -> Response[Any]:
    return told(await actions.send_event_again(actor, event_id))


def told(done: Done) -> Response[Any]:
    text = ngettext("%(n)s event is sent again.", "%(n)s events are sent again.", done.count)
    return redirect(HERE, text)


@post(HERE + "/jobs/run-again", access=ADMIN, status_code=303)
async def run_jobs_again(actor: NamedDependency[Actor]) -> Response[Any]:
    done = await actions.run_jobs_again(actor)
    return redirect(HERE, ngettext("%(n)s job runs again.", "%(n)s jobs run again.", done.count))


handlers = [health, send_events_again, send_event_again, run_jobs_again]
