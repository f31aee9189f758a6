"""What the waiting patient sees: their own place, an honest range, and nothing of anybody else."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from portal import db
from portal.queues.estimates import Day, Practice, Turn, predict
from portal.slots.calendar import Hours, Plan, places_on
from portal.slots.schemas import ServiceType
from tests import factories
from tests.appointments.conftest import get
from tests.counting import counted_statements
from tests.queues.conftest import Morning

pytestmark = pytest.mark.anyio
RANGE = ("expected_from", "expected_start", "expected_to")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_the_place_moves_with_the_queue(morning: Morning) -> None:
    await morning.book(1, "COMPLETED")
    await morning.book(2, "IN_PROGRESS")
    for number in (3, 4):
        await morning.book(number, "CHECKED_IN")
    for number in (5, 6):
        await morning.book(number)
    place = await morning.place(6, travel_minutes=40)
    assert (place["queue_position"], place["ahead"], place["now_serving"], place["standing"]) == (6, 3, 2, "COMING")
    early, middle, late = (at(place[name]) for name in RANGE)
    assert early <= middle <= late and late - early <= timedelta(minutes=75)
    assert at(place["leave_home_by"]) == early - timedelta(minutes=40) and place["travel_minutes"] == 40
    assert early.minute % 5 == 0 == late.minute % 5
    waiting = await morning.place(4)
    assert (waiting["ahead"], waiting["leave_home_by"], waiting["may_check_in"]) == (1, None, False)
    assert at(waiting["expected_start"]) < middle and len(waiting["rules"]) == 4
    await morning.act(morning.cast.doctor, 2, "complete")
    await morning.call()
    assert (await morning.place(4))["ahead"] == 0 and (await morning.place(3))["standing"] == "CALLED"


async def test_a_delay_reaches_every_range(morning: Morning) -> None:
    await morning.book(4)
    await morning.book(5)
    before = await morning.place(5)
    told = await morning.queue(morning.cast.admin, "delay", delay_minutes=25)
    assert told.json() == {"session_id": str(morning.session_id), "date": str(morning.day), "delay_minutes": 25}
    after = await morning.place(5)
    assert after["delay_minutes"] == 25 == (await morning.board())["announced_delay_minutes"]
    assert at(after["expected_start"]) - at(before["expected_start"]) > timedelta(minutes=10)
    for body in ({"delay_minutes": 241}, {"delay_minutes": -1}, {"delay_minutes": "5"}, {}):
        assert (await morning.queue(morning.cast.admin, "delay", **body)).status_code == 422
    assert (await morning.queue(morning.cast.doctor, "delay", delay_minutes=0)).json()["delay_minutes"] == 0


@pytest.mark.C9
async def test_nobody_elses_name_or_visit(morning: Morning) -> None:
    for number in (1, 2, 3):
        await morning.book(number, "CHECKED_IN", name=f"Secret{number}")
    path = f"/appointments/{morning.visits[2]}/queue"
    text = (await get(morning.client, morning.people[2], path)).text
    others = [str(morning.visits[n]) for n in (1, 3)] + [str(morning.people[n].id) for n in (1, 3)]
    assert "Secret" not in text and not [one for one in others if one in text]
    nothing = await get(morning.client, morning.people[1], f"/appointments/{factories.uuid7()}/queue")
    foreign = await get(morning.client, morning.people[1], path)
    assert nothing.status_code == foreign.status_code == 404
    for who, status in ((morning.cast.doctor, 403), (morning.cast.admin, 403)):
        assert (await get(morning.client, who, path)).status_code == status
    board = f"/sessions/{morning.session_id}/queue"
    own = await get(morning.client, morning.people[1], board, date=str(morning.day))
    assert own.json()["queue_position"] == 1 and "Secret" not in own.text and "waiting" not in own.json()
    assert (await get(morning.client, morning.cast.patient, board, date=str(morning.day))).status_code == 404
    assert (await get(morning.client, morning.cast.other_doctor, board, date=str(morning.day))).status_code == 404


async def test_statements(morning: Morning) -> None:
    """A board and a place are read in three statements, whoever waits; a prediction is stored when it is news."""
    for number in range(1, 9):
        await morning.book(number, "CHECKED_IN" if number < 5 else "BOOKED")
    actor = morning.cast.doctor
    path = f"/sessions/{morning.session_id}/queue"
    known = 1  # who calls
    for turn in range(2):
        with counted_statements() as sent:
            await get(morning.client, actor, path, date=str(morning.day))
        assert len(sent) - known <= (3 if turn == 0 else 2), sent
        with counted_statements() as sent:
            await morning.place(6)
        assert len(sent) - known <= 3, sent
    stored = "SELECT count(*) FROM visit_estimate WHERE appointment_id = ANY($1)"
    assert await db.fetch_value(stored, list(morning.visits.values())) == 8
    with counted_statements() as sent:
        lines = await get(morning.client, morning.cast.admin, "/queues")
    assert len(sent) - known == 1 and [one["waiting"] for one in lines.json()["queues"]] == [4]


async def test_the_clinic_sees_the_error(morning: Morning) -> None:
    visit_id = await morning.book(1, "CHECKED_IN")
    await morning.board()
    await db.execute(
        "UPDATE visit_estimate SET made_at = made_at - interval '20 minutes' WHERE appointment_id = $1", visit_id
    )
    await morning.act(morning.cast.doctor, 1, "start")
    error = (await morning.board())["error"]
    assert error["predictions"] == 1 and error["mean_minutes"] < 15 and error["share_inside"] in (0.0, 1.0)


# The arithmetic

NOW = datetime(2026, 3, 3, 9, tzinfo=UTC)


def turns(number: int, **more: object) -> tuple[Turn, ...]:
    return tuple(
        Turn(key=n, rank=n, planned=NOW + timedelta(minutes=15 * n), is_there=True, **more) for n in range(number)
    )


def test_ranges_follow_the_facts() -> None:
    practice = Practice(
        planned_minutes=15.0, lengths=tuple(("IN_PERSON", minutes) for minutes in (20.0, 25.0, 22.0) * 16)
    )
    quiet = predict(Day(now=NOW, opens=NOW, turns=turns(5)), Practice(planned_minutes=15.0))
    slow = predict(Day(now=NOW, opens=NOW, turns=turns(5)), practice)
    assert slow[4].expected > quiet[4].expected + timedelta(minutes=15), "a doctor who takes longer than planned"
    assert all(one.earliest <= one.expected <= one.latest for one in (*quiet.values(), *slow.values()))
    assert slow[4].latest - slow[4].earliest > slow[1].latest - slow[1].earliest, "further ahead is less sure"
    late = predict(Day(now=NOW, opens=NOW, turns=turns(5), delay_minutes=40), practice)
    assert late[0].expected >= NOW + timedelta(minutes=39)
    begun = Turn(key="x", rank=-1, planned=NOW, began=NOW - timedelta(minutes=60))
    stuck = predict(Day(now=NOW, opens=NOW - timedelta(hours=1), turns=(begun, *turns(2))), practice)
    assert stuck[0].expected > NOW + timedelta(minutes=5), "a visit that has gone on for an hour does not end at once"
    assert predict(Day(now=NOW, opens=NOW, turns=()), practice) == {}
    assert predict(Day(now=NOW, opens=NOW, turns=turns(5)), practice) == slow, "the same facts, the same times"


def test_a_session_on_the_day_the_clocks_change() -> None:
    """Berlin, 29 March, 01:30 to 04:00: 02:00 does not exist; ranges are moments, so nothing jumps or goes back."""
    zone, day = ZoneInfo("Europe/Berlin"), date(2026, 3, 29)
    plan = Plan(
        session_id=factories.uuid7(), clinic_id=None, time_zone=zone.key, day_of_week=day.isoweekday(),
        hours=Hours(start=time(1, 30), end=time(4), minutes=15, places=10), service_type=ServiceType.VIRTUAL,
        effective_from=day, effective_to=None,
    )  # fmt: skip
    places = list(places_on(plan, day))
    opens = places[0].start
    day_turns = tuple(Turn(key=one.position, rank=float(one.position or 0), planned=one.start) for one in places)
    found = predict(
        Day(now=opens - timedelta(minutes=30), opens=opens, turns=day_turns), Practice(planned_minutes=15.0)
    )
    expected = [found[one.position].expected for one in places]
    assert expected == sorted(expected)
    assert expected[2].astimezone(zone).hour >= 3 > expected[1].astimezone(zone).hour, "the third begins after the gap"


async def test_patient_and_clinic_in_different_zones(morning: Morning) -> None:
    """Instants in UTC and the clinic's zone beside them, wherever the patient's telephone is."""
    traveller = await factories.patient(time_zone="Pacific/Kiritimati")
    await morning.book(5, who=traveller)
    place = await morning.place(5)
    assert place["time_zone"] == morning.zone and place["start_time"].endswith("Z")
    assert abs(at(place["expected_start"]) - at(place["start_time"])) < timedelta(hours=1)
    assert place["date"] == str(morning.day)
