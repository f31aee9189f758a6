"""Conversations as JSON, and files as they are."""

from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.response import Response

from portal.accounts.schemas import Actor, Role
from portal.chat import actions, queries
from portal.chat.schemas import (
    LONGEST,
    Conversation,
    Draft,
    FileForm,
    FileList,
    Message,
    NewMessage,
    Number,
    ReadMarks,
    ReadUpTo,
)
from portal.chat.uploads import LARGEST_REQUEST, Given
from portal.ids import uuid7
from portal.web.files import attachment, file_of
from portal.web.forms import read_form
from portal.web.guards import roles
from portal.web.query import Limit, Skip

TWO = roles(Role.PATIENT, Role.DOCTOR)
ONE = "/api/appointments/{appointment_id:uuid}"
TAGS = ["Chat"]
WITH_FILE = {
    "client_id": {"type": "string", "format": "uuid"},
    "body": {"type": "string", "minLength": 1, "maxLength": LONGEST},
}


def days(request: Request) -> int:
    return int(request.app.state.settings.chat_days)


@get(ONE + "/messages", access=TWO, tags=TAGS)
async def get_messages(
    request: Request,
    actor: NamedDependency[Actor],
    appointment_id: FromPath[UUID],
    after: FromQuery[Number | None] = None,
    before: FromQuery[Number | None] = None,
    limit: Limit = queries.PAGE,
) -> Conversation:
    """The last messages, or those after or before a number, in their order."""
    return await queries.read_conversation(
        actor, appointment_id, days(request), after=after, before=before, limit=limit
    )


@post(ONE + "/messages", access=TWO, tags=TAGS)
async def post_message(
    request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID], data: JSONBody[NewMessage]
) -> Message:
    """Say something. The same `client_id` again is answered with the first message."""
    return await actions.send(actor, appointment_id, Draft.of(data.client_id, data.body), days(request))


@post(ONE + "/messages/read", access=TWO, status_code=200, tags=TAGS)
async def mark_read(
    actor: NamedDependency[Actor], appointment_id: FromPath[UUID], data: JSONBody[ReadUpTo | None] = None
) -> ReadMarks:
    """Say that everything up to a message was read."""
    return await actions.mark_read(actor, appointment_id, data.number if data else None)


@post(ONE + "/messages/typing", access=TWO, status_code=204, tags=TAGS)
async def show_typing(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> None:
    """Let the other one see that you are writing."""
    await actions.show_typing(actor, appointment_id)


@get(ONE + "/files", access=TWO, tags=TAGS)
async def list_files(
    actor: NamedDependency[Actor], appointment_id: FromPath[UUID], skip: Skip = 0, limit: Limit = 10
) -> FileList:
    """The files of a visit."""
    return await queries.list_files(actor, appointment_id, skip, limit)


@post(ONE + "/files", access=TWO, request_max_body_size=LARGEST_REQUEST, upload=WITH_FILE, tags=TAGS)
async def post_file(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Message:
    """Send a PDF, JPEG, PNG or WebP of up to 10 MB as `multipart/form-data`: `file`, and `client_id` and `body` if wanted."""
    form = await read_form(request, FileForm, multipart=True)
    sent = form.checked()
    draft = Draft.of(sent.client_id or uuid7(), sent.body, with_file=True)
    return await actions.send_file(actor, appointment_id, draft, Given(*await file_of(form)), days(request))


@get(ONE + "/files/{file_id:uuid}", access=TWO, tags=TAGS)
async def get_file(
    actor: NamedDependency[Actor], appointment_id: FromPath[UUID], file_id: FromPath[UUID]
) -> Response[Any]:
    """The content of a file, to be saved."""
    file, content = await queries.read_file(actor, appointment_id, file_id)
    return attachment(file.name, file.media_type, content)


handlers = [get_messages, post_message, mark_read, show_typing, list_files, post_file, get_file]
