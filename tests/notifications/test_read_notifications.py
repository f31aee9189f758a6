"""People read in one place what happened, and only what concerns them."""

import pytest
from httpx import AsyncClient
from litestar import Litestar

from portal import db
from portal.notifications.actions import notify_in_tx
from tests import factories
from tests.clients import a_client, submit
from tests.factories import Person

pytestmark = [pytest.mark.anyio]


@pytest.fixture
async def told(app: Litestar) -> Person:
    person = await factories.patient()
    async with db.transaction():
        await notify_in_tx(person.id, "appointment.booked", "/appointments")
        await notify_in_tx(person.id, "appointment.schedule_changed", "/appointments")
    return person


async def test_own_list_newest_first_until_it_is_read(client: AsyncClient, told: Person) -> None:
    found = (await client.get("/api/me/notifications", headers=told.bearer)).json()
    assert found["total"] == 2
    assert [one["kind"] for one in found["notifications"]] == ["appointment.schedule_changed", "appointment.booked"]
    assert (await client.post("/api/me/notifications/read", headers=told.bearer)).json() == {"read": 2}
    assert (await client.post("/api/me/notifications/read", headers=told.bearer)).json() == {"read": 0}
    rows = await db.fetch("SELECT action FROM audit_event WHERE actor_id = $1", told.id)
    assert [row["action"] for row in rows].count("notifications.read") == 1


async def test_pages_show_what_is_new_and_forget_it_when_told(app: Litestar, told: Person) -> None:
    async with a_client(app, told) as browser:
        page = await browser.get("/notifications")
        assert "data-unread" in page.text and "The clinic changed its hours" in page.text
        assert (await submit(browser, "/notifications", {}, "/notifications/read")).status_code == 303
        assert "data-unread" not in (await browser.get("/notifications")).text


async def test_strangers_read_nothing_of_it(client: AsyncClient, told: Person) -> None:
    stranger = await factories.patient()
    assert (await client.get("/api/me/notifications", headers=stranger.bearer)).json()["total"] == 0
    assert (await client.post("/api/me/notifications/read", headers=stranger.bearer)).json() == {"read": 0}
    assert (await client.get("/api/me/notifications", headers=told.bearer)).json()["notifications"][0][
        "read_at"
    ] is None
    assert (await client.get("/api/me/notifications")).status_code == 401
