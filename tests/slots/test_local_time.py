"""Local time (A11): wall clocks of twelve zones over two years, and the nights when clocks change."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from portal.errors import Invalid
from portal.ids import uuid7
from portal.slots import calendar
from portal.slots.calendar import DateChange, Hours, Plan
from portal.slots.schemas import BulkSlots, NewSlot, ServiceType, Weekday, Workplace
from tests import catalogue

pytestmark = pytest.mark.A11

ZONES = [
    "America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/St_Johns",
    "Africa/Casablanca", "Africa/Cairo", "America/Santiago", "Asia/Kolkata", "Pacific/Chatham", "UTC",
]  # fmt: skip
FIRST, LAST = date(2026, 1, 1), date(2027, 12, 31)
BERLIN = "Europe/Berlin"
SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)


def plan(zone: str, day: int, **more: object) -> Plan:
    hours = Hours(
        start=more.get("start", time(9)), end=more.get("end", time(17)), minutes=more.get("minutes", 15),
        places=more.get("places", 32),
    )  # type: ignore[arg-type]  # fmt: skip
    return Plan(
        session_id=uuid7(), clinic_id=None, time_zone=zone, day_of_week=day, hours=hours,
        service_type=ServiceType.VIRTUAL, effective_from=FIRST, effective_to=more.get("until"),  # type: ignore[arg-type]
        exceptions=more.get("exceptions", {}),  # type: ignore[arg-type]
    )  # fmt: skip


def wrong_places(zone: str, start: time, end: time, places: int) -> tuple[int, int]:
    """How many positions there are on all days of two years, and how many of them are not right."""
    seen = wrong = 0
    clock = ZoneInfo(zone)
    for weekday in range(1, 8):
        before = datetime.min.replace(tzinfo=UTC)
        for place in calendar.places_between(plan(zone, weekday, start=start, end=end, places=places), FIRST, LAST):
            local = place.start.astimezone(clock)
            seen += 1
            inside = start <= local.time() and (local + timedelta(minutes=15)).time() <= end
            rules = (
                place.start.tzinfo is UTC,
                local.date() == place.date and local.isoweekday() == weekday,
                inside or place.overflow,
                local.astimezone(UTC).astimezone(clock) == local,  # a clock really shows it
                place.local_start == local.time().replace(fold=0),
                place.start >= before,
                local.fold == 0,  # of a time that comes twice, the first
            )
            wrong += not all(rules)
            before = place.end
    return seen, wrong


def test_every_day_of_two_years_in_twelve_zones() -> None:
    seen = wrong = 0
    for zone in ZONES:
        for start, end, places in ((time(9), time(17), 32), (time(0), time(5), 20)):
            one, bad = wrong_places(zone, start, end, places)
            seen, wrong = seen + one, wrong + bad
    catalogue.figure("A11", f"{seen} positions in {len(ZONES)} zones, {wrong} wrong")
    assert wrong == 0
    assert seen > 12 * 730 * 50


def test_a_day_without_change_has_all_its_places() -> None:
    places = list(calendar.places_on(plan("Pacific/Apia", 1), date(2026, 11, 23)))
    assert len(places) == 32 and not any(one.overflow for one in places)


def test_a_gap_moves_forward_and_never_doubles() -> None:
    night = plan(BERLIN, 7, start=time(1), end=time(5), minutes=30, places=8)
    locals_ = [one.local_start.strftime("%H:%M") for one in calendar.places_on(night, SPRING)]
    assert locals_ == ["01:00", "01:30", "03:00", "03:30", "04:00", "04:30"]
    assert [one.position for one in calendar.places_on(night, SPRING)] == [1, 2, 3, 4, 7, 8]


def test_a_fold_is_its_first() -> None:
    night = plan(BERLIN, 7, start=time(2), end=time(4), minutes=30, places=4)
    starts = [one.start.strftime("%H:%M") for one in calendar.places_on(night, AUTUMN)]
    assert starts == ["00:00", "00:30", "02:00", "02:30"]


def test_half_hour_of_lord_howe() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    gap, fold = datetime(2026, 10, 4, 2, 15), datetime(2026, 4, 5, 1, 45)
    assert not calendar.exists(gap, zone)
    assert calendar.instant(gap, zone).astimezone(zone).strftime("%H:%M") == "02:45"
    assert calendar.next_valid(gap, zone).strftime("%H:%M") == "02:30"
    assert len(calendar.instants(fold, zone)) == 2


def test_more_places_than_the_hours_hold_are_overflow() -> None:
    places = list(calendar.places_on(plan("UTC", 1, start=time(9), end=time(12), places=20), date(2026, 11, 23)))
    assert [one.overflow for one in places] == [False] * 12 + [True] * 8
    assert places[-1].local_start == time(13, 45)


def test_overflow_may_pass_midnight_and_keeps_the_date() -> None:
    late = plan("UTC", 1, start=time(23), end=time(23, 30), minutes=30, places=4)
    assert [(one.date, one.local_start) for one in calendar.places_on(late, date(2026, 11, 23))][-1] == (
        date(2026, 11, 23), time(0, 30),
    )  # fmt: skip


def test_exceptions_of_a_date() -> None:
    monday, next_monday = date(2026, 11, 23), date(2026, 11, 30)
    weekly = plan(
        "UTC", 1, places=4, until=date(2026, 12, 7),
        exceptions={
            monday: DateChange(cancelled=True),
            next_monday: DateChange(cancelled=False, start=time(14), end=time(15), places=2),
        },
    )  # fmt: skip
    found = list(calendar.places_between(weekly, monday, date(2026, 12, 31)))
    assert [(one.date, one.local_start.hour) for one in found if one.position == 1] == [
        (next_monday, 14), (date(2026, 12, 7), 9),
    ]  # fmt: skip
    assert len(found) == 2 + 4


def place(zone: str) -> Workplace:
    return Workplace(uuid7(), None, zone, datetime(2026, 3, 1, 12, tzinfo=UTC))


def refused(zone: str, **new: object) -> tuple[str, str]:
    with pytest.raises(Invalid) as caught:
        calendar.one_by_hand(place(zone), NewSlot(minutes=15, **new))  # type: ignore[arg-type]
    return caught.value.errors[0].field, caught.value.errors[0].message


def test_by_hand_a_gap_is_refused_with_the_next_time() -> None:
    field, message = refused(BERLIN, date=SPRING, start=time(2, 30))
    assert field == "start" and "03:00" in message


def test_by_hand_a_fold_needs_its_offset() -> None:
    field, message = refused(BERLIN, date=AUTUMN, start=time(2, 30))
    assert field == "utc_offset" and "+02:00" in message and "+01:00" in message
    made = [
        calendar.one_by_hand(place(BERLIN), NewSlot(date=AUTUMN, start=time(2, 30), minutes=15, utc_offset=offset))
        for offset in ("+02:00", "+01:00")
    ]
    assert made[1].start - made[0].start == timedelta(hours=1)


@pytest.mark.parametrize("day", [date(2026, 2, 28), date(2027, 12, 1)])
def test_by_hand_the_past_and_the_far_are_refused(day: date) -> None:
    assert refused("UTC", date=day, start=time(9))[0] == "date"


def test_by_hand_an_hour_ago_is_past() -> None:
    assert refused("UTC", date=date(2026, 3, 1), start=time(11))[0] == "start"


def test_many_by_hand_leave_out_what_no_clock_shows() -> None:
    bulk = BulkSlots(
        start=time(1, 30), end=time(4), minutes=30, weekdays=[Weekday.SUNDAY], from_=SPRING, to=SPRING + timedelta(7)
    )
    made = calendar.many_by_hand(place(BERLIN), bulk)
    assert [one.local_start.strftime("%H:%M") for one in made if one.date == SPRING] == ["01:30", "03:00", "03:30"]
    assert len(made) == 3 + 5
