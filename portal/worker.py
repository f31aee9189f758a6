"""What runs beside the requests: queued jobs and schedules on PgQueuer, and the relay of integration events.

Inside the web process in the embedded default, as `portal worker` processes on a cluster. Every loop heals itself:
a turn that fails is logged and tried again after a pause.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import msgspec
from pgqueuer import PgQueuer
from pgqueuer.core.executors import DatabaseRetryEntrypointExecutor
from pgqueuer.models import Job as QueuedJob
from pgqueuer.models import Schedule as QueuedSchedule

from portal import outbox
from portal.outbox import Job, Schedule, Sink
from portal.settings import Settings

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 2.0  # after a failed turn, and the longest that a relay sleeps without being woken


@asynccontextmanager
async def running(
    settings: Settings, jobs: Sequence[Job], schedules: Sequence[Schedule], sink: Sink | None
) -> AsyncIterator[None]:
    """Run everything until the block ends; `sink` is None where no other system listens."""
    loops = [asyncio.create_task(_queue_for_ever(settings, jobs, schedules), name="jobs")]
    if sink is not None:
        loops.append(asyncio.create_task(_relay_for_ever(settings, sink), name="relay"))
    try:
        yield
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


async def _queue_for_ever(settings: Settings, jobs: Sequence[Job], schedules: Sequence[Schedule]) -> None:
    while True:
        try:
            async with asyncpg.create_pool(settings.database_url, min_size=1, max_size=4) as pool:
                await _queue(pool, settings, jobs, schedules)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            logger.warning("job queue lost the database (%s); trying again", type(error).__name__)
        await asyncio.sleep(PAUSE_SECONDS)


async def _queue(pool: asyncpg.Pool, settings: Settings, jobs: Sequence[Job], schedules: Sequence[Schedule]) -> None:
    queue = PgQueuer.from_asyncpg_pool(pool)
    for job in jobs:
        _register_job(queue, job, settings)
    for schedule in schedules:
        _register_schedule(queue, schedule, settings)
    await queue.run(dequeue_timeout=timedelta(seconds=10))


def _register_job(queue: PgQueuer, job: Job, settings: Settings) -> None:
    @queue.entrypoint(job.name, on_failure="hold", executor_factory=DatabaseRetryEntrypointExecutor)
    async def run(queued: QueuedJob) -> None:
        await job.run(settings, msgspec.json.decode(queued.payload or b"{}"))


def _register_schedule(queue: PgQueuer, schedule: Schedule, settings: Settings) -> None:
    @queue.schedule(schedule.name, schedule.cron)
    async def run(_: QueuedSchedule) -> None:
        try:
            await schedule.run(settings)
        except Exception:
            logger.exception("schedule %s failed; its next turn comes", schedule.name)


async def _relay_for_ever(settings: Settings, sink: Sink) -> None:
    woken = asyncio.Event()
    listener: asyncpg.Connection | None = None
    try:
        while True:
            try:
                if listener is None or listener.is_closed():
                    listener = await asyncpg.connect(settings.database_url)
                    await listener.add_listener("outbox", lambda *_: woken.set())
                woken.clear()
                while await outbox.relay_once(sink):
                    pass
            except Exception as error:
                logger.warning("relay turn failed (%s); trying again", type(error).__name__)
                await asyncio.sleep(PAUSE_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), PAUSE_SECONDS)
    finally:
        if listener is not None and not listener.is_closed():
            await listener.close(timeout=1)
