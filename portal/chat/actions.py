"""Talking: send words or a file, mark what was read, show that one is writing."""

from typing import Any
from uuid import UUID

from portal import db, storage
from portal.accounts.schemas import Actor
from portal.chat import events, policy, queries, statements, uploads
from portal.chat.schemas import Draft, Message, ReadMarks
from portal.errors import Conflict, Forbidden, NotFound, TooLarge
from portal.ids import uuid7
from portal.web.i18n import _
from portal.web.requests import request_id

AREA = "chat"  # of the storage
MOST_BYTES = 200 * 1024 * 1024


async def send(actor: Actor, appointment_id: UUID, draft: Draft, days: int) -> Message:
    """Say something; the same `client_id` again gives the first message back.

    Raises `Forbidden`, `NotFound`, or `Conflict` with `chat_closed` or `client_id_used`.
    """
    if not policy.may_talk(actor):
        raise Forbidden
    return await _send(actor, appointment_id, draft, days)


async def send_file(actor: Actor, appointment_id: UUID, draft: Draft, given: uploads.Given, days: int) -> Message:
    """Send a file, as the message that it comes in; the same `client_id` again gives the first message back.

    Raises `Forbidden`, `NotFound`, `Invalid`, `TooLarge` (one file, or `files_full` all of a visit), `UnsupportedType`,
    `Conflict` as for words, or `Unavailable`.
    """
    if not policy.may_talk(actor):
        raise Forbidden
    await queries.get_marks(actor, appointment_id)  # a stranger's file is not even looked at
    checked = await uploads.check(given)
    async with storage.kept(AREA, checked.content, checked.media_type) as key:
        sent = await _send(actor, appointment_id, draft, days, (key, checked.name, checked.media_type, checked.size))
    if not await queries.kept_files([key]):  # it was sent before
        await storage.remove(key)
    return sent


@db.retried
async def _send(
    actor: Actor, appointment_id: UUID, draft: Draft, days: int, file: tuple[Any, ...] = (None, None, None, None)
) -> Message:
    async with db.transaction():
        await _hold_in_tx(actor, appointment_id)
        row = await db.fetch_row(
            statements.SEND, appointment_id, actor.id, days, draft.client_id, draft.body, [uuid7(), uuid7()], *file,
            policy.MOST_FILES, MOST_BYTES, actor.role.value, request_id(),
        )  # fmt: skip
        if row is None:
            raise NotFound
        if row["id"] is None:
            raise _refusal(row)
        if row["body"] != draft.body or (row["file_id"] is None) != (file[0] is None):
            raise Conflict("client_id_used", _("Another message was sent under this client_id."))
        if row["is_new"]:
            events.tell_sent(row, appointment_id)
        return queries.message_of(row)


async def _hold_in_tx(actor: Actor, appointment_id: UUID) -> None:
    """Keep the conversation for this transaction; it begins here if it has not begun."""
    if await db.fetch_value(statements.LOCK, appointment_id, actor.id) is None:
        await db.execute(statements.BEGIN, appointment_id, actor.id)
        if await db.fetch_value(statements.LOCK, appointment_id, actor.id) is None:
            raise NotFound


def _refusal(row: Any) -> Conflict | TooLarge:
    if not row["is_open"]:
        return Conflict("chat_closed", _("This conversation is closed. You can still read it."))
    text = _("The files of this visit take up all the room that there is for them.")
    return TooLarge(text, code="files_full")


@db.retried
async def mark_read(actor: Actor, appointment_id: UUID, number: int | None = None) -> ReadMarks:
    """Everything up to a number was read; what was read stays read. Raises `Forbidden` or `NotFound`."""
    if not policy.may_talk(actor):
        raise Forbidden
    async with db.transaction():
        if await db.fetch_value(statements.LOCK, appointment_id, actor.id) is not None:
            reached = await db.fetch_value(statements.READ, appointment_id, actor.id, number)
            if reached is not None:
                events.tell_read(actor.id, appointment_id, reached)
        return await queries.get_marks(actor, appointment_id)


@db.retried
async def show_typing(actor: Actor, appointment_id: UUID) -> None:
    """Let the other one see that something is being written. Raises `Forbidden` or `NotFound`."""
    if not policy.may_talk(actor):
        raise Forbidden
    async with db.transaction():
        await queries.get_marks(actor, appointment_id)
        events.tell_typing(actor.id, appointment_id)
