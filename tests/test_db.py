"""The one way to open a transaction, and what it promises."""

import asyncio

import asyncpg
import pytest

from portal import db
from portal.errors import Conflict, Unavailable
from tests.owner import as_owner

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]


@pytest.fixture(scope="module", autouse=True)
async def table(pool: None) -> None:
    await as_owner("CREATE TABLE thing (id int CONSTRAINT thing_pkey PRIMARY KEY, of int)")
    await as_owner(
        "ALTER TABLE thing ADD CONSTRAINT thing_of_fkey FOREIGN KEY (of) REFERENCES thing DEFERRABLE INITIALLY DEFERRED"
    )
    db.conflict_for("thing_pkey", "thing_taken", "Taken.")
    db.conflict_for("thing_of_fkey", "thing_unknown", "Unknown.")


async def count(number: int) -> int:
    return await db.fetch_value("SELECT count(*) FROM thing WHERE id = $1", number)


async def test_commit_runs_what_follows_and_rollback_does_not() -> None:
    seen: list[int] = []
    async with db.transaction():
        await db.execute("INSERT INTO thing VALUES (1)")
        db.after_commit(lambda: seen.append(1))
        assert seen == []
    assert seen == [1] and await count(1) == 1
    with pytest.raises(ValueError):
        async with db.transaction():
            await db.execute("INSERT INTO thing VALUES (2)")
            db.after_commit(lambda: seen.append(2))
            raise ValueError
    assert seen == [1] and await count(2) == 0


async def test_transactions_do_not_nest() -> None:
    with pytest.raises(RuntimeError, match="nest"):
        async with db.transaction(), db.transaction():
            pass
    assert not db.in_transaction()


async def test_failed_commit_leaves_no_trace() -> None:
    """Piccolo 1.38 alone leaks the connection here and never rolls back again in this task."""
    with pytest.raises(Conflict) as raised:
        async with db.transaction():
            await db.execute("INSERT INTO thing VALUES (10, 99)")
    assert raised.value.code == "thing_unknown"
    assert not db.in_transaction()
    with pytest.raises(ValueError):
        async with db.transaction():
            await db.execute("INSERT INTO thing VALUES (11)")
            raise ValueError
    assert await count(11) == 0
    pool = db.DB.pool
    assert pool is not None and pool.get_idle_size() == pool.get_size()


async def test_violated_constraint_is_the_conflict_of_its_name() -> None:
    await db.execute("INSERT INTO thing VALUES (20)")
    with pytest.raises(Conflict) as raised:
        await db.execute("INSERT INTO thing VALUES (20)")
    assert raised.value.code == "thing_taken"


async def test_exhausted_pool_answers_unavailable() -> None:
    pool = db.DB.pool
    assert pool is not None
    taken = [await pool.acquire() for _ in range(pool.get_max_size())]
    try:
        with pytest.raises(Unavailable):
            await db.fetch_value("SELECT 1")
    finally:
        for connection in taken:
            await pool.release(connection)
    assert await db.fetch_value("SELECT 1") == 1


@pytest.mark.parametrize("error", [asyncpg.SerializationError, asyncpg.DeadlockDetectedError])
async def test_serialisation_faults_are_tried_again_and_then_answered(error: type[asyncpg.PostgresError]) -> None:
    turns: list[int] = []

    @db.retried
    async def act(failures: int) -> str:
        turns.append(1)
        async with db.transaction():
            await db.execute("SELECT 1")
            if len(turns) <= failures:
                raise error("again")
        return "done"

    assert await act(2) == "done" and len(turns) == 3
    turns.clear()
    with pytest.raises(Unavailable):
        await act(99)
    assert len(turns) == db.ATTEMPTS


async def test_cancelled_task_rolls_back() -> None:
    started = asyncio.Event()

    async def slow() -> None:
        async with db.transaction():
            await db.execute("INSERT INTO thing VALUES (30)")
            started.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(slow())
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await count(30) == 0
