"""A relay that is killed at any point loses no event: the next one delivers what was leased, once more at the most."""

import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from portal import db, outbox
from portal.ids import uuid7
from portal.settings import Settings
from tests import catalogue
from tests.faults.stage import armed
from tests.portal_server import ROOT

pytestmark = [pytest.mark.anyio, pytest.mark.B6, pytest.mark.usefixtures("pool")]

# For each point: how many of four events are published a second time by the relay that follows.
POINTS = {"before_publish": 0, "after_publish": 1, "before_mark": 4, "after_mark": 0}


async def relay(published: Path, settings: Settings, **environment: str) -> int:
    """Run a relay until nothing waits, or it dies; its exit code."""
    given = {**os.environ, "DATABASE_URL": settings.database_url, "PORTAL_DATA": str(settings.data), **environment}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.relaying", str(published), cwd=ROOT, env=given
    )
    return await process.wait()


@pytest.mark.parametrize("point", POINTS if catalogue.FULL else ["after_publish", "before_mark"])
async def test_killed_at(settings: Settings, tmp_path: Path, point: str) -> None:
    await db.execute("DELETE FROM outbox_event")
    async with db.transaction():
        for _ in range(4):
            await outbox.emit_in_tx("user.registered", uuid7(), {})
    (tmp_path / f"{point}.1").touch()
    published = tmp_path / "published"
    assert await relay(published, settings, **armed(tmp_path)) == -signal.SIGKILL
    await db.execute("UPDATE outbox_event SET due_at = clock_timestamp()")  # the lease runs out, without the wait
    assert await relay(published, settings) == 0
    times = Counter(published.read_text().split())
    ids = {str(row["id"]) for row in await db.fetch("SELECT id FROM outbox_event WHERE delivered_at IS NOT NULL")}
    assert set(times) == ids and len(ids) == 4 and times.total() - 4 == POINTS[point]
