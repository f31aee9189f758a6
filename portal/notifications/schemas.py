"""What people are told in their own list: that something happened, and where to read more; never what it is about."""

from datetime import datetime
from uuid import UUID

import msgspec

from portal.web.i18n import N_, _

TEXTS = {
    "appointment.booked": N_("A visit was booked."),
    "appointment.cancelled": N_("A visit was cancelled."),
    "appointment.schedule_changed": N_("The clinic changed its hours. Please look at your visit."),
    "clinic.doctor_added": N_("You were added to a clinic."),
}


class Notification(msgspec.Struct, frozen=True):
    """One line of somebody's list; `link` is the page that tells more, `read_at` is None until it was seen."""

    id: UUID
    kind: str
    link: str
    created_at: datetime
    read_at: datetime | None

    @property
    def text(self) -> str:
        return _(TEXTS.get(self.kind, N_("Something changed.")))


class ReadResult(msgspec.Struct, frozen=True):
    """How many lines were new until now."""

    read: int


class Mail(msgspec.Struct, frozen=True):
    """One mail as it would be sent."""

    id: UUID
    recipient: str
    subject: str
    body: str
    created_at: datetime
