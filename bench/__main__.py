"""`make bench`: every goal of the portal's speed, each next to its bare twin, in three interleaved runs.

    python -m bench [--quick] [--only NAME]

Only ratios mean anything: client, servers, PostgreSQL and Redis share the machine. The figures go to `bench/results.json`
and the table to `docs/performance.md`; with `--quick` or `--only` they are only printed.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import asyncpg
import msgspec
import uvloop

from bench import boards, booking, counter, growth, live, machine, pages, report, rooms, stock, talks, waiting
from bench.cast import prepare
from bench.figures import Figure, Figures
from bench.goals import GOALS
from bench.seed import seed
from bench.servers import BASE_URL, Stage, growth_servers, live_servers, one_server, web_servers
from portal.embedded import EmbeddedPostgres
from portal.migrations import migrate
from portal.settings import Settings
from tests.services import program, redis

RUNS = 3
REPEATS = 1  # of runs during which the machine changed its pace
ROW_SECONDS = 60
SIZES, QUICK_SIZES = (100, 5_000, 50_000), (100, 1_000, 5_000)
RESULTS = Path(__file__).parent / "results.json"

Measure = Callable[[Stage, Any], Awaitable[Figures]]
GROUPS: tuple[tuple[Callable[[Stage], AbstractContextManager[Any]], tuple[Measure, ...]], ...] = (
    (
        web_servers,
        (
            live.idle_memory,
            booking.race_to_hold,
            booking.race_to_book,
            booking.all_different,
            pages.slot_page,
            booking.hold_and_book,
            pages.search,
            pages.sign_ins,
            live.commit_to_last,
            counter.dispenses,
            waiting.waiting_times,
        ),
    ),
    (live_servers, (live.fan_out, live.cheap_requests, live.burst)),
    (one_server, (boards.call_next,)),
    (one_server, (rooms.joins,)),
    (one_server, (talks.chat,)),
    (growth_servers, (growth.growth,)),
    (nullcontext, (stock.shelves,)),
)

begun = perf_counter()


def say(text: str) -> None:
    print(f"{perf_counter() - begun:6.0f} s  {text}", flush=True)


@contextmanager
def stage(quick: bool) -> Iterator[Stage]:
    """Databases of three sizes on a private PostgreSQL, and Redis."""
    with tempfile.TemporaryDirectory(prefix="care-bench-") as folder, redis() as broker:
        server = EmbeddedPostgres(Path(folder) / "postgres")
        try:
            found = Stage(Path(folder), broker.url, quick)
            for doctors in QUICK_SIZES if quick else SIZES:
                say(f"a network of {doctors:,} doctors is made")
                asyncio.run(add_database(found, server.url, doctors))
            yield found
        finally:
            server.stop()


async def add_database(stage: Stage, server: str, doctors: int) -> None:
    admin = await asyncpg.connect(server)
    await admin.execute(f"CREATE DATABASE bench_{doctors}")
    await admin.close()
    url = server.replace("/postgres?", f"/bench_{doctors}?", 1)
    await migrate(Settings(database_url=url))
    await seed(url, doctors)
    stage.databases[doctors] = url
    stage.clinics[doctors] = await prepare(url, stage.folder, BASE_URL)


def run(stage: Stage, only: str, failures: dict[str, str]) -> Figures:
    """One run: every row once, ours and the twin's one after the other. A row that fails does not stop the others."""
    figures: Figures = {}
    for servers, measures in GROUPS:
        wanted = [one for one in measures if only in one.__name__]
        if not wanted:
            continue
        try:
            with servers(stage) as running:
                for measure in wanted:
                    figures |= row(stage, running, measure, failures)
        except Exception as error:
            traceback.print_exc()
            failures[servers.__name__] = f"{type(error).__name__}: {error}"
    return figures


def row(stage: Stage, servers: Any, measure: Measure, failures: dict[str, str]) -> Figures:
    async def bounded() -> Figures:
        async with asyncio.timeout(ROW_SECONDS):
            return await measure(stage, servers)

    try:
        found = uvloop.run(bounded())
    except Exception as error:
        traceback.print_exc()
        failures[measure.__name__] = f"{type(error).__name__}: {error}"
        return {}
    for name, figure in found.items():
        say(told(name, figure))
    return found


def told(name: str, figure: Figure) -> str:
    bare = "" if figure.bare is None else f"   bare {figure.bare:10.2f}   {figure.judged:5.2f}×"
    return f"{name:16} {figure.ours:10.2f}{bare}   {figure.note}"


def measured(stage: Stage, wanted: int, only: str, failures: dict[str, str]) -> tuple[list[Figures], list[str]]:
    """The runs that count, and the pace of the machine around each."""
    runs: list[Figures] = []
    paces: list[str] = []
    repeats = REPEATS
    while len(runs) < wanted:
        say(f"run {len(runs) + 1} of {wanted}")
        before = machine.calibration()
        figures = run(stage, only, failures)
        after = machine.calibration()
        paces.append(f"{before:.0f} → {after:.0f} ms")
        say(f"calibration {paces[-1]}")
        if machine.is_off(before, after) and repeats:
            say("the machine changed its pace meanwhile: once more")
            repeats -= 1
            paces[-1] += " (not counted)"
            continue
        runs.append(figures)
    return runs, paces


def main() -> int:
    asked = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    asked.add_argument("--quick", action="store_true", help="one short run of about two minutes")
    asked.add_argument("--only", default="", help="only the rows whose function has this in its name")
    given = asked.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything that was started is ended
    failures: dict[str, str] = {}
    with stage(given.quick) as found:
        runs, paces = measured(found, 1 if given.quick or given.only else RUNS, given.only, failures)
        session = {
            "date": datetime.now(UTC).date().isoformat(),
            "postgresql": asyncio.run(postgresql_version(found.url)),
            "redis": machine.redis_version(program("redis-server")),
            "pace": ", ".join(paces),
            **machine.description(),
        }
    print(report.table(runs, failures))
    if not given.quick and not given.only:
        kept = {"session": session, "failures": failures, "runs": runs}
        RESULTS.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=1) + b"\n")
        report.write(session, runs, failures)
    for name, why in failures.items():
        print(f"failed: {name}: {why}")
    missed = [goal.figure for goal in GOALS if not any(goal.figure in figures for figures in runs)]
    return 1 if failures or (missed and not given.only) else 0


async def postgresql_version(url: str) -> str:
    connection = await asyncpg.connect(url)
    version = await connection.fetchval("SELECT current_setting('server_version')")
    await connection.close()
    return str(version)


if __name__ == "__main__":
    sys.exit(main())
