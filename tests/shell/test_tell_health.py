"""The process tells that it lives whatever is away, and that it is ready only when nothing is."""

import asyncio

import httpx
import pytest
from litestar import Litestar

from portal import db
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
