"""Video sessions as JSON."""

from typing import Annotated
from uuid import UUID

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from portal.accounts.schemas import Actor
from portal.video import queries
from portal.video.schemas import VideoEventList, VideoSession
from portal.web.guards import SIGNED_IN
from portal.web.query import Limit, Skip
from portal.web.types import Line


@get("/api/video/sessions/{session_id:uuid}", access=SIGNED_IN, tags=["Video"])
async def get_session(actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> VideoSession:
    """One video session, for the two who meet."""
    return await queries.get_session(actor, session_id)


@get("/api/video/sessions/{session_id:uuid}/events", access=SIGNED_IN, tags=["Video"])
async def list_events(
    actor: NamedDependency[Actor],
    session_id: FromPath[UUID],
    event_type: FromQuery[Annotated[str, Line(40)] | None] = None,
    skip: Skip = 0,
    limit: Limit = 10,
) -> VideoEventList:
    """The trail of a session, oldest first."""
    return await queries.list_events(actor, session_id, event_type=event_type, skip=skip, limit=limit)


handlers = [get_session, list_events]
