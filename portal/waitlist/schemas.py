"""Places on the waitlist, and the offers that come of them."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Struct, field

from portal.appointments.schemas import AppointmentType
from portal.errors import FieldError, Invalid
from portal.web.decode import Input
from portal.web.i18n import _
from portal.web.types import Id, LocalDate, Text

OFFER_SECONDS = 600.0
MOST_DAYS = 62
ServiceType = Literal["VIRTUAL", "IN_PERSON", "BOTH"]


class EntryStatus(StrEnum):
    WAITING = "WAITING"
    BOOKED = "BOOKED"
    LEFT = "LEFT"
    LAPSED = "LAPSED"  # three offers were not answered, or its dates are over


class OfferStatus(StrEnum):
    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"


class NewEntry(Input, frozen=True, kw_only=True):
    """For one doctor or for any of a specialty, on these dates; `BOTH` is either kind of visit."""

    from_: LocalDate = field(name="from")
    to: LocalDate
    service_type: ServiceType = "BOTH"
    doctor_id: Id | None = None
    specialty_id: Id | None = None

    def __post_init__(self) -> None:
        errors = []
        if (self.doctor_id is None) == (self.specialty_id is None):
            errors.append(FieldError("doctor_id", _("Wait for one doctor, or for one specialty.")))
        if not 0 <= (self.to - self.from_).days < MOST_DAYS:
            errors.append(FieldError("to", _("Choose a range of at most %(days)s days.", days=MOST_DAYS)))
        if errors:
            raise Invalid(errors)


class Acceptance(Input, frozen=True, kw_only=True):
    """The kind of visit is asked for only where both are possible and the patient wants either."""

    appointment_type: AppointmentType | None = None
    chief_complaint: Annotated[str, Text(2000)] | None = None


class Offer(Struct, frozen=True, kw_only=True):
    """A time kept for the patient until `expires_at`; it cannot be anybody else's before that."""

    id: UUID
    entry_id: UUID
    slot_id: UUID
    status: OfferStatus
    offered_at: datetime
    expires_at: datetime
    seconds_left: int
    doctor_id: UUID
    doctor_name: str
    specialty: str | None
    clinic_name: str | None
    clinic_address: str | None
    start_time: datetime
    end_time: datetime
    time_zone: str
    date: date
    service_type: ServiceType  # what this time and the wish have in common
    appointment_id: UUID | None

    @property
    def is_open(self) -> bool:
        return self.status is OfferStatus.OPEN and self.seconds_left > 0


class Entry(Struct, frozen=True, kw_only=True):
    """One wish; `offer` is the time that is kept for it at this moment."""

    id: UUID
    doctor_id: UUID | None
    doctor_name: str | None
    specialty_id: UUID | None
    specialty: str | None
    from_: date = field(name="from")
    to: date
    service_type: ServiceType
    status: EntryStatus
    created_at: datetime
    offer: Offer | None


class EntryList(Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    entries: list[Entry]
