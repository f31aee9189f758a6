"""A wish whose dates are over ends by itself, and is in nobody's way until then."""

import asyncio
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from portal import clock, db
from portal.settings import Settings
from portal.waitlist import actions, jobs
from tests import factories
from tests.appointments.conftest import Cast, audit_of, get, post
from tests.appointments.test_pages import see
from tests.clients import published
from tests.factories import Person
from tests.waitlist.conftest import offer_to, taken, waits, wish

pytestmark = pytest.mark.anyio


async def over(entry: str, days: int = 2) -> None:
    """As if its last date had been so many days ago."""
    sql = "UPDATE waitlist_entry SET first_date = $2, last_date = $2 WHERE id = $1"
    await db.execute(sql, UUID(entry), clock.now().date() - timedelta(days=days))


async def status(entry: str) -> str:
    return str(await db.fetch_value("SELECT status FROM waitlist_entry WHERE id = $1", UUID(entry)))


async def told(who: Person) -> int:
    sql = "SELECT count(*) FROM notification WHERE account_id = $1 AND kind = 'waitlist.over'"
    return int(await db.fetch_value(sql, who.id))


async def test_the_sweep_ends_it_once(
    client: httpx.AsyncClient, cast: Cast, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, other = await waits(client, cast.patient, cast), await waits(client, cast.other_patient, cast)
    await over(old)
    with published(monkeypatch) as events:
        await asyncio.gather(*(jobs.sweep(settings) for _ in range(4)))  # as four workers
    assert events.count((f"user:{cast.patient.id}", "waitlist.changed")) == 1
    assert (await status(old), await status(other)) == ("LAPSED", "WAITING")
    assert await told(cast.patient) == 1 and await told(cast.other_patient) == 0
    assert [one["action"] for one in await audit_of(old)] == ["waitlist.joined", "waitlist.over"]
    assert "its dates are over" in (await see(client, cast.patient, "/waitlist")).text
    assert "because its dates are over" in (await see(client, cast.patient, "/notifications")).text


@pytest.mark.parametrize("by", ["doctor_id", "specialty_id"])
async def test_who_joins_for_later_dates_waits_for_no_sweep(client: httpx.AsyncClient, cast: Cast, by: str) -> None:
    more: dict[str, Any] = {by: str(cast.doctor.id if by == "doctor_id" else cast.specialty_id)}
    old = await waits(client, cast.patient, cast, **more)
    await over(old)
    new = await waits(client, cast.patient, cast, **more)
    assert (await status(old), await status(new)) == ("LAPSED", "WAITING")
    assert (await post(client, cast.patient, "/waitlist", wish(cast, **more))).json()["code"] == "already_waiting"
    listed = (await get(client, cast.patient, "/waitlist")).json()["entries"]
    assert [one["status"] for one in listed] == ["WAITING", "LAPSED"]


async def test_what_is_over_does_not_count(client: httpx.AsyncClient, cast: Cast) -> None:
    for _ in range(actions.MOST_ENTRIES):
        last = await waits(client, cast.patient, cast, specialty_id=str(await factories.specialty()))
    assert (await post(client, cast.patient, "/waitlist", wish(cast))).json()["code"] == "too_many_entries"
    assert await status(last) == "WAITING"  # nothing is over
    await over(last)
    await waits(client, cast.patient, cast)
    assert await status(last) == "LAPSED"


async def test_a_date_that_goes_on_elsewhere_is_not_over(client: httpx.AsyncClient, cast: Cast) -> None:
    entry = await waits(client, cast.patient, cast)
    today = date.fromisoformat(
        await db.fetch_value("SELECT ((clock_timestamp() AT TIME ZONE 'Etc/GMT+12')::date)::text")
    )
    sql = "UPDATE waitlist_entry SET first_date = $2, last_date = $2 WHERE id = $1"
    await db.execute(sql, UUID(entry), today)
    await actions.end_over()
    assert await status(entry) == "WAITING"
    await db.execute(sql, UUID(entry), today - timedelta(days=1))
    await actions.end_over()
    assert await status(entry) == "LAPSED"


async def test_what_is_kept_for_it_is_kept_to_its_end(client: httpx.AsyncClient, cast: Cast) -> None:
    slot, visit = await taken(client, cast)
    entry = await waits(client, cast.other_patient, cast)
    await post(client, cast.patient, f"/appointments/{visit}/cancel", {"reason": "x"})
    assert await actions.offer_slot(slot)
    await over(entry)
    assert await actions.end_over() == 0
    again = await post(client, cast.other_patient, "/waitlist", wish(cast))
    assert (again.status_code, again.json()["code"]) == (409, "already_waiting")
    offer = (await offer_to(cast.other_patient))["id"]
    await post(client, cast.other_patient, f"/waitlist/offers/{offer}/decline")
    assert await actions.end_over() == 1 and await status(entry) == "LAPSED"
