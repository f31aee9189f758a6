"""The same verbs for the scripts and forms of pages, with the login of the browser."""

import re
from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests.clients import a_client
from tests.factories import Person
from tests.video.conftest import SDP, Visit

pytestmark = pytest.mark.anyio


class Page:
    """A browser with a page open: its cookie, and the token that stands in every form."""

    def __init__(self, client: httpx.AsyncClient, token: str, visit: Visit) -> None:
        self.client, self.token, self.visit = client, token, visit

    async def post(self, action: str, *, script: bool = True, **fields: Any) -> httpx.Response:
        headers = {"Accept": "application/json" if script else "text/html"}
        data = {"csrf_token": self.token, **fields}
        return await self.client.post(f"{self.visit.path}/{action}", headers=headers, data=data)

    async def get(self, what: str, **query: Any) -> httpx.Response:
        headers = {"Accept": "application/json"}
        return await self.client.get(f"{self.visit.path}{what}", headers=headers, params=query)


async def opened(browser: httpx.AsyncClient, visit: Visit) -> Page:
    shown = await browser.get("/settings")
    found = re.search('name="csrf_token" value="([^"]+)"', shown.text)
    assert found, shown.status_code
    return Page(browser, found[1], visit)


async def test_a_whole_visit_with_the_cookie(app: Litestar, visit: Visit) -> None:
    cast = visit.cast
    async with a_client(app, cast.patient) as one, a_client(app, cast.doctor) as other:
        patient, doctor = await opened(one, visit), await opened(other, visit)
        joined = (await patient.post("join", device_type="phone")).json()
        assert joined["attendee"]["role"] == "PATIENT"
        token = (await doctor.post("join")).json()["attendee"]["attendee_token"]
        sent = await doctor.post("signals", **{"type": "offer", "data.sdp": SDP, "attendee_token": token})
        assert (sent.status_code, sent.json()) == (201, {"number": 1})
        (signal,) = (await patient.get("/signals", after=0, device=1)).json()["signals"]
        assert (signal["type"], signal["device"], signal["data"]["sdp"]) == ("offer", 1, SDP)
        assert (await patient.get("/signals", after=1)).json() == {"signals": []}
        seen = (await patient.post("presence", quality="POOR", mode="VOICE")).json()
        assert (seen["status"], seen["attendees"][0]["mode"], seen["device"]) == ("ACTIVE", "VOICE", 1)
        assert (await doctor.get("/room")).json()["attendees"][0]["quality"] == "POOR"
        assert (await doctor.post("notes", session_notes="rest")).json()["session_notes"] == "rest"
        assert (await patient.post("leave")).json()["status"] == "ACTIVE"
        ended = (await doctor.post("end", connection_quality_rating="5")).json()
        assert (ended["status"], ended["session_notes"]) == ("COMPLETED", "rest")
        again = await doctor.post("end")
        assert again.status_code == 409 and again.headers["content-type"] == "application/problem+json"


async def test_a_form_without_a_script_goes_on_to_the_visit(app: Litestar, visit: Visit) -> None:
    async with a_client(app, visit.cast.patient) as browser:
        page = await opened(browser, visit)
        answer = await page.post("cancel", script=False, cancellation_reason="well again")
        assert (answer.status_code, answer.headers["location"]) == (303, visit.path)
        led = await page.client.get(visit.path)
        assert "This visit was cancelled" in led.text and f"/appointments/{visit.appointment_id}" in led.text
        assert (await page.post("cancel", script=False, cancellation_reason="again")).status_code == 303
    assert await visit.states() == ("CANCELLED", "CANCELLED")


async def test_strangers_and_forged_posts_get_nowhere(app: Litestar, visit: Visit) -> None:
    people: tuple[Person, ...] = (visit.cast.other_patient, visit.cast.other_doctor, visit.cast.admin)
    for who in people:
        async with a_client(app, who) as browser:
            page = await opened(browser, visit)
            for action in ("join", "leave", "presence", "end"):
                assert (await page.post(action)).status_code == 403
            assert (await page.get("/room")).status_code == 403
    async with a_client(app, visit.cast.patient) as browser:
        assert (await browser.post(f"{visit.path}/join")).status_code == 403
    assert await visit.states() == ("SCHEDULED", "BOOKED")
