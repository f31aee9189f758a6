"""A login that has ended stays ended, whatever was on its way; and one's own logins can be seen and ended."""

import asyncio
from typing import Any

import httpx
import pytest
from litestar import Litestar

from portal import db
from tests import catalogue, factories
from tests.clients import PASSWORD, a_client, audited, bearer, registration, submit

pytestmark = [pytest.mark.anyio, pytest.mark.D2]

ROUNDS = 40  # the full size runs over three processes in test_workers.py


async def registered(client: httpx.AsyncClient, email: str) -> dict[str, Any]:
    return (await client.post("/api/auth/register", json=registration(email))).json()


async def logged_in(client: httpx.AsyncClient, email: str) -> dict[str, Any]:
    return (await client.post("/api/auth/login", json={"email": email, "password": PASSWORD})).json()


async def test_by_the_api(client: httpx.AsyncClient) -> None:
    for number, sent in enumerate((None, {})):  # a body may be left out
        body = await registered(client, f"api{number}@example.org")
        assert (await client.post("/api/auth/logout", json=sent, headers=bearer(body))).status_code == 204
        assert (await client.get("/api/auth/me", headers=bearer(body))).status_code == 401


async def test_by_the_page_forgets_everything(app: Litestar, client: httpx.AsyncClient) -> None:
    person = await factories.patient()
    async with a_client(app, person) as browser:
        answer = await submit(browser, "/settings", {}, action="/logout")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        assert "storage" in answer.headers["clear-site-data"]
    async with a_client(app, person) as replayed:
        assert (await replayed.get("/settings")).headers["location"].startswith("/login")


async def test_everywhere(client: httpx.AsyncClient) -> None:
    first = await registered(client, "many@example.org")
    second = await logged_in(client, "many@example.org")
    await client.post("/api/auth/logout", json={"everywhere": True}, headers=bearer(first))
    for body in (first, second):
        assert (await client.get("/api/auth/me", headers=bearer(body))).status_code == 401


@pytest.mark.race
async def test_nothing_on_its_way_brings_a_login_back(app: Litestar) -> None:
    """Requests of both faces are under way while the login ends; when all are through it is still ended."""
    back = 0
    for _ in range(ROUNDS):
        person = await factories.patient()
        async with a_client(app, person) as browser, a_client(app) as program:
            started = await program.post("/api/auth/register", json=registration(f"r{person.id}@example.org"))
            body = started.json()
            token = {"refresh_token": body["refresh_token"]}
            slow = [browser.get("/settings/logins") for _ in range(4)]
            slow += [program.get("/api/auth/me", headers=bearer(body)) for _ in range(2)]
            renewing = [program.post("/api/auth/refresh", json=token) for _ in range(3)]
            ending = [
                submit(browser, "/settings", {}, action="/logout"),
                program.post("/api/auth/logout", json={}, headers=bearer(body)),
            ]
            *_others, r1, r2, r3, _page, _api = await asyncio.gather(*slow, *renewing, *ending)
            browser.cookies.set("login", person.secret)
            back += (await browser.get("/settings")).status_code == 200
            for answer in (r1, r2, r3):
                if answer.status_code == 200:
                    pair = answer.json()
                    back += (await program.get("/api/auth/me", headers=bearer(pair))).status_code == 200
                    again = {"refresh_token": pair["refresh_token"]}
                    back += (await program.post("/api/auth/refresh", json=again)).status_code == 200
    catalogue.figure("D2", f"one process: {ROUNDS} logouts with nine requests on their way, {back} logins back")
    assert back == 0


@pytest.mark.race
async def test_the_naive_twin_brings_it_back(app: Litestar) -> None:
    """Frameworks that write a session back at the end of a request undo the logout: the harness would see it."""
    person = await factories.patient()

    async def slow_request() -> None:
        loaded = await db.fetch_row("SELECT revoked_at, expires_at FROM login WHERE id = $1", person.actor.login_id)
        await asyncio.sleep(0.05)
        await db.execute("UPDATE login SET revoked_at = $2 WHERE id = $1", person.actor.login_id, loaded["revoked_at"])

    async def log_out() -> None:
        await asyncio.sleep(0.02)
        await db.execute("UPDATE login SET revoked_at = clock_timestamp() WHERE id = $1", person.actor.login_id)

    await asyncio.gather(slow_request(), log_out())
    assert await db.fetch_value("SELECT revoked_at IS NULL FROM login WHERE id = $1", person.actor.login_id)


async def test_the_list_marks_this_login_and_ends_others(client: httpx.AsyncClient) -> None:
    here = await registered(client, "list@example.org")
    phone = await client.post(
        "/api/auth/login",
        json={"email": "list@example.org", "password": PASSWORD},
        headers={"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Version/19 Safari/605"},
    )
    found = (await client.get("/api/auth/logins", headers=bearer(here))).json()["logins"]
    assert [login["current"] for login in found] == [True, False]
    assert found[1]["browser"] == "Safari on iPhone"
    assert "secret" not in str(found)
    ended = await client.delete(f"/api/auth/logins/{found[1]['id']}", headers=bearer(here))
    assert ended.status_code == 204
    assert await audited("login.end", found[1]["id"]) == 1
    assert (await client.get("/api/auth/me", headers=bearer(phone.json()))).status_code == 401
    again = await client.delete(f"/api/auth/logins/{found[1]['id']}", headers=bearer(here))
    assert again.status_code == 404


async def test_nobody_ends_a_strangers_login(app: Litestar, client: httpx.AsyncClient) -> None:
    stranger, victim = await factories.patient(), await factories.patient()
    answer = await client.delete(f"/api/auth/logins/{victim.actor.login_id}", headers=stranger.bearer)
    assert answer.status_code == 404
    async with a_client(app, stranger) as browser:
        page = await submit(browser, "/settings/logins", {}, f"/settings/logins/{victim.actor.login_id}/end")
        assert page.status_code == 404
    assert (await client.get("/api/auth/me", headers=victim.bearer)).status_code == 200


async def test_all_others_end_and_this_one_stays(app: Litestar, client: httpx.AsyncClient) -> None:
    person = await factories.patient()
    assert (await client.delete("/api/auth/logins", headers=person.bearer)).status_code == 204
    async with a_client(app, person) as browser:
        assert (await browser.get("/settings")).status_code == 303
    assert (await client.get("/api/auth/me", headers=person.bearer)).status_code == 200
    other = await factories.patient()
    async with a_client(app, other) as browser:
        await submit(browser, "/settings/logins", {}, "/settings/logins/end-others")
        assert (await browser.get("/settings")).status_code == 200
    assert (await client.get("/api/auth/me", headers=other.bearer)).status_code == 401
