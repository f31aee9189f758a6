"""One's own details, language and appearance, on both faces; visitors keep theirs in the browser."""

from typing import Any

import httpx
import pytest
from litestar import Litestar

from tests import factories
from tests.clients import a_client, audited, submit

pytestmark = pytest.mark.anyio

ME = "/api/auth/me"


async def test_by_the_api_changes_only_what_is_given(client: httpx.AsyncClient) -> None:
    person = await factories.patient(first_name="Ada")
    answer = await client.patch(ME, json={"phone_number": "+14155550123", "locale": "es"}, headers=person.bearer)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["phone_number"], body["locale"], body["first_name"]) == ("+14155550123", "es", "Ada")
    body = (await client.patch(ME, json={"phone_number": None}, headers=person.bearer)).json()
    assert (body["phone_number"], body["locale"]) == (None, "es")
    assert (await client.get(ME, headers=person.bearer)).json() == body
    assert await audited("account.change", person.id) == 2


async def test_by_the_page(app: Litestar) -> None:
    person = await factories.doctor()
    async with a_client(app, person) as browser:
        values = {"first_name": "Grace", "last_name": "Ito", "phone_number": "", "time_zone": "Asia/Tokyo"}
        answer = await submit(browser, "/settings/details", values)
        assert (answer.status_code, answer.headers["location"]) == (303, "/settings")
        shown = (await browser.get("/settings")).text
        assert "Grace Ito" in shown
        assert "Asia/Tokyo" in shown
        wrong = await submit(browser, "/settings/details", {**values, "last_name": "", "time_zone": "Mars/Base"})
        assert wrong.status_code == 422
        assert 'value="Grace"' in wrong.text
        assert 'href="#f-last_name"' in wrong.text


async def test_a_visitor_chooses_language_and_appearance(client: httpx.AsyncClient) -> None:
    answer = await submit(client, "/login", {"locale": "ar", "next": "/login"}, "/preferences")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert '<html lang="ar" dir="rtl"' in (await client.get("/login")).text
    await submit(client, "/login", {"theme": "dark"}, "/preferences")
    assert 'data-theme="dark"' in (await client.get("/login")).text


async def test_a_person_keeps_them_with_the_account(app: Litestar, client: httpx.AsyncClient) -> None:
    person = await factories.patient()
    async with a_client(app, person) as browser:
        await submit(browser, "/settings", {"locale": "hi"}, "/preferences")
        await submit(browser, "/settings", {"theme": "light"}, "/preferences")
    body = (await client.get(ME, headers=person.bearer)).json()
    assert (body["locale"], body["appearance"]) == ("hi", "light")


async def test_the_switch_leads_only_to_our_own_pages(client: httpx.AsyncClient) -> None:
    for next_page in ("//evil.example", "https://evil.example", "javascript:x"):
        answer = await submit(client, "/login", {"theme": "dark", "next": next_page}, "/preferences")
        assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    "body",
    [
        {"role": "SYSTEM_ADMIN"}, {"status": "ACTIVE"}, {"email": "other@example.org"}, {"id": "x"}, {"first_name": ""},
        {"first_name": None}, {"time_zone": "EST"}, {"locale": "fr"}, {"appearance": "pink"}, {"phone_number": "call me"},
    ],
)  # fmt: skip
async def test_bad_input(client: httpx.AsyncClient, body: dict[str, Any]) -> None:
    person = await factories.patient()
    assert (await client.patch(ME, json=body, headers=person.bearer)).status_code == 422
    assert (await client.get(ME, headers=person.bearer)).json()["role"] == "PATIENT"


async def test_nobody_without_signing_in(client: httpx.AsyncClient) -> None:
    assert (await client.patch(ME, json={"locale": "es"})).status_code == 401
    assert (await client.get("/settings/details")).status_code == 303
