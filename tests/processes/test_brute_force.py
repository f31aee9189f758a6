"""D6 over several processes: many passwords for one account, many accounts from one address, addresses that are made up."""

import asyncio
import math
import secrets
import time
from collections import Counter
from collections.abc import Callable

import httpx
import pytest

from portal.web.counters import STRICTER, MemoryCounters
from portal.web.limits import FREE_ATTEMPTS, LOGIN
from tests import catalogue, factories, services
from tests.clients import token_mailed_to
from tests.processes.conftest import PROCESSES, Hosts, from_somewhere

pytestmark = [pytest.mark.anyio, pytest.mark.D6]

TIMES = 1000 if catalogue.FULL else 100
AT_ONCE = 40

LOG_IN, RESET = "/api/auth/login", "/api/auth/reset-password"
Caller = Callable[[int], tuple[str, dict[str, str]]]


async def attack(
    hosts: Hosts, caller: Caller, source: str = "127.0.0.1", path: str = LOG_IN
) -> tuple[Counter[int], float]:
    """Wrong passwords, or guessed links to choose one, forty at once: which answer how often, and how long it took."""
    codes: Counter[int] = Counter()
    waiting = iter(range(TIMES))
    transport = httpx.AsyncHTTPTransport(local_address=source, limits=httpx.Limits(max_connections=AT_ONCE))

    async def one_after_the_other(client: httpx.AsyncClient) -> None:
        for number in waiting:
            name, headers = caller(number)
            body = {"email" if path == LOG_IN else "token": name, "password": "wrong three words"}
            answer = await client.post(hosts.urls[number % 2] + path, json=body, headers=headers)
            codes[answer.status_code] += 1

    begun = time.monotonic()
    async with httpx.AsyncClient(transport=transport, timeout=60) as client:
        await asyncio.gather(*(one_after_the_other(client) for _ in range(AT_ONCE)))
    return codes, time.monotonic() - begun


async def one_account() -> Caller:
    """From a thousand addresses."""
    victim = await factories.patient()
    return lambda _: (victim.actor.email, from_somewhere())


async def one_address() -> Caller:
    """A thousand accounts."""
    here = from_somewhere()
    return lambda number: (f"somebody{number}@test.example", here)


async def made_up_addresses() -> Caller:
    """Behind the proxy, which adds the true address on the right."""
    true = from_somewhere()["X-Forwarded-For"]
    return lambda number: (
        f"nobody{number}@test.example",
        {"X-Forwarded-For": f"9.9.{number >> 8}.{number & 255}, {true}"},
    )


async def without_the_proxy() -> Caller:
    return lambda number: (f"anybody{number}@test.example", from_somewhere())


async def guessed_links() -> Caller:
    """A thousand tokens of the length that a mailed one has, behind addresses that are made up."""
    true = from_somewhere()["X-Forwarded-For"]
    return lambda number: (secrets.token_urlsafe(32), {"X-Forwarded-For": f"9.9.{number >> 8}.{number & 255}, {true}"})


def tries_of_an_account(free: int, seconds: float) -> int:
    """The free ones, the one that starts the first pause, and those of pauses that ended meanwhile (1, 2, 4 … s)."""
    return free + 1 + int(math.log2(seconds + 1))


def tries_of_an_address(most: int, seconds: float) -> int:
    """So many in each minute that has begun."""
    return most * (1 + int(seconds / LOGIN.seconds))


async def test_limits_hold_over_several_processes(hosts: Hosts) -> None:
    for make, source, most in (
        (one_account, "127.0.0.1", lambda seconds: tries_of_an_account(FREE_ATTEMPTS, seconds)),
        (one_address, "127.0.0.1", lambda seconds: tries_of_an_address(LOGIN.most, seconds)),
        (made_up_addresses, "127.0.0.1", lambda seconds: tries_of_an_address(LOGIN.most, seconds)),
        (without_the_proxy, "127.0.0.2", lambda seconds: tries_of_an_address(LOGIN.most, seconds)),
    ):
        codes, seconds = await attack(hosts, await make(), source)
        catalogue.figure(
            "D6", f"{make.__name__}: {codes[401]} of {TIMES} tried in {seconds:.1f} s, {PROCESSES} processes"
        )
        assert 1 <= codes[401] <= most(seconds) and codes.keys() <= {401, 429}


async def test_links_to_a_new_password_are_not_guessed(hosts: Hosts) -> None:
    """While one is on its way to its reader, who can use it afterwards."""
    me = await factories.patient()
    async with httpx.AsyncClient(base_url=hosts.urls[0], timeout=20) as client:
        asked = await client.post(
            "/api/auth/forgotten-password", json={"email": me.actor.email}, headers=from_somewhere()
        )
        assert asked.status_code == 202
        codes, seconds = await attack(hosts, await guessed_links(), path=RESET)
        catalogue.figure("D6", f"guessed links: {codes[409]} of {TIMES} tried in {seconds:.1f} s, none was right")
        assert 1 <= codes[409] <= tries_of_an_address(LOGIN.most, seconds) and codes.keys() <= {409, 429}
        body = {"token": await token_mailed_to(me.actor.email), "password": "another three words"}
        assert (await client.post(RESET, json=body, headers=from_somewhere())).status_code == 204


async def test_limits_are_stricter_while_redis_is_away(hosts: Hosts, redis: services.Redis) -> None:
    redis.kill()
    try:
        for make, most in (
            (one_account, lambda seconds: tries_of_an_account(FREE_ATTEMPTS // STRICTER, seconds)),
            (one_address, lambda seconds: tries_of_an_address(LOGIN.most // STRICTER, seconds)),
        ):
            codes, seconds = await attack(hosts, await make())
            catalogue.figure("D6", f"{make.__name__}, Redis away: {codes[401]} of {TIMES} tried in {seconds:.1f} s")
            assert 1 <= codes[401] <= PROCESSES * most(seconds) and codes.keys() <= {401, 429}
    finally:
        redis.start()


async def test_naive_twin_counts_in_each_process() -> None:
    """Processes that count alone with the whole limit let each caller through once more a process."""
    processes = [MemoryCounters() for _ in range(PROCESSES)]
    found = [
        await processes[number % PROCESSES].add("one address", LOGIN.most, 60)
        for number in range(2 * PROCESSES * LOGIN.most)
    ]
    assert sum(used <= most for used, most, _seconds in found) == PROCESSES * LOGIN.most > LOGIN.most
