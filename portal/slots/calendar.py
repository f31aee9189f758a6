"""Wall clocks and instants: pure arithmetic, with no database and no present time in it.

A wall time that does not exist (clocks go forward) moves forward by the gap; one that exists twice (clocks go back)
is its first.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from msgspec import Struct

from portal.errors import FieldError, Invalid
from portal.slots.schemas import (
    BulkResult,
    BulkSlots,
    DaySlots,
    NewSlot,
    ServiceType,
    Weekday,
    Workplace,
)
from portal.web.i18n import _

FARTHEST_DAYS = 366
MOST_AT_ONCE = 5000


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


def openings_between(plan: Plan, first: date, last: date) -> Iterator[tuple[date, datetime, datetime, int]]:
    """For each date of a session: when it opens and closes, and how many places it has."""
    zone = ZoneInfo(plan.time_zone)
    for day in days_between(first, last):
        hours = hours_on(plan, day)
        if hours is not None:
            opens, closes = (instant(datetime.combine(day, wall), zone) for wall in (hours.start, hours.end))
            yield day, opens, closes, hours.places


def one_by_hand(where: Workplace, new: NewSlot) -> Place:
    """A slot on the wall clock of its place. Raises `Invalid` for times that are past, far, or that no clock shows."""
    zone, wall = ZoneInfo(where.time_zone), datetime.combine(new.date, new.start)
    refuse_far(where, "date", new.date)
    start = chosen_instant(wall, zone, new.utc_offset)
    if start <= where.now:
        raise Invalid([FieldError("start", _("This time is past."))])
    return hand_made(where, start, new.minutes, new.service_type)


def chosen_instant(wall: datetime, zone: ZoneInfo, utc_offset: str | None) -> datetime:
    """The one moment that is meant by a wall time, where the clock shows it twice with its offset."""
    moments = {offset_of(moment.astimezone(zone)): moment for moment in instants(wall, zone)}
    if not moments:
        later = next_valid(wall, zone).strftime("%H:%M")
        text = _("The clocks go forward then: this time does not exist. The next one is %(time)s.", time=later)
        raise Invalid([FieldError("start", text)])
    if utc_offset is None and len(moments) == 1:
        return next(iter(moments.values()))
    if utc_offset not in moments:
        both = _(" or ").join(moments)
        raise Invalid([FieldError("utc_offset", _("Say which is meant by its offset: %(offsets)s.", offsets=both))])
    return moments[utc_offset]


def offset_of(local: datetime) -> str:
    """`+05:45`"""
    text = local.strftime("%z")
    return f"{text[:3]}:{text[3:5]}"


def many_by_hand(where: Workplace, bulk: BulkSlots) -> list[Place]:
    """All the slots that are asked for and can be: not past, at times that exist. Raises `Invalid`."""
    zone = ZoneInfo(where.time_zone)
    days = days_of(bulk)
    for day in days:
        refuse_far(where, "dates" if bulk.dates else "to", day)
    walls = [wall for day in days for wall in starts_within(day, bulk.start, bulk.end, bulk.minutes)]
    if len(walls) > MOST_AT_ONCE:
        raise Invalid([FieldError("minutes", _("Make at most %(number)s times at once.", number=MOST_AT_ONCE))])
    if not walls:
        raise Invalid([FieldError("end", _("The hours are too short for one visit."))])
    starts = [instant(wall, zone) for wall in walls if exists(wall, zone)]
    return [hand_made(where, start, bulk.minutes, bulk.service_type) for start in starts if start > where.now]


def hand_made(where: Workplace, start: datetime, minutes: int, service_type: ServiceType) -> Place:
    """A slot that belongs to no session, on the date that its clock shows."""
    local = start.astimezone(ZoneInfo(where.time_zone))
    return Place(
        session_id=None,
        clinic_id=where.clinic_id,
        date=local.date(),
        position=None,
        start=start,
        end=start + timedelta(minutes=minutes),
        local_start=local.time().replace(tzinfo=None, fold=0),
        time_zone=where.time_zone,
        service_type=service_type,
    )


def refuse_far(where: Workplace, field: str, day: date) -> None:
    today = where.now.astimezone(ZoneInfo(where.time_zone)).date()
    if day < today:
        raise Invalid([FieldError(field, _("This date is past."))])
    refuse_beyond(field, day, today)


def refuse_beyond(field: str, day: date, today: date) -> None:
    """Nothing begins more than a year from now. Raises `Invalid`."""
    if day > today + timedelta(days=FARTHEST_DAYS):
        raise Invalid([FieldError(field, _("Choose a date within a year."))])


def days_of(bulk: BulkSlots) -> list[date]:
    """The dates that are named, and those of the range (on its weekdays, where some are chosen)."""
    days = set(bulk.dates)
    if bulk.from_ and bulk.to:
        if not 0 <= (bulk.to - bulk.from_).days <= FARTHEST_DAYS:
            raise Invalid([FieldError("to", _("The last date must be on or after the first, within a year."))])
        wanted = {weekday.iso for weekday in bulk.weekdays or Weekday}
        days |= {day for day in days_between(bulk.from_, bulk.to) if day.isoweekday() in wanted}
    if not days:
        raise Invalid([FieldError("dates", _("Choose dates, or weekdays with a first and a last date."))])
    return sorted(days)


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


def sum_up(bulk: BulkSlots, made: set[tuple[date, time]]) -> BulkResult:
    """What was asked for, day by day, against what was made."""
    days = []
    for day in days_of(bulk):
        asked = [wall.time() for wall in starts_within(day, bulk.start, bulk.end, bulk.minutes)]
        skipped = [start for start in asked if (day, start) not in made]
        days.append(DaySlots(date=day, added=len(asked) - len(skipped), skipped=skipped))
    return BulkResult(added=sum(one.added for one in days), skipped=sum(len(one.skipped) for one in days), days=days)
