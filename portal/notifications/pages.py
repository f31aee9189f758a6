"""One's own notifications, and the demonstration's outbox, where mails are shown instead of being sent."""

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.response import Response

from portal.accounts.schemas import Actor
from portal.errors import NotFound
from portal.notifications import actions, queries
from portal.web.guards import PUBLIC, SIGNED_IN
from portal.web.query import Limit, Skip
from portal.web.render import page, redirect


@get("/notifications", access=SIGNED_IN)
async def own_notifications(actor: NamedDependency[Actor], skip: Skip = 0, limit: Limit = 20) -> Response[Any]:
    """What happened, newest first, with what is new marked."""
    found, total = await queries.own_notifications(actor, skip, limit)
    return page("notifications/list.html", notifications=found, total=total, skip=skip, limit=limit)


@post("/notifications/read", access=SIGNED_IN, status_code=303)
async def mark_read(actor: NamedDependency[Actor]) -> Response[Any]:
    """Nothing is new any more."""
    await actions.mark_read(actor)
    return redirect("/notifications")


@get("/demo/outbox", access=PUBLIC)
async def outbox(request: Request) -> Response[Any]:
    """What would have been sent; a page that does not exist outside the demonstration."""
    if not request.app.state.settings.demo:
        raise NotFound
    return page("notifications/outbox.html", mails=await queries.newest_mails())


handlers = [own_notifications, mark_read, outbox]
