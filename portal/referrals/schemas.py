"""Referrals and follow-ups as they come in, and what can be chosen for them."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from portal.booking.schemas import FreeTime
from portal.errors import FieldError, Invalid
from portal.web.decode import Input
from portal.web.i18n import _
from portal.web.types import Id, Text

MOST_WEEKS = 52
Weeks = Annotated[int, Meta(ge=1, le=MOST_WEEKS)]


class NewReferral(Input, frozen=True):
    """Without a slot it is the other doctor's next free time for the same kind of visit."""

    doctor_id: Id
    note: Annotated[str, Text(4000)]
    slot_id: Id | None = None


class NewFollowUp(Input, frozen=True):
    """Exactly one of `slot_id`, which is booked, or `weeks`, for which times are proposed."""

    slot_id: Id | None = None
    weeks: Weeks | None = None

    def __post_init__(self) -> None:
        if (self.slot_id is None) == (self.weeks is None):
            raise Invalid([FieldError("weeks", _("Say either in how many weeks, or at which time."))])


class Proposals(Struct, frozen=True):
    """Free times about a number of weeks after a visit, earliest first."""

    proposals: list[FreeTime]


class Colleague(Struct, frozen=True, kw_only=True):
    """Another doctor to refer to, with the next free time."""

    doctor_id: UUID
    name: str
    specialty: str | None
    clinic_name: str | None
    next_free: datetime | None
    time_zone: str | None
