"""What is counted: every figure with its name and meaning, and the text that Prometheus reads.

Labels are few and bounded: templates of routes, codes, states. No id, no address and nothing of a person is ever one.
Several web processes on one host share memory-mapped files in `PROMETHEUS_MULTIPROC_DIR`, which `portal serve` sets
before it starts them; any one of them then answers for all. What stands in the database (the outbox, mails, work done
by workers) is read when somebody asks, see `portal.operation.queries`.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from portal.settings import METRICS_FOLDER

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE"})
QUICK = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0)

OWN = CollectorRegistry()

REQUESTS = Histogram(
    "portal_request_seconds",
    "Time to the first byte of an answer; its count is the number of requests.",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
    registry=OWN,
)
REFUSALS = Counter("portal_refusals", "Requests that were refused, by the code of the refusal.", ["code"], registry=OWN)
BOOKINGS = Counter(
    "portal_bookings", "Visits that were booked or moved to another time, after the commit.", registry=OWN
)
HOLDS = Counter(
    "portal_holds", "Times kept for patients, given back, or refused, by outcome.", ["outcome"], registry=OWN
)
LOGIN_FAILURES = Counter("portal_login_failures", "Wrong passwords and unknown addresses.", registry=OWN)

STREAMS = Gauge("portal_streams_open", "Live streams that are open.", multiprocess_mode="livesum", registry=OWN)
STREAMS_DROPPED = Counter("portal_streams_dropped", "Streams ended because their reader did not read.", registry=OWN)
FAN_OUT = Histogram(
    "portal_fan_out_seconds",
    "From the moment a process hears of a change to its last write to a reader.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
    registry=OWN,
)
APART = Gauge(
    "portal_live_apart", "Web processes that do not hear the others.", multiprocess_mode="livesum", registry=OWN
)

POOL_OPEN = Gauge("portal_pool_open", "Open database connections.", multiprocess_mode="livesum", registry=OWN)
POOL_IN_USE = Gauge("portal_pool_in_use", "Connections at work now.", multiprocess_mode="livesum", registry=OWN)
POOL_MOST = Gauge("portal_pool_most", "Connections that the pools may open.", multiprocess_mode="livesum", registry=OWN)
POOL_WAITING = Gauge(
    "portal_pool_waiting", "Requests that wait for a connection.", multiprocess_mode="livesum", registry=OWN
)
POOL_TIMEOUTS = Counter("portal_pool_timeouts", "Requests that got no connection in time (503).", registry=OWN)

PROCESSES = Gauge("portal_processes", "Web processes of this host.", multiprocess_mode="livesum", registry=OWN)
MEMORY = Gauge("portal_memory_bytes", "Resident memory of them together.", multiprocess_mode="livesum", registry=OWN)
CPU = Counter("portal_cpu_seconds", "Processor time of them together.", registry=OWN)
LOOP_DELAY = Histogram(
    "portal_event_loop_delay_seconds", "How late a process came to what was due.", buckets=QUICK, registry=OWN
)

pool_waiting = 0  # requests of this process that wait for a connection now; `db` counts them
_of_requests: dict[tuple[str, str, int], Histogram] = {}


def request(method: str, route: str, status: int, seconds: float) -> None:
    """Count one answer. `route` is a template of ours, never a path; a method that is none of HTTP's is `other`."""
    key = (method, route, status // 100)
    counted = _of_requests.get(key)
    if counted is None:
        known = method if method in METHODS else "other"
        counted = REQUESTS.labels(known, route, f"{key[2]}xx")
        if known == method:  # what clients invent must not be remembered
            _of_requests[key] = counted
    counted.observe(seconds)


class Figures(NamedTuple):
    """A figure that was read a moment ago: a `counter` or `gauge`, for each value of its label, or for "" alone."""

    name: str
    meaning: str
    kind: str
    label: str
    values: dict[str, float]


class Read(Collector):
    """Everything that was read a moment ago."""

    def __init__(self, rows: Iterable[Figures]) -> None:
        self._rows = tuple(rows)

    def collect(self) -> Iterator[Metric]:
        for name, meaning, kind, label, figures in self._rows:
            family = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
            found: Metric = family(name, meaning, labels=[label] if label else [])
            for value, figure in figures.items():
                found.add_metric([value] if label else [], figure)  # type: ignore[attr-defined]  # both families have it
            yield found


def text(read: Read) -> bytes:
    """Everything in Prometheus's text format; reads the files of the other processes, so call it in a thread."""
    registry = CollectorRegistry() if METRICS_FOLDER in os.environ else OWN
    if registry is not OWN:
        forget_dead_processes(Path(os.environ[METRICS_FOLDER]))
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    stored = CollectorRegistry()
    stored.register(read)
    return generate_latest(registry) + generate_latest(stored)


def forget_dead_processes(folder: Path) -> None:
    """What a process that has died showed last (its memory, its streams) counts no more; what it counted stays."""
    for pid in {path.stem.rpartition("_")[2] for path in folder.glob("gauge_live*.db")}:
        if not Path(f"/proc/{pid}").exists():
            _forget(pid, folder)


def _forget(pid: str | int, folder: Path) -> None:
    """As the library's `mark_process_dead`, but another process may be doing the same in this moment."""
    for gauge in folder.glob(f"gauge_live*_{pid}.db"):
        gauge.unlink(missing_ok=True)


def forget_origin() -> None:
    """A worker is a copy of a process that serves nobody: what that one shows counts for nothing."""
    if METRICS_FOLDER in os.environ:
        _forget(os.getppid(), Path(os.environ[METRICS_FOLDER]))
