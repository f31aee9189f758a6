"""Wall clocks and instants: pure arithmetic, with no database and no present time in it.

A wall time that does not exist (clocks go forward) moves forward by the gap; one that exists twice (clocks go back)
is its first.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from portal.slots.schemas import ServiceType


class Hours(Struct, frozen=True, kw_only=True):
    """When a session takes place on one date, and how many positions it has."""

    start: time
    end: time
    minutes: int
    places: int


class DateChange(Struct, frozen=True, kw_only=True):
    """What differs on one date; None keeps what the session says."""

    cancelled: bool
    start: time | None = None
    end: time | None = None
    places: int | None = None


class Plan(Struct, frozen=True, kw_only=True):
    """A weekly session with its exceptions, as the making of slots needs it."""

    session_id: UUID
    clinic_id: UUID | None
    time_zone: str
    day_of_week: int
    hours: Hours
    service_type: ServiceType
    effective_from: date
    effective_to: date | None
    exceptions: dict[date, DateChange] = {}


class Place(Struct, frozen=True, kw_only=True):
    """One position of a session on one date."""

    session_id: UUID | None
    clinic_id: UUID | None
    date: date
    position: int | None
    start: datetime
    end: datetime
    local_start: time
    time_zone: str
    service_type: ServiceType
    overflow: bool = False


def instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment in UTC at which a clock in `zone` shows `wall`; in a gap, moved forward by the gap."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def exists(wall: datetime, zone: ZoneInfo) -> bool:
    """Whether a clock in `zone` ever shows `wall`."""
    return instant(wall, zone).astimezone(zone).replace(tzinfo=None, fold=0) == wall


def is_twice(wall: datetime, zone: ZoneInfo) -> bool:
    """Whether a clock in `zone` shows `wall` twice."""
    first, second = (wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    return exists(wall, zone) and first.utcoffset() != second.utcoffset()


def instants(wall: datetime, zone: ZoneInfo) -> list[datetime]:
    """All moments at which a clock in `zone` shows `wall`: none, one or two."""
    if not exists(wall, zone):
        return []
    return sorted({wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)})


def next_valid(wall: datetime, zone: ZoneInfo) -> datetime:
    """The first wall time from `wall` on that exists: the end of the gap that it lies in."""
    while not exists(wall, zone):
        wall += timedelta(minutes=1)
    return wall


def hours_on(plan: Plan, day: date) -> Hours | None:
    """The hours of a session on a date, or None when it does not take place."""
    if day.isoweekday() != plan.day_of_week or day < plan.effective_from:
        return None
    if plan.effective_to is not None and day > plan.effective_to:
        return None
    change = plan.exceptions.get(day)
    if change is None:
        return plan.hours
    if change.cancelled:
        return None
    start, end = change.start or plan.hours.start, change.end or plan.hours.end
    if end <= start:  # the session's own hours were changed after the exception was made
        return None
    return Hours(start=start, end=end, minutes=plan.hours.minutes, places=change.places or plan.hours.places)


def places_on(plan: Plan, day: date) -> Iterator[Place]:
    """The positions of a session on a date, in order; the UTC starts strictly increase.

    Where clocks go forward, moved positions fall on later ones; those are left out. What does not end within the
    hours is overflow.
    """
    hours = hours_on(plan, day)
    if hours is None:
        return
    zone = ZoneInfo(plan.time_zone)
    opening, closing = datetime.combine(day, hours.start), datetime.combine(day, hours.end)
    length, before = timedelta(minutes=hours.minutes), None
    for number in range(hours.places):
        start = instant(opening + number * length, zone)
        if before is not None and start < before:
            continue
        before = start + length
        local = start.astimezone(zone).replace(tzinfo=None)
        yield Place(
            session_id=plan.session_id,
            clinic_id=plan.clinic_id,
            date=day,
            position=number + 1,
            start=start,
            end=before,
            local_start=local.time(),
            time_zone=plan.time_zone,
            service_type=plan.service_type,
            overflow=local + length > closing,
        )


def places_between(plan: Plan, first: date, last: date) -> Iterator[Place]:
    """The positions of a session on all its dates from `first` to `last`."""
    day = first + timedelta(days=(plan.day_of_week - first.isoweekday()) % 7)
    while day <= last:
        yield from places_on(plan, day)
        day += timedelta(days=7)


def starts_within(day: date, start: time, end: time, minutes: int) -> Iterator[datetime]:
    """The wall times at which visits of `minutes` begin so that all of them end by `end`."""
    wall, closing = datetime.combine(day, start), datetime.combine(day, end)
    while wall + timedelta(minutes=minutes) <= closing:
        yield wall
        wall += timedelta(minutes=minutes)


def days_between(first: date, last: date) -> Iterator[date]:
    """Every date from `first` to `last`."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
