"""The doctors' search on 50,000 doctors: p50 and p99 of the page at 16 clients, beside a bare twin.

    python -m bench.search postgresql://…/empty_database [--doctors 50000] [--seconds 10] [--workers 2]

The bare twin is a minimal Litestar handler that reads ten doctors with their next four slots by primary key and renders
them with Jinja: what the framework, the driver and the templates cost without any search. Client, server and PostgreSQL
share the machine. Both sides run in turn, three times; medians are printed.
"""

import argparse
import asyncio
import os
import random
import signal
import statistics
import subprocess
import sys
from time import perf_counter

import asyncpg
import httpx

from bench.seed_search import seed
from portal.migrations import migrate
from portal.settings import Settings

CLIENTS = 16
TARGETS = {"portal": ("portal.app:from_environment", 8311), "bare": ("bench.bare.search:create", 8312)}


async def ready(url: str, doctors: int) -> list[str]:
    """Fill the database if it is empty; the searches that people make, as query strings."""
    await migrate(Settings(database_url=url))
    conn = await asyncpg.connect(url)
    if not await conn.fetchval("SELECT count(*) FROM doctor"):
        await seed(url, doctors)
    specialties = [row["id"] for row in await conn.fetch("SELECT id FROM specialty ORDER BY name")]
    await conn.close()
    chance = random.Random(7)
    wanted: list[str] = []
    for number in range(400):
        specialty = chance.choice(specialties)
        wanted += [
            "",
            f"?specialty_id={specialty}",
            f"?specialty_id={specialty}&place=Town+{number % 100}",
            f"?place=Town+{number % 100}&sort=next_free",
            f"?q={chance.choice(['mul', 'garc', 'ana s', 'obri', 'nguy', 'smith'])}",
            f"?specialty_id={specialty}&language=ar&max_fee=120",
            f"?specialty_id={specialty}&service_type=VIRTUAL",
            f"?specialty_id={specialty}&sort=fee",
        ]
    chance.shuffle(wanted)
    return wanted


def start(app: str, port: int, url: str, workers: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "uvicorn", app, "--factory", "--port", str(port), "--workers", str(workers)]
    environ = {
        **os.environ,
        "DATABASE_URL": url,
        "PORTAL_RATE_LIMIT": "0",
        "PORTAL_BASE_URL": f"http://127.0.0.1:{port}",
    }
    quiet = ["--log-level", "warning", "--no-access-log"]
    return subprocess.Popen(
        [*command, *quiet], env=environ, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


async def measure(port: int, wanted: list[str], seconds: float) -> list[float]:
    """Milliseconds of every answer while 16 clients ask one after the other."""
    took: list[float] = []
    end = perf_counter() + seconds

    async def client(number: int) -> None:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30) as one:
            turn = number * 97
            while perf_counter() < end:
                begin = perf_counter()
                answer = await one.get("/doctors" + wanted[turn % len(wanted)])
                took.append((perf_counter() - begin) * 1000)
                assert answer.status_code == 200, answer.text[:300]
                turn += 1

    await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return took


async def awake(port: int) -> None:
    async with httpx.AsyncClient() as one:
        for _turn in range(200):
            try:
                await one.get(f"http://127.0.0.1:{port}/doctors")
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return
    raise RuntimeError(f"nothing answers on {port}")


async def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("url")
    asked.add_argument("--doctors", type=int, default=50_000)
    asked.add_argument("--seconds", type=float, default=10)
    asked.add_argument("--workers", type=int, default=2)
    given = asked.parse_args()
    wanted = await ready(given.url, given.doctors)
    runs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in TARGETS}
    for _turn in range(3):
        for name, (app, port) in TARGETS.items():
            server = start(app, port, given.url, given.workers)
            try:
                await awake(port)
                await measure(port, wanted, 2)
                took = sorted(await measure(port, wanted, given.seconds))
                percentile = took[int(len(took) * 0.99)]
                runs[name].append((statistics.median(took), percentile, len(took) / given.seconds))
            finally:
                os.killpg(server.pid, signal.SIGTERM)
                server.wait()
    for name, figures in runs.items():
        p50, p99, rate = (statistics.median(column) for column in zip(*figures, strict=True))
        print(f"{name:7} p50 {p50:6.1f} ms   p99 {p99:6.1f} ms   {rate:6.0f} per second")


if __name__ == "__main__":
    asyncio.run(main())
