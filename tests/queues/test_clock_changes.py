"""A session on the day the clocks change, walked through on the board, the phone, the API and in the estimates, while the
doctor, the clinic and the patients each live by another clock."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from portal import clock, db
from portal.slots.making import make_missing_in_tx
from portal.web.render import other_zone
from tests import factories
from tests.appointments.conftest import Cast, book
from tests.appointments.test_pages import see, send
from tests.queues.conftest import Morning
from tests.queues.test_pages import row_of

pytestmark = [pytest.mark.anyio, pytest.mark.A11]
BERLIN, NEW_YORK, ABROAD = "Europe/Berlin", "America/New_York", "Asia/Kolkata"
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
SPRING = ["01:30", "01:45", "03:00", "03:15", "03:30", "03:45"]  # what would be in the gap comes after it
AUTUMN = ["01:30", "01:45", "02:00", "02:15", "02:30", "02:45", "03:00", "03:15", "03:30", "03:45"]


def next_change(zone: str, ahead: bool) -> date:
    """The next day on which the clocks of a zone go forward, or back."""
    day = datetime.now(UTC).date() + timedelta(days=2)
    while True:
        midnights = [datetime.combine(day + timedelta(n), time(), ZoneInfo(zone)).utcoffset() for n in (0, 1)]
        before, after = (one or timedelta(0) for one in midnights)
        if before != after and (after > before) is ahead:
            return day
        day += timedelta(days=1)


class Held:
    """The clocks of the portal and of its statements, which show what the test says."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)
        self._frozen = ExitStack()

    def at(self, moment: datetime) -> None:
        self.release()
        self.moment = moment
        self._frozen.enter_context(clock.freeze(moment))

    def release(self) -> None:
        self._frozen.close()

    def telling(self, ask: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """A way to the database on which every statement takes this for the present time."""

        async def asked(sql: str, *args: Any, **more: Any) -> Any:
            return await ask(
                sql.replace("clock_timestamp()", f"'{self.moment.isoformat()}'::timestamptz"), *args, **more
            )

        return asked


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    one = Held()
    for name in ("fetch", "fetch_row", "fetch_value", "execute"):
        monkeypatch.setattr(db, name, one.telling(getattr(db, name)))
    yield one
    one.release()


async def night(client: httpx.AsyncClient, cast: Cast, zone: str, day: date) -> Morning:
    """01:30 to 04:00 at the clinic, as the portal itself makes it, with visits 2 to 5 booked from two continents."""
    await db.execute("UPDATE clinic SET time_zone = $2 WHERE id = $1", cast.clinic_id, zone)
    hours = {"start": time(1, 30), "end": time(4), "places": 10, "effective_from": day}
    session_id = await factories.session(cast.doctor.id, cast.clinic_id, day=day, **hours)
    async with db.transaction():
        await make_missing_in_tx(cast.doctor.id, (day - datetime.now(UTC).date()).days)
    rows = await db.fetch("SELECT * FROM slot WHERE session_id = $1 AND date = $2 ORDER BY position", session_id, day)
    morning = Morning(client, cast, session_id, day, rows[0]["starts_at"], zone)
    for row in rows[1:5]:
        number = row["position"]
        who = await factories.patient(time_zone=ABROAD if number % 2 else zone, first_name=f"Number{number}")
        answer = await book(client, who, row["id"])
        assert answer.status_code == 201, answer.text
        morning.people[number], morning.visits[number] = who, answer.json()["id"]
    await db.execute("UPDATE login SET expires_at = $1", datetime.combine(day + timedelta(days=2), time(), UTC))
    return morning


def moment(text: str) -> datetime:
    assert text.endswith("Z")
    return datetime.fromisoformat(text)


def shown(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%H:%M")


def hours_off(visits: list[dict[str, Any]]) -> list[float]:
    """How far expected times are from the booked ones, none of them out of order."""
    for one in visits:
        assert moment(one["expected_from"]) <= moment(one["expected_start"]) <= moment(one["expected_to"])
    expected = [moment(one["expected_start"]) for one in visits]
    assert expected == sorted(expected)
    return [(moment(one["expected_start"]) - moment(one["start_time"])) / HOUR for one in visits]


@pytest.mark.parametrize(
    ("zone", "ahead", "walls"), [(BERLIN, True, SPRING), (NEW_YORK, True, SPRING), (BERLIN, False, AUTUMN)]
)
async def test_the_night_is_walked_through(
    client: httpx.AsyncClient, cast: Cast, held: Held, zone: str, ahead: bool, walls: list[str]
) -> None:
    day = next_change(zone, ahead)
    morning = await night(client, cast, zone, day)
    slots = await db.fetch(
        "SELECT starts_at, local_start FROM slot WHERE session_id = $1 ORDER BY position", morning.session_id
    )
    starts = [row["starts_at"] for row in slots]
    assert [f"{row['local_start']:%H:%M}" for row in slots] == walls == [shown(one, zone) for one in starts]
    assert all(later - earlier >= QUARTER for earlier, later in pairwise(starts))
    assert starts[5] - starts[0] == 5 * QUARTER, "neither the gap nor the fold is an hour of the doctor's"

    held.at(morning.begin - timedelta(minutes=20))
    await walk_the_faces(morning, starts)
    for number in (2, 3, 4):
        await walk_one_visit(morning, held, number, starts[number - 1])
    row = await morning.row(4)
    assert row["actual_start_time"] == starts[3] + timedelta(minutes=1), "of a time that comes twice, the first"
    assert row["actual_end_time"] == starts[3] + timedelta(minutes=12)


async def walk_the_faces(morning: Morning, starts: list[datetime]) -> None:
    """What everybody sees before it begins: the clinic's wall, its zone where one's own clock shows something else."""
    zone, path = morning.zone, f"/today?date={morning.day}"
    board = await morning.board()
    coming = board["coming"]
    assert (board["is_today"], board["time_zone"], board["delay_minutes"]) == (True, zone, 0)
    assert [moment(one["start_time"]) for one in coming] == starts[1:5]
    assert all(-0.3 < one < 0.6 for one in hours_off(coming)), hours_off(coming)
    named = zone.replace("_", " ")
    page = (await see(morning.client, morning.cast.doctor, path)).text
    desk = (await see(morning.client, morning.cast.admin, "/clinic/desk")).text
    assert f'01:30–04:00 <span class="muted">({named})</span>' in page and "01:30–04:00" in desk
    for number, visit in morning.visits.items():
        start, person = starts[number - 1], morning.people[number]
        assert shown(start, zone) in row_of(page, visit) and shown(start, zone) in row_of(desk, visit)
        place = await morning.place(number)
        assert (place["time_zone"], place["date"], moment(place["start_time"])) == (zone, str(morning.day), start)
        assert moment(place["check_in_opens"]) == start - HOUR
        assert moment(place["leave_home_by"]) == moment(place["expected_from"]) - timedelta(minutes=30)
        phone = (await see(morning.client, person, f"/appointments/{visit}/wait")).text
        booked = phone.partition("Booked for")[2].partition("</div>")[0]
        assert shown(start, zone) in booked and shown(moment(place["expected_from"]), zone) in phone
        assert shown(moment(place["leave_home_by"]), zone) in phone.partition("Leave home by")[2]
        assert (f"({named}" in booked) is (person.actor.time_zone == ABROAD)
        assert shown(start, ABROAD) not in phone
        is_twice = len({start.astimezone(ZoneInfo(zone)).replace(fold=fold).utcoffset() for fold in (0, 1)}) == 2
        assert ("02:" in booked) is is_twice is ("UTC+02:00" in booked), "a time that comes twice says which it is"


async def walk_one_visit(morning: Morning, held: Held, number: int, start: datetime) -> None:
    """Checked in, called, seen and done on time; whoever comes after is still expected when it was booked for."""
    client, doctor, path = morning.client, morning.cast.doctor, f"/today?date={morning.day}"
    held.at(start - timedelta(minutes=3))
    assert (await morning.act(morning.people[number], number, "check-in")).status_code == 200
    assert abs(hours_off([await morning.place(number)])[0]) < 0.5
    assert await morning.call() == number
    held.at(start)
    assert (await morning.act(doctor, number, "start")).status_code == 200
    board, page = await morning.board(), (await see(client, doctor, path)).text
    assert moment(board["serving"]["actual_start_time"]) == start and board["delay_minutes"] < 20
    assert f"Since {shown(start, morning.zone)}" in row_of(page, morning.visits[number])
    assert all(-0.3 < one < 0.6 for one in hours_off(board["coming"])), hours_off(board["coming"])
    held.at(start + timedelta(minutes=13))
    times = [shown(start + timedelta(minutes=minutes), morning.zone) for minutes in (1, 12)]
    form = {"began": times[0], "ended": times[1], "next": path}
    done = await send(client, doctor, f"/appointments/{morning.visits[number]}/complete", **form)
    assert done.status_code == 303, done.text
    page = (await see(client, doctor, path)).text
    assert f"{times[0]} " in row_of(page, morning.visits[number]) and times[1] in row_of(page, morning.visits[number])


async def test_an_hour_late_is_in_the_second_of_the_two(client: httpx.AsyncClient, cast: Cast, held: Held) -> None:
    """02:30 comes twice, and who was booked for the first is seen at the second: all faces say which is meant."""
    morning = await night(client, cast, BERLIN, next_change(BERLIN, ahead=False))
    booked = morning.begin + 4 * QUARTER
    wait, path = f"/appointments/{morning.visits[5]}/wait", f"/today?date={morning.day}"
    held.at(morning.begin)
    assert (await morning.queue(cast.admin, "delay", delay_minutes=60)).status_code == 200
    phones = [
        (await see(client, person, f"/appointments/{morning.visits[number]}/wait")).text
        for number, person in morning.people.items()
    ]
    assert [one for one in phones if "UTC+02:00)</span> and 02:" in one], "from the first of them to the second"
    assert not [one for one in phones if "&lt;span" in one]
    for number in (2, 3, 4):
        assert (await morning.act(cast.admin, number, "no-show")).status_code in (200, 409)
    held.at(booked + timedelta(minutes=45))
    assert (await morning.act(cast.admin, 5, "check-in")).status_code == 200
    held.at(booked + timedelta(minutes=50))
    place, phone = await morning.place(5), (await see(client, morning.people[5], wait)).text
    assert moment(place["start_time"]) == booked and 0.8 < hours_off([place])[0] < 1.2
    assert "02:30" in phone.partition("Booked for")[2] and f"({BERLIN} UTC+02:00)" in phone.partition("Booked for")[2]
    assert f"{shown(moment(place['expected_to']), BERLIN)}" in phone and f"({BERLIN} UTC+01:00)" in phone
    assert "02:" in row_of((await see(client, cast.doctor, path)).text, morning.visits[5]).partition("about")[2]
    assert await morning.call() == 5
    held.at(booked + HOUR)
    assert (await morning.act(cast.doctor, 5, "start")).status_code == 200
    page = (await see(client, cast.doctor, path)).text
    assert "Since 02:30 (UTC+01:00)" in row_of(page, morning.visits[5])
    held.at(booked + HOUR + QUARTER)
    assert (await morning.act(cast.doctor, 5, "complete")).status_code == 200
    row = await morning.row(5)
    assert (row["actual_start_time"], row["actual_end_time"]) == (booked + HOUR, booked + HOUR + QUARTER)
    done = row_of((await see(client, cast.doctor, path)).text, morning.visits[5])
    assert "02:30 (UTC+01:00) – 02:45 (UTC+01:00)" in done


def test_a_zone_is_named_where_it_matters() -> None:
    first = datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    for at, own, said in (
        (first, BERLIN, "UTC+02:00"), (first + HOUR, BERLIN, "UTC+01:00"), (first - HOUR, BERLIN, ""),
        (first + 2 * HOUR, BERLIN, ""), (first, NEW_YORK, f"{BERLIN} UTC+02:00"), (first - HOUR, NEW_YORK, BERLIN),
    ):  # fmt: skip
        assert other_zone(at, BERLIN, own) == said
