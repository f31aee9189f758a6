"""The pages of a queue as plain forms without JavaScript: the doctor's board, the front desk, walk-ins, the patient's wait."""

from html import unescape

import pytest

from portal import db
from tests import factories
from tests.appointments.test_pages import see, send
from tests.counting import counted_statements
from tests.queues.conftest import Morning

pytestmark = pytest.mark.anyio
FEW = 4  # who looks; their boards; visits outside them; what is remembered of the times shown


def row_of(text: str, visit: object) -> str:
    """The element of a visit, with what stands in it."""
    return text.partition(f'id="visit-{visit}"')[2].partition('id="visit-')[0]


async def test_the_doctors_board_from_the_first_call_to_the_end(morning: Morning) -> None:
    client, doctor, path = morning.client, morning.cast.doctor, f"/today?date={morning.day}"
    for number in (1, 2):
        await morning.book(number, "CHECKED_IN", name=f"<i>Wanda{number}")
    await morning.book(6)
    with counted_statements() as said:
        board = (await see(client, doctor, path)).text
    assert len(said) <= FEW, said
    assert "&lt;i&gt;Wanda1" in board and "<i>Wanda" not in board and 'data-key="n"' in board
    assert 'data-standing="WAITING"' in row_of(board, morning.visits[2]) and "COMING" in row_of(
        board, morning.visits[6]
    )
    base = f"/sessions/{morning.session_id}/queue"
    called = await send(client, doctor, f"{base}/call-next", date=str(morning.day), next=path)
    assert (called.status_code, called.headers["location"]) == (303, path)
    board = (await see(client, doctor, path)).text
    assert (
        'data-standing="CALLED"' in row_of(board, morning.visits[1])
        and 'data-key="s"' in board
        and 'data-key="m"' in board
    )
    assert (await send(client, doctor, f"/appointments/{morning.visits[1]}/missed-call", next=path)).status_code == 303
    assert (await morning.row(1))["missed_calls"] == 1
    again = await send(client, doctor, f"/appointments/{morning.visits[1]}/missed-call", next=path)
    assert again.status_code == 409 and 'data-tone="danger"' in again.text and 'id="day"' in again.text
    await send(client, doctor, f"{base}/call-next", date=str(morning.day), next=path)
    assert (await send(client, doctor, f"/appointments/{morning.visits[2]}/start", next=path)).status_code == 303
    typed = {"doctor_notes": "Rest <b>well", "began": "11:55", "ended": "11:50", "next": path}
    wrong = await send(client, doctor, f"/appointments/{morning.visits[2]}/complete", **typed)
    assert wrong.status_code == 422 and "Rest &lt;b&gt;well" in wrong.text and "11:55" in wrong.text
    to_come = await send(
        client, doctor, f"/appointments/{morning.visits[2]}/complete", **typed | {"began": "23:59", "ended": ""}
    )
    assert to_come.status_code == 422 and "This time has not come yet." in to_come.text and "23:59" in to_come.text
    assert (await morning.row(2))["status"] == "IN_PROGRESS"
    done = await send(client, doctor, f"/appointments/{morning.visits[2]}/complete", **typed | {"began": "11:05"})
    assert (done.status_code, done.headers["location"]) == (303, path)
    row = await morning.row(2)
    zone = await db.fetch_value("SELECT $1::timestamptz AT TIME ZONE $2", row["actual_start_time"], morning.zone)
    assert (row["status"], f"{zone:%H:%M}") == ("COMPLETED", "11:05")
    told = await db.fetch_value("SELECT patient_summary FROM visit_note WHERE appointment_id = $1", row["id"])
    assert (told, row["doctor_notes"]) == ("Rest <b>well", "")


async def test_a_delay_is_announced_and_a_wrong_one_is_kept_in_its_field(morning: Morning) -> None:
    client, doctor, path = morning.client, morning.cast.doctor, f"/today?date={morning.day}"
    await morning.book(1, "CHECKED_IN")
    action = f"/sessions/{morning.session_id}/queue/delay"
    wrong = await send(client, doctor, action, date=str(morning.day), delay_minutes="soon", next=path)
    assert wrong.status_code == 422 and 'value="soon"' in wrong.text
    told = await send(client, doctor, action, date=str(morning.day), delay_minutes="90", next=path)
    assert told.status_code == 303
    board = (await see(client, doctor, path)).text
    assert "minutes late" in board and 'value="90"' in board
    assert (
        await send(client, morning.cast.other_doctor, action, date=str(morning.day), delay_minutes="5")
    ).status_code == 404
    assert (
        await send(client, morning.cast.patient, action, date=str(morning.day), delay_minutes="5")
    ).status_code == 403
    foreign = await send(client, doctor, action, date=str(morning.day), delay_minutes="5", next="//evil.example/")
    assert foreign.headers["location"] == "/today"


async def test_the_front_desk_shows_who_comes_next_and_the_doctor_everybody(morning: Morning) -> None:
    """Whoever is late stands there, and the next four."""
    everybody = list(range(1, 9))
    for number in everybody:
        await morning.book(number)
    desk = (await see(morning.client, morning.cast.admin, "/clinic/desk")).text
    board = (await see(morning.client, morning.cast.doctor, f"/today?date={morning.day}")).text
    shown, all_of_them = (
        [number for number, one in morning.visits.items() if f'id="visit-{one}"' in text] for text in (desk, board)
    )
    assert all_of_them == everybody and 4 <= len(shown) < 8 and shown == everybody[: len(shown)]
    assert f"{8 - len(shown)} more later" in desk and "more later" not in board


async def test_the_front_desk_finds_checks_in_and_calls(morning: Morning) -> None:
    client, admin = morning.client, morning.cast.admin
    who = await factories.patient(first_name="Ødegård-Zoë", last_name="Quist")
    await db.execute("UPDATE account SET phone_number = '+4930123987' WHERE id = $1", who.id)
    await morning.book(3, who=who)
    for q in ("zoe qui", "30 123987", "quist 1980-02-29", "29.02.1980"):
        desk = await see(client, admin, f"/clinic/desk?q={q}")
        assert desk.status_code == 200 and f'id="found-{who.id}"' in desk.text, q
    assert f"/appointments/{morning.visits[3]}/check-in" in desk.text and 'data-key="/"' in desk.text
    for q in ("nobody", "%25", "zoe 1980-02-28"):
        assert f'id="found-{who.id}"' not in (await see(client, admin, f"/clinic/desk?q={q}")).text
    await send(client, admin, f"/appointments/{morning.visits[3]}/check-in", next="/clinic/desk")
    called = await send(client, admin, f"/sessions/{morning.session_id}/queue/call-next", date=str(morning.day))
    assert (called.status_code, called.headers["location"]) == (303, "/clinic/desk")
    desk = (await see(client, admin, "/clinic/desk")).text
    assert "CALLED" in row_of(desk, morning.visits[3]) and f"/{morning.visits[3]}/start" not in desk
    stranger = await see(client, morning.cast.other_admin, "/clinic/desk?q=quist")
    assert "Quist" not in stranger.text and str(morning.session_id) not in stranger.text
    assert (await see(client, morning.cast.patient, "/clinic/desk")).status_code == 403
    assert (await see(client, admin, f"/clinic/desk?clinic={morning.session_id}")).status_code == 404
    empty = await send(client, admin, f"/sessions/{morning.session_id}/queue/call-next", date="2020-01-01")
    assert empty.status_code in (404, 409)


async def test_a_walk_in_known_or_new(morning: Morning) -> None:
    client, admin = morning.client, morning.cast.admin
    await morning.book(1, "COMPLETED", name="Known")
    page = (await see(client, admin, f"/walk-in?session_id={morning.session_id}&q=known")).text
    assert f'value="{morning.people[1].id}"' in page and 'name="first_name"' in page
    new = {"session_id": str(morning.session_id), "first_name": "Nia", "last_name": "New"}
    wrong = await send(client, admin, "/walk-in", **new | {"last_name": "", "phone_number": "12"})
    assert wrong.status_code == 422 and "error-summary" in wrong.text and 'value="Nia"' in wrong.text
    taken = await send(client, admin, "/walk-in", **new)
    assert (taken.status_code, taken.headers["location"]) == (303, f"/clinic/desk?clinic={morning.cast.clinic_id}")
    number = (await morning.board())["waiting"][0]["queue_position"]
    assert "Nia New" in unescape((await see(client, morning.cast.doctor, f"/today?date={morning.day}")).text)
    known = {"session_id": str(morning.session_id), "patient_id": str(morning.people[1].id)}
    assert (await send(client, morning.cast.doctor, "/walk-in", **known)).headers["location"] == "/today"
    assert [one["queue_position"] for one in (await morning.board())["waiting"]] != [number]
    assert (await send(client, admin, "/walk-in", **known)).status_code == 409
    assert (await send(client, morning.cast.other_admin, "/walk-in", **new)).status_code == 404
    assert (await see(client, morning.cast.patient, "/walk-in")).status_code == 403


async def test_the_patients_wait_shows_one_place_and_nobody_else(morning: Morning) -> None:
    client = morning.client
    for number, status in ((1, "IN_PROGRESS"), (2, "CHECKED_IN"), (3, "BOOKED"), (4, "CHECKED_IN")):
        await morning.book(number, status, name=f"Secret{number}")
    path, me = f"/appointments/{morning.visits[3]}/wait", morning.people[3]
    wait = (await see(client, me, path + "?travel=45")).text
    assert (
        f"/appointments/{morning.visits[3]}/check-in" in wait
        and "Leave home by" in wait
        and "How people are called" in wait
    )
    answer = await send(client, me, f"/appointments/{morning.visits[3]}/check-in", next=path)
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    wait = (await see(client, me, path)).text
    assert 'place-number">3<' in wait and "1 person is ahead of you" in wait and "number 1" in wait
    assert not any(f"Secret{other}" in wait for other in (1, 2, 4))
    home = (await see(client, me, "/home")).text
    assert path in home and "Your place in the queue" in home
    assert path in (await see(client, me, f"/appointments/{morning.visits[3]}")).text
    for stranger in (morning.people[2], morning.cast.other_patient):
        assert (await see(client, stranger, path)).status_code == 404
    assert (await see(client, morning.cast.doctor, path)).status_code == 403
    await morning.call()
    await morning.act(morning.cast.doctor, 1, "complete")
    await morning.act(morning.cast.doctor, 2, "start")
    await morning.call()
    assert "It is your turn" in (await see(client, me, path)).text
