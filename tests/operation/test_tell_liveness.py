"""Turns of loops, schedules and jobs: added up, written together, kept while the database is away."""

import asyncio
import socket
from typing import Any

import pytest

from portal import clock, db, heartbeat, liveness, worker
from portal.audit import anchors, jobs
from portal.errors import Unavailable
from portal.outbox import Job, Schedule, enqueue_in_tx
from portal.settings import Settings
from tests.counting import counted_statements

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]


@pytest.fixture(autouse=True)
async def nothing_before() -> None:
    liveness._tallies.clear()
    await db.execute("DELETE FROM background_task")
    await db.execute("DELETE FROM running_process")


async def task(name: str) -> Any:
    return await db.fetch_row("SELECT *, clock_timestamp() AS now FROM background_task WHERE name = $1", name)


def fail(name: str) -> None:
    with pytest.raises(ValueError), liveness.turn("LOOP", name):
        raise ValueError("Mrs Secret")


async def test_a_thousand_turns_are_one_statement() -> None:
    for number in range(1000):
        with liveness.turn("LOOP", f"loop_{number % 3}", 2.0):
            pass
    with counted_statements() as sent:
        await liveness.write()
    found = await task("loop_0")
    assert len(sent) == 1
    assert (found["runs"], found["failures"], found["failures_in_row"]) == (334, 0, 0)
    assert 1 < (found["due_at"] - found["now"]).total_seconds() < 3


async def test_failures_in_a_row_over_several_writings() -> None:
    for _ in range(2):
        fail("loop")
    await liveness.write()
    fail("loop")
    await liveness.write()
    found = await task("loop")
    assert (found["failures"], found["failures_in_row"], found["last_error"]) == (3, 3, "ValueError")
    assert found["last_finished_at"] is None and found["last_failed_at"] is not None
    with liveness.turn("LOOP", "loop"):
        pass
    fail("loop")
    await liveness.write()
    found = await task("loop")
    assert (found["runs"], found["failures"], found["failures_in_row"]) == (5, 4, 1)


async def test_a_turn_that_is_written_before_it_ends_counts_once() -> None:
    with liveness.turn("JOB", "long"):
        await liveness.write()
        assert (await task("long"))["runs"] == 0 and (await task("long"))["last_started_at"] is not None
    await liveness.write()
    await liveness.write()
    found = await task("long")
    assert found["runs"] == 1 and found["last_finished_at"] >= found["last_started_at"]
    assert 0 < found["last_seconds"] == pytest.approx(found["seconds"])


async def test_nothing_is_lost_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    fail("loop")
    with monkeypatch.context() as away:
        away.setattr(db.DB, "pool", None)
        with pytest.raises(Unavailable):
            await liveness.write()
    fail("loop")
    await liveness.write()
    found = await task("loop")
    assert (found["runs"], found["failures"], found["failures_in_row"]) == (2, 2, 2)


async def test_schedules_and_jobs_tell(settings: Settings) -> None:
    done = asyncio.Event()

    async def run(_settings: Settings, payload: dict[str, Any]) -> None:
        done.set()

    async def never(_settings: Settings) -> None:
        """Its turn is far away; that it is expected is known all the same."""

    jobs, schedules = [Job("test.told", run)], [Schedule("test.far", "0 3 1 1 *", never)]
    async with worker.running(settings, jobs, schedules, None), asyncio.timeout(15):
        async with db.transaction():
            await enqueue_in_tx("test.told", {})
        await done.wait()
        while not (await liveness.write(), await task("test.told"))[1]["runs"]:
            await asyncio.sleep(0.05)
    far = await task("test.far")
    assert far["kind"] == "SCHEDULE" and far["last_started_at"] is None and far["due_at"] > far["now"]


async def test_a_process_comes_and_goes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.05)
    sql = "SELECT *, seen_at > started_at AS again FROM running_process"
    async with heartbeat.running(settings, "WORKER"), asyncio.timeout(5):
        while not (row := await db.fetch_row(sql)) or not row["again"]:
            await asyncio.sleep(0.02)
        assert row["kind"] == "WORKER" and row["ended_at"] is None and row["memory_bytes"] > 10e6
    assert (await db.fetch_row(sql))["ended_at"] is not None  # type: ignore[index]


async def test_life_goes_on_without_the_database(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that cannot tell that it lives, lives: neither its start nor its end fails."""
    monkeypatch.setattr(db.DB, "pool", None)
    async with heartbeat.running(settings, "WEB"):
        await asyncio.sleep(0)


async def test_an_anchor_that_no_place_took_is_a_failed_turn(settings: Settings) -> None:
    folder = settings.data / anchors.FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{socket.gethostname()}-{clock.now():%Y-%m}.jsonl").mkdir()  # nothing can be written to it
    with pytest.raises(OSError), liveness.turn("SCHEDULE", "anchor_audit", 60):
        await jobs.anchor(settings)
    await liveness.write()
    found = await task("anchor_audit")
    assert (found["failures_in_row"], found["last_finished_at"], found["last_error"]) == (1, None, "OSError")
