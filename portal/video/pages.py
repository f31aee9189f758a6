"""Video visits for the scripts and forms of pages, with the login of the browser.

Every POST is an ordinary form (`application/x-www-form-urlencoded`, the CSRF token in it or in `X-CSRF-Token`). A script
that says `Accept: application/json` gets what the JSON API gives, refusals as `application/problem+json`; a form without
a script goes on to the visit's page.

    GET  /video/sessions/{id}           the room itself, over or not      GET /video/rejoin   the way back into an open one
    POST /video/sessions/{id}/join      device_type? browser_info?          -> Joined (see schemas)
    GET  /video/sessions/{id}/room                                          -> Room: status, who is present, own `device`
    POST /video/sessions/{id}/presence  attendee_token? quality? mode?      -> Room; every 15 s while in the room
    POST /video/sessions/{id}/signals   type, data.sdp | data.candidate (data.sdpMid, data.sdpMLineIndex,
                                        data.usernameFragment), attendee_token?   -> {number}
    GET  /video/sessions/{id}/signals   ?after=<last number read>&device=<own>    -> {signals: [{number, type, device, data}]}
    POST /video/sessions/{id}/leave     attendee_token?                     -> Room; on purpose only, never on unload
    POST /video/sessions/{id}/end       session_notes? connection_quality_rating?  -> VideoSession (doctor)
    POST /video/sessions/{id}/cancel    cancellation_reason                 -> VideoSession
    POST /video/sessions/{id}/notes     session_notes                       -> VideoSession (doctor)

`device` is the number of the own joins; with the provider `webrtc` it stands before the dot of `attendee_token`. What an
earlier device sends or asks for is refused with 409 `taken_over`. A signal's `device` is the sender's: another number
than before means another page at the other end, which needs a new connection.

Live, on `appointment:{id}` (or `video:{id}` for a session without appointment), ids only:
    video.joined {session_id, attendee_id, role, device}    video.left {session_id, attendee_id, role}
    video.signal {session_id, sender, number}               video.changed {session_id}: presence, quality or mode
    video.ended {session_id}                                (joined by the first and the second, and ended, on `user:{id}` too)
"""

from typing import Any, TypeVar
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response
from msgspec import Struct

from portal.accounts.schemas import Actor
from portal.errors import Conflict, Invalid
from portal.video import actions, events, queries, readings
from portal.video.api import DOCTOR, PLANNERS, THE_TWO, After, Number
from portal.video.schemas import (
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
    VideoSession,
)
from portal.web.forms import Form, read_form
from portal.web.headers import allow
from portal.web.i18n import _
from portal.web.limits import SIGNALS
from portal.web.problems import wants_json
from portal.web.render import fragment, page, redirect

ONE = "/video/sessions/{session_id:uuid}"
# Where the Chime SDK meets its service; no other page may talk to anybody but us.
CHIME = ("https://*.chime.aws", "wss://*.chime.aws")


S = TypeVar("S", bound=Struct)


def filled(form: Form[S]) -> S:
    """What the form holds. Raises `Invalid`: none of these forms is shown again, so its messages are the answer."""
    if form.data is None:
        raise Invalid(form.errors)
    return form.data


async def answered(request: Request, done: Any, session_id: UUID, flash: str) -> Any:
    """For a script what was done, for a form the page to go on to; somebody else having been faster is no error page."""
    if wants_json(request):
        return await done
    try:
        await done
    except Conflict as conflict:
        flash = conflict.detail
    return redirect(f"/video/sessions/{session_id}", flash=flash)


@get(ONE, access=THE_TWO)
async def session(request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> Response[Any]:
    """The room: the look at the own camera, the wait and the call; afterwards what there is to say about them."""
    door = await readings.stand_before(actor, session_id)
    if door.is_over or not (door.is_open or door.opens_in):
        return page("video/over.html", room=door, live_topics=[])
    provider = door.session.provider or request.app.state.settings.video
    if provider == "chime":
        let_chime_work(request)
    return page("video/room.html", room=door, provider=provider, live_topics=topics_of(door))


def let_chime_work(request: Request) -> None:
    """What a page with a room over Chime may reach; the SDK doubles the voice's packets in a worker of its own making."""
    allow(request, "connect-src", *CHIME)
    allow(request, "worker-src", "blob:")


def topics_of(door: readings.Door) -> list[str]:
    """Where the room hears of itself, and a patient of their place in the queue."""
    own = [events.topic_of(door.session)]
    visit = door.appointment
    waits = visit is not None and visit.session_id is not None and not door.is_doctor
    return [*own, f"queue:{visit.session_id}:{visit.date}"] if visit and waits else own


@get("/video/rejoin", access=THE_TWO)
async def rejoin(actor: NamedDependency[Actor]) -> Response[Any]:
    """For every page of the two: that a visit is open, and the way back into it."""
    return fragment("video/_rejoin.html", open_room=await readings.find_open_room(actor))


@get(ONE + "/end", access=DOCTOR)
async def ask_end(actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> Response[Any]:
    door = await readings.stand_before(actor, session_id)
    if door.session.status != "ACTIVE":
        return redirect(f"/video/sessions/{session_id}")
    return page("video/end.html", room=door)


@post(ONE + "/join", access=THE_TWO, status_code=200)
async def join(request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> Joined:
    joining = filled(await read_form(request, Joining))
    return await actions.join(actor, session_id, joining, request.app.state.settings)


@get(ONE + "/room", access=THE_TWO, limit=SIGNALS)
async def room(actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> Room:
    return await queries.get_room(actor, session_id)


@post(ONE + "/presence", access=THE_TWO, status_code=200, limit=SIGNALS)
async def stay(request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> Room:
    return await actions.stay(actor, session_id, filled(await read_form(request, Presence)))


@post(ONE + "/signals", access=THE_TWO, limit=SIGNALS)
async def send_signal(request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> SentSignal:
    return await actions.send_signal(actor, session_id, filled(await read_form(request, NewSignal)))


@get(ONE + "/signals", access=THE_TWO, limit=SIGNALS)
async def take_signals(
    actor: NamedDependency[Actor],
    session_id: FromPath[UUID],
    after: After = 0,
    device: FromQuery[Number | None] = None,
) -> SignalList:
    return await actions.take_signals(actor, session_id, after, device)


@post(ONE + "/leave", access=THE_TWO, status_code=200)
async def leave(request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> Any:
    device = filled(await read_form(request, Device))
    done = actions.leave(actor, session_id, device.attendee_token)
    return await answered(request, done, session_id, _("You have left the video visit."))


@post(ONE + "/end", access=DOCTOR, status_code=200)
async def end(request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> Any:
    ending = filled(await read_form(request, Ending))
    return await answered(request, actions.end(actor, session_id, ending), session_id, _("The video visit is over."))


@post(ONE + "/cancel", access=PLANNERS, status_code=200)
async def cancel(request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> Any:
    data = filled(await read_form(request, VideoCancellation))
    done = actions.cancel(actor, session_id, data.cancellation_reason)
    return await answered(request, done, session_id, _("The video visit is cancelled."))


@post(ONE + "/notes", access=DOCTOR, status_code=200)
async def keep_notes(request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> Any:
    notes = filled(await read_form(request, Notes))
    done = actions.keep_notes(actor, session_id, notes.session_notes)
    return await answered(request, done, session_id, _("Your notes are saved."))


@post("/video/sessions", access=PLANNERS, status_code=200)
async def create(request: Request, actor: NamedDependency[Actor]) -> VideoSession:
    return await actions.create(actor, filled(await read_form(request, NewVideoSession)))


handlers = [
    session, rejoin, ask_end, join, room, stay, send_signal, take_signals, leave, end, cancel, keep_notes, create,
]  # fmt: skip
