"""A whole morning of eight numbers by documented calls alone: late arrival, no-show, walk-in, waitlist, delay, referral."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from portal import db
from portal.waitlist.actions import offer_slot
from tests import factories
from tests.appointments.conftest import get, post
from tests.factories import Person
from tests.queues.conftest import Cast, Morning, begun

pytestmark = pytest.mark.anyio

SLOT = "SELECT id FROM slot WHERE session_id = $1 AND position = $2"


async def lists(morning: Morning) -> dict[str, Any]:
    """The board in numbers, as the front desk sees it."""
    board = await morning.board()
    now = {name: board[name] and board[name]["queue_position"] for name in ("serving", "called")}
    return now | {
        name: [one["queue_position"] for one in board[name]] for name in ("waiting", "late", "coming", "done")
    }


async def ok(answer: Any, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


async def book(morning: Morning, number: int) -> None:
    """By the patient's own call."""
    who = await factories.patient(first_name=f"Number{number}")
    slot = await db.fetch_value(SLOT, morning.session_id, number)
    body = {"slot_id": str(slot), "appointment_type": "IN_PERSON"}
    visit = await ok(await post(morning.client, who, "/appointments", body), 201)
    assert visit["queue_position"] == number
    morning.people[number], morning.visits[number] = who, UUID(visit["id"])


async def be_seen(morning: Morning, number: int, **completion: Any) -> None:
    assert await morning.call() == number
    await ok(await morning.act(morning.cast.doctor, number, "start"))
    await ok(await morning.act(morning.cast.doctor, number, "complete", completion or None))


async def test_a_morning_over_the_api(client: httpx.AsyncClient, cast: Cast) -> None:
    morning = await begun(client, cast, ago=25)  # the third begins in five minutes
    doctor, desk = morning.cast.doctor, morning.cast.admin
    for number in (1, 2):  # booked long ago: their time has passed
        await morning.book(number)
    for number in range(3, 9):
        await book(morning, number)
    assert (await lists(morning))["late"] == [1, 2] and (await lists(morning))["coming"] == [3, 4, 5, 6, 7, 8]

    for who, number in ((morning.people[2], 2), (morning.people[3], 3), (desk, 4)):
        await ok(await morning.act(who, number, "check-in"))
    assert await morning.call() == 2
    await ok(await morning.act(doctor, 2, "start"))

    await ok(await morning.act(desk, 1, "check-in"))  # late: after the next one
    assert await lists(morning) == {
        "serving": 2, "called": None, "waiting": [3, 1, 4], "late": [], "coming": [5, 6, 7, 8], "done": [],
    }  # fmt: skip
    assert ((await morning.place(4))["ahead"], (await morning.place(4))["now_serving"]) == (2, 2)

    before = datetime.fromisoformat((await morning.place(4))["expected_from"])
    await ok(await morning.queue(doctor, "delay", delay_minutes=25))
    later = await morning.place(4)
    assert later["delay_minutes"] >= 25 and datetime.fromisoformat(later["expected_from"]) >= before
    await ok(await morning.act(doctor, 2, "complete", {"doctor_notes": "rest and tea"}))

    await refer(morning)
    assert await morning.call() == 1
    await ok(await morning.act(desk, 1, "missed-call"))  # not in the room: two places back, as far as there are
    assert await morning.waiting() == [4, 1]
    await be_seen(morning, 4)
    await be_seen(morning, 1)

    await ok(await morning.act(desk, 5, "no-show"))
    walk_in = await ok(await morning.queue(desk, "walk-ins", first_name="Wanda", last_name="Walker"), 201)
    assert (walk_in["queue_position"], walk_in["status"]) == (5, "CHECKED_IN")
    morning.visits[5] = UUID(walk_in["id"])

    await from_the_waitlist(morning)
    for number in (6, 7, 8):
        await ok(await morning.act(desk, number, "check-in"))
    for number in (5, 6, 7, 8):
        await be_seen(morning, number)
    assert await morning.call() == "queue_empty"
    end = await lists(morning)
    assert sorted(end["done"]) == [1, 2, 3, 4, 5, 5, 6, 7, 8] and not any(end[one] for one in end if one != "done")
    statuses = [one["status"] for one in (await morning.board())["done"]]
    assert (statuses.count("COMPLETED"), statuses.count("NO_SHOW")) == (8, 1)


async def refer(morning: Morning) -> None:
    """Number 3 is seen and sent on: the other doctor reads the note, the patient has a second visit."""
    other = await factories.doctor(clinic_ids=[morning.cast.clinic_id], specialty_id=morning.cast.specialty_id)
    tomorrow = await factories.slot(other.id, factories.tomorrow_at(9), clinic_id=morning.cast.clinic_id)
    assert await morning.call() == 3
    await ok(await morning.act(morning.cast.doctor, 3, "start"))
    body = {"doctor_id": str(other.id), "slot_id": str(tomorrow), "note": "please look at the knee"}
    sent = await ok(await morning.act(morning.cast.doctor, 3, "refer", body), 201)
    assert sent["referred_from"] == str(morning.visits[3])
    assert "knee" in (await get(morning.client, other, f"/appointments/{sent['id']}/referrals")).text
    await ok(await morning.act(morning.cast.doctor, 3, "complete"))


async def from_the_waitlist(morning: Morning) -> None:
    """Number 7 is given back, and kept for the one who has waited for it."""
    patience: Person = await factories.patient(first_name="Patience")
    days = {"from": str(morning.day), "to": str(morning.day + timedelta(days=1)), "service_type": "BOTH"}
    body = {**days, "doctor_id": str(morning.cast.doctor.id)}
    await ok(await post(morning.client, patience, "/waitlist", body), 201)
    slot = await db.fetch_value(SLOT, morning.session_id, 7)
    await ok(await morning.act(morning.people[7], 7, "cancel", {"reason": "better already"}))
    await offer_slot(slot)  # what the worker does with the job that the cancellation left
    (entry,) = (await ok(await get(morning.client, patience, "/waitlist")))["entries"]
    offer = entry["offer"]
    assert offer["slot_id"] == str(slot)
    stranger = await factories.patient()
    taken = {"slot_id": str(slot), "appointment_type": "IN_PERSON"}
    assert (await post(morning.client, stranger, "/appointments", taken)).json()["code"] == "slot_held"
    answer = await post(
        morning.client, patience, f"/waitlist/offers/{offer['id']}/accept", {"appointment_type": "IN_PERSON"}
    )
    visit = await ok(answer, 201)
    assert visit["queue_position"] == 7
    morning.people[7], morning.visits[7] = patience, UUID(visit["id"])
