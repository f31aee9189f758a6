"""Who is called: by number among those who are there, the late after the next one, the missing two places back."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from portal import db
from portal.appointments.jobs import mark_no_shows
from portal.ids import uuid7
from portal.queues.actions import put_first_in_tx
from portal.settings import Settings
from tests import factories
from tests.appointments.conftest import Cast, audit_of, events_of, post
from tests.clients import published
from tests.queues.conftest import Morning, begun

pytestmark = pytest.mark.anyio
HISTORY = "SELECT from_status, to_status, reason FROM appointment_history WHERE appointment_id = $1 ORDER BY at"


async def history(visit_id: object) -> list[tuple[str, ...]]:
    return [tuple(row) for row in await db.fetch(HISTORY, visit_id)]


async def test_a_call_tells_whose_turn_it_is(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    cast = morning.cast
    assert await morning.call() == "queue_empty"
    for number in (1, 2, 3):
        await morning.book(number, "CHECKED_IN" if number > 1 else "BOOKED")
    with published(monkeypatch) as told:
        assert await morning.call(cast.admin) == 2  # the first has not come
    topic = f"queue:{morning.session_id}:{morning.day}"
    assert (topic, "queue.called") in told and not [one for one in told if "slots" in one[0]]
    assert await morning.call() == 2, "as long as the one who is called is not in the room, nobody else is"
    board = await morning.board()
    assert (board["now_serving"], board["called"]["queue_position"], await morning.waiting()) == (2, 2, [3])
    assert (await morning.place(2))["called"] and (await morning.place(3))["now_serving"] == 2
    assert await history(morning.visits[2]) == [
        (None, "BOOKED", ""), ("BOOKED", "CHECKED_IN", ""), ("CHECKED_IN", "CHECKED_IN", "CALLED"),
    ]  # fmt: skip
    assert not await events_of(morning.visits[2]), "a call is no event of the contract"
    assert [row["action"] for row in await audit_of(morning.visits[2])] == ["appointment.called"]
    assert (await morning.act(cast.doctor, 2, "start")).status_code == 200
    assert await morning.call() == 3  # comes to the door while the second is still with the doctor
    board = await morning.board()
    assert (board["serving"]["queue_position"], board["called"]["queue_position"], board["now_serving"]) == (2, 3, 3)


async def test_a_second_call_later_is_heard_again(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    await morning.book(1, "CHECKED_IN")
    await morning.call()
    await db.execute(
        "UPDATE appointment SET called_at = called_at - interval '9 seconds' WHERE id = $1", morning.visits[1]
    )
    with published(monkeypatch) as told:
        assert await morning.call() == 1
    assert (f"queue:{morning.session_id}:{morning.day}", "queue.called") in told
    assert len(await history(morning.visits[1])) == 3


async def test_a_missed_call_moves_two_back_and_the_third_ends_it(morning: Morning) -> None:
    for number in (1, 2, 3, 4, 5):
        await morning.book(number, "CHECKED_IN")
    assert (await morning.act(morning.cast.admin, 1, "missed-call")).json()["code"] == "not_called"
    order = []
    for _turn in range(3):
        order.append(await morning.call())
        missed = await morning.act(morning.cast.doctor, order[-1], "missed-call")
        assert (missed.json()["missed_calls"], missed.json()["called_at"]) == (1, None)
    # 1 2 3 4 5 → 2 3 1 4 5 → 3 1 2 4 5 → 1 2 3 4 5
    assert order == [1, 2, 3] and await morning.waiting() == [1, 2, 3, 4, 5] and await morning.call() == 1


async def test_the_third_missed_call_is_a_no_show(morning: Morning) -> None:
    await morning.book(1, "CHECKED_IN")
    for number in (1, 2, 3):
        assert await morning.call() == 1
        done = (await morning.act(morning.cast.admin, 1, "missed-call")).json()
        assert (done["missed_calls"], done["status"]) == (number, "CHECKED_IN" if number < 3 else "NO_SHOW")
    assert [step[:2] for step in await history(morning.visits[1])][-1] == ("CHECKED_IN", "NO_SHOW")
    assert (await morning.place(1))["standing"] == "DONE" and await morning.call() == "queue_empty"
    names = [row["action"].removeprefix("appointment.") for row in await audit_of(morning.visits[1])]
    assert names == ["called", "missed_call"] * 3 + ["no_show"]
    assert [event for event, _data in await events_of(morning.visits[1])] == ["appointment.no_show"]
    free = "SELECT appointment_id FROM slot WHERE session_id = $1 AND position = 1"
    assert await db.fetch_value(free, morning.session_id) is None


async def test_who_comes_late_is_called_after_the_next_one(morning: Morning) -> None:
    """The second comes when the third was called already: after the fourth. The first one late, but nobody passed: first."""
    for number, status in ((1, "BOOKED"), (2, "BOOKED"), (3, "CHECKED_IN"), (4, "CHECKED_IN"), (5, "CHECKED_IN")):
        await morning.book(number, status)
    assert (await morning.board())["late"][0]["queue_position"] == 1
    assert (await morning.act(morning.people[1], 1, "check-in")).status_code == 200
    assert await morning.waiting() == [1, 3, 4, 5], "nobody behind was called yet"
    assert await morning.call() == 1
    await morning.act(morning.cast.doctor, 1, "start")
    assert await morning.call() == 3
    assert (await morning.act(morning.cast.admin, 2, "check-in")).status_code == 200
    assert await morning.waiting() == [4, 2, 5] and (await morning.row(2))["queue_rank"] > 4
    assert (await morning.place(2))["ahead"] == 1


async def test_check_in_opens_an_hour_before_and_on_that_day_at_the_desk(morning: Morning) -> None:
    await morning.book(8)  # begins in 75 minutes
    early = await morning.act(morning.people[8], 8, "check-in")
    opens = morning.begin + timedelta(minutes=45)
    assert (early.status_code, early.json()["code"]) == (409, "too_early")
    assert early.json()["opens_at"] == opens.isoformat().replace("+00:00", "Z")
    place = await morning.place(8)
    assert not place["may_check_in"] and place["check_in_opens"] == early.json()["opens_at"]
    await db.execute("UPDATE appointment SET date = date + 1, starts_at = starts_at + interval '1 day',"
                     " ends_at = ends_at + interval '1 day' WHERE id = $1", morning.visits[8])  # fmt: skip
    assert (await morning.act(morning.cast.admin, 8, "check-in")).json()["code"] == "too_early"
    await db.execute("UPDATE appointment SET date = date - 1, starts_at = starts_at - interval '1 day',"
                     " ends_at = ends_at - interval '1 day' WHERE id = $1", morning.visits[8])  # fmt: skip
    assert (await morning.act(morning.cast.admin, 8, "check-in")).status_code == 200
    assert (await morning.row(8))["queue_rank"] == 8


async def test_who_waits_has_come(client: httpx.AsyncClient, cast: Cast) -> None:
    """An hour after their time the absent are a NO_SHOW: not those in the waiting room, and not before a delay is over."""
    morning = await begun(client, cast, ago=100, places=8)
    for number, status in ((1, "BOOKED"), (2, "CHECKED_IN"), (3, "BOOKED")):
        await morning.book(number, status)
    await morning.queue(cast.admin, "delay", delay_minutes=240)
    await mark_no_shows(Settings())
    assert [(await morning.row(number))["status"] for number in (1, 2, 3)] == ["BOOKED", "CHECKED_IN", "BOOKED"]
    await morning.queue(cast.admin, "delay", delay_minutes=30)
    await mark_no_shows(Settings())
    assert [(await morning.row(number))["status"] for number in (1, 2, 3)] == ["NO_SHOW", "CHECKED_IN", "BOOKED"]


async def test_an_emergency_goes_first(morning: Morning) -> None:
    await morning.book(1, "CHECKED_IN")
    number, helped = factories.tomorrow_at(3), await factories.patient()
    slot = await factories.slot(morning.cast.doctor.id, number, clinic_id=morning.cast.clinic_id)
    made = await post(morning.client, morning.cast.doctor, "/appointments",
                      {"slot_id": str(slot), "appointment_type": "VIRTUAL", "patient_id": str(helped.id)})  # fmt: skip
    visit_id = made.json()["id"]
    await db.execute("UPDATE appointment SET date = $2 WHERE id = $1", visit_id, morning.day)
    async with db.transaction():
        await put_first_in_tx(morning.cast.doctor.actor, visit_id)
    assert [step[:2] for step in await history(visit_id)] == [(None, "BOOKED"), ("BOOKED", "CHECKED_IN")]
    board = await morning.board()
    assert [one["queue_position"] for one in board["waiting"]] == [None, 1] and board["waiting"][0]["urgent"]
    called = await morning.queue(morning.cast.doctor, "call-next")
    assert called.json()["id"] == visit_id and (await morning.place(1))["ahead"] == 0


async def test_strangers_and_wrong_roles(morning: Morning) -> None:
    cast = morning.cast
    await morning.book(1, "CHECKED_IN")
    for who, status in ((cast.other_doctor, 404), (cast.other_admin, 404), (cast.patient, 403)):
        assert (await morning.queue(who, "call-next")).status_code == status
        assert (await morning.queue(who, "walk-ins", first_name="A", last_name="B")).status_code == status
        assert (await morning.queue(who, "delay", delay_minutes=10)).status_code == status
        assert (await morning.act(who, 1, "missed-call")).status_code == status
    nothing = await post(
        morning.client, cast.doctor, f"/sessions/{uuid7()}/queue/call-next", {"date": str(morning.day)}
    )
    other_day = await morning.queue(cast.doctor, "call-next", date=str(morning.day + timedelta(days=1)))
    assert nothing.status_code == other_day.status_code == 404
    for body in ({"date": "soon"}, {}, {"date": str(morning.day), "status": "x"}, {"date": None}):
        path = f"/sessions/{morning.session_id}/queue/call-next"
        assert (await post(morning.client, cast.doctor, path, body)).status_code == 422
    assert (await morning.row(1))["called_at"] is None


@pytest.mark.A9
@pytest.mark.race
async def test_two_boards_call_one_patient(client: httpx.AsyncClient, cast: Cast, morning: Morning) -> None:
    """Both press at once, again and again: each time one patient, each patient once."""
    rounds = 6
    for number in range(1, rounds + 1):
        await morning.book(number, "CHECKED_IN")
    for number in range(1, rounds + 1):
        pressed = await asyncio.gather(*(morning.call(who) for who in (cast.doctor, cast.admin) * 3))
        assert pressed == [number] * 6
        await morning.act(cast.doctor, number, "start")
        await morning.act(cast.doctor, number, "complete")
    calls = "SELECT count(*) FROM appointment_history WHERE reason = 'CALLED' AND appointment_id = ANY($1)"
    assert await db.fetch_value(calls, list(morning.visits.values())) == rounds
