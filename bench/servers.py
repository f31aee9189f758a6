"""Everything that a measurement runs against: a private PostgreSQL and Redis, the portal, and its bare twins."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.cast import Patient, Times, make_patients, make_times
from tests.portal_server import ROOT, served
from tests.services import free_port, wait_for_port

BASE_URL = "http://127.0.0.1:8000"  # what tokens are issued for, the same for every portal of a run
WORKERS = 2
SECOND_WORKER = 0.7  # seconds after the first one answers


@dataclass
class Stage:
    """What is there for the whole session: databases by their number of doctors, people in them, and Redis."""

    folder: Path
    redis_url: str
    quick: bool
    databases: dict[int, str] = field(default_factory=dict)
    clinics: dict[int, UUID] = field(default_factory=dict)

    @property
    def doctors(self) -> int:
        return max(self.databases)

    @property
    def url(self) -> str:
        """The largest database: all rows but those of growth are measured on it."""
        return self.databases[self.doctors]

    async def patients(self, number: int, doctors: int = 0) -> list[Patient]:
        """New patients, who are signed in."""
        return await make_patients(self.databases[doctors or self.doctors], number)

    async def times(self, doctors: int = 0, **wanted: Any) -> list[Times]:
        """New doctors with free times; see `make_times`."""
        size = doctors or self.doctors
        return await make_times(self.databases[size], self.clinics[size], **wanted)

    def environment(self, database_url: str) -> dict[str, str]:
        """The settings of a portal on one of the databases; limits are off, as all callers share one address."""
        return {
            "DATABASE_URL": database_url,
            "REDIS_URL": self.redis_url,
            "PORTAL_BASE_URL": BASE_URL,
            "PORTAL_KEYS": str(self.folder / "keys.json"),
            "PORTAL_RATE_LIMIT": "0",
        }


@dataclass
class Servers:
    """Ports of the portal and of its twins, and the portal's process."""

    portal: int
    pid: int
    twin: int = 0
    live_twin: int = 0


@contextmanager
def portal(stage: Stage, workers: int, doctors: int = 0) -> Iterator[Servers]:
    """`portal serve`, as its users run it."""
    port = free_port()
    environment = stage.environment(stage.databases[doctors or stage.doctors])
    folder = stage.folder / f"portal-{port}"
    with served("--workers", str(workers), data=folder, port=port, **environment) as running:
        yield Servers(port, running.process.pid)


@contextmanager
def python(*command: str, port: int, **environment: str) -> Iterator[int]:
    """A server of ours as a process, ended with the block; gives its process id."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=ROOT, env={**os.environ, **environment},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for_port(port)
        time.sleep(SECOND_WORKER)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def twin(stage: Stage, app: str) -> Iterator[int]:
    """A bare application of `bench/bare` with as many workers as the portal; gives its port."""
    port = free_port()
    command = ["uvicorn", app, "--factory", "--port", str(port), "--workers", str(WORKERS), "--loop", "uvloop"]
    quiet = ["--http", "httptools", "--log-level", "warning", "--no-access-log", "--timeout-graceful-shutdown", "1"]
    with python(*command, *quiet, port=port, DATABASE_URL=stage.url, REDIS_URL=stage.redis_url):
        yield port


@contextmanager
def web_servers(stage: Stage) -> Iterator[Servers]:
    """The portal with two workers, and its twins with as many."""
    with ExitStack() as stack:
        servers = stack.enter_context(portal(stage, WORKERS))
        servers.twin = stack.enter_context(twin(stage, "bench.bare.web:create"))
        servers.live_twin = stack.enter_context(twin(stage, "bench.bare.live:create"))
        yield servers


@contextmanager
def live_servers(stage: Stage) -> Iterator[Servers]:
    """The portal in one process with an address that publishes, and the raw floor."""
    port, floor = free_port(), free_port()
    with ExitStack() as stack:
        environment = {**stage.environment(stage.url), "REDIS_URL": ""}
        pid = stack.enter_context(python("bench.publishing", str(port), port=port, **environment))
        stack.enter_context(python("bench.bare.floor", str(floor), port=floor))
        yield Servers(port, pid, floor)


@contextmanager
def one_server(stage: Stage) -> Iterator[Servers]:
    """The portal in one process, as its users run it."""
    with portal(stage, 1) as servers:
        yield servers


@contextmanager
def growth_servers(stage: Stage) -> Iterator[dict[int, Servers]]:
    """One portal of one process for each size of the database."""
    with ExitStack() as stack:
        yield {doctors: stack.enter_context(portal(stage, 1, doctors)) for doctors in stage.databases}
