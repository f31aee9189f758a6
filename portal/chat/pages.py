"""The conversation of a visit, for people: a page of its own, from which other pages take its panel."""

from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Response

from portal.accounts.schemas import Actor, Role
from portal.chat import actions, queries
from portal.chat.policy import MOST_FILES
from portal.chat.schemas import Draft, MessageForm, Number, ReadForm
from portal.chat.uploads import LARGEST_REQUEST, Given
from portal.errors import Conflict, DomainError, FieldError, Invalid, TooLarge, UnsupportedType
from portal.ids import uuid7
from portal.web.files import attachment, file_of
from portal.web.forms import Form, read_form
from portal.web.guards import roles
from portal.web.render import fragment, page, redirect

TWO = roles(Role.PATIENT, Role.DOCTOR)
ONE = "/appointments/{appointment_id:uuid}"
REFUSED = (Invalid, Conflict, TooLarge, UnsupportedType)


def days(request: Request) -> int:
    return int(request.app.state.settings.chat_days)


@get(ONE + "/chat", access=TWO)
async def chat(
    request: Request,
    actor: NamedDependency[Actor],
    appointment_id: FromPath[UUID],
    before: FromQuery[Number | None] = None,
) -> Response[Any]:
    """The last messages, live, and what writes a new one; before a number, earlier ones."""
    return await chat_page(request, actor, appointment_id, Form.empty(), before=before)


async def chat_page(
    request: Request,
    actor: Actor,
    appointment_id: UUID,
    form: Form[Any],
    *,
    before: int | None = None,
    status: int = 200,
) -> Response[Any]:
    found = await queries.read_conversation(actor, appointment_id, days(request), before=before)
    return page(
        "chat/page.html",
        status=status,
        chat=found,
        before=before,
        form=form,
        client_id=form.value("client_id") or uuid7(),
        live_topics=[f"appointment:{appointment_id}", f"user:{actor.id}"],
    )


@get(ONE + "/chat/news", access=TWO)
async def news(
    request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID], after: FromQuery[Number]
) -> Response[Any]:
    """What came after a number, for a page that is open."""
    return await news_of(request, actor, appointment_id, after)


async def news_of(request: Request, actor: Actor, appointment_id: UUID, after: int) -> Response[Any]:
    found = await queries.read_conversation(actor, appointment_id, days(request), after=after, limit=100)
    return fragment("chat/_news.html", chat=found)


@post(ONE + "/chat", access=TWO, status_code=200, request_max_body_size=LARGEST_REQUEST)
async def send(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    """Words, a file, or both; a page that says what it has shown is answered with what came since."""
    form = await read_form(request, MessageForm, multipart=True)
    if form.data is None:
        return await chat_page(request, actor, appointment_id, form, status=422)
    sent, file = form.data, form.files.get("file")
    try:
        draft = Draft.of(sent.client_id, sent.body, with_file=file is not None)
        if file is None:
            await actions.send(actor, appointment_id, draft, days(request))
        else:
            await actions.send_file(actor, appointment_id, draft, Given(*await file_of(form)), days(request))
    except REFUSED as refused:
        return await chat_page(request, actor, appointment_id, as_words(form, refused), status=refused.status)
    if sent.after is not None:
        return await news_of(request, actor, appointment_id, sent.after)
    return redirect(f"/appointments/{appointment_id}/chat#end")


def as_words(form: Form[Any], refused: DomainError) -> Form[Any]:
    """What is wrong with the file stands at the file."""
    if isinstance(refused, TooLarge | UnsupportedType):
        return form.refused(Invalid([FieldError("file", refused.detail)]))
    return form.refused(refused)


@post(ONE + "/chat/read", access=TWO, status_code=200)
async def mark_read(request: Request, actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    form = await read_form(request, ReadForm)
    await actions.mark_read(actor, appointment_id, form.checked().number)
    return redirect(f"/appointments/{appointment_id}/chat#end")


@post(ONE + "/chat/typing", access=TWO, status_code=204)
async def show_typing(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> None:
    """Without a form: that it was sent is all that it says."""
    await actions.show_typing(actor, appointment_id)


@get(ONE + "/files", access=TWO)
async def list_files(actor: NamedDependency[Actor], appointment_id: FromPath[UUID]) -> Response[Any]:
    """The files of a visit."""
    found = await queries.list_files(actor, appointment_id, 0, MOST_FILES)
    return page("chat/files.html", files=found.files, appointment_id=appointment_id)


@get(ONE + "/files/{file_id:uuid}", access=TWO)
async def get_file(
    actor: NamedDependency[Actor], appointment_id: FromPath[UUID], file_id: FromPath[UUID]
) -> Response[Any]:
    file, content = await queries.read_file(actor, appointment_id, file_id)
    return attachment(file.name, file.media_type, content)


handlers = [chat, news, send, mark_read, show_typing, list_files, get_file]
