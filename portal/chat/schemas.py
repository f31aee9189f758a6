"""Messages of a visit, the files in them, and what sends or marks one."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from portal.errors import FieldError, Invalid
from portal.web.decode import Input
from portal.web.i18n import _
from portal.web.scalars import INT32
from portal.web.types import Id, Text

LONGEST = 4000
Number = Annotated[int, Meta(ge=0, le=INT32)]


class File(Struct, frozen=True, kw_only=True):
    """A file that was sent; its content is at `…/files/{id}`."""

    id: UUID
    name: str
    media_type: str
    size: int
    sender_id: UUID
    sent_at: datetime

    @property
    def is_image(self) -> bool:
        return self.media_type.startswith("image/")


class FileList(Struct, frozen=True, kw_only=True):
    """Files of a visit, in the order sent."""

    total: int
    skip: int
    limit: int
    files: list[File]


class Message(Struct, frozen=True, kw_only=True):
    """One message; `number` is its place in the conversation, for both the same."""

    id: UUID
    number: int
    sender_id: UUID
    client_id: UUID
    body: str
    file: File | None
    sent_at: datetime


class ReadMarks(Struct, frozen=True, kw_only=True):
    """Up to which number each of the two has read, and how many of the caller's are unread."""

    patient_read: int
    doctor_read: int
    unread: int


class Conversation(Struct, frozen=True, kw_only=True):
    """Some messages in their order, and how the conversation stands.

    `more`: there are further ones in the direction that was asked for. After `closes_at` it is only read.
    """

    appointment_id: UUID
    messages: list[Message]
    more: bool
    last_number: int
    patient_read: int
    doctor_read: int
    unread: int
    is_open: bool
    closes_at: datetime
    patient_id: UUID
    patient_name: str
    doctor_id: UUID
    doctor_name: str

    def name_of(self, account_id: UUID) -> str:
        return self.doctor_name if account_id == self.doctor_id else self.patient_name

    def read_by_other(self, account_id: UUID) -> int:
        """How far the other one of the two has read."""
        return self.patient_read if account_id == self.doctor_id else self.doctor_read

    @property
    def shown_to(self) -> int:
        """The number of the last message that is here."""
        return self.messages[-1].number if self.messages else 0


class NewMessage(Input, frozen=True, kw_only=True):
    """`client_id` is made by whoever sends; sending again with the same one is harmless."""

    body: Annotated[str, Text(LONGEST)]
    client_id: Id


class ReadUpTo(Input, frozen=True, kw_only=True):
    """The number of the last message that was seen; without it, the last there is."""

    number: Number | None = None


class FileForm(Input, frozen=True, kw_only=True):
    """What comes with a file in `multipart/form-data`: the part `file`, and words to it if there are any."""

    client_id: Id | None = None
    body: Annotated[str, Text(LONGEST)] | None = None


class MessageForm(Input, frozen=True, kw_only=True):
    """The form of the page: words, a file, or both. `after` asks for what has come since as the answer."""

    client_id: Id
    body: Annotated[str, Text(LONGEST)] | None = None
    after: Number | None = None


class ReadForm(Input, frozen=True, kw_only=True):
    number: Number | None = None


class Draft(Struct, frozen=True, kw_only=True):
    """What is about to be sent. Raises `Invalid` when it is nothing."""

    client_id: UUID
    body: str

    @classmethod
    def of(cls, client_id: UUID, body: str | None, *, with_file: bool = False) -> "Draft":
        if not body and not with_file:
            raise Invalid([FieldError("body", _("Write something, or choose a file."))])
        return cls(client_id=client_id, body=body or "")
