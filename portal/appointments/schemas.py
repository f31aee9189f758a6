"""Appointments as pages and API show them, and what makes or changes one."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Struct, field

from portal.errors import FieldError, Invalid
from portal.web.decode import Input
from portal.web.i18n import _
from portal.web.types import Instant, Text


class AppointmentStatus(StrEnum):
    BOOKED = "BOOKED"
    CHECKED_IN = "CHECKED_IN"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    NO_SHOW = "NO_SHOW"


LIVE = (AppointmentStatus.BOOKED, AppointmentStatus.CHECKED_IN, AppointmentStatus.IN_PROGRESS)


class AppointmentType(StrEnum):
    VIRTUAL = "VIRTUAL"
    IN_PERSON = "IN_PERSON"


class Appointment(Struct, frozen=True, kw_only=True):
    """One visit as its parties see it."""

    id: UUID
    slot_id: UUID | None
    patient_id: UUID
    patient_name: str
    doctor_id: UUID
    doctor_name: str
    specialty: str | None
    clinic_id: UUID | None
    clinic_name: str | None
    clinic_address: str | None
    session_id: UUID | None
    date: date
    queue_position: int | None
    walk_in: bool
    start_time: datetime
    end_time: datetime
    time_zone: str
    overflow: bool
    appointment_type: AppointmentType
    status: AppointmentStatus
    chief_complaint: str
    doctor_notes: str
    consultation_fee: Decimal
    currency: str
    video_session_id: UUID | None
    referred_from: UUID | None
    needs_attention: str | None
    confirmed_at: datetime | None
    checked_in_at: datetime | None
    called_at: datetime | None
    missed_calls: int
    actual_start_time: datetime | None
    actual_end_time: datetime | None
    created_at: datetime
    unread_messages: int  # those of the caller: only the patient and the doctor have any

    @property
    def is_live(self) -> bool:
        return self.status in LIVE


class Referral(Struct, frozen=True, kw_only=True):
    """How one visit led to another: `kind` is REFERRAL (to another doctor, with a note) or FOLLOW_UP."""

    appointment_id: UUID
    from_appointment_id: UUID
    kind: str
    doctor_name: str
    from_doctor_name: str
    note: str
    created_at: datetime


class ReferralList(Struct, frozen=True):
    """What led to a visit, and what came of it, oldest first."""

    referrals: list[Referral]


class AppointmentList(Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    appointments: list[Appointment]


class HistoryEntry(Struct, frozen=True, kw_only=True):
    """One transition: `from` is null for the booking itself."""

    at: datetime
    actor_id: UUID | None
    from_: AppointmentStatus | None = field(name="from")
    to: AppointmentStatus
    reason: str


class History(Struct, frozen=True, kw_only=True):
    history: list[HistoryEntry]


class Cancellation(Input, frozen=True):
    reason: Annotated[str, Text(500)]


class Reason(Input, frozen=True):
    """A word why; for moves that need none."""

    reason: Annotated[str, Text(500)] | None = None


class Completion(Input, frozen=True):
    """What the doctor adds at the end; the database's clock stands in for a time that is left out."""

    actual_start_time: Instant | None = None
    actual_end_time: Instant | None = None
    doctor_notes: Annotated[str, Text(10_000)] | None = None

    def __post_init__(self) -> None:
        if self.actual_start_time and self.actual_end_time and self.actual_end_time <= self.actual_start_time:
            raise Invalid([FieldError("actual_end_time", _("The end comes after the start."))])


class BackForm(Input, frozen=True):
    """A button's form: where to go on afterwards."""

    next: str | None = None
