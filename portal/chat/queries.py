"""Reading conversations, by their two people alone."""

from typing import Any
from uuid import UUID

from portal import db, storage
from portal.accounts.schemas import Actor, Role
from portal.audit.actions import record_read
from portal.chat import statements
from portal.chat.policy import MOST_FILES
from portal.chat.schemas import Conversation, File, FileList, Message, ReadMarks
from portal.errors import NotFound
from portal.web.scalars import INT32

PAGE = 50


async def read_conversation(
    actor: Actor,
    appointment_id: UUID,
    days: int,
    *,
    after: int | None = None,
    before: int | None = None,
    limit: int = PAGE,
) -> Conversation:
    """The messages after or before a number, or the last ones; a doctor's read is audited. Raises `NotFound`."""
    state = await db.fetch_row(statements.STATE, appointment_id, actor.id, days)
    if state is None:
        raise NotFound
    if after is not None:
        rows = await db.fetch(statements.AFTER, appointment_id, after, limit + 1)
        messages = [message_of(row) for row in rows[:limit]]
    else:
        rows = await db.fetch(statements.BEFORE, appointment_id, before or INT32, limit + 1)
        messages = [message_of(row) for row in rows[:limit]][::-1]
    if messages and actor.role is not Role.PATIENT:
        await record_read(
            actor,
            "messages.read",
            subject_type="appointment",
            subject_id=appointment_id,
            patient_id=state["patient_id"],
        )
    values = dict(state) | {"last_number": max(state["last_number"], *(one.number for one in messages), 0)}
    return Conversation(messages=messages, more=len(rows) > limit, **values)


async def get_marks(actor: Actor, appointment_id: UUID) -> ReadMarks:
    """How far each of the two has read. Raises `NotFound`."""
    row = await db.fetch_row(statements.MARKS, appointment_id, actor.id)
    if row is None:
        raise NotFound
    return ReadMarks(**row)


async def list_files(actor: Actor, appointment_id: UUID, skip: int, limit: int) -> FileList:
    """The files of a visit, oldest first; a doctor's read is audited. Raises `NotFound`."""
    rows = await _files(actor, appointment_id, None, skip, limit)
    await _record(actor, "files.listed", appointment_id, rows[0])
    files = [_file(row) for row in rows if row["id"]]
    return FileList(total=rows[0]["total"], skip=skip, limit=limit, files=files)


async def read_file(actor: Actor, appointment_id: UUID, file_id: UUID) -> tuple[File, bytes]:
    """One file with its content; a doctor's read is audited. Raises `NotFound` or `Unavailable`."""
    [row] = await _files(actor, appointment_id, file_id)
    if row["id"] is None:
        raise NotFound
    await _record(actor, "file.read", appointment_id, row)
    return _file(row), await storage.get(row["storage_key"])


async def kept_files(keys: list[str]) -> set[str]:
    """Those of the keys that a message names."""
    return {row["storage_key"] for row in await db.fetch(statements.KEPT, keys)}


async def _files(
    actor: Actor, appointment_id: UUID, file_id: UUID | None, skip: int = 0, limit: int = MOST_FILES
) -> list[Any]:
    rows = await db.fetch(statements.FILES, appointment_id, actor.id, file_id, skip, limit)
    if not rows:
        raise NotFound
    return rows


async def _record(actor: Actor, action: str, appointment_id: UUID, row: Any) -> None:
    if actor.role is not Role.PATIENT:
        await record_read(
            actor, action, subject_type="appointment", subject_id=appointment_id, patient_id=row["patient_id"]
        )


def _file(row: Any) -> File:
    return File(**{name: row[name] for name in File.__struct_fields__})


def message_of(row: Any) -> Message:
    """A row as a Struct, with its file."""
    values = {name: row[name] for name in Message.__struct_fields__ if name != "file"}
    sent = {"sender_id": row["sender_id"], "sent_at": row["sent_at"]}
    file = {name: row[name] for name in ("name", "media_type", "size")} | {"id": row["file_id"]} | sent
    return Message(**values, file=File(**file) if row["file_id"] else None)
