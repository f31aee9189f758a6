"""Slots as pages and API show them, and what makes one by hand."""

from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from portal.web.decode import Input
from portal.web.types import Id, LocalDate, WallTime


class SlotState(StrEnum):
    OPEN = "OPEN"
    HELD = "HELD"
    BOOKED = "BOOKED"
    DISABLED = "DISABLED"


class ServiceType(StrEnum):
    VIRTUAL = "VIRTUAL"
    IN_PERSON = "IN_PERSON"
    BOTH = "BOTH"


class Weekday(StrEnum):
    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"

    @property
    def iso(self) -> int:
        """1 for Monday to 7 for Sunday, as dates count and as it is stored."""
        return list(Weekday).index(self) + 1

    @classmethod
    def of(cls, iso: int) -> "Weekday":
        return list(cls)[iso - 1]


class Slot(Struct, frozen=True, kw_only=True):
    """One slot as everybody may see it: never who holds or booked it."""

    id: UUID
    doctor_id: UUID
    date: date
    position: int | None
    start: datetime
    end: datetime
    local_start: str
    time_zone: str
    state: SlotState
    overflow: bool
    service_type: ServiceType
    session_id: UUID | None
    clinic_id: UUID | None
    fee: Decimal
    currency: str
    seconds_until_release: int | None = None


class OwnHold(Struct, frozen=True, kw_only=True):
    """A slot that the viewer keeps at this moment."""

    slot_id: UUID
    date: date
    local_start: str
    time_zone: str
    expires_at: datetime
    seconds_until_release: int


class DoctorSlots(Struct, frozen=True, kw_only=True):
    """A doctor's slots of some days, in order, and what of them is the viewer's own."""

    doctor_id: UUID
    time_zone: str
    today: date
    first_day: date  # of those asked for, or the next with a free time
    last_day: date
    slots: list[Slot]
    holds: list[OwnHold] = []
    next_free: date | None = None


class LiveSlot(Struct, frozen=True):
    """A slot at this moment: gone when its time has come, and the seconds until it changes by itself."""

    slot: Slot
    gone: bool
    expires_in: float | None


class ClinicLine(Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    city: str


class DoctorCard(Struct, frozen=True, kw_only=True):
    """What stands above a doctor's times."""

    id: UUID
    name: str
    specialty: str | None
    qualifications: str
    bio: str
    languages: list[str]
    fee: Decimal
    currency: str
    rating: Decimal | None
    clinics: list[ClinicLine]


class Choice(Struct, frozen=True):
    """A clinic to choose in a form."""

    id: UUID
    name: str


class PlannedDoctor(Struct, frozen=True, kw_only=True):
    """A doctor whose times the viewer may plan, at these clinics; `own` when it is the viewer."""

    id: UUID
    name: str
    own: bool
    clinics: list[Choice]


class DaySeen(Struct, frozen=True):
    """One day of the grid without its slots: the version of what there is to see, and how many are free."""

    date: date
    version: int
    free: int


class WeekSeen(Struct, frozen=True, kw_only=True):
    """Seven days of a doctor from `first_day`, and what of them is the viewer's own."""

    doctor: DoctorCard
    zone: str
    today: date
    first_day: date
    last_day: date
    days: list[DaySeen]
    holds: list[OwnHold]
    next_free: date | None


class Week(Struct, frozen=True, kw_only=True):
    """Seven days of the grid, and where its arrows lead."""

    doctor_id: UUID
    days: list[dict[str, Any]]
    previous: date | None
    next: date | None
    zone: str
    zone_differs: bool


class SlotList(Struct, frozen=True, kw_only=True):
    """The answer of the API: slots of a date range are not paged."""

    doctor_id: UUID
    slots: list[Slot]


class Hold(Struct, frozen=True, kw_only=True):
    """A slot kept for one patient until `expires_at`, by the database's clock."""

    slot_id: UUID
    doctor_id: UUID
    date: date
    expires_at: datetime
    seconds_until_release: float


class Workplace(Struct, frozen=True):
    """A doctor at a clinic, or without one, the clock that hangs there, and the moment by the database's own."""

    doctor_id: UUID
    clinic_id: UUID | None
    time_zone: str
    now: datetime


SlotMinutes = Annotated[int, Meta(ge=5, le=240)]
Offset = Annotated[str, Meta(pattern=r"^[+-][0-9]{2}:[0-9]{2}$", max_length=6)]


class NewSlot(Input, frozen=True):
    """One slot by hand, on the wall clock of the clinic (of the doctor without one)."""

    date: LocalDate
    start: WallTime
    minutes: SlotMinutes
    clinic_id: Id | None = None
    service_type: ServiceType = ServiceType.VIRTUAL
    utc_offset: Offset | None = None  # needed when the wall clock shows this time twice that night


class BulkSlots(Input, frozen=True):
    """Many slots: the same hours on each of some dates, or on some weekdays of a range."""

    start: WallTime
    end: WallTime
    minutes: SlotMinutes
    dates: Annotated[list[LocalDate], Meta(max_length=100)] = msgspec.field(default_factory=list)
    weekdays: Annotated[list[Weekday], Meta(max_length=7)] = msgspec.field(default_factory=list)
    from_: LocalDate | None = msgspec.field(default=None, name="from")
    to: LocalDate | None = None
    clinic_id: Id | None = None
    service_type: ServiceType = ServiceType.VIRTUAL


class BulkForm(BulkSlots, frozen=True, kw_only=True):
    """The form of many slots: the first time it is sent it shows what will be added, then it adds."""

    confirmed: bool = False


class DaySlots(Struct, frozen=True, kw_only=True):
    """What bulk making does on one day: how many are added, and the times left out because something stands there."""

    date: date
    added: int
    skipped: list[time]


class BulkResult(Struct, frozen=True, kw_only=True):
    added: int
    skipped: int
    days: list[DaySlots]


class SlotChange(Input, frozen=True):
    disabled: bool


class SlotChanges(Struct, frozen=True, kw_only=True):
    """What a changed schedule does to the slots already made; the booked ones in `need_attention` are kept too."""

    added: int = 0
    removed: int = 0
    kept: int = 0
    need_attention: int = 0
