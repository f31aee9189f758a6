"""D6: limits hold over processes, whatever the caller says of its address, and when Redis is away."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from litestar import Litestar

from portal import db
from portal.errors import TooMany
from portal.settings import Settings
from portal.web import counters, limits, shared
from portal.web.counters import MemoryCounters, RedisCounters, Stricter
from portal.web.shared import Shared
from tests import factories
from tests.services import Redis
from tests.shell.conftest import a_client, another_app, csrf_token

pytestmark = [pytest.mark.anyio, pytest.mark.D6]


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    server = Redis()
    server.start()
    yield server
    server.kill()


@pytest.fixture(params=["memory", "redis"])
async def limited(request: pytest.FixtureRequest, settings: Settings, app: Litestar) -> AsyncIterator[Litestar]:
    url = request.getfixturevalue("redis").url if request.param == "redis" else ""
    async with another_app(settings, rate_limit=10, redis_url=url) as application:
        yield application


async def statuses(client: httpx.AsyncClient, path: str, times: int) -> list[int]:
    return [(await client.get(path)).status_code for _ in range(times)]


async def test_limit_of_a_person(limited: Litestar) -> None:
    person, other = await factories.patient(), await factories.patient()
    async with a_client(limited, person) as pages, a_client(limited, headers=person.bearer) as api:
        assert await statuses(pages, "/own", 6) == [200] * 6
        assert await statuses(api, "/api/errors/conflict", 4) == [409] * 4
        answer = await api.get("/api/errors/conflict")
        page = await pages.get("/own")
    assert answer.status_code == page.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 61 and answer.json()["code"] == "too_many_requests"
    assert (answer.headers["ratelimit-limit"], answer.headers["ratelimit-remaining"]) == ("10", "0")
    async with a_client(limited, other) as pages:
        first = await pages.get("/own")
    assert first.status_code == 200 and first.headers["ratelimit-remaining"] == "9"


async def test_parts_that_an_open_page_asks_for_have_a_minute_of_their_own(limited: Litestar) -> None:
    person, part = await factories.patient(), {"HX-Request": "true"}
    async with a_client(limited, person, headers=part) as pages, a_client(limited, headers=person.bearer | part) as api:
        assert await statuses(pages, "/own", 61) == [200] * 60 + [429]
        refused = await pages.get("/own")
        assert (refused.headers["hx-retarget"], refused.headers["hx-reswap"]) == ("#toasts", "innerHTML")
        assert 'class="toast"' in refused.text
        assert await statuses(api, "/api/errors/conflict", 11) == [409] * 10 + [429], "a program says so in vain"


async def test_static_files_and_health_are_not_counted(limited: Litestar) -> None:
    async with a_client(limited, client=("192.0.2.50", 1)) as visitor:
        assert set(await statuses(visitor, "/static/css/base.css", 50)) == {200}
        assert set(await statuses(visitor, "/health", 50)) == {200}


async def test_limit_of_an_address(limited: Litestar) -> None:
    async with a_client(limited, client=("192.0.2.51", 1)) as visitor:
        spoofed = [{"X-Forwarded-For": f"9.9.9.{number}"} for number in range(31)]
        found = [(await visitor.get("/numbers", headers=headers)).status_code for headers in spoofed]
        assert found == [200] * 30 + [429], "a spoofed header changes nothing"
    async with a_client(limited, client=("192.0.2.52", 1)) as elsewhere:
        assert await statuses(elsewhere, "/numbers", 1) == [200]


async def test_bad_tokens_count(limited: Litestar) -> None:
    async with a_client(limited, client=("192.0.2.53", 1), headers={"Authorization": "Bearer x"}) as client:
        assert await statuses(client, "/api/errors/conflict", 31) == [401] * 30 + [429]


async def test_limit_of_a_route(limited: Litestar) -> None:
    async with a_client(limited, client=("192.0.2.54", 1)) as visitor:
        token = await csrf_token(visitor)
        found = [(await visitor.post("/limited", data={"csrf_token": token})).status_code for _ in range(3)]
    assert found == [303, 303, 429]


async def test_parallel_requests_are_all_counted(limited: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "ACQUIRE_SECONDS", 30)  # a slow machine lets the last one wait longer than a request would
    person = await factories.patient()
    async with a_client(limited, person) as pages:
        answers = await asyncio.gather(*(pages.get("/own") for _ in range(60)))
    assert sorted(one.status_code for one in answers) == [200] * 10 + [429] * 50


async def tries(whom: str, times: int) -> tuple[int, int]:
    """How many of many attempts at once come through, and the longest pause told to the others."""

    async def one() -> int:
        try:
            await limits.attempt("login", whom)
        except TooMany as refused:
            return refused.retry_after
        return 0

    found = await asyncio.gather(*(one() for _ in range(times)))
    return found.count(0), max(found)


async def test_1000_wrong_passwords_for_one_account(limited: Litestar, caplog: pytest.LogCaptureFixture) -> None:
    """Five are free, the sixth starts the pause; a thousand at once gain nothing but a pause that ends meanwhile."""
    begun = time.monotonic()
    allowed, pause = await tries("victim@example.com", 1000)
    ended_pauses = int(math.log2(time.monotonic() - begun + 1))
    assert limits.FREE_ATTEMPTS + 1 <= allowed <= limits.FREE_ATTEMPTS + 1 + ended_pauses and pause >= 1
    assert "redis does not answer" not in caplog.text, "a thousand at once are a few trips"
    assert (await tries("other@example.com", 1))[0] == 1


async def test_pause_grows_and_a_right_password_ends_it(limited: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "FREE_ATTEMPTS", 0)
    whom = "grows@example.com"
    assert await tries(whom, 1) == (1, 0)
    assert await tries(whom, 1) == (0, 1)
    await asyncio.sleep(1.05)
    assert await tries(whom, 1) == (1, 0)
    assert await tries(whom, 1) == (0, 2)
    await limits.succeeded("login", whom)
    assert await tries(whom, 1) == (1, 0)


async def test_three_processes_count_together(redis: Redis) -> None:
    processes = [Stricter(RedisCounters(Shared(redis.url)), MemoryCounters()) for _ in range(3)]
    found = await asyncio.gather(*(processes[n % 3].add("together", 100, 60) for n in range(150)))
    assert sorted(used for used, _most, _seconds in found) == list(range(1, 151))


async def test_without_redis_the_limit_is_stricter_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "PAUSE", 0.2)
    server = Redis()
    server.start()
    together = Stricter(RedisCounters(Shared(server.url)), MemoryCounters())
    assert (await together.add("x", 100, 60))[1] == 100
    server.kill()
    used = [await together.add("x", 100, 60) for _ in range(30)]
    assert all(most == 25 for _used, most, _seconds in used) and used[-1][0] == 30, "closed after 25, never open"
    server.start()
    await asyncio.sleep(0.3)
    assert (await together.add("x", 100, 60))[1] == 100
    server.kill()


async def test_memory_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counters, "MOST_KEYS", 100)
    local = MemoryCounters()
    for number in range(1000):
        await local.add(f"address {number}", 10, 60)
    assert len(local._counts) <= 101


async def test_zero_is_off(settings: Settings, app: Litestar) -> None:
    async with a_client(app) as visitor:
        answers = [await visitor.get("/numbers") for _ in range(200)]
    assert {one.status_code for one in answers} == {200} and "ratelimit-limit" not in answers[0].headers
