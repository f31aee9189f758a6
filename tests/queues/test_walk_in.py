"""Whoever comes without a booking: a free place, or one after every two who have booked; new people without an address."""

import pytest

from portal import db
from tests import factories
from tests.appointments.conftest import audit_of, events_of
from tests.clients import PASSWORD, audited, mails_to, published, registration, token_mailed_to
from tests.invariants import broken
from tests.queues.conftest import Morning, begun

pytestmark = pytest.mark.anyio


async def walk_in(morning: Morning, **more: object) -> tuple[int, dict[str, object]]:
    answer = await morning.queue(morning.cast.admin, "walk-ins", **({"first_name": "Walt", "last_name": "In"} | more))
    return answer.status_code, answer.json()


async def test_the_lowest_place_whose_time_is_not_past(morning: Morning, monkeypatch: pytest.MonkeyPatch) -> None:
    await morning.book(3, "CHECKED_IN")
    with published(monkeypatch) as told:
        status, visit = await walk_in(morning, chief_complaint="a cough", date_of_birth="1980-02-29")
    assert (status, visit["queue_position"], visit["status"], visit["walk_in"]) == (201, 4, "CHECKED_IN", True)
    assert (visit["chief_complaint"], visit["appointment_type"]) == ("a cough", "IN_PERSON")
    assert (f"queue:{morning.session_id}:{morning.day}", "queue.walk_in") in told
    assert any(event == "slot.booked" for _topic, event in told)
    names = ["appointment.booked", "appointment.checked_in"]
    assert [event for event, _data in await events_of(visit["id"])] == names
    assert [row["action"] for row in await audit_of(visit["id"])] == names
    assert await audited("user.admit", visit["patient_id"]) == 1
    assert "cough" not in str(await events_of(visit["id"]))
    board = await morning.board()
    assert [one["queue_position"] for one in board["waiting"]] == [3, 4] and board["waiting"][1]["walk_in"]


async def test_one_after_every_two_when_none_is_free(morning: Morning) -> None:
    for number in range(1, 9):
        await morning.book(number, "CHECKED_IN" if number < 8 else "BOOKED")
    given = [(await walk_in(morning))[1] for _nth in range(3)]
    assert [one["queue_position"] for one in given] == [9, 10, 11] and all(one["overflow"] for one in given)
    assert await morning.waiting() == [1, 2, 9, 3, 4, 10, 5, 6, 11, 7]
    assert [await morning.call() for _again in range(2)] == [1, 1]
    await morning.act(morning.cast.doctor, 1, "start")
    assert await morning.call() == 2
    board = await morning.board()
    assert (board["capacity"], board["free"], board["overflow"]) == (8, 0, 3)


async def test_a_known_patient_and_their_other_visits(morning: Morning) -> None:
    patient = morning.cast.patient
    known = {"first_name": None, "last_name": None, "patient_id": str(patient.id)}
    known = {name: value for name, value in known.items() if value}

    async def come(**body: object) -> tuple[int, dict[str, object]]:
        answer = await morning.queue(morning.cast.doctor, "walk-ins", **body)
        return answer.status_code, answer.json()

    status, visit = await come(**known)
    assert (status, visit["patient_name"]) == (201, patient.actor.name)
    assert (await come(**known))[1]["code"] == "already_booked"
    assert (await come(patient_id=str(factories.uuid7())))[0] == 404
    assert (await come(patient_id=str(morning.cast.admin.id)))[0] == 404
    for body in ({}, {"first_name": "A"}, known | {"first_name": "A", "last_name": "B"}, known | {"status": "BOOKED"}):
        assert (await come(**body))[0] == 422
    other_day = await begun(morning.client, morning.cast, ago=600, places=3)
    await db.execute("UPDATE slot SET date = date - 1 WHERE session_id = $1", other_day.session_id)
    past = await morning.client.post(
        f"/api/sessions/{other_day.session_id}/queue/walk-ins", headers=morning.cast.admin.bearer,
        json={"date": str(other_day.day.replace(day=other_day.day.day) - other_day.day.resolution), **known},
    )  # fmt: skip
    assert (past.status_code, past.json()["code"]) == (409, "not_today")


@pytest.mark.C8
async def test_an_address_is_invited_and_never_taken_over(morning: Morning) -> None:
    """By mail its owner chooses a password; one that has an account is refused; who registers with it takes nothing."""
    taken = morning.cast.other_patient.actor.email
    refused, problem = await walk_in(morning, email=taken.upper())
    assert (refused, problem["code"]) == (409, "email_taken") and await morning.waiting() == []
    before = await db.fetch_value("SELECT count(*) FROM account")
    status, visit = await walk_in(morning, email="nia@test.example", phone_number="+14155550123")
    assert status == 201 and await db.fetch_value("SELECT count(*) FROM account") == before + 1
    token = await token_mailed_to("nia@test.example")
    attack = await morning.client.post("/api/auth/register", json=registration("nia@test.example"))
    assert (attack.status_code, attack.json()["code"]) == (409, "email_taken")
    reset = await db.fetch_row("SELECT * FROM account WHERE id = $1", visit["patient_id"])
    assert reset["password_hash"] is None and reset["first_name"] == "Walt" and token


@pytest.mark.C8
async def test_without_an_address_nobody_can_sign_in(morning: Morning, settings) -> None:  # type: ignore[no-untyped-def]
    _status, visit = await walk_in(morning)
    account = await db.fetch_row("SELECT * FROM account WHERE id = $1", visit["patient_id"])
    address = account["email"]
    assert account["password_hash"] is None and address.endswith("@no-address.invalid")
    login = await morning.client.post("/api/auth/login", json={"email": address, "password": PASSWORD})
    assert login.status_code in (401, 422)
    await morning.client.post("/api/auth/forgotten-password", json={"email": address})
    attack = await morning.client.post("/api/auth/register", json=registration(address))
    assert attack.status_code in (409, 422) and not await mails_to(address)
    unchanged = await db.fetch_row("SELECT * FROM account WHERE id = $1", visit["patient_id"])
    assert unchanged == account
    # Rows made by plain SQL have a shorter history than the portal would have written.
    rules = await broken(settings.database_url)
    assert not {
        "a number in the queue is one person's",
        "slots and visits agree",
        "a video visit has its session",
    } & set(rules)
