"""Pharmacies: made, found, changed by their own."""

from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from portal import db
from portal.accounts.schemas import Role
from tests import factories as make
from tests.clients import a_client, audited, submit

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]
PHARMACY = {"name": "Löwen-Apotheke", "time_zone": "Europe/Berlin", "city": "Ulm", "licence_number": "CANARY-1"}


async def test_a_pharmacist_makes_one_and_changes_it(client: httpx.AsyncClient) -> None:
    who = await make.person(Role.PHARMACY)
    made = (await client.post("/api/pharmacies", json=PHARMACY, headers=who.bearer)).json()
    assert await db.fetch_value("SELECT pharmacy_id FROM pharmacist WHERE account_id = $1", who.id) is not None
    second = await client.post("/api/pharmacies", json=PHARMACY, headers=who.bearer)
    assert (second.status_code, second.json()["code"]) == (409, "has_pharmacy")
    path = f"/api/pharmacies/{made['id']}"
    changed = await client.patch(path, json={"phone_number": "+49731123456"}, headers=who.bearer)
    assert changed.json()["phone_number"] == "+49731123456"
    assert await audited("pharmacy.changed", made["id"]) == 1
    public = await client.get(path)
    assert "CANARY" not in public.text
    found = (await client.get("/api/pharmacies", params={"q": "lowen"})).json()
    assert [one["id"] for one in found["pharmacies"]] == [made["id"]]


async def test_others_may_not(client: httpx.AsyncClient) -> None:
    root = await make.person(Role.SYSTEM_ADMIN)
    made = (await client.post("/api/pharmacies", json=PHARMACY, headers=root.bearer)).json()
    path, stranger = f"/api/pharmacies/{made['id']}", await make.person(Role.PHARMACY)
    assert (await client.patch(path, json={"name": "x"}, headers=stranger.bearer)).status_code == 404
    assert (
        await client.patch(f"/api/pharmacies/{uuid4()}", json={"name": "x"}, headers=stranger.bearer)
    ).status_code == 404
    for role in (Role.PATIENT, Role.DOCTOR, Role.CLINIC_ADMIN):
        who = await make.person(role)
        assert (await client.patch(path, json={"name": "x"}, headers=who.bearer)).status_code == 403
    for strange in ("id", "active", "pharmacist"):
        assert (await client.patch(path, json={strange: "x"}, headers=root.bearer)).status_code == 422


async def test_a_place_is_changed_as_a_whole(client: httpx.AsyncClient) -> None:
    root = await make.person(Role.SYSTEM_ADMIN)
    place = {"latitude": 48.4, "longitude": 9.99}
    made = (await client.post("/api/pharmacies", json={**PHARMACY, **place}, headers=root.bearer)).json()
    path = f"/api/pharmacies/{made['id']}"
    for half, field in (
        ({"latitude": None}, "longitude"), ({"longitude": None}, "longitude"), ({"latitude": 1.0}, "longitude"),
        ({"longitude": 1.0}, "latitude"), ({"latitude": None, "longitude": 1.0}, "latitude"),
    ):  # fmt: skip
        answer = await client.patch(path, json={**half, "time_zone": "UTC"}, headers=root.bearer)
        assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, [field]), half
    nowhere = await client.patch(path, json={"latitude": None, "longitude": None}, headers=root.bearer)
    assert nowhere.status_code == 200 and nowhere.json()["latitude"] is nowhere.json()["longitude"] is None


async def test_the_pages(app: Litestar) -> None:
    who = await make.person(Role.PHARMACY)
    async with a_client(app, who) as browser:
        assert (await browser.get("/pharmacy")).headers["location"] == "/pharmacy/new"
        made = await submit(browser, "/pharmacy/new", {"name": "Counter One", "time_zone": "UTC"})
        assert made.status_code == 303
        assert "Counter One" in (await browser.get("/pharmacy")).text
        wrong = await submit(browser, "/pharmacy/settings", {"name": "Kept name", "time_zone": "UTC", "latitude": "5"})
        assert wrong.status_code == 422
        assert "Kept name" in wrong.text
        assert (
            await submit(browser, "/pharmacy/settings", {"name": "Counter Two", "time_zone": "UTC"})
        ).status_code == 303
        assert "Counter Two" in (await browser.get("/pharmacy")).text
