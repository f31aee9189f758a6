"""Several processes: one scrape counts for all of them, a dead one shows nothing that is no more, a worker is seen."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from portal import metrics
from tests import services
from tests.operation.conftest import SCRAPE, TOKEN, Samples, read, value
from tests.portal_server import ROOT, Served, served

pytestmark = pytest.mark.usefixtures("anyio_backend")

REQUESTS = 40
SETTLE_SECONDS = 20


@pytest.fixture(scope="module")
def portal(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two web processes over a folder in which an earlier run left its counts."""
    folder, port = tmp_path_factory.mktemp("metrics"), services.free_port()
    left = folder / "metrics" / str(port) / "counter_1.db"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"not a file of counts at all")
    with services.redis() as redis, served(
        "--workers", "2", data=folder, port=port, DATABASE_URL=database_url, REDIS_URL=redis.url,
        PORTAL_METRICS_TOKEN=TOKEN, PORTAL_RATE_LIMIT="0",
    ) as running:  # fmt: skip
        yield running


def scraped(portal: Served) -> Samples:
    answer = httpx.get(portal.url + "/metrics", headers=SCRAPE, timeout=10)
    assert answer.status_code == 200
    return read(answer.text)


def until(portal: Served, holds: Callable[[Samples], bool]) -> Samples:
    """Scrape until it holds; gauges follow twice a second, signs of life every ten."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while not holds(found := scraped(portal)):
        assert time.monotonic() < deadline, sorted(found.items())
        time.sleep(0.2)
    return found


def asked(samples: Samples) -> float:
    return value(samples, "portal_request_seconds_count", method="GET", route="/health", status="2xx")


def pids(portal: Served) -> set[str]:
    folder = portal.log.parent / "metrics"
    return {path.stem.rpartition("_")[2] for path in folder.rglob("gauge_live*.db")}


def ask(portal: Served, times: int) -> None:
    for _ in range(times):
        assert httpx.get(portal.url + "/health").status_code == 200  # a connection each: any process may take it


def test_one_scrape_counts_for_all_and_survives_a_death(portal: Served) -> None:
    before = asked(until(portal, lambda found: value(found, "portal_processes") == 2))
    ask(portal, REQUESTS)
    assert asked(scraped(portal)) == before + REQUESTS
    now = until(portal, lambda found: value(found, "portal_live_apart") == 0)
    assert value(now, "portal_pool_most") == 20
    dead = min(pids(portal))
    os.kill(int(dead), signal.SIGKILL)
    time.sleep(1)
    after = until(portal, lambda found: value(found, "portal_processes") == 2 and dead not in pids(portal))
    assert asked(after) == before + REQUESTS, "what the dead one counted is lost"
    assert value(after, "portal_memory_bytes") < 2 * 300e6
    ask(portal, REQUESTS)
    assert asked(scraped(portal)) == before + 2 * REQUESTS


@pytest.fixture
def worker(portal: Served, database_url: str) -> Iterator[subprocess.Popen[str]]:
    clean = {name: text for name, text in os.environ.items() if not name.startswith("PORTAL_")}
    process = subprocess.Popen(
        [str(Path(sys.executable).with_name("portal")), "worker"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, cwd=ROOT, env={**clean, "DATABASE_URL": database_url, "PORTAL_DATA": str(portal.log.parent)},
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline().strip() == "ready"
    yield process
    process.kill()
    process.wait()


def test_a_worker_is_seen_and_missed(portal: Served, worker: subprocess.Popen[str]) -> None:
    found = until(portal, lambda found: value(found, "portal_workers") == 1)
    assert value(found, "portal_web_processes") >= 2
    until(portal, lambda found: value(found, "portal_task_due_timestamp", task="forget_old") > time.time())
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(10) == 0
    assert value(until(portal, lambda found: value(found, "portal_workers") == 0), "portal_workers") == 0


def test_several_forget_the_dead_at_once(tmp_path: Path) -> None:
    """Processes that start or are scraped in the same moment forget the same dead ones; none of them minds."""
    for number in range(500):
        (tmp_path / f"gauge_livesum_{2**22 + 1 + number}.db").touch()  # more than any process's number
    with ThreadPoolExecutor(8) as several:
        list(several.map(metrics.forget_dead_processes, [tmp_path] * 8))
    assert not list(tmp_path.iterdir())
