"""H8 as a whole: saved while patients book, the database killed in the middle of it, restored on another machine."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from portal import db
from portal.audit import jobs
from portal.embedded import EmbeddedPostgres
from portal.migrations import migrate
from portal.settings import Settings
from tests import catalogue, invariants
from tests.audit.test_tampering import APPEND
from tests.backup.conftest import Machine, NewMachine
from tests.faults.load import Crowd
from tests.faults.stage import crowd, workers

pytestmark = [pytest.mark.anyio, pytest.mark.H8]

PEOPLE = 24 if catalogue.FULL else 8
SECONDS = 10.0 if catalogue.FULL else 1.5  # of load before the back-up and after it
ROWS = 3_900_000 if catalogue.FULL else 0  # of the audit beside what the load writes: with its indexes 1 GB
BATCH = 400


@pytest.fixture(scope="module")
async def old() -> AsyncIterator[Machine]:
    """A machine with a PostgreSQL of its own, which can be killed; its anchors also go to a second place."""
    folder = Path(tempfile.mkdtemp(prefix="care-old-"))  # where PostgreSQL's own user may go
    (second := folder / "second").mkdir()
    server = EmbeddedPostgres(folder / "postgres")
    settings = Settings(database_url=server.url, data=folder, rate_limit=0, audit_anchor=str(second))
    await migrate(settings)
    yield Machine(settings)
    server.stop()
    shutil.rmtree(folder)


def kill_database(machine: Machine) -> None:
    """As a power cut: the postmaster and all its children at once. Over when nothing of them is left to be stopped."""
    pid = int((machine.settings.data / "postgres" / "postmaster.pid").read_text().split()[0])
    processes = [psutil.Process(pid), *psutil.Process(pid).children()]
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=60)  # what is dead and not yet buried looks alive to `pg_ctl stop`


async def fill() -> str:
    """The rows of `ROWS`; how large the database is then."""
    for first in range(0, ROWS, BATCH):
        await db.execute(APPEND, first, first + BATCH)
    size = await db.fetch_value("SELECT pg_size_pretty(pg_database_size(current_database()))")
    return str(size)


async def pressed(crowd: Crowd) -> None:
    """Some load has passed: seconds of it, and a few more visits that were promised."""
    enough = len(crowd.promised) + 10
    await asyncio.sleep(SECONDS)
    async with asyncio.timeout(60):
        while len(crowd.promised) < enough:
            await asyncio.sleep(0.05)


async def test_a_killed_database_is_restored_elsewhere(old: Machine, new_machine: NewMachine, tmp_path: Path) -> None:
    path = tmp_path / "portal.zip"
    async with old.pool():
        size = await fill()
        with workers(old.settings, number=2, PORTAL_AUDIT_ANCHOR=old.settings.audit_anchor) as portal:
            pressing = await crowd([portal.url], people=PEOPLE)
            pressing.cancels = 0.99  # a back-up may take minutes, and to its end there must be something to book
            load = asyncio.create_task(pressing.run(3600))
            await pressed(pressing)
            before, begun = list(pressing.promised), time.monotonic()
            saved = await asyncio.to_thread(old.run, "backup", str(path))
            saving_seconds = time.monotonic() - begun
            assert saved.returncode == 0, saved.stderr
            await pressed(pressing)
            await jobs.anchor(old.settings)
            kill_database(old)
            load.cancel()
            await asyncio.gather(load, return_exceptions=True)
    new = await new_machine()
    begun = time.monotonic()
    done = new.run("restore", str(path), PORTAL_AUDIT_ANCHOR=old.settings.audit_anchor)
    seconds = time.monotonic() - begun
    assert done.returncode == 0, done.stderr + done.stdout
    assert "are lost; this machine's anchors know" in done.stdout, done.stdout
    verified = new.run("audit", "verify", PORTAL_AUDIT_ANCHOR=old.settings.audit_anchor)
    assert verified.returncode == 0, verified.stdout
    await invariants.make_quick(new.settings.database_url)
    assert await invariants.broken(new.settings.database_url) == {}
    lost, doubled = await invariants.doubled(new.settings.database_url, before)
    later, _doubled = await invariants.doubled(new.settings.database_url, pressing.promised)
    if catalogue.FULL:  # a gigabyte
        assert seconds < 600
    assert before and (lost, doubled) == (0, 0)
    assert later > 0, "visits booked after the back-up are the documented loss"
    catalogue.figure(
        "H8", f"saved under load ({size}) in {saving_seconds:.1f} s, restored in {seconds:.1f} s: {len(before)} visits of "
        f"before all there, 0 broken invariants, {later} of the {SECONDS:g} s after it lost",
    )  # fmt: skip
