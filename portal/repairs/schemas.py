"""Who is affected when a day breaks, what each is offered instead, and what became of it."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, field

from portal.appointments.schemas import AppointmentStatus, AppointmentType
from portal.errors import FieldError, Invalid
from portal.web.decode import Input
from portal.web.i18n import _
from portal.web.types import Id, LocalDate, Text


class RepairKind(StrEnum):
    ALTERNATIVE = "ALTERNATIVE"  # the next free time of the same doctor, or of another of the specialty
    LATER = "LATER"  # a later place of the same day
    VIDEO = "VIDEO"  # the same time, by video
    CANCEL = "CANCEL"


class RepairState(StrEnum):
    PROPOSED = "PROPOSED"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


class Repair(Struct, frozen=True, kw_only=True):
    """What a patient is offered instead of a visit; `doctor_id` and the times are those of the offer."""

    id: UUID
    appointment_id: UUID
    kind: RepairKind
    state: RepairState
    slot_id: UUID | None
    doctor_id: UUID
    doctor_name: str
    start_time: datetime
    end_time: datetime
    time_zone: str
    overflow: bool
    expires_at: datetime
    created_at: datetime
    decided_at: datetime | None
    new_appointment_id: UUID | None


class RepairList(Struct, frozen=True, kw_only=True):
    repairs: list[Repair]


class Affected(Struct, frozen=True, kw_only=True):
    """A visit that cannot be as it was booked: its schedule has changed, or the doctor is late."""

    appointment_id: UUID
    patient_id: UUID
    patient_name: str
    doctor_id: UUID
    doctor_name: str
    session_id: UUID | None
    date: date
    queue_position: int | None
    start_time: datetime
    end_time: datetime
    time_zone: str
    appointment_type: AppointmentType
    status: AppointmentStatus
    reason: str  # SCHEDULE_CHANGED or DELAYED
    expected_start: datetime | None  # with the delay, where it is one
    can_be_video: bool
    repair: Repair | None  # the latest offer


class AffectedList(Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    affected: list[Affected]


class AffectedFilter(Input, frozen=True, kw_only=True):
    """Which visits are meant: all that need attention, those of a doctor, of some dates, or of one session on a date."""

    doctor_id: Id | None = None
    session_id: Id | None = None
    date: LocalDate | None = None
    from_: LocalDate | None = field(default=None, name="from")
    to: LocalDate | None = None
    delay_minutes: Annotated[int, Meta(ge=0, le=600)] | None = None  # without it, the delay that was announced

    def __post_init__(self) -> None:
        if (self.session_id is None) != (self.date is None):
            raise Invalid([FieldError("date", _("A session and its date belong together."))])


class NewRepair(Input, frozen=True, kw_only=True):
    kind: RepairKind
    reason: Annotated[str, Text(500)] | None = None  # of a cancellation: the patient reads it


class NewRepairs(AffectedFilter, frozen=True, kw_only=True):
    """The same for all who have no open offer; `after` goes on behind the last one of the batch before."""

    kind: RepairKind
    reason: Annotated[str, Text(500)] | None = None
    after: Id | None = None


class RepairForm(NewRepair, frozen=True, kw_only=True):
    next: str | None = None


class RepairsForm(NewRepairs, frozen=True, kw_only=True):
    """The button that offers to all; `done` and `total` count over the batches."""

    done: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    total: Annotated[int, Meta(ge=0, le=1_000_000)] = 0


class OutcomeKind(StrEnum):
    OFFERED = "OFFERED"
    CANCELLED = "CANCELLED"
    REFUSED = "REFUSED"


class Outcome(Struct, frozen=True, kw_only=True):
    """What was done for one patient, or why it could not be."""

    appointment_id: UUID
    patient_name: str
    start_time: datetime
    time_zone: str
    outcome: OutcomeKind
    code: str | None = None
    detail: str | None = None
    repair: Repair | None = None


class RepairBatch(Struct, frozen=True, kw_only=True):
    """One batch of offers: `total` were waiting before it; `next` is where the next batch begins, if there is one."""

    kind: RepairKind
    total: int
    outcomes: list[Outcome]
    next: UUID | None


class Situation(Struct, frozen=True, kw_only=True):
    """What a patient can do about one affected visit."""

    offer: Repair | None
    can_be_video: bool
