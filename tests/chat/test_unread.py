"""What is unread is counted where the two look anyway: the doctor's board, lists of visits, the home page; for nobody else."""

import httpx
import pytest

from tests.appointments.conftest import Cast, get
from tests.appointments.test_pages import see, send
from tests.chat.conftest import booked, say
from tests.queues.conftest import Morning, morning

__all__ = ["morning"]

pytestmark = pytest.mark.anyio


async def test_the_board_shows_what_the_doctor_has_not_read(client: httpx.AsyncClient, morning: Morning) -> None:
    visit = {"id": await morning.book(3)}
    for words in ("I am on the bus", "ten minutes late"):
        assert (await say(client, morning.people[3], visit, words)).status_code == 201
    today = f"/today?date={morning.day}"
    page = (await see(client, morning.cast.doctor, today)).text
    assert "2 new messages" in page and "on the bus" not in page
    for who, wanted in ((morning.cast.doctor, 2), (morning.cast.admin, 0)):
        board = await morning.board(who)
        shown = [one["unread_messages"] for lane in ("waiting", "coming", "late") for one in board[lane]]
        assert shown == [wanted], "the office is not told how much the two write"
    assert (await send(client, morning.cast.doctor, f"/appointments/{visit['id']}/chat/read")).status_code == 303
    assert "new message" not in (await see(client, morning.cast.doctor, today)).text


async def test_lists_and_the_home_page_count_for_each_of_the_two(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    await say(client, cast.doctor, visit, "Please bring your tablets.")
    path = f"/appointments/{visit['id']}"
    for who, wanted in ((cast.patient, 1), (cast.doctor, 0), (cast.admin, 0)):
        assert (await get(client, who, path)).json()["unread_messages"] == wanted
        listed = (await get(client, who, "/appointments")).json()["appointments"]
        assert [one["unread_messages"] for one in listed if one["id"] == visit["id"]] == [wanted]
    home = (await see(client, cast.patient, "/home")).text
    assert '<span class="count">1</span>' in home and "tablets" not in home
    assert "1 new message" in (await see(client, cast.patient, "/appointments")).text
    assert "chat" not in (await see(client, cast.admin, path)).text
