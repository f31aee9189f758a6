"""Each process tells that it lives: a row in the database every few seconds, and its own figures twice a second."""

import asyncio
import logging
import os
import resource
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from portal import __version__, db, live, liveness, metrics
from portal.errors import DomainError
from portal.ids import uuid7
from portal.settings import Settings

logger = logging.getLogger(__name__)

BEAT_SECONDS = 10.0
SAMPLE_SECONDS = 0.5
KEPT_DAYS = 7

ALIVE = """
INSERT INTO running_process (id, kind, host, pid, version, memory_bytes) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp(), memory_bytes = excluded.memory_bytes
"""
ENDED = "UPDATE running_process SET ended_at = clock_timestamp(), seen_at = clock_timestamp() WHERE id = $1"
FORGET = "DELETE FROM running_process WHERE seen_at < clock_timestamp() - make_interval(days => $1)"


@asynccontextmanager
async def running(settings: Settings, kind: str) -> AsyncIterator[None]:
    """Beat until the block ends; `kind` is `WEB` or `WORKER`."""
    process = uuid7()
    await _beat(process, kind, first=True)
    tasks = [asyncio.create_task(_beat_for_ever(process, kind)), asyncio.create_task(_sample_for_ever(settings))]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await _end(process)


async def _beat_for_ever(process: UUID, kind: str) -> None:
    await asyncio.sleep(min(BEAT_SECONDS, 1.0))  # what was started beside us is known by then
    while True:
        await _beat(process, kind)
        await asyncio.sleep(BEAT_SECONDS)


async def _beat(process: UUID, kind: str, *, first: bool = False) -> None:
    """Nothing depends on it: a beat that the database does not take is left out."""
    try:
        await db.execute(ALIVE, process, kind, socket.gethostname()[:100], os.getpid(), __version__, memory_bytes())
        await liveness.write()
        if first:
            await db.execute(FORGET, KEPT_DAYS)
    except DomainError:
        logger.warning("the database did not take a sign of life")
    except Exception:
        logger.exception("a sign of life could not be given")


async def _end(process: UUID) -> None:
    try:
        await liveness.write()
        await db.execute(ENDED, process)
    except Exception as error:
        logger.warning("the database did not hear that this process ends (%s)", type(error).__name__)


async def _sample_for_ever(settings: Settings) -> None:
    """Come back a little later again and again: how much later is the delay that every request has as well."""
    metrics.PROCESSES.set(1)
    metrics.POOL_MOST.set(settings.pool_size)
    while True:
        began = time.monotonic()
        await asyncio.sleep(SAMPLE_SECONDS)
        metrics.LOOP_DELAY.observe(max(0.0, time.monotonic() - began - SAMPLE_SECONDS))
        sample()


_cpu_counted = 0.0


def sample() -> None:
    """Put what is true now into the gauges of this process."""
    global _cpu_counted
    pool, hub = db.DB.pool, live.stats()
    metrics.POOL_OPEN.set(pool.get_size() if pool else 0)
    metrics.POOL_IN_USE.set(pool.get_size() - pool.get_idle_size() if pool else 0)
    metrics.POOL_WAITING.set(metrics.pool_waiting)
    metrics.STREAMS.set(hub.get("readers", 0))
    metrics.APART.set(not hub.get("connected", True))
    metrics.MEMORY.set(memory_bytes())
    used = time.process_time()
    metrics.CPU.inc(max(0.0, used - _cpu_counted))
    _cpu_counted = used


def memory_bytes() -> int:
    """What this process has in memory now; where the system does not tell, the most that it ever had."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
