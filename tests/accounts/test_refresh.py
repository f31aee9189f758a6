"""A refresh token counts once, many requests at once get one successor, and a stolen one ends the login."""

import asyncio
import os
from typing import Any

import httpx
import pytest
from litestar import Litestar

from portal import db
from portal.accounts import actions, tokens
from portal.errors import Unauthorized
from tests import catalogue
from tests.clients import audited, bearer, registration

pytestmark = [pytest.mark.anyio, pytest.mark.D5]

ROUNDS = 40  # the full size runs over three processes in test_workers.py
AT_ONCE = 20


async def registered(client: httpx.AsyncClient, email: str) -> dict[str, Any]:
    return (await client.post("/api/auth/register", json=registration(email))).json()


async def refreshed(client: httpx.AsyncClient, token: str) -> httpx.Response:
    return await client.post("/api/auth/refresh", json={"refresh_token": token})


async def age(token: str, seconds: int) -> None:
    """Let a token have been used longer ago."""
    sql = "UPDATE refresh_token SET used_at = used_at - make_interval(secs => $2) WHERE token_hash = $1"
    assert await db.execute(sql, tokens.token_hash(token), seconds)


async def test_gives_the_next_pair(client: httpx.AsyncClient) -> None:
    body = await registered(client, "next@example.org")
    answer = await refreshed(client, body["refresh_token"])
    assert answer.status_code == 200
    assert answer.json()["refresh_token"] != body["refresh_token"]
    assert set(answer.json()) == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (await client.get("/api/auth/me", headers=bearer(answer.json()))).status_code == 200


@pytest.mark.race
async def test_many_at_once_get_one_successor(app: Litestar, client: httpx.AsyncClient) -> None:
    token = (await registered(client, "parallel@example.org"))["refresh_token"]
    revoked = 0
    for _ in range(ROUNDS):
        pairs = await asyncio.gather(*(actions.refresh(token) for _ in range(AT_ONCE)), return_exceptions=True)
        revoked += sum(isinstance(pair, Unauthorized) for pair in pairs)
        successors = {pair.refresh_token for pair in pairs if not isinstance(pair, BaseException)}
        assert len(successors) == 1
        token = successors.pop()
    catalogue.figure("D5", f"one process: {ROUNDS} rounds of {AT_ONCE} at once, {revoked} false revocations")
    assert revoked == 0
    assert (await refreshed(client, token)).status_code == 200


NAIVE_READ = "SELECT used_at IS NULL FROM refresh_token WHERE token_hash = $1"
NAIVE_WRITE = "UPDATE refresh_token SET used_at = clock_timestamp() WHERE token_hash = $1"


async def naive_refresh(token: str) -> str:
    """What is often written: look, then write, and a second use is a theft."""
    if not await db.fetch_value(NAIVE_READ, tokens.token_hash(token)):
        raise Unauthorized
    await db.execute(NAIVE_WRITE, tokens.token_hash(token))
    return os.urandom(16).hex()


@pytest.mark.race
async def test_the_naive_twin_forks_or_revokes(app: Litestar, client: httpx.AsyncClient) -> None:
    """The harness bites: the same requests give several successors, or throw an innocent out."""
    token = (await registered(client, "naive@example.org"))["refresh_token"]
    found = await asyncio.gather(*(naive_refresh(token) for _ in range(AT_ONCE)), return_exceptions=True)
    assert len({one for one in found if isinstance(one, str)}) > 1 or any(isinstance(o, Unauthorized) for o in found)


async def test_a_lost_answer_can_be_asked_for_again(client: httpx.AsyncClient) -> None:
    body = await registered(client, "lost@example.org")
    first, again = [await refreshed(client, body["refresh_token"]) for _ in range(2)]
    assert first.json()["refresh_token"] == again.json()["refresh_token"]


async def test_a_replay_after_the_grace_ends_the_whole_login(client: httpx.AsyncClient) -> None:
    body = await registered(client, "stolen@example.org")
    other = (
        await client.post("/api/auth/login", json={"email": "stolen@example.org", "password": "three quiet words"})
    ).json()
    newest = (await refreshed(client, body["refresh_token"])).json()
    await age(body["refresh_token"], 25)
    assert (await refreshed(client, body["refresh_token"])).status_code == 401
    assert (await refreshed(client, newest["refresh_token"])).status_code == 401
    assert (await client.get("/api/auth/me", headers=bearer(newest))).status_code == 401
    assert (await client.get("/api/auth/me", headers=bearer(other))).status_code == 200  # another login lives on
    login = (await db.fetch_row("SELECT id FROM login WHERE revoked_reason = 'refresh token used twice'"))["id"]
    assert await audited("login.replayed", login) == 1
    assert (await refreshed(client, body["refresh_token"])).status_code == 401
    assert await audited("login.replayed", login) == 1


async def test_an_access_token_is_no_refresh_token(client: httpx.AsyncClient) -> None:
    body = await registered(client, "mixed@example.org")
    assert (await refreshed(client, body["access_token"])).status_code == 401
    assert (await refreshed(client, "never-issued")).status_code == 401


async def test_not_after_logout_nor_after_its_time(client: httpx.AsyncClient) -> None:
    body = await registered(client, "over@example.org")
    await client.post("/api/auth/logout", json={}, headers=bearer(body))
    assert (await refreshed(client, body["refresh_token"])).status_code == 401
    late = await registered(client, "late@example.org")
    await db.execute(
        "UPDATE refresh_token SET expires_at = clock_timestamp() WHERE token_hash = $1",
        tokens.token_hash(late["refresh_token"]),
    )
    assert (await refreshed(client, late["refresh_token"])).status_code == 401


async def test_tokens_are_stored_as_hashes_only(client: httpx.AsyncClient) -> None:
    body = await registered(client, "hash@example.org")
    stored = await db.fetch("SELECT token_hash FROM refresh_token")
    assert body["refresh_token"].encode() not in [bytes(row["token_hash"]) for row in stored]
