"""G11: a new version under load: one process after the other is replaced, and the schema changes in between."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from portal.accounts import tokens
from portal.settings import Settings
from tests import catalogue
from tests.faults.load import CUT
from tests.faults.stage import crowd
from tests.faults.test_workers_killed import let_time_pass
from tests.invariants import broken, doubled
from tests.owner import as_owner
from tests.portal_server import Served, served
from tests.services import Redis, free_port, redis
from tests.shell.test_serve import run

pytestmark = [pytest.mark.anyio, pytest.mark.G11]

ROUNDS, PAUSE = (3, 1.0) if catalogue.FULL else (1, 0.3)
ISSUER = "http://127.0.0.1:1"
# What a next version may do while this one runs: add. Each table that every request reads is among them.
STEPS = """
ALTER TABLE account ADD COLUMN next_{n} text;
ALTER TABLE login ADD COLUMN next_{n} text NOT NULL DEFAULT '';
ALTER TABLE slot ADD COLUMN next_{n} int;
ALTER TABLE appointment ADD COLUMN next_{n} text NOT NULL DEFAULT '';
ALTER TABLE outbox_event ADD COLUMN next_{n} text;
ALTER TABLE idempotency_key ADD COLUMN next_{n} text;
CREATE TABLE next_{n} (id uuid PRIMARY KEY, appointment_id uuid REFERENCES appointment);
CREATE INDEX next_{n}_found ON appointment (next_{n}) WHERE next_{n} <> ''
"""


class Process:
    """One process of the portal, behind an address that stays."""

    def __init__(self, settings: Settings, shared: Redis, name: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._data = settings.data / name
        self._given = {
            "DATABASE_URL": settings.database_url, "PORTAL_RATE_LIMIT": "0", "REDIS_URL": shared.url,
            "PORTAL_BASE_URL": ISSUER, "PORTAL_KEYS": str(settings.data / "keys.json"),
        }  # fmt: skip
        self._running = ExitStack()
        self.portal: Served | None = None

    def start(self) -> None:
        self.portal = self._running.enter_context(served(data=self._data, port=self.port, **self._given))

    def stop(self) -> int:
        assert self.portal is not None
        code = self.portal.stop()
        self._running.close()
        return code


@pytest.fixture(scope="module")
async def processes(settings: Settings, pool: None) -> AsyncIterator[list[Process]]:
    tokens.use_keys(replace(settings, base_url=ISSUER))
    with redis() as shared:
        both = [Process(settings, shared, name) for name in ("one", "other")]
        await asyncio.gather(*(asyncio.to_thread(one.start) for one in both))
        yield both
        for one in both:
            one.stop()


async def migrate_under_load(database_url: str, number: int) -> None:
    """As an operator does, and then the steps of a next version, each with a bound on how long it makes others wait."""
    migrated = await asyncio.to_thread(run, "migrate", DATABASE_URL=database_url)
    assert migrated.returncode == 0, migrated.stderr
    for step in STEPS.format(n=number).strip().split(";\n"):
        await as_owner("BEGIN; SET LOCAL lock_timeout = '1s'; " + step + "; COMMIT")
        await asyncio.sleep(0.05)


async def test_rolling_restart(processes: list[Process], settings: Settings) -> None:
    callers = await crowd([one.url for one in processes])
    time_passes = asyncio.create_task(let_time_pass())
    running = asyncio.create_task(callers.run(600))
    codes = []
    for number in range(ROUNDS):
        await asyncio.sleep(PAUSE)
        await migrate_under_load(settings.database_url, number)  # both old processes go on with it
        await asyncio.sleep(PAUSE)
        for one in processes:
            codes.append(await asyncio.to_thread(one.stop))
            await asyncio.sleep(PAUSE)
            await asyncio.to_thread(one.start)
            await asyncio.sleep(PAUSE)
    callers.stopped.set()
    await running
    time_passes.cancel()
    lost, twice = await doubled(settings.database_url, callers.promised + callers.uncertain)
    other = Counter(one.status for one in callers.seen if one.status >= 500 and one.status != 503)
    statuses = callers.statuses()
    catalogue.figure(
        "G11", f"{len(codes)} restarts, {ROUNDS} changes of the schema, {len(callers.seen)} requests: {statuses[CUT]} moved to"
        f" the other process, {statuses[503]} x 503, {other.total()} other 5xx, {lost} lost, {twice} doubled",
    )  # fmt: skip
    assert not callers.broken_answers() and not other and (lost, twice) == (0, 0) and set(codes) == {0}
    assert not await broken(settings.database_url)


async def test_a_column_renamed_in_one_step_breaks_old_code(processes: list[Process]) -> None:
    """The naive twin: a change that old code cannot live with, while old code runs. The same callers notice it."""
    callers = await crowd([one.url for one in processes], people=4, slots=12)
    running = asyncio.create_task(callers.run(1.5))
    await asyncio.sleep(0.4)
    await as_owner("ALTER TABLE appointment RENAME COLUMN chief_complaint TO complaint")
    await asyncio.sleep(0.6)
    await as_owner("ALTER TABLE appointment RENAME COLUMN complaint TO chief_complaint")
    await running
    wrong = callers.broken_answers()
    catalogue.figure(
        "G11", f"naive twin, a column renamed in one step: {len(wrong)} of {len(callers.seen)} answered by 500"
    )
    assert wrong
