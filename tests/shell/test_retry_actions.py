"""G8: what PostgreSQL asks to be tried again is tried at most three times, then answered with 503, never with 500."""

import asyncio
import time
from typing import Any

import httpx
import pytest
from litestar import Litestar, post
from litestar.params import FromPath

from portal import db
from portal.app import assemble
from portal.errors import Unavailable
from portal.settings import Settings
from portal.web.guards import PUBLIC
from tests import catalogue
from tests.owner import as_owner
from tests.shell.conftest import a_client

pytestmark = pytest.mark.anyio

SERIALIZATION, DEADLOCK = "40001", "40P01"
RAISE = "DO $$ BEGIN RAISE EXCEPTION 'again' USING ERRCODE = '%s'; END $$"
attempts: list[str] = []


@db.retried
async def fail(code: str, times: int) -> int:
    """Fails `times` times in its write, then works."""
    async with db.transaction():
        attempts.append(code)
        await db.execute("INSERT INTO effect (name) VALUES ($1)", f"retry {code} {times}")
        if len(attempts) <= times:
            await db.execute(RAISE.replace("%s", code))
    return len(attempts)


@post("/api/retried/{code:str}/{times:int}", access=PUBLIC)
async def retried(code: FromPath[str], times: FromPath[int]) -> dict[str, int]:
    return {"attempts": await fail(code, times)}


@pytest.fixture(scope="module")
def with_retries(app: Litestar, settings: Settings) -> Litestar:
    return assemble(settings, pages=[], api=[retried])


@pytest.mark.G8
@pytest.mark.parametrize("code", [SERIALIZATION, DEADLOCK])
@pytest.mark.parametrize(("times", "status"), [(0, 201), (1, 201), (2, 201), (3, 503), (10, 503)])
async def test_three_attempts_then_503(with_retries: Litestar, code: str, times: int, status: int) -> None:
    attempts.clear()
    async with a_client(with_retries) as client:
        answer = await client.post(f"/api/retried/{code}/{times}")
    assert answer.status_code == status and len(attempts) == min(times + 1, db.ATTEMPTS)
    catalogue.figure("G8", f"{code} {times} times in a row: {len(attempts)} attempts, answered {status}")
    written = await db.fetch_value("SELECT count(*) FROM effect WHERE name = $1", f"retry {code} {times}")
    assert written == (1 if status == 201 else 0)
    if status == 503:
        assert int(answer.headers["retry-after"]) >= 1 and answer.json()["code"] == "unavailable"


@pytest.mark.G8
async def test_real_deadlocks_are_survived(app: Litestar) -> None:
    """Two rows, taken in opposite order by many at once."""
    await as_owner(
        "CREATE TABLE pair (id int PRIMARY KEY, n int NOT NULL DEFAULT 0);"
        " GRANT SET ON PARAMETER deadlock_timeout TO care_portal_app"
    )
    await db.execute("INSERT INTO pair (id) VALUES (1), (2)")

    @db.retried
    async def cross(first: int, second: int) -> None:
        async with db.transaction():
            await db.execute("SET LOCAL deadlock_timeout = '20ms'")
            await db.execute("UPDATE pair SET n = n + 1 WHERE id = $1", first)
            await asyncio.sleep(0.01)
            await db.execute("UPDATE pair SET n = n + 1 WHERE id = $1", second)

    answers: list[Any] = await asyncio.gather(
        *(cross(*((1, 2) if n % 2 else (2, 1))) for n in range(8)), return_exceptions=True
    )
    assert all(one is None or isinstance(one, Unavailable) for one in answers), answers
    done = sum(one is None for one in answers)
    assert [row["n"] for row in await db.fetch("SELECT n FROM pair")] == [done, done]


async def while_exhausted(app: Litestar) -> tuple[httpx.Response, float, int, int]:
    """A page, and how long it took, while every connection sleeps and others wait; then what health says."""
    busy = [asyncio.create_task(db.fetch("SELECT pg_sleep(1)")) for _ in range(20)]
    await asyncio.sleep(0.3)
    async with a_client(app) as client:
        begun = time.monotonic()
        page = await client.get("/form", headers={"Cookie": "login=" + "x" * 40})
        seconds = time.monotonic() - begun
        health = await client.get("/health")
        ready = await client.get("/health/ready")
    await asyncio.gather(*busy, return_exceptions=True)
    return page, seconds, health.status_code, ready.status_code


@pytest.mark.G7
async def test_a_pool_that_is_waited_for_hangs(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    """The naive twin of the next test: a connection is asked for without a bound."""
    monkeypatch.setattr(db, "ACQUIRE_SECONDS", None)
    page, seconds, _health, _ready = await while_exhausted(app)
    catalogue.figure("G7", f"naive twin: a page hangs for {seconds:.1f} s where ours answers 503 after 0.2 s")
    assert page.status_code != 503 and seconds > 0.6


@pytest.mark.G7
async def test_exhausted_pool_is_503_and_health_answers(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    """G7: nobody waits for ever for a connection, and the process still says that it lives."""
    monkeypatch.setattr(db, "ACQUIRE_SECONDS", 0.2)
    page, seconds, health, ready = await while_exhausted(app)
    assert (page.status_code, health, ready) == (503, 200, 503)
    assert page.headers["retry-after"] and seconds < 0.6
    async with a_client(app) as client:
        assert (await client.get("/health/ready")).status_code == 200


async def test_last_step_of_a_transaction(app: Litestar) -> None:
    """`before_commit` belongs to the transaction: when it fails, nothing stays."""

    async def refuse() -> None:
        assert db.in_transaction()
        raise Unavailable

    with db.before_commit(refuse), pytest.raises(Unavailable):
        async with db.transaction():
            await db.execute("INSERT INTO effect (name) VALUES ('last step')")
    assert await db.fetch_value("SELECT count(*) FROM effect WHERE name = 'last step'") == 0
    assert not db.in_transaction()
