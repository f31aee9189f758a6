"""A doctor's status follows the visits, and stays what the doctor says by hand."""

import httpx
import pytest

from portal import db
from tests import factories
from tests.appointments.conftest import Cast, booked, post
from tests.appointments.test_pages import see, send
from tests.clients import published

pytestmark = pytest.mark.anyio


async def status_of(cast: Cast) -> str:
    return str(await db.fetch_value("SELECT availability_status FROM doctor WHERE account_id = $1", cast.doctor.id))


async def say(client: httpx.AsyncClient, cast: Cast, status: str) -> None:
    path = f"/api/doctors/{cast.doctor.id}/availability-status"
    assert (await client.put(path, headers=cast.doctor.bearer, json={"status": status})).status_code == 200


@pytest.mark.parametrize("before", ["AVAILABLE", "UNAVAILABLE"])
@pytest.mark.parametrize("end", ["complete", "cancel"])
async def test_busy_while_a_visit_runs(client: httpx.AsyncClient, cast: Cast, before: str, end: str) -> None:
    visit = await booked(client, cast)
    await say(client, cast, before)
    await post(client, cast.doctor, f"/appointments/{visit['id']}/start")
    assert await status_of(cast) == "BUSY"
    await post(client, cast.doctor, f"/appointments/{visit['id']}/{end}", {"reason": "x"} if end == "cancel" else None)
    assert await status_of(cast) == before


async def test_busy_until_the_last_visit_ends_and_a_word_by_hand_counts(client: httpx.AsyncClient, cast: Cast) -> None:
    visits = []
    for hour in (9, 10, 11):
        slot = await factories.slot(cast.doctor.id, factories.tomorrow_at(hour), clinic_id=cast.clinic_id)
        body = {"slot_id": str(slot), "appointment_type": "IN_PERSON"}
        visits.append((await post(client, cast.patient, "/appointments", body)).json()["id"])
    await say(client, cast, "AVAILABLE")
    for one in visits[:2]:
        await post(client, cast.doctor, f"/appointments/{one}/start")
    await post(client, cast.doctor, f"/appointments/{visits[0]}/complete")
    assert await status_of(cast) == "BUSY"
    await post(client, cast.admin, f"/appointments/{visits[2]}/no-show")  # which had nothing to do with it
    assert await status_of(cast) == "BUSY"
    await say(client, cast, "UNAVAILABLE")
    await post(client, cast.doctor, f"/appointments/{visits[1]}/complete")
    assert await status_of(cast) == "UNAVAILABLE"


async def test_the_switch_in_the_header(client: httpx.AsyncClient, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 'hx-get="/availability?back=/today' in (await see(client, cast.doctor, "/today")).text
    assert "Away</span></span>" in (await see(client, cast.doctor, "/availability?back=/today")).text
    with published(monkeypatch) as told:
        answer = await send(client, cast.doctor, "/settings/availability", status="AVAILABLE", next="/schedule")
    assert (answer.status_code, answer.headers["location"]) == (303, "/schedule")
    assert told == [(f"user:{cast.doctor.id}", "doctor.status")]
    assert "Available</span></span>" in (await see(client, cast.doctor, "/availability")).text
