"""The process tells that it lives whatever is away, and that it is ready only when nothing is."""

import asyncio
import time

import httpx
import pytest
from litestar import Litestar

from portal import checks, db
from portal.settings import Settings
from tests.services import Redis, free_port
from tests.shell.conftest import a_client, another_app

pytestmark = pytest.mark.anyio


async def test_everything_is_there(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/health")).json() == {"status": "ok"}
    assert (await visitor.get("/health/ready")).json() == {"status": "ok", "checks": {"postgresql": "ok"}}


async def test_redis_and_broker_where_they_are_set(app: Litestar, settings: Settings) -> None:
    redis = Redis()
    redis.start()
    broker = f"amqp://127.0.0.1:{free_port()}/"
    async with another_app(settings, redis_url=redis.url, amqp_url=broker) as other, a_client(other) as client:
        answer = await client.get("/health/ready")
        redis.kill()
        without = await client.get("/health/ready")
        alive = await client.get("/health")
    assert answer.status_code == without.status_code == 503 and alive.status_code == 200
    assert answer.json()["checks"] == {"postgresql": "ok", "redis": "ok", "amqp": "away"}
    assert without.json()["checks"]["redis"] == "away" and without.headers["retry-after"]


async def test_database_is_away(visitor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db.DB, "pool", None)
    answers = await asyncio.gather(visitor.get("/health"), visitor.get("/health/ready"))
    assert [one.status_code for one in answers] == [200, 503]


@pytest.mark.parametrize("path", ["/health", "/health/ready"])
async def test_no_login_is_looked_up(
    browser: httpx.AsyncClient, program: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    async def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(db, "fetch_row", fail)
    assert (await browser.get(path)).status_code == 200
    assert (await program.get(path)).status_code == 200


async def test_however_many_ask_one_connection_is_used(
    app: Litestar, visitor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that answers nothing: everybody hears so by the deadline, and the pool is not used up by asking."""
    asked = 0

    async def hangs(_sql: str) -> None:
        nonlocal asked
        asked += 1
        async with db.connection() as connection:
            await connection.fetchval("SELECT pg_sleep(30)")

    monkeypatch.setattr(checks, "SECONDS", 0.5)
    monkeypatch.setattr(db, "fetch_value", hangs)
    began = time.monotonic()
    waiting = [asyncio.create_task(visitor.get("/health/ready")) for _ in range(100)]
    await asyncio.sleep(0.2)
    in_use = db.DB.pool.get_size() - db.DB.pool.get_idle_size()
    answers = await asyncio.gather(*waiting)
    seconds = time.monotonic() - began
    assert {one.status_code for one in answers} == {503} and asked == 1 and in_use <= 1
    assert seconds < 10  # not a hundred deadlines one after the other
    monkeypatch.undo()
    async with asyncio.timeout(10):
        while (await visitor.get("/health/ready")).status_code != 200:
            await asyncio.sleep(0.1)


async def test_health_is_told_under_any_host_name(settings: Settings, app: Litestar) -> None:
    """A container asks itself by 127.0.0.1, whatever name the portal has; all else is answered under its names only."""
    own = {"host": "127.0.0.1:8000"}
    async with another_app(settings, allowed_hosts=("clinic.example",)) as other, a_client(other) as client:
        answers = [await client.get(path, headers=own) for path in ("/health", "/health/ready", "/login", "/healthy")]
    assert [one.status_code for one in answers] == [200, 200, 400, 400]
