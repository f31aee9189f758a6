"""What runs beside the requests: queued jobs and schedules on PgQueuer, and the relay of integration events.

Inside the web process in the embedded default, as `portal worker` processes on a cluster. Every loop heals itself:
a turn that fails is logged and tried again after a pause.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import msgspec
from croniter import croniter
from pgqueuer import PgQueuer
from pgqueuer.core.executors import DatabaseRetryEntrypointExecutor
from pgqueuer.models import Job as QueuedJob
from pgqueuer.models import Schedule as QueuedSchedule

from portal import acting, clock, db, liveness, outbox, tracing
from portal.errors import DomainError
from portal.outbox import Job, Loop, Schedule, Sink
from portal.pool import session_of
from portal.settings import Settings

logger = logging.getLogger(__name__)
Prepare = Callable[[], Awaitable[None]]

PAUSE_SECONDS = 2.0  # after a failed turn, and the longest that a relay sleeps without being woken
SOON_SECONDS = 0.1  # after events were found: of many that come at once, only one wakes the relay (see m0053)
AGAIN_SECONDS = 300.0  # after which a schedule that failed has another turn, if its own does not come before
# PgQueuer keeps each schedule's next turn in the database, so a turn that nobody was there for is taken once by whoever
# comes next, and one whose worker was killed by another after half a minute. A turn that failed, or that was cut short
# because its process ended, would be lost until the next: for a nightly one that is a day.
COME_BACK = """
UPDATE pgqueuer_schedules SET next_run = least(next_run, clock_timestamp() + make_interval(secs => $2))
WHERE entrypoint = $1
"""


@asynccontextmanager
async def running(
    settings: Settings,
    jobs: Sequence[Job],
    schedules: Sequence[Schedule],
    sink: Sink | None,
    turns: Sequence[Loop] = (),
    prepare: Prepare | None = None,
) -> AsyncIterator[None]:
    """Run everything until the block ends; `sink` is None where no other system listens.

    `prepare` makes the sink's place for events before the first one comes; it is tried until it succeeds.
    """
    loops = [asyncio.create_task(_queue_for_ever(settings, jobs, schedules), name="jobs")]
    loops += [asyncio.create_task(_turn_for_ever(loop), name=loop.name) for loop in turns]
    if sink is not None:
        loops.append(asyncio.create_task(_relay_for_ever(settings, sink, prepare), name="relay"))
    try:
        yield
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


async def _queue_for_ever(settings: Settings, jobs: Sequence[Job], schedules: Sequence[Schedule]) -> None:
    while True:
        try:
            await _queue_while_connected(settings, jobs, schedules)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            logger.warning("job queue lost the database (%s); trying again", type(error).__name__)
        await asyncio.sleep(PAUSE_SECONDS)


async def _queue_while_connected(settings: Settings, jobs: Sequence[Job], schedules: Sequence[Schedule]) -> None:
    """Work until the database ends a connection that does nothing else. Raises ConnectionError then.

    PgQueuer would go on over new connections of its pool, but hear of no job any more: it would only look for some
    every ten seconds.
    """
    pool = await asyncpg.create_pool(settings.database_url, min_size=1, max_size=5, server_settings=session_of())
    working = asyncio.create_task(_queue(pool, settings, jobs, schedules))

    def stop(_: object) -> None:
        working.cancel()

    try:
        async with pool.acquire() as watched:
            watched.add_termination_listener(stop)
            await asyncio.wait([working])
        if working.cancelled():
            raise ConnectionError
        working.result()
    finally:
        working.cancel()
        await asyncio.wait([working])
        await _close(pool)


async def _close(pool: asyncpg.Pool) -> None:
    """What still uses the pool may end, for a moment."""
    try:
        async with asyncio.timeout(PAUSE_SECONDS / 2):
            await pool.close()
    except TimeoutError:
        pool.terminate()


async def _queue(pool: asyncpg.Pool, settings: Settings, jobs: Sequence[Job], schedules: Sequence[Schedule]) -> None:
    queue = PgQueuer.from_asyncpg_pool(pool)
    for job in jobs:
        _register_job(queue, job, settings)
    for schedule in schedules:
        _register_schedule(queue, schedule, settings)
    await queue.run(dequeue_timeout=timedelta(seconds=10))


def seconds_until_next(cron: str) -> float:
    """From now to the next turn of a schedule, by its rule in UTC."""
    now = clock.now().timestamp()
    return float(croniter(cron, now).get_next(float)) - now


def _register_job(queue: PgQueuer, job: Job, settings: Settings) -> None:
    liveness.expect("JOB", job.name)

    @queue.entrypoint(job.name, on_failure="hold", executor_factory=DatabaseRetryEntrypointExecutor)
    async def run(queued: QueuedJob) -> None:
        with tracing.span(f"job {job.name}"), liveness.turn("JOB", job.name):
            async with db.as_portal():  # nobody asked for it in this moment
                await job.run(settings, msgspec.json.decode(queued.payload or b"{}"))


def _register_schedule(queue: PgQueuer, schedule: Schedule, settings: Settings) -> None:
    liveness.expect("SCHEDULE", schedule.name, seconds_until_next(schedule.cron))

    @queue.schedule(schedule.name, schedule.cron)
    async def run(_: QueuedSchedule) -> None:
        try:
            due = seconds_until_next(schedule.cron)
            with tracing.span(f"schedule {schedule.name}"), liveness.turn("SCHEDULE", schedule.name, due):
                async with db.as_portal():
                    await schedule.run(settings)
        except asyncio.CancelledError:
            await asyncio.shield(_come_back(schedule.name, 0))
            raise
        except Exception:
            logger.exception("schedule %s failed; it has another turn soon", schedule.name)
            await _come_back(schedule.name, AGAIN_SECONDS)


async def _come_back(name: str, seconds: float) -> None:
    try:
        await db.execute(COME_BACK, name, float(seconds))
    except DomainError:
        logger.warning("schedule %s keeps its next turn: the database did not take another", name)


async def _turn_for_ever(loop: Loop) -> None:
    acting.become(acting.PORTAL)  # this task works for everybody, and does nothing else
    while True:
        try:
            with liveness.turn("LOOP", loop.name, PAUSE_SECONDS):
                while await loop.run():
                    pass
        except Exception as error:
            logger.warning("loop %s failed (%s); trying again", loop.name, type(error).__name__)
        await asyncio.sleep(PAUSE_SECONDS)


async def _relay_for_ever(settings: Settings, sink: Sink, prepare: Prepare | None) -> None:
    woken = asyncio.Event()
    listener: asyncpg.Connection | None = None
    acting.become(acting.PORTAL)  # this task delivers everybody's events, and does nothing else
    found = 0
    try:
        while True:
            try:
                if listener is None or listener.is_closed():
                    listener = await asyncpg.connect(settings.database_url, server_settings=session_of())
                    await listener.add_listener("outbox", lambda *_: woken.set())
                woken.clear()
                found = 0
                with liveness.turn("LOOP", "relay", PAUSE_SECONDS):
                    if prepare is not None:
                        await prepare()
                        prepare = None
                    while more := await outbox.relay_once(sink):
                        found += more
            except Exception as error:
                logger.warning("relay turn failed (%s); trying again", type(error).__name__)
                await asyncio.sleep(PAUSE_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), SOON_SECONDS if found else PAUSE_SECONDS)
    finally:
        if listener is not None and not listener.is_closed():
            await listener.close(timeout=1)
