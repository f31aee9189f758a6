"""Recordings as JSON, and their pieces and files as they are."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, PathParameter
from litestar.response import Response

from portal.accounts.schemas import Actor, Role
from portal.recordings import actions, queries
from portal.recordings.schemas import NoFields, Piece, RecordingState, RecordingStep
from portal.web.files import file_of, streamed
from portal.web.forms import read_form
from portal.web.guards import roles
from portal.web.limits import SIGNALS

THE_TWO = roles(Role.PATIENT, Role.DOCTOR)
DOCTOR = roles(Role.DOCTOR)
ONE = "/api/video/sessions/{session_id:uuid}/recording"
TAGS = ["Video"]
LARGEST_REQUEST = actions.LARGEST_PIECE + 64 * 1024
Number = Annotated[int, PathParameter(ge=0, le=20_000)]


@get(ONE, access=THE_TWO, tags=TAGS)
async def get_state(request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID]) -> RecordingState:
    """Who of the two agrees to a recording, and what has been recorded."""
    return await queries.read_state(actor, session_id, request.app.state.settings)


@post(ONE, access=THE_TWO, status_code=200, tags=TAGS)
async def take_step(
    request: Request, actor: NamedDependency[Actor], session_id: FromPath[UUID], data: JSONBody[RecordingStep]
) -> RecordingState:
    """Agree (CONSENT), take that back (WITHDRAW, which stops), start as the doctor once both agree (START), or STOP."""
    return await actions.take_step(actor, session_id, data, request.app.state.settings)


@post(
    ONE + "/{recording_id:uuid}/pieces/{number:int}",
    access=DOCTOR,
    limit=SIGNALS,
    request_max_body_size=LARGEST_REQUEST,
    upload={},
    tags=TAGS,
)
async def post_piece(
    request: Request,
    actor: NamedDependency[Actor],
    session_id: FromPath[UUID],
    recording_id: FromPath[UUID],
    number: Number,
) -> Piece:
    """One piece of what the doctor's browser records, as `file` of `multipart/form-data`; again is once."""
    form = await read_form(request, NoFields, multipart=True)
    _name, content = await file_of(form)
    return await actions.keep_piece(actor, session_id, recording_id, number, content)


@get(ONE + "/{recording_id:uuid}", access=THE_TWO, tags=TAGS)
async def get_file(
    actor: NamedDependency[Actor], session_id: FromPath[UUID], recording_id: FromPath[UUID]
) -> Response[Any]:
    """The recording, to be saved; where it is kept in S3 as one file, the way there for some minutes (303)."""
    file = await queries.read_recording(actor, session_id, recording_id)
    return streamed(file.name, file.media_type, queries.parts_of(file), file.link)


handlers = [get_state, take_step, post_piece, get_file]
