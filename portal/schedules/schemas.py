"""Weekly sessions and their exceptions, in and out."""

from datetime import date, time
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, field

from portal.errors import FieldError, Invalid
from portal.slots.schemas import PlannedDoctor, ServiceType, SlotChanges, SlotMinutes, Weekday
from portal.web.decode import Input
from portal.web.i18n import _
from portal.web.types import Id, Line, LocalDate, WallTime

Places = Annotated[int, Meta(ge=1, le=200)]


class OverrideKind(StrEnum):
    CANCELLED = "CANCELLED"
    CHANGED = "CHANGED"


class SessionTerms(Input, frozen=True):
    """What a weekly session says; a change sends all of it."""

    day_of_week: Weekday
    session_start_time: WallTime
    session_end_time: WallTime
    service_type: ServiceType
    max_queue_size: Places
    estimated_consultation_minutes: SlotMinutes
    effective_from: LocalDate
    effective_to: LocalDate | None = None
    clinic_id: Id | None = None

    def __post_init__(self) -> None:
        errors = []
        if self.session_end_time <= self.session_start_time:
            errors.append(FieldError("session_end_time", _("The end must be later than the start.")))
        if self.effective_to is not None and self.effective_to < self.effective_from:
            errors.append(FieldError("effective_to", _("The last date must be on or after the first.")))
        if errors:
            raise Invalid(errors)


class NewSession(SessionTerms, frozen=True, kw_only=True):
    doctor_id: Id


class ChangedSession(SessionTerms, frozen=True):
    """`version`, where it is sent, must be the one that was read: nobody undoes another's change unseen. `doctor_id` may be
    sent as it was when the session was made; a session is never given to another doctor."""

    doctor_id: Id | None = None
    version: Annotated[int, Meta(ge=1)] | None = None


class WeeklySession(Struct, frozen=True, kw_only=True):
    id: UUID
    doctor_id: UUID
    clinic_id: UUID | None
    clinic_name: str | None
    time_zone: str
    day_of_week: Weekday
    session_start_time: time
    session_end_time: time
    service_type: ServiceType
    max_queue_size: int
    estimated_consultation_minutes: int
    effective_from: date
    effective_to: date | None
    version: int
    slots: SlotChanges | None = None  # what the change just made did to the slots

    @property
    def capacity(self) -> int:
        """How many visits the hours hold; more places than this are after hours."""
        start, end = self.session_start_time, self.session_end_time
        minutes = (end.hour - start.hour) * 60 + end.minute - start.minute
        return min(minutes // self.estimated_consultation_minutes, self.max_queue_size)

    @property
    def after_hours(self) -> int:
        return self.max_queue_size - self.capacity


class NewOverride(Input, frozen=True):
    """One date on which a session does not take place, or has other hours."""

    date: LocalDate
    kind: OverrideKind
    session_start_time: WallTime | None = None
    session_end_time: WallTime | None = None
    max_queue_size: Places | None = None
    reason: Annotated[str, Line(200, 0)] = ""

    def __post_init__(self) -> None:
        changes = (self.session_start_time, self.session_end_time, self.max_queue_size)
        if self.kind is OverrideKind.CHANGED and not any(changes):
            raise Invalid([FieldError("session_start_time", _("Say what is different on that date."))])
        if self.kind is OverrideKind.CANCELLED and any(changes):
            raise Invalid([FieldError("kind", _("A cancelled date has no hours."))])


class Override(Struct, frozen=True, kw_only=True):
    id: UUID
    session_id: UUID
    date: date
    kind: OverrideKind
    session_start_time: time | None
    session_end_time: time | None
    max_queue_size: int | None
    reason: str
    slots: SlotChanges | None = None


class SessionList(Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    sessions: list[WeeklySession]


class OverrideList(Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    overrides: list[Override]


class Schedule(Struct, frozen=True, kw_only=True):
    """Everything on the screen of a doctor's schedule, as far as the viewer may plan it."""

    doctor: PlannedDoctor
    sessions: list[WeeklySession]
    overrides: list[Override]

    def on(self, weekday: Weekday) -> list[WeeklySession]:
        """The sessions of one weekday."""
        return [one for one in self.sessions if one.day_of_week is weekday]


class SessionForm(ChangedSession, frozen=True, kw_only=True):
    """The form of a session: the first time it is sent it shows what will change, then it saves."""

    confirmed: bool = False


class OverrideForm(NewOverride, frozen=True, kw_only=True):
    confirmed: bool = False


class LeaveKind(StrEnum):
    CLOSE = "CLOSE"
    OPEN = "OPEN"


class NewLeave(Input, frozen=True, kw_only=True):
    """Close all hours of a doctor from one date to another, or open again what was closed."""

    from_: LocalDate = field(name="from")
    to: LocalDate
    kind: LeaveKind = LeaveKind.CLOSE
    reason: Annotated[str, Line(200, 0)] = ""

    def __post_init__(self) -> None:
        if not 0 <= (self.to - self.from_).days < 366:
            raise Invalid([FieldError("to", _("The last date must be on or after the first, within a year."))])


class LeaveForm(NewLeave, frozen=True, kw_only=True):
    confirmed: bool = False


class LeaveDay(Struct, frozen=True, kw_only=True):
    """One date of a range: how many sessions change on it, and how many booked visits need attention."""

    date: date
    sessions: int
    visits: int


class Leave(Struct, frozen=True, kw_only=True):
    """What closing or opening a range of dates does."""

    from_: date = field(name="from")
    to: date
    kind: LeaveKind
    sessions: int
    by_hand: int  # times made by hand that are closed, or open again
    slots: SlotChanges
    days: list[LeaveDay]


class BlockState(StrEnum):
    REGULAR = "REGULAR"
    CHANGED = "CHANGED"
    CANCELLED = "CANCELLED"
    BY_HAND = "BY_HAND"


class Block(Struct, frozen=True, kw_only=True):
    """A stretch of a doctor's day: a session on one date, or times made by hand, with what is left of it.

    Places after hours are counted apart: `free`, `held`, `booked` and `closed` are those within the hours.
    """

    session_id: UUID | None
    override_id: UUID | None
    clinic_id: UUID | None
    clinic_name: str | None
    time_zone: str
    service_type: ServiceType
    state: BlockState
    local_start: time
    local_end: time
    free: int = 0
    held: int = 0
    booked: int = 0
    closed: int = 0
    overflow: int = 0
    overflow_booked: int = 0
    need_attention: int = 0

    @property
    def rows(self) -> tuple[int, int]:
        """The quarters of the day that the block covers, as drawn to scale; hours past midnight end with the day."""
        start, end = (one.hour * 60 + one.minute for one in (self.local_start, self.local_end))
        return start // 15, max(-(-(end if end > start else 1440) // 15), start // 15 + 2)

    @property
    def places(self) -> int:
        return self.free + self.held + self.booked + self.closed


class PlannedDay(Struct, frozen=True, kw_only=True):
    date: date
    blocks: list[Block]
    free: int
    held: int
    booked: int
    overflow: int
    need_attention: int


class PlannedRange(Struct, frozen=True, kw_only=True):
    """The days of a doctor, as far as the viewer may plan them."""

    doctor_id: UUID
    from_: date = field(name="from")
    to: date
    days: list[PlannedDay]

    @property
    def hours(self) -> tuple[int, int]:
        """The first and the last hour that a drawing needs."""
        rows = [block.rows for day in self.days for block in day.blocks]
        return (min((one[0] for one in rows), default=32) // 4, -(-max((one[1] for one in rows), default=72) // 4))
