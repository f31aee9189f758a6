"""Video visits as JSON."""

from datetime import date
from typing import Annotated
from uuid import UUID

from litestar import Request, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta

from portal.accounts.schemas import Actor, Role
from portal.video import actions, queries
from portal.video.schemas import (
    Availability,
    BookingType,
    Device,
    Ending,
    Joined,
    Joining,
    NewSignal,
    NewVideoSession,
    Notes,
    Presence,
    Room,
    SentSignal,
    SignalList,
    VideoCancellation,
    VideoEventList,
    VideoSession,
    VideoSessionList,
    VideoStatus,
)
from portal.web.guards import PUBLIC, SIGNED_IN, roles
from portal.web.limits import SIGNALS
from portal.web.query import Limit, Skip
from portal.web.types import Line, TimeZone

THE_TWO = roles(Role.PATIENT, Role.DOCTOR)
DOCTOR = roles(Role.DOCTOR)
READERS = roles(Role.PATIENT, Role.DOCTOR, Role.SYSTEM_ADMIN)
PLANNERS = roles(Role.PATIENT, Role.DOCTOR, Role.CLINIC_ADMIN, Role.SYSTEM_ADMIN)
ALL = "/api/video/sessions"
ONE = ALL + "/{session_id:uuid}"
TAGS = ["Video"]
After = Annotated[
    int, QueryParameter(ge=0, le=2_000_000_000, description="The number of the last signal that was read")
]
Number = Annotated[int, Meta(ge=1, le=2_000_000_000)]


@post(ALL, access=PLANNERS, tags=TAGS)
async def create(actor: NamedDependency[Actor], data: JSONBody[NewVideoSession]) -> VideoSession:
    """Arrange a visit by video, of a booked appointment or directly with a doctor."""
    return await actions.create(actor, data)


@get(ALL, access=READERS, tags=TAGS)
async def list_sessions(
    actor: NamedDependency[Actor],
    status: FromQuery[VideoStatus | None] = None,
    booking_type: FromQuery[BookingType | None] = None,
    start_date: FromQuery[date | None] = None,
    end_date: FromQuery[date | None] = None,
    skip: Skip = 0,
    limit: Limit = 10,
) -> VideoSessionList:
    """Your own sessions, latest first; those of everybody for system admins. Dates are of the start, in UTC."""
    return await queries.list_sessions(
        actor,
        statuses=[status] if status else None,
        booking_type=booking_type,
        first=start_date,
        last=end_date,
        skip=skip,
        limit=limit,
    )


@get(ONE, access=SIGNED_IN, tags=TAGS)
async def get_session(actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> VideoSession:
    """One video session, for the two who meet."""
    return await queries.get_session(actor, session_id)


@post(ONE + "/join", access=THE_TWO, status_code=200, tags=TAGS)
async def join(
    request: Request,
    actor: NamedDependency[Actor],
    session_id: FromPath[UUID],
    data: JSONBody[Joining | None] = None,
) -> Joined:
    """Come into the room; joining again, also with another device, is the same attendee."""
    return await actions.join(actor, session_id, data or Joining(), request.app.state.settings)


@post(ONE + "/leave", access=THE_TWO, status_code=200, tags=TAGS)
async def leave(
    actor: NamedDependency[Actor], session_id: FromPath[UUID], data: JSONBody[Device | None] = None
) -> Room:
    """Leave on purpose; when both have left, the visit is completed."""
    return await actions.leave(actor, session_id, (data or Device()).attendee_token)


@post(ONE + "/end", access=DOCTOR, status_code=200, tags=TAGS)
async def end(
    actor: NamedDependency[Actor], session_id: FromPath[UUID], data: JSONBody[Ending | None] = None
) -> VideoSession:
    """End the visit for both; the appointment is completed with it."""
    return await actions.end(actor, session_id, data or Ending())


@post(ONE + "/cancel", access=PLANNERS, status_code=200, tags=TAGS)
async def cancel(
    actor: NamedDependency[Actor], session_id: FromPath[UUID], data: JSONBody[VideoCancellation]
) -> VideoSession:
    """Cancel a visit before the two have met, an admin also afterwards; the appointment is cancelled with it."""
    return await actions.cancel(actor, session_id, data.cancellation_reason)


@put(ONE + "/notes", access=DOCTOR, tags=TAGS)
async def keep_notes(actor: NamedDependency[Actor], session_id: FromPath[UUID], data: JSONBody[Notes]) -> VideoSession:
    """The doctor's notes of the visit, in place of those before."""
    return await actions.keep_notes(actor, session_id, data.session_notes)


@get(ONE + "/events", access=SIGNED_IN, tags=TAGS)
async def list_events(
    actor: NamedDependency[Actor],
    session_id: FromPath[UUID],
    event_type: FromQuery[Annotated[str, Line(40)] | None] = None,
    skip: Skip = 0,
    limit: Limit = 10,
) -> VideoEventList:
    """The trail of a session, oldest first."""
    return await queries.list_events(actor, session_id, event_type=event_type, skip=skip, limit=limit)


@get(ONE + "/room", access=THE_TWO, limit=SIGNALS, tags=TAGS)
async def get_room(actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> Room:
    """Who is in the room at this moment."""
    return await queries.get_room(actor, session_id)


@post(ONE + "/presence", access=THE_TWO, status_code=200, limit=SIGNALS, tags=TAGS)
async def stay(
    actor: NamedDependency[Actor], session_id: FromPath[UUID], data: JSONBody[Presence | None] = None
) -> Room:
    """A sign of life every 15 seconds; who has begun with it and is silent for 45 counts as away, not as gone."""
    return await actions.stay(actor, session_id, data or Presence())


@post(ONE + "/signals", access=THE_TWO, limit=SIGNALS, tags=TAGS)
async def send_signal(
    actor: NamedDependency[Actor], session_id: FromPath[UUID], data: JSONBody[NewSignal]
) -> SentSignal:
    """An offer, an answer or an ICE candidate for the other side (provider `webrtc`)."""
    return await actions.send_signal(actor, session_id, data)


@get(ONE + "/signals", access=THE_TWO, limit=SIGNALS, tags=TAGS)
async def take_signals(
    actor: NamedDependency[Actor],
    session_id: FromPath[UUID],
    after: After = 0,
    device: FromQuery[Number | None] = None,
) -> SignalList:
    """What the other side has sent; everything up to `after` has been read, and is forgotten."""
    return await actions.take_signals(actor, session_id, after, device)


@get("/api/video/sessions/history/{user_id:uuid}", access=SIGNED_IN, tags=TAGS)
async def list_history(
    actor: NamedDependency[Actor], user_id: FromPath[UUID], skip: Skip = 0, limit: Limit = 10
) -> VideoSessionList:
    """A person's sessions that are over, latest first."""
    return await queries.list_history(actor, user_id, skip, limit)


@get("/api/video/doctors/{doctor_id:uuid}/availability", access=PUBLIC, tags=TAGS)
async def availability(
    request: Request,
    viewer: NamedDependency[Actor | None],
    doctor_id: FromPath[UUID],
    day: Annotated[date, QueryParameter(name="date", description="A date on the clock of `timezone`")],
    timezone: FromQuery[TimeZone] = "UTC",
) -> Availability:
    """When a doctor is free for a visit by video on one date."""
    horizon_days = request.app.state.settings.horizon_days
    return await actions.look_at_availability(viewer, doctor_id, day, timezone, horizon_days)


handlers = [
    create, list_sessions, get_session, join, leave, end, cancel, keep_notes, list_events, get_room, stay, send_signal,
    take_signals, list_history, availability,
]  # fmt: skip
