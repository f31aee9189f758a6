"""Changing one's own password: the present one is asked for, every login ends, a fresh one begins (D1)."""

import httpx
import pytest
from litestar import Litestar

from tests.clients import PASSWORD, a_client, audited, bearer, mails_to, registration, submit

pytestmark = pytest.mark.anyio

CHANGE = "/api/auth/change-password"
ANOTHER = "another three words"


async def registered(client: httpx.AsyncClient, email: str) -> dict:
    return (await client.post("/api/auth/register", json=registration(email))).json()


async def test_by_the_api(client: httpx.AsyncClient) -> None:
    old = await registered(client, "api@example.org")
    answer = await client.post(
        CHANGE, json={"current_password": PASSWORD, "new_password": ANOTHER}, headers=bearer(old)
    )
    assert answer.status_code == 200
    assert (await client.get("/api/auth/me", headers=bearer(old))).status_code == 401
    assert (await client.get("/api/auth/me", headers=bearer(answer.json()))).status_code == 200
    again = await client.post("/api/auth/refresh", json={"refresh_token": old["refresh_token"]})
    assert again.status_code == 401
    assert await audited("password.change", old["user"]["id"]) == 1
    assert "was changed" in (await mails_to("api@example.org"))[-1]


@pytest.mark.D1
async def test_by_the_page_this_browser_goes_on_with_a_fresh_login(app: Litestar, client: httpx.AsyncClient) -> None:
    other = await registered(client, "page@example.org")
    await submit(client, "/login", {"email": "page@example.org", "password": PASSWORD})
    before = client.cookies["login"]
    values = {"current_password": PASSWORD, "new_password": ANOTHER}
    answer = await submit(client, "/settings/password", values)
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings")
    assert client.cookies["login"] != before
    assert (await client.get("/settings")).status_code == 200
    assert (await client.get("/api/auth/me", headers=bearer(other))).status_code == 401
    async with a_client(app) as old:
        old.cookies.set("login", before)
        assert (await old.get("/settings")).status_code == 303


async def test_the_present_password_is_needed(client: httpx.AsyncClient) -> None:
    body = await registered(client, "wrong@example.org")
    values = {"current_password": "not this one", "new_password": ANOTHER}
    answer = await client.post(CHANGE, json=values, headers=bearer(body))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "current_password"
    await submit(client, "/login", {"email": "wrong@example.org", "password": PASSWORD})
    page = await submit(client, "/settings/password", values)
    assert page.status_code == 422
    assert 'href="#f-current_password"' in page.text
    assert "not this one" not in page.text


@pytest.mark.parametrize(
    "values", [{}, {"current_password": PASSWORD}, {"current_password": PASSWORD, "new_password": "short"}]
)
async def test_bad_input(client: httpx.AsyncClient, values: dict) -> None:
    body = await registered(client, "bad@example.org")
    if "access_token" not in body:
        body = (await client.post("/api/auth/login", json={"email": "bad@example.org", "password": PASSWORD})).json()
    assert (await client.post(CHANGE, json=values, headers=bearer(body))).status_code == 422


async def test_nobody_changes_it_without_signing_in(client: httpx.AsyncClient) -> None:
    values = {"current_password": PASSWORD, "new_password": ANOTHER}
    assert (await client.post(CHANGE, json=values)).status_code == 401
