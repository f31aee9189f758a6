"""One's own notifications, for programs."""

from typing import Any

from litestar import get, post
from litestar.di import NamedDependency

from portal.accounts.schemas import Actor
from portal.notifications import actions, queries
from portal.notifications.schemas import ReadResult
from portal.web.decode import page_of
from portal.web.guards import SIGNED_IN
from portal.web.query import Limit, Skip


@get("/api/me/notifications", access=SIGNED_IN, tags=["Accounts"])
async def own_notifications(actor: NamedDependency[Actor], skip: Skip = 0, limit: Limit = 10) -> dict[str, Any]:
    """What you were told, newest first."""
    found, total = await queries.own_notifications(actor, skip, limit)
    return page_of("notifications", found, total, skip, limit)


@post("/api/me/notifications/read", access=SIGNED_IN, status_code=200, tags=["Accounts"])
async def mark_read(actor: NamedDependency[Actor]) -> ReadResult:
    """Count everything as read."""
    return await actions.mark_read(actor)


handlers = [own_notifications, mark_read]
