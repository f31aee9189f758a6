"""G10: hours under load with one fault after the other; nothing grows, nothing stays behind, no rule is broken."""

import asyncio
import os
import random
import signal
import statistics
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import asyncpg
import psutil
import pytest

from portal import faults, worker
from portal.accounts import tokens
from portal.outbox import Event, Job
from portal.settings import Settings
from tests import catalogue
from tests.faults import fixtures
from tests.faults.postgres import Server
from tests.faults.stage import armed, children, crowd
from tests.invariants import broken, doubled, make_quick
from tests.portal_server import Served, served
from tests.services import Redis, redis

pytestmark = [pytest.mark.anyio, pytest.mark.G10, pytest.mark.soak, pytest.mark.usefixtures("only_logged")]

server, database_url = fixtures.server, fixtures.own_database_url
SECONDS = float(os.environ.get("SOAK_SECONDS", "7200"))
PAUSE = 20.0  # between two faults
LOOK = 10.0  # seconds between two looks at the memory of the process that nobody kills
WARM, AT_ONCE = 6, 6  # a minute until it has seen every kind of request; a minute of looks is one reading
# What a request or a loop may leave behind when it is killed, and nobody comes for.
LEFT = {
    "transactions": "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in%'",
    "events": "SELECT count(*) FROM outbox_event WHERE delivered_at IS NULL",
    "holds": "SELECT count(*) FROM slot WHERE held_until > clock_timestamp() + interval '302 seconds'",
    "jobs": "SELECT count(*) FROM pgqueuer WHERE status IN ('queued', 'picked')",
    "locks": "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
}


class Faults:
    """One fault after the other, each over by itself or mended at once, as an operator would."""

    def __init__(self, portal: Served, server: Server, redis: Redis, charges: Path) -> None:
        self.portal, self.server, self.redis, self.charges = portal, server, redis, charges
        self.made: Counter[str] = Counter()

    def in_turn(self) -> list[Callable[[], Awaitable[None]]]:
        return [
            self.worker_killed,
            self.killed_at_a_point,
            self.database_restarted,
            self.redis_lost,
            self.tables_locked,
        ]

    async def worker_killed(self) -> None:
        os.kill(random.choice(children(self.portal)).pid, signal.SIGKILL)

    async def killed_at_a_point(self) -> None:
        point = random.choice(sorted(faults.POINTS))
        (self.charges / f"{point}.soak").touch()

    async def database_restarted(self) -> None:
        await asyncio.to_thread(self.server.restart)

    async def redis_lost(self) -> None:
        self.redis.kill()
        await asyncio.sleep(5)
        await asyncio.to_thread(self.redis.start)

    async def tables_locked(self) -> None:
        connection = await asyncpg.connect(self.server.url)
        async with connection.transaction():
            await connection.execute("LOCK TABLE appointment IN ACCESS EXCLUSIVE MODE")
            await asyncio.sleep(4)
        await connection.close()

    async def go_on(self) -> None:
        while True:
            for fault in self.in_turn():
                await asyncio.sleep(PAUSE)
                self.made[fault.__name__] += 1
                await fault()


async def memory(portal: Served, looks: list[int]) -> None:
    """What the one process of `portal` holds, in bytes, every ten seconds until this is cancelled."""
    process = psutil.Process(portal.process.pid)
    while True:
        await asyncio.sleep(LOOK)
        looks.append(process.memory_info().rss)


def growth(looks: list[int]) -> float:
    """From the first steady minute to the last one, by medians."""
    steady = looks[WARM:]
    assert len(steady) >= 2 * AT_ONCE, "three minutes at least, or nothing can be said of the memory"
    return statistics.median(steady[-AT_ONCE:]) / statistics.median(steady[:AT_ONCE]) - 1


async def left(server: Server) -> dict[str, int]:
    """What is left behind a minute after everybody has gone."""
    connection = await asyncpg.connect(server.url)
    for _wait in range(60):
        found = {name: await connection.fetchval(sql) for name, sql in LEFT.items()}
        if not any(found.values()):
            break
        await asyncio.sleep(1)
    await connection.close()
    return {name: number for name, number in found.items() if number}


async def test_hours_under_load(server: Server, settings: Settings, pool: None, tmp_path: Path) -> None:
    relayed: list[Event] = []

    async def relay(event: Event) -> None:
        relayed.append(event)

    async def mail(_settings: Settings, _payload: dict[str, object]) -> None:
        """Nobody is written to."""

    given = {"DATABASE_URL": server.url, "PORTAL_RATE_LIMIT": "0"}
    looks: list[int] = []
    with (
        redis() as shared,
        served("--workers", "3", data=settings.data, REDIS_URL=shared.url, **given, **armed(tmp_path)) as portal,
    ):
        tokens.use_keys(replace(settings, base_url=portal.url))
        # Faults kill every worker of that host at some time. On another one a process lives through all of it.
        same = {"REDIS_URL": shared.url, "PORTAL_KEYS": str(settings.data / "keys.json"), "PORTAL_BASE_URL": portal.url}
        with served(data=tmp_path / "spared", **given, **same) as spared:
            callers = await crowd([portal.url, spared.url], people=12)
            callers.think, callers.cancels = 0.2, 1.0
            trouble = Faults(portal, server, shared, tmp_path)
            async with worker.running(settings, [Job("mail", mail)], [], relay):
                going = [asyncio.create_task(one) for one in (trouble.go_on(), memory(spared, looks))]
                await callers.run(SECONDS)
                for one in going:
                    one.cancel()
                behind = await left(server)
    share = growth(looks)
    lost, twice = await doubled(settings.database_url, callers.promised + callers.uncertain)
    await make_quick(settings.database_url)
    rules = await broken(settings.database_url)
    catalogue.figure(
        "G10", f"{SECONDS:.0f} s, {len(callers.seen)} requests, {trouble.made.total()} faults: memory {share:+.1%},"
        f" {len(rules)} rules broken, left behind {behind}, {lost} lost, {twice} doubled",
    )  # fmt: skip
    assert not rules and not behind and (lost, twice) == (0, 0) and not callers.broken_answers()
    assert share < 0.1
