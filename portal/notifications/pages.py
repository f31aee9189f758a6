"""The demonstration's outbox: mails are shown here instead of being sent."""

from typing import Any

from litestar import Request, get
from litestar.response import Response

from portal.errors import NotFound
from portal.notifications import queries
from portal.web.guards import PUBLIC
from portal.web.render import page


@get("/demo/outbox", access=PUBLIC)
async def outbox(request: Request) -> Response[Any]:
    """What would have been sent; a page that does not exist outside the demonstration."""
    if not request.app.state.settings.demo:
        raise NotFound
    return page("notifications/outbox.html", mails=await queries.newest_mails())


handlers = [outbox]
