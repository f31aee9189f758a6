"""Jobs exist only if their transaction commits, run soon after, and are tried again."""

import asyncio
from typing import Any

import pytest
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.queries import Queries

from portal import db, outbox, worker
from portal.settings import Settings

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]


async def test_job_runs_after_commit_and_never_after_rollback(settings: Settings) -> None:
    seen: list[dict[str, Any]] = []
    turns: list[int] = []

    async def run(_: Settings, payload: dict[str, Any]) -> None:
        turns.append(payload["number"])
        if payload["number"] == 3 and turns.count(3) < 2:
            raise ValueError("once more")
        seen.append(payload)

    async def tick(_: Settings) -> None:
        ticked.set()

    ticked = asyncio.Event()
    jobs = [outbox.Job("test.job", run)]
    schedules = [outbox.Schedule("test.tick", "* * * * * *", tick)]
    async with worker.running(settings, jobs, schedules, None):
        async with db.transaction():
            await outbox.enqueue_in_tx("test.job", {"number": 1})
        with pytest.raises(ValueError):
            async with db.transaction():
                await outbox.enqueue_in_tx("test.job", {"number": 2})
                raise ValueError
        async with db.transaction():
            await outbox.enqueue_in_tx("test.job", {"number": 3})
        async with asyncio.timeout(15):
            while len(seen) < 2:
                await asyncio.sleep(0.05)
            await ticked.wait()
    assert [payload["number"] for payload in seen] == [1, 3]
    assert turns.count(2) == 0 and turns.count(3) == 2


async def test_a_job_is_queued_as_the_library_does() -> None:
    """We write its table by ourselves, to spare web processes the library: a new version may want more of a row."""
    async with db.transaction():
        await outbox.enqueue_in_tx("test.alike", {"number": 1})
        async with db.connection() as connection:
            await Queries(AsyncpgDriver(connection)).enqueue("test.alike", b'{"number":1}')  # type: ignore[arg-type]
    rows = await db.fetch("DELETE FROM pgqueuer WHERE entrypoint = 'test.alike' RETURNING *")
    once = ("id", "created", "updated", "heartbeat", "execute_after")
    ours, theirs = ({name: value for name, value in row.items() if name not in once} for row in rows)
    assert ours == theirs
