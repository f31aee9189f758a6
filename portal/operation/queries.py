"""How the portal runs: for the health page, and as figures for Prometheus."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import msgspec

from portal import checks, db, heartbeat
from portal.metrics import Read
from portal.operation import states
from portal.operation.figures import Stored, read_rows
from portal.operation.schemas import DeadEvent, Health, Part, Process, Queue, Task
from portal.settings import Settings

# What a restore holds back is no fault, and is released from the command line by whoever knows what was sent before.
NUMBERS = """
SELECT clock_timestamp() AS now, split_part(current_setting('server_version'), ' ', 1) AS version,
    (SELECT sum(numbackends)::int FROM pg_stat_database) AS connections,
    current_setting('max_connections')::int AS most_connections,
    pg_database_size(current_database()) AS bytes,
    w.waiting, w.oldest_seconds,
    d.dead, d.restored + (SELECT count(*) FROM pgqueuer WHERE status = 'failed' AND headers->>'held_by' = 'restore')
        AS restored
FROM (
    SELECT count(*) AS waiting,
        coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS oldest_seconds
    FROM outbox_event WHERE delivered_at IS NULL AND dead_at IS NULL) AS w,
(
    SELECT count(*) FILTER (WHERE last_error LIKE 'held by a restore%') AS restored,
        count(*) FILTER (WHERE coalesce(last_error, '') NOT LIKE 'held by a restore%') AS dead
    FROM outbox_event WHERE dead_at IS NOT NULL) AS d
"""
QUEUES = """
SELECT entrypoint AS name, count(*) FILTER (WHERE status IN ('queued', 'picked')) AS waiting,
    greatest(0, coalesce(extract(epoch FROM clock_timestamp() - min(execute_after) FILTER (WHERE status = 'queued')), 0))
        ::float8 AS oldest_seconds,
    count(*) FILTER (WHERE status = 'failed' AND headers->>'held_by' IS DISTINCT FROM 'restore') AS held
FROM pgqueuer GROUP BY entrypoint ORDER BY entrypoint
"""
TASKS = "SELECT * FROM background_task ORDER BY kind, name"
# A beat comes every ten seconds: after three that were missed, and no good-bye, a process has vanished.
PROCESSES = """
SELECT *, ended_at IS NULL AND seen_at < clock_timestamp() - make_interval(secs => $1) AS vanished
FROM running_process WHERE seen_at > clock_timestamp() - interval '24 hours'
ORDER BY ended_at IS NOT NULL, started_at DESC LIMIT 40
"""
DEAD = """
SELECT id, event_type, created_at, dead_at, attempts, substring(last_error from '^([A-Z][A-Za-z]{2,60}):') AS error
FROM outbox_event WHERE dead_at IS NOT NULL AND coalesce(last_error, '') NOT LIKE 'held by a restore%'
ORDER BY dead_at DESC LIMIT 20
"""


async def health(settings: Settings) -> Health:
    """Everything that runs and everything it stands on, each with its state."""
    answers = await checks.answers(settings)
    numbers = await _numbers()
    tasks = [msgspec.convert({**row, "state": states.of_task(row, numbers["now"])}, Task) for row in await _tasks()]
    queues, processes = await _queues(), await _processes()
    parts = [
        states.database(answers["postgresql"], numbers),
        states.answering("redis", answers),
        states.answering("amqp", answers),
        _processes_part(processes, settings),
        states.outbox(numbers, has_listener=bool(settings.amqp_url)),
        states.jobs(queues),
        await _disk(settings),
    ]
    return Health(
        state=states.worst([*(part.state for part in parts), *(task.state for task in tasks)]),
        at=numbers["now"],
        parts=parts,
        tasks=tasks,
        queues=queues,
        processes=processes,
        restored=numbers["restored"],
        dead_events=[msgspec.convert(dict(row), DeadEvent) for row in await db.fetch(DEAD)],
    )


async def _numbers() -> dict[str, Any]:
    async with db.as_portal():  # only numbers leave, and Prometheus is nobody
        row = await db.fetch_row(NUMBERS)
    return dict(row or {})


async def _tasks() -> list[dict[str, Any]]:
    return [dict(row) for row in await db.fetch(TASKS)]


async def _queues() -> list[Queue]:
    return [msgspec.convert(dict(row), Queue) for row in await db.fetch(QUEUES)]


async def _processes() -> list[Process]:
    gone_after = 3 * heartbeat.BEAT_SECONDS
    return [msgspec.convert(dict(row), Process) for row in await db.fetch(PROCESSES, gone_after)]


def _processes_part(processes: list[Process], settings: Settings) -> Part:
    alive = [one.kind for one in processes if not one.vanished and one.ended_at is None]
    vanished = sum(one.vanished for one in processes)
    return states.processes(alive.count("WEB"), alive.count("WORKER"), vanished, embedded=settings.embedded)


async def _disk(settings: Settings) -> Part:
    usage = await asyncio.to_thread(shutil.disk_usage, settings.data if settings.data.exists() else Path("/"))
    return states.disk(usage.free, usage.total)


async def figures(settings: Settings) -> Read:
    """What Prometheus is told beside the counts of the processes; where the database is away, only that it is."""
    disk = await _disk(settings)
    try:
        async with asyncio.timeout(checks.SECONDS):
            stored = Stored(await _numbers(), await _tasks(), await _queues(), await _processes())
    except Exception:  # whatever it is, the figures of the processes are still told
        stored = None
    return Read(read_rows(disk.figures, stored, has_listener=bool(settings.amqp_url)))
