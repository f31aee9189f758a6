"""What fault tests run against: the portal as several processes on one database, and somebody to press on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil

from portal import faults
from portal.accounts import tokens
from portal.settings import Settings
from tests import factories
from tests.faults.load import Crowd
from tests.portal_server import Served, served
from tests.services import redis


@contextmanager
def workers(settings: Settings, number: int = 3, **environment: str) -> Iterator[Served]:
    """So many processes that share the keys with the test."""
    given = {"DATABASE_URL": settings.database_url, "PORTAL_RATE_LIMIT": "0", **environment}
    with (
        redis() as shared,
        served("--workers", str(number), data=settings.data, REDIS_URL=shared.url, **given) as portal,
    ):
        tokens.use_keys(replace(settings, base_url=portal.url))
        yield portal


def armed(folder: Path, kind: str = "kill") -> dict[str, str]:
    """The environment in which every fault point strikes when it is charged."""
    return {"PORTAL_TEST_FAULTS": str(folder), "FAULT_AT": ",".join(f"{point}:{kind}" for point in faults.POINTS)}


async def crowd(urls: list[str], *, people: int = 24, slots: int = 60) -> Crowd:
    """Patients who want the times of three doctors; fewer times than people, so that they get into each other's way."""
    patients = [await factories.patient() for _ in range(people)]
    times = [
        str(slot) for _ in range(3) for slot in await factories.slots((await factories.doctor()).id, max(1, slots // 3))
    ]
    return Crowd(urls, patients, times)


def children(portal: Served) -> list[psutil.Process]:
    """The worker processes: copies of the one that multiprocessing keeps ready for that."""
    helpers = psutil.Process(portal.process.pid).children()
    return [worker for helper in helpers if "forkserver" in " ".join(helper.cmdline()) for worker in helper.children()]
