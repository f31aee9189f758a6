"""The page of a room, before, during and after the visit, and the way back into it from every page."""

import httpx
import pytest
from litestar import Litestar

from tests.clients import a_client
from tests.factories import Person
from tests.video.conftest import Visit

pytestmark = pytest.mark.anyio


async def seen(app: Litestar, who: Person, path: str) -> httpx.Response:
    async with a_client(app, who) as browser:
        return await browser.get(path)


async def test_the_room_is_for_the_two_and_says_whom_they_meet(app: Litestar, visit: Visit) -> None:
    cast = visit.cast
    page = await seen(app, cast.patient, visit.path)
    assert page.status_code == 200 and 'data-side="patient"' in page.text and "data-opens-in" not in page.text
    assert 'data-side="doctor"' in (await seen(app, cast.doctor, visit.path)).text
    for stranger in (cast.other_patient, cast.other_doctor, cast.admin):
        assert (await seen(app, stranger, visit.path)).status_code == 403


async def test_a_room_that_is_not_open_yet_says_when(app: Litestar, visit: Visit) -> None:
    await visit.begin_in(90)
    page = await seen(app, visit.cast.patient, visit.path)
    assert "The room opens at" in page.text and "data-opens-in" in page.text


async def test_a_room_whose_time_is_over_is_closed(app: Litestar, visit: Visit) -> None:
    await visit.begin_in(-120)
    page = await seen(app, visit.cast.patient, visit.path)
    assert "The room is closed" in page.text and 'id="room"' not in page.text


async def test_only_a_page_over_chime_may_reach_another_host(app: Litestar, visit: Visit) -> None:
    page = await seen(app, visit.cast.patient, visit.path)
    assert "chime.aws" not in page.headers["content-security-policy"] and "chime-sdk" not in page.text


async def test_every_page_has_the_way_back_while_the_visit_is_open(app: Litestar, visit: Visit) -> None:
    cast = visit.cast
    assert "<a " not in (await seen(app, cast.patient, "/video/rejoin")).text
    await visit.join(cast.doctor)
    waits = await seen(app, cast.patient, "/video/rejoin")
    assert "is waiting for you in the video room" in waits.text and visit.path in waits.text
    await visit.join(cast.patient)
    assert "is open: rejoin" in (await seen(app, cast.doctor, "/video/rejoin")).text
    await visit.act(cast.patient, "leave")
    assert "goes on: join" in (await seen(app, cast.patient, "/video/rejoin")).text
    for stranger in (cast.other_patient, cast.other_doctor):
        assert "<a " not in (await seen(app, stranger, "/video/rejoin")).text
    await visit.act(cast.doctor, "end")
    for one in (cast.patient, cast.doctor):
        assert "<a " not in (await seen(app, one, "/video/rejoin")).text
        over = await seen(app, one, visit.path)
        assert "The visit is over" in over.text and "less than a minute" in over.text


async def test_a_doctor_ends_without_a_script(app: Litestar, visit: Visit) -> None:
    await visit.both_in()
    asked = await seen(app, visit.cast.doctor, f"{visit.path}/end")
    assert "The call ends for both of you" in asked.text
    assert (await seen(app, visit.cast.patient, f"{visit.path}/end")).status_code == 403


async def test_home_and_the_visit_lead_into_the_room(app: Litestar, visit: Visit) -> None:
    for path in ("/home", f"/appointments/{visit.appointment_id}"):
        assert f'href="{visit.path}"' in (await seen(app, visit.cast.patient, path)).text
    await visit.begin_in(90)
    assert f'href="{visit.path}"' not in (await seen(app, visit.cast.patient, "/home")).text
