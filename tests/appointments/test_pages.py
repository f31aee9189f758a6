"""The pages of visits, as plain forms without JavaScript."""

from datetime import timedelta
from html import unescape
from typing import Any

import httpx
import pytest

from portal import clock, db
from portal.web.forms import CSRF_FIELD
from tests import factories
from tests.appointments.conftest import Cast, appointment_row, booked, near, post
from tests.counting import counted_statements
from tests.factories import Person

pytestmark = pytest.mark.anyio


async def see(client: httpx.AsyncClient, who: Person, path: str, **headers: str) -> httpx.Response:
    return await client.get(path, headers={"Cookie": f"login={who.secret}", **headers})


async def send(client: httpx.AsyncClient, who: Person, path: str, **form: Any) -> httpx.Response:
    """Post a form as its page would: with the token of that person's login."""
    page = await see(client, who, "/settings")
    token = page.text.partition('name="csrf-token" content="')[2].partition('"')[0]
    headers = {"Cookie": f"login={who.secret}", "Origin": "http://testserver.local"}
    return await client.post(path, headers=headers, data={CSRF_FIELD: token, **form})


async def test_home_shows_the_next_visit_and_its_one_action(client: httpx.AsyncClient, cast: Cast) -> None:
    assert "No visit is planned" in (await see(client, cast.patient, "/home")).text
    visit = await booked(client, cast, chief_complaint="<b>cough</b>")
    home = (await see(client, cast.patient, "/home")).text
    assert "Your next visit" in home and f"/appointments/{visit['id']}/confirm" in home
    answer = await send(client, cast.patient, f"/appointments/{visit['id']}/confirm", next="/home")
    assert (answer.status_code, answer.headers["location"]) == (303, "/home")
    home = (await see(client, cast.patient, "/home")).text
    assert "Confirmed" in home and "/confirm" not in home
    start = clock.now() + timedelta(minutes=30)
    await db.execute(
        "UPDATE appointment SET starts_at = $2, ends_at = $3 WHERE id = $1",
        visit["id"],
        start,
        start + timedelta(minutes=15),
    )
    assert f"/appointments/{visit['id']}/check-in" in (await see(client, cast.patient, "/home")).text
    assert (await see(client, cast.doctor, "/home")).headers["location"] == "/today"


async def test_a_visit_its_calendar_file_and_its_cancellation(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast, chief_complaint="<b>cough</b>")
    path = f"/appointments/{visit['id']}"
    shown = (await see(client, cast.patient, path)).text
    assert "&lt;b&gt;cough" in shown and "What has happened" in shown and visit["doctor_name"] in unescape(shown)
    ics = await see(client, cast.patient, path + "/calendar.ics")
    assert ics.headers["content-type"].startswith("text/calendar") and "cough" not in ics.text
    assert "DTSTART:" + visit["start_time"].replace("-", "").replace(":", "") in ics.text
    for stranger in (cast.other_patient, cast.other_doctor, cast.other_admin):
        for one in (path, path + "/calendar.ics", path + "/cancel"):
            assert (await see(client, stranger, one)).status_code == 404
    empty = await send(client, cast.patient, path + "/cancel", reason=" ")
    assert empty.status_code == 422 and "error-summary" in empty.text
    assert (await send(client, cast.patient, path + "/cancel", reason="no time")).status_code == 303
    assert (await appointment_row(visit["id"]))["status"] == "CANCELLED"
    assert "no time" in (await see(client, cast.doctor, path)).text
    assert (await see(client, cast.patient, path + "/cancel")).headers["location"] == path
    assert visit["id"] in (await see(client, cast.patient, "/appointments?view=past")).text
    assert visit["id"] not in (await see(client, cast.patient, "/appointments")).text


async def test_the_doctors_day(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast, chief_complaint="a cough")
    await booked(client, cast, day=2)
    path = f"/today?date={visit['date']}"
    with counted_statements() as said:
        day = await see(client, cast.doctor, path)
    assert len(said) <= 4, said  # with the login and the audit
    assert day.text.count("<tr id=") == 1 and "a cough" in day.text and visit["patient_name"] in day.text
    for action, status in (("start", "IN_PROGRESS"), ("complete", "COMPLETED")):
        answer = await send(client, cast.doctor, f"/appointments/{visit['id']}/{action}", next=path)
        assert (answer.status_code, answer.headers["location"]) == (303, path)
        assert (await appointment_row(visit["id"]))["status"] == status
    again = await send(client, cast.doctor, f"/appointments/{visit['id']}/start", next=path)
    assert again.status_code == 303
    assert "No visits on this day" in (await see(client, cast.other_doctor, path)).text
    assert (await see(client, cast.patient, "/today")).status_code == 403
    outside = await send(client, cast.doctor, f"/appointments/{visit['id']}/start", next="https://elsewhere.example/")
    assert outside.headers["location"] == f"/appointments/{visit['id']}"


async def test_the_clinics_day(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    await near(visit["id"])
    path = f"/clinic/appointments?date={visit['date']}"
    for query, seen in (("", 1), (f"&doctor_id={cast.doctor.id}", 1), (f"&doctor_id={cast.other_doctor.id}", 0),
                        ("&status=BOOKED", 1), ("&status=COMPLETED", 0), ("&doctor_id=&status=", 1)):  # fmt: skip
        assert (await see(client, cast.admin, path + query)).text.count("<tr id=") == seen, query
    assert (await see(client, cast.admin, path + "&skip=1")).text.count("<tr id=") == 0  # a page further on
    assert (await see(client, cast.other_admin, path)).text.count("<tr id=") == 0
    assert (await send(client, cast.admin, f"/appointments/{visit['id']}/check-in", next=path)).status_code == 303
    assert (await appointment_row(visit["id"]))["status"] == "CHECKED_IN"
    assert (await send(client, cast.admin, f"/appointments/{visit['id']}/start")).status_code == 403
    assert (await post(client, cast.admin, f"/appointments/{visit['id']}/start")).status_code == 403


async def test_parts_for_htmx_come_without_the_frame(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    pages = [
        (cast.patient, f"/appointments/{visit['id']}", 'id="visit"'),
        (cast.doctor, f"/today?date={visit['date']}", 'id="day"'),
        (cast.patient, "/home", 'id="visits"'),
    ]
    for who, path, part in pages:
        whole, asked = await see(client, who, path), await see(client, who, path, **{"HX-Request": "true"})
        for frame in ("<!doctype html>", 'class="site-header"', 'class="site-footer"', "<script"):
            assert frame in whole.text, (path, frame)
            assert frame not in asked.text, (path, frame)
        for answer in (whole, asked):
            assert part in answer.text
            assert "HX-Request" in answer.headers["vary"]  # or a browser that goes back shows the part alone


async def test_times_name_their_zone_when_the_viewer_has_another(client: httpx.AsyncClient, cast: Cast) -> None:
    zoned = await factories.patient(time_zone="Asia/Kathmandu")
    slot_id = await factories.slot(cast.doctor.id, factories.tomorrow_at(9), time_zone="Europe/Berlin")
    body = {"slot_id": str(slot_id), "appointment_type": "VIRTUAL"}
    visit = (await post(client, zoned, "/appointments", body)).json()
    assert "Europe/Berlin" in (await see(client, zoned, f"/appointments/{visit['id']}")).text
