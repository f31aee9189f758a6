"""The recording of a video visit, for people: who agrees, what runs, and the files afterwards."""

from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Response

from portal.accounts.schemas import Actor
from portal.errors import Conflict, Invalid
from portal.recordings import actions, queries
from portal.recordings.api import DOCTOR, LARGEST_REQUEST, THE_TWO, Number
from portal.recordings.schemas import NoFields, Piece, RecordingState, RecordingStep
from portal.web.context import is_partial
from portal.web.files import file_of, streamed
from portal.web.forms import read_form
from portal.web.limits import SIGNALS
from portal.web.render import fragment, page, redirect

ONE = "/video/sessions/{session_id:uuid}/recording"


@get(ONE, access=THE_TWO, limit=SIGNALS)
async def recording(request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> Response[Any]:
    state = await queries.read_state(actor, session_id, request.app.state.settings)
    return shown(request, state)


def shown(request: Request, state: RecordingState, refused: str = "", status: int = 200) -> Response[Any]:
    """A part of the room, or a page of its own."""
    if is_partial(request):
        return fragment("recordings/_recording.html", recording=state, refused=refused, status=status)
    return page("recordings/recording.html", recording=state, refused=refused, status=status)


@post(ONE, access=THE_TWO, status_code=200, limit=SIGNALS)
async def take_step(request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, RecordingStep)
    if form.data is None:
        raise Invalid(form.errors)
    settings = request.app.state.settings
    try:
        state = await actions.take_step(actor, session_id, form.data, settings)
    except Conflict as conflict:
        state = await queries.read_state(actor, session_id, settings)
        return shown(request, state, conflict.detail, conflict.status)
    if is_partial(request):
        return shown(request, state)
    return redirect(f"/video/sessions/{session_id}/recording")


@post(
    ONE + "/{recording_id:uuid}/pieces/{number:int}",
    access=DOCTOR,
    limit=SIGNALS,
    request_max_body_size=LARGEST_REQUEST,
)
async def keep_piece(
    request: Request,
    actor: NamedDependency[Actor],
    session_id: FromPath[UUID],
    recording_id: FromPath[UUID],
    number: Number,
) -> Piece:
    form = await read_form(request, NoFields, multipart=True)
    _name, content = await file_of(form)
    return await actions.keep_piece(actor, session_id, recording_id, number, content)


@get(ONE + "/{recording_id:uuid}", access=THE_TWO)
async def get_file(
    actor: NamedDependency[Actor], session_id: FromPath[UUID], recording_id: FromPath[UUID]
) -> Response[Any]:
    file = await queries.read_recording(actor, session_id, recording_id)
    return streamed(file.name, file.media_type, queries.parts_of(file), file.link)


handlers = [recording, take_step, keep_piece, get_file]
