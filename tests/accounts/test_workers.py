"""Logouts and refreshes over three processes that share nothing but the database: clocks, caches and memory are their own."""

import asyncio
from collections.abc import Iterator
from typing import Any

import asyncpg
import httpx
import pytest

from tests import catalogue
from tests.clients import bearer, registration
from tests.naive import SCHEMA, naive_server
from tests.portal_server import served
from tests.services import Redis

pytestmark = [pytest.mark.anyio, pytest.mark.race]

AT_ONCE = 20
ROUNDS = 200 if catalogue.FULL else 20


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    redis = Redis()
    redis.start()
    try:
        with served("--workers", "3", REDIS_URL=redis.url, PORTAL_RATE_LIMIT="0") as portal:
            yield portal.url
            portal.stop()  # the supervisor ends its workers; killing it would leave them behind
    finally:
        redis.kill()


async def pair_of(client: httpx.AsyncClient, name: str) -> dict[str, Any]:
    return (await client.post("/api/auth/register", json=registration(f"{name}@example.org"))).json()


async def refreshed(client: httpx.AsyncClient, pair: dict[str, Any]) -> httpx.Response:
    return await client.post("/api/auth/refresh", json={"refresh_token": pair["refresh_token"]})


async def refresh_at_once(url: str, rounds: int) -> tuple[int, int]:
    """Many requests with one refresh token, again and again: how many were refused, and how many successors too many."""
    refused = forks = 0
    limits = httpx.Limits(max_connections=AT_ONCE)
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=30) as client:
        pair = await pair_of(client, f"chain{rounds}")
        for _ in range(rounds):
            answers = await asyncio.gather(*(refreshed(client, pair) for _ in range(AT_ONCE)))
            refused += sum(answer.status_code != 200 for answer in answers)
            pairs = [answer.json() for answer in answers if answer.status_code == 200]
            forks += len({one["refresh_token"] for one in pairs}) - 1
            pair = pairs[0]
        assert (await client.get("/api/auth/me", headers=bearer(pair))).status_code == 200
    return refused, forks


@pytest.mark.D5
async def test_refreshes_at_once_make_one_chain(url: str) -> None:
    refused, forks = await refresh_at_once(url, ROUNDS)
    catalogue.figure("D5", f"3 workers: {ROUNDS * AT_ONCE} refreshes, {refused} false revocations, {forks} forks")
    assert (refused, forks) == (0, 0)


async def end_while_busy(url: str, rounds: int) -> int:
    """A login ends while its requests and its renewals are under way: how often something brought it back."""
    back = 0
    async with httpx.AsyncClient(base_url=url, limits=httpx.Limits(max_connections=12), timeout=30) as client:
        for number in range(rounds):
            pair = await pair_of(client, f"final{rounds}-{number}")
            under_way = [client.get("/api/auth/logins", headers=bearer(pair)) for _ in range(4)]
            renewing = [refreshed(client, pair) for _ in range(4)]
            ending = client.post("/api/auth/logout", json={}, headers=bearer(pair))
            answers = await asyncio.gather(*under_way, *renewing, ending)
            newer = [one.json() for one in answers[4:8] if one.status_code == 200]
            for one in [pair, *newer]:
                back += (await client.get("/api/auth/me", headers=bearer(one))).status_code != 401
                back += (await refreshed(client, one)).status_code != 401
    return back


@pytest.mark.D2
async def test_a_logout_is_final(url: str) -> None:
    back = await end_while_busy(url, ROUNDS)
    catalogue.figure("D2", f"3 workers: {ROUNDS} logouts among requests on their way, {back} logins back")
    assert back == 0


@pytest.mark.D2
@pytest.mark.D5
async def test_the_naive_twin_fails_both(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(SCHEMA)
    await connection.close()
    with naive_server(database_url) as twin:
        refused, forks = await refresh_at_once(twin, 20)
        back = await end_while_busy(twin, 20)
    catalogue.figure("D5", f"naive twin: {refused} false revocations, {forks} forks")
    catalogue.figure("D2", f"naive twin: 20 logouts, {back} logins back")
    assert refused + forks > 0 and back > 0
