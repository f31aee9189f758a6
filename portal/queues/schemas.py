"""The queue of a session on a date, as its doctor, the front desk and each waiting patient see it."""

from datetime import date, datetime, time
from enum import StrEnum
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from portal.appointments.schemas import AppointmentStatus, AppointmentType, Completion
from portal.errors import FieldError, Invalid
from portal.slots.calendar import instant
from portal.web.decode import Input
from portal.web.i18n import _
from portal.web.types import BirthDate, Email, Id, LocalDate, Name, Phone, Text, WallTime


class Standing(StrEnum):
    """Where a visit stands in its queue."""

    SERVING = "SERVING"  # with the doctor
    CALLED = "CALLED"  # called, and not in the room yet
    WAITING = "WAITING"  # checked in
    COMING = "COMING"  # booked, its time has not come
    LATE = "LATE"  # booked, its time has passed
    DONE = "DONE"  # completed, or did not come


class Expected(Struct, frozen=True, kw_only=True):
    """When a visit will probably begin, as an honest range; at least four of five begin inside it."""

    expected_start: datetime
    expected_from: datetime
    expected_to: datetime


class QueueVisit(Struct, frozen=True, kw_only=True):
    """One visit on the board."""

    appointment_id: UUID
    patient_id: UUID
    patient_name: str
    queue_position: int | None  # the number; none for an emergency, which goes first
    standing: Standing
    status: AppointmentStatus
    appointment_type: AppointmentType
    walk_in: bool
    urgent: bool
    missed_calls: int
    chief_complaint: str
    start_time: datetime  # as booked
    checked_in_at: datetime | None
    called_at: datetime | None
    actual_start_time: datetime | None
    actual_end_time: datetime | None
    video_session_id: UUID | None
    unread_messages: int  # of the doctor's
    expected_start: datetime | None = None
    expected_from: datetime | None = None
    expected_to: datetime | None = None


class PredictionError(Struct, frozen=True, kw_only=True):
    """How good the times were that patients were shown in the last 30 days."""

    predictions: int
    mean_minutes: float | None  # how far the visits began from the time shown, on average
    share_inside: float | None  # of visits that began inside the range shown, 0 to 1


class Board(Struct, frozen=True, kw_only=True):
    """A session's queue on a date."""

    session_id: UUID
    date: date
    doctor_id: UUID
    doctor_name: str
    clinic_id: UUID | None
    clinic_name: str | None
    time_zone: str
    start_time: datetime  # of the session's first position
    end_time: datetime  # of its last one within the hours
    now: datetime  # by the database's clock
    is_today: bool
    now_serving: int | None  # the number that was called last, or is with the doctor
    serving: QueueVisit | None
    called: QueueVisit | None
    waiting: list[QueueVisit]  # checked in, in the order of calling
    late: list[QueueVisit]
    coming: list[QueueVisit]
    done: list[QueueVisit]  # the latest first
    delay_minutes: int  # how far behind the plan: announced, or seen from the visits so far
    announced_delay_minutes: int
    pace: float | None  # how long today's visits take against what is usual: 1.2 is a fifth longer
    usual_minutes: float  # the median of this doctor's recent visits
    estimated_consultation_minutes: int  # as planned
    capacity: int  # numbers that the session has on this date
    free: int  # of them not taken, and their time not past
    overflow: int  # numbers given beyond the hours
    error: PredictionError

    @property
    def is_over(self) -> bool:
        """Whether nobody is there, or to come, after its hours."""
        return self.end_time <= self.now and len(self.visits) == len(self.done)

    @property
    def visits(self) -> list[QueueVisit]:
        """Everybody on the board, each once."""
        now = [one for one in (self.serving, self.called) if one]
        return [*now, *self.waiting, *self.late, *self.coming, *self.done]


class Place(Struct, frozen=True, kw_only=True):
    """One patient's own place: numbers and times, nobody else's name."""

    appointment_id: UUID
    session_id: UUID | None
    date: date
    status: AppointmentStatus
    standing: Standing
    queue_position: int | None
    ahead: int  # how many will be called before, of those who are there or may still come in time
    now_serving: int | None
    called: bool  # it is this patient's turn
    late: bool  # their time has passed, and they have not checked in
    missed_calls: int
    delay_minutes: int
    start_time: datetime  # as booked
    time_zone: str
    expected_start: datetime | None  # none once the visit has begun or is over
    expected_from: datetime | None
    expected_to: datetime | None
    travel_minutes: int | None
    leave_home_by: datetime | None  # to be there when it may begin at the earliest; none for a video visit
    check_in_opens: datetime
    may_check_in: bool
    rules: list[str]  # how people are called, and what happens to those who are late, as sentences


class QueueDay(Struct, frozen=True, kw_only=True):
    """What was announced for a session's day."""

    session_id: UUID
    date: date
    delay_minutes: int


class QueueLine(Struct, frozen=True, kw_only=True):
    """One of the actor's sessions that takes place on a date, to choose a board."""

    session_id: UUID
    date: date
    doctor_id: UUID
    doctor_name: str
    clinic_id: UUID | None
    clinic_name: str | None
    time_zone: str
    start_time: datetime
    end_time: datetime
    now_serving: int | None
    waiting: int
    coming: int


class QueueList(Struct, frozen=True):
    """The sessions of a date, by their start."""

    queues: list[QueueLine]


class CallNext(Input, frozen=True):
    date: LocalDate


class Delay(Input, frozen=True):
    date: LocalDate
    delay_minutes: Annotated[int, Meta(ge=0, le=240)]


class WalkIn(Input, frozen=True):
    """Somebody who comes without a booking: a patient who has an account, or the first facts of a new one."""

    date: LocalDate
    patient_id: Id | None = None
    first_name: Name | None = None
    last_name: Name | None = None
    date_of_birth: BirthDate | None = None
    phone_number: Phone | None = None
    email: Email | None = None
    chief_complaint: Annotated[str, Text(2000)] | None = None

    def __post_init__(self) -> None:
        facts = ("first_name", "last_name", "date_of_birth", "phone_number", "email")
        given = [name for name in facts if getattr(self, name) is not None]
        if self.patient_id:
            errors = [FieldError(name, _("Choose a known patient, or enter a new one.")) for name in given]
        else:
            missing = [name for name in ("first_name", "last_name") if getattr(self, name) is None]
            errors = [FieldError(name, _("This field is required.")) for name in missing]
        if errors:
            raise Invalid(errors)


# Forms of pages


class CallForm(Input, frozen=True, kw_only=True):
    next: str | None = None
    date: LocalDate


class DelayForm(Input, frozen=True, kw_only=True):
    next: str | None = None
    date: LocalDate
    delay_minutes: Annotated[int, Meta(ge=0, le=240)]


class WalkInForm(Input, frozen=True, kw_only=True):
    """Somebody who stands at the front desk: the day is that of the session."""

    session_id: Id
    patient_id: Id | None = None
    first_name: Name | None = None
    last_name: Name | None = None
    date_of_birth: BirthDate | None = None
    phone_number: Phone | None = None
    email: Email | None = None
    chief_complaint: Annotated[str, Text(2000)] | None = None

    def walk_in(self, day: date) -> WalkIn:
        """Raises `Invalid` for a new patient without a name."""
        given = {name: getattr(self, name) for name in self.__struct_fields__ if name != "session_id"}
        return WalkIn(date=day, **given)


class CompletionForm(Input, frozen=True, kw_only=True):
    """The end of a visit, with the times on the clock of its place where they are not those of the buttons."""

    next: str | None = None
    doctor_notes: Annotated[str, Text(10_000)] | None = None
    began: WallTime | None = None
    ended: WallTime | None = None

    def completion(self, day: date, zone: str) -> Completion:
        """Raises `Invalid` for an end before the start."""
        return Completion(
            actual_start_time=self._moment(self.began, day, zone),
            actual_end_time=self._moment(self.ended, day, zone),
            doctor_notes=self.doctor_notes,
        )

    def _moment(self, wall: time | None, day: date, zone: str) -> datetime | None:
        return instant(datetime.combine(day, wall), ZoneInfo(zone)) if wall else None
