"""Sending words: exactly once, in one order, to the other one of the two and to nobody else."""

from uuid import uuid4

import httpx
import pytest

from portal import db
from portal.settings import Settings
from tests import catalogue, factories, naive
from tests.appointments.conftest import Cast, audit_of, post
from tests.appointments.test_pages import see, send
from tests.chat.conftest import booked, days_ago, heard, say
from tests.clients import asked_many_times, published
from tests.owner import as_owner

pytestmark = pytest.mark.anyio

KEYS = 500 if catalogue.FULL else 10


async def test_what_is_said_is_heard_by_both_in_one_order(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    words = ["How long fasting?", "Eight hours.\nWater is fine.", "Thank you <b>doctor</b>"]
    for who, body in zip((cast.patient, cast.doctor, cast.patient), words, strict=True):
        answer = await say(client, who, visit, body)
        assert answer.status_code == 201 and answer.json()["sender_id"] == str(who.id), answer.text
    for who in (cast.patient, cast.doctor):
        found = await heard(client, who, visit)
        assert [one["body"] for one in found["messages"]] == words
        assert [one["number"] for one in found["messages"]] == [1, 2, 3]
        assert found["is_open"] and not found["more"] and found["last_number"] == 3
    assert (await heard(client, cast.patient, visit))["unread"] == 1
    assert (await heard(client, cast.doctor, visit))["unread"] == 2


async def test_only_what_came_after_the_last_message_is_given(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    for number in range(7):
        await say(client, cast.patient, visit, f"message {number + 1}")

    async def numbers(**query: int) -> tuple[list[int], bool]:
        found = await heard(client, cast.doctor, visit, **query)
        return [one["number"] for one in found["messages"]], found["more"]

    assert await numbers(after=5) == ([6, 7], False)
    assert await numbers(after=7) == ([], False)
    assert await numbers(after=0, limit=3) == ([1, 2, 3], True)
    assert await numbers(limit=2) == ([6, 7], True)
    assert await numbers(before=3) == ([1, 2], False)
    for bad in ("-1", "x", str(2**31), "1.0"):
        path = f"/api/appointments/{visit['id']}/messages?after={bad}"
        assert (await client.get(path, headers=cast.doctor.bearer)).status_code in (400, 422)


async def test_the_same_id_again_is_the_same_message(client: httpx.AsyncClient, cast: Cast) -> None:
    visit, once = await booked(client, cast), str(uuid4())
    first = await say(client, cast.patient, visit, "only once", client_id=once)
    again = [await say(client, cast.patient, visit, "only once", client_id=once) for _ in range(3)]
    assert {one.json()["id"] for one in again} == {first.json()["id"]}
    other = await say(client, cast.patient, visit, "something else", client_id=once)
    assert (other.status_code, other.json()["code"]) == (409, "client_id_used")
    theirs = await say(client, cast.doctor, visit, "only once", client_id=once)  # ids of another person's are theirs
    assert theirs.status_code == 201 and theirs.json()["id"] != first.json()["id"]
    found = await heard(client, cast.doctor, visit)
    assert [one["number"] for one in found["messages"]] == [1, 2] and found["unread"] == 1


@pytest.mark.B1
async def test_one_message_per_key(client: httpx.AsyncClient, cast: Cast) -> None:
    """The same POST many times at once and again later: one effect, and the first answer for whoever gets one."""
    visit = await booked(client, cast)
    path, wrong = f"/api/appointments/{visit['id']}/messages", []
    for number in range(KEYS):
        key = {"Idempotency-Key": uuid4().hex}
        body = {"body": f"once, whatever happens: {number}", "client_id": str(uuid4())}
        at_once, later = await asked_many_times(client, path, body, cast.patient.bearer | key)
        answers = [*at_once, *later]
        first = {one.text for one in answers if one.status_code == 201}
        if {one.status_code for one in answers} - {201, 409} or len(first) != 1 or answers[-1].status_code != 201:
            wrong.append([one.status_code for one in answers])
    told = await db.fetch_value("SELECT last_number FROM conversation WHERE appointment_id = $1", visit["id"])
    catalogue.figure("B1", f"{KEYS} messages, each sent 25 times under one key: {told} are there")
    assert not wrong and told == KEYS


@pytest.mark.B1
async def test_the_naive_twin_keeps_a_message_several_times(settings: Settings, client: httpx.AsyncClient) -> None:
    await as_owner(naive.SCHEMA)
    async with naive.here(settings.database_url) as twin:
        for number in range(5):
            key = {"Idempotency-Key": f"said-{number}"}
            await asked_many_times(twin, f"/api/appointments/{number}/messages", {"body": "once"}, key)
    said = await db.fetch_value("SELECT count(*) FROM naive_effect")
    catalogue.figure("B1", f"naive twin: 5 messages, each sent 25 times under one key: {said} are there")
    assert said > 5


async def test_strangers_and_other_roles(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    await say(client, cast.patient, visit, "for the two of us")
    path = f"/api/appointments/{visit['id']}"
    words = {"body": "let me in", "client_id": str(uuid4())}
    calls = [("messages", words), ("messages/read", None), ("messages/typing", None)]
    for who in (cast.other_patient, cast.other_doctor):
        for name in ("messages", "files"):
            assert (await client.get(f"{path}/{name}", headers=who.bearer)).status_code == 404
        for name, body in calls:
            assert (await post(client, who, f"/appointments/{visit['id']}/{name}", body)).status_code == 404
        for page in ("chat", "chat/news?after=0", "files"):
            assert (await see(client, who, f"/appointments/{visit['id']}/{page}")).status_code == 404
    system = await factories.person(factories.Role.SYSTEM_ADMIN)
    for who in (cast.admin, system):
        assert (await client.get(f"{path}/messages", headers=who.bearer)).status_code == 403
        assert (await post(client, who, f"/appointments/{visit['id']}/messages", words)).status_code == 403
    assert (await client.get(f"{path}/messages")).status_code == 401
    assert (await client.get(f"/api/appointments/{uuid4()}/messages", headers=cast.doctor.bearer)).status_code == 404


async def test_bad_words(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    for body, field in (
        ({"body": ""}, "body"), ({"body": "  \n "}, "body"), ({"body": "x" * 4001}, "body"), ({"body": "a\0b"}, "body"),
        ({"body": "\u202egnp.exe"}, "body"), ({"body": 7}, "body"), ({"client_id": "7"}, "client_id"), ({"more": 1}, "more"),
        ({"body": "a" + "\u0301" * 10_000}, "body"),
    ):  # fmt: skip
        answer = await say(client, cast.patient, visit, **body)
        assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field, answer.text
    assert (await say(client, cast.patient, visit, "x" * 4000)).status_code == 201


async def test_open_from_the_booking_until_a_week_after(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    once = str(uuid4())
    assert (await say(client, cast.patient, visit, client_id=once)).status_code == 201
    await days_ago(visit, 6.9)
    assert (await say(client, cast.doctor, visit)).status_code == 201
    for status in ("COMPLETED", "NO_SHOW"):
        await days_ago(visit, 7.01, status)
        refused = await say(client, cast.doctor, visit)
        assert (refused.status_code, refused.json()["code"]) == (409, "chat_closed")
    found = await heard(client, cast.patient, visit)
    assert len(found["messages"]) == 2 and not found["is_open"]
    page = await see(client, cast.patient, f"/appointments/{visit['id']}/chat")
    assert "conversation closed on" in page.text and "data-chat-form" not in page.text
    # What was sent in time and is sent again because its answer was lost has been sent.
    assert (await say(client, cast.patient, visit, client_id=once)).status_code == 201


async def test_of_a_cancelled_visit_it_is_open_for_a_week_from_then(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast, day=40)
    await post(client, cast.patient, f"/appointments/{visit['id']}/cancel", {"reason": "x"})
    assert (await say(client, cast.doctor, visit)).status_code == 201
    await db.execute(
        "UPDATE appointment_history SET at = at - interval '8 days' WHERE appointment_id = $1", visit["id"]
    )
    assert (await say(client, cast.doctor, visit)).json()["code"] == "chat_closed"


async def test_history_and_who_hears(client: httpx.AsyncClient, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    visit = await booked(client, cast)
    topic = f"appointment:{visit['id']}"
    once = str(uuid4())
    with published(monkeypatch) as told:
        await say(client, cast.patient, visit, client_id=once)
        await say(client, cast.patient, visit, client_id=once)  # nothing new
        await say(client, cast.other_patient, visit)
        await post(client, cast.doctor, f"/appointments/{visit['id']}/messages/typing")
        await post(client, cast.doctor, f"/appointments/{visit['id']}/messages/read", {"number": 1})
        await post(client, cast.doctor, f"/appointments/{visit['id']}/messages/read")  # nothing new
    assert told == [
        (topic, "chat.message"), (f"user:{cast.doctor.id}", "chat.unread"), (topic, "chat.typing"),
        (topic, "chat.read"), (f"user:{cast.doctor.id}", "chat.unread"),
    ]  # fmt: skip
    await heard(client, cast.patient, visit)
    await heard(client, cast.doctor, visit)
    rows = await audit_of(visit["id"])
    done = [(row["action"], row["actor_id"]) for row in rows if row["action"].startswith("message")]
    assert done == [("message.sent", cast.patient.id), ("messages.read", cast.doctor.id)]
    assert all(row["patient_id"] == cast.patient.id for row in rows if row["action"].startswith("message"))


async def test_read_marks_only_go_forward(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    for _ in range(3):
        await say(client, cast.patient, visit)

    async def read(number: int | None = None) -> tuple[int, int, int]:
        body = None if number is None else {"number": number}
        marks = (await post(client, cast.doctor, f"/appointments/{visit['id']}/messages/read", body)).json()
        return marks["patient_read"], marks["doctor_read"], marks["unread"]

    assert await read(2) == (0, 2, 1)
    assert await read(1) == (0, 2, 1)
    assert await read(10_000) == (0, 3, 0)
    await say(client, cast.patient, visit)
    assert (await heard(client, cast.doctor, visit))["unread"] == 1
    assert await read() == (0, 4, 0)
    assert (await heard(client, cast.patient, visit))["doctor_read"] == 4


async def test_who_reads_leaves_unread_what_the_other_has_not_read(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    for who in (cast.patient, cast.doctor):
        await say(client, who, visit)
    await post(client, cast.doctor, f"/appointments/{visit['id']}/messages/read")
    assert [(await heard(client, who, visit))["unread"] for who in (cast.patient, cast.doctor)] == [1, 0]
    await say(client, cast.patient, visit)
    await post(client, cast.patient, f"/appointments/{visit['id']}/messages/read")
    assert [(await heard(client, who, visit))["unread"] for who in (cast.patient, cast.doctor)] == [0, 1]


async def test_the_pages_without_javascript(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    here = f"/appointments/{visit['id']}/chat"
    assert "Nothing has been written yet" in (await see(client, cast.patient, here)).text
    once = str(uuid4())
    for _ in range(2):  # pressed twice
        sent = await send(client, cast.patient, here, client_id=once, body="May I <i>eat</i>?")
        assert (sent.status_code, sent.headers["location"]) == (303, f"{here}#end")
    empty = await send(client, cast.patient, here, client_id=str(uuid4()), body=" ")
    assert empty.status_code == 422 and "choose a file" in empty.text
    long = await send(client, cast.patient, here, client_id=str(uuid4()), body="<b>" + "y" * 4000)
    assert long.status_code == 422 and "&lt;b&gt;yyy" in long.text
    for path in ("/today", "/appointments"):
        if path == "/today":
            continue
        assert "1 new message" in (await see(client, cast.doctor, path)).text
    assert '<span class="count">1</span>' in (await see(client, cast.doctor, f"/appointments/{visit['id']}")).text
    page = (await see(client, cast.doctor, here)).text
    assert page.count("May I &lt;i&gt;eat&lt;/i&gt;?") == 1 and "Mark as read" in page
    assert (await send(client, cast.doctor, here + "/read", number="1")).status_code == 303
    assert "Mark as read" not in (await see(client, cast.doctor, here)).text
    assert "new message" not in (await see(client, cast.doctor, "/appointments")).text
    assert ">Read<" in (await see(client, cast.patient, here)).text
    fresh = await send(client, cast.doctor, here, client_id=str(uuid4()), body="Yes.", after="1")
    assert fresh.status_code == 200 and "Yes." in fresh.text and "May I" not in fresh.text
    news = (await see(client, cast.patient, here + "/news?after=1")).text
    assert "Yes." in news and "May I" not in news and 'data-last="2"' in news
    assert "/chat" in (await see(client, cast.patient, "/home")).text
