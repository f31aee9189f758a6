"""From figures to a state, with every threshold in one place; `docs/operations.md` explains each to whoever is called."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from portal.operation.schemas import Part, Queue, State

GIGABYTE = 1024**3

SLOW_SECONDS = 0.5  # an answer of PostgreSQL, Redis or the broker
CONNECTIONS = (0.8, 0.95)  # of all that PostgreSQL allows
WAITING_SECONDS = (60.0, 600.0)  # the oldest event or job that waits
DISK_BYTES = (2 * GIGABYTE, GIGABYTE // 2)  # free
LATE = {"LOOP": timedelta(seconds=30), "SCHEDULE": timedelta(minutes=2), "JOB": timedelta.max}
VERY_LATE = timedelta(minutes=10)
FAILURES = 3  # in a row


def worst(states: Iterable[State]) -> State:
    order = list(State)
    return max(states, key=order.index, default=State.GOOD)


def rising(figure: float, look: float, bad: float) -> State:
    """Good while small."""
    return State.BAD if figure >= bad else State.LOOK if figure >= look else State.GOOD


def of_answer(seconds: float | None) -> State:
    return State.BAD if seconds is None else rising(seconds, SLOW_SECONDS, float("inf"))


def answering(name: str, answers: Mapping[str, float | None]) -> Part:
    """Redis or the broker, which a portal may do without."""
    if name not in answers:
        return Part(name, State.OFF)
    seconds = answers[name]
    return Part(name, of_answer(seconds), {} if seconds is None else {"seconds": round(seconds, 4)})


def database(seconds: float | None, numbers: Mapping[str, Any]) -> Part:
    used, most = numbers["connections"], numbers["most_connections"]
    state = worst([of_answer(seconds), rising(used / most, *CONNECTIONS)])
    figures = {name: numbers[name] for name in ("version", "connections", "most_connections", "bytes")}
    return Part("postgresql", state, {"seconds": round(seconds or 0, 4), **figures})


def outbox(numbers: Mapping[str, Any], *, has_listener: bool) -> Part:
    """Where no other system listens, events wait for nobody and that is as it should be."""
    figures = {"waiting": numbers["waiting"], "oldest_seconds": numbers["oldest_seconds"], "dead": numbers["dead"]}
    if not has_listener:
        return Part("outbox", State.OFF, figures)
    parked = State.LOOK if numbers["dead"] else State.GOOD
    return Part("outbox", worst([parked, rising(numbers["oldest_seconds"], *WAITING_SECONDS)]), figures)


def jobs(queues: list[Queue]) -> Part:
    waiting, held = sum(one.waiting for one in queues), sum(one.held for one in queues)
    oldest = max((one.oldest_seconds for one in queues), default=0.0)
    state = worst([State.LOOK if held else State.GOOD, rising(oldest, *WAITING_SECONDS)])
    return Part("jobs", state, {"waiting": waiting, "oldest_seconds": oldest, "held": held})


def processes(web: int, workers: int, vanished: int, *, embedded: bool) -> Part:
    """Somebody must run the jobs: the web process itself in the embedded default, else a worker."""
    missing = State.GOOD if workers or embedded else State.BAD
    state = worst([missing, State.LOOK if vanished else State.GOOD])
    return Part("processes", state, {"web": web, "workers": workers, "vanished": vanished})


def disk(free: int, total: int) -> Part:
    look, bad = DISK_BYTES
    state = State.BAD if free < bad else State.LOOK if free < look else State.GOOD
    return Part("disk", state, {"free": free, "total": total})


def of_task(row: Mapping[str, Any], now: datetime) -> State:
    """Failing again and again, or late: both mean that it does not do its work."""
    late = now - row["due_at"] if row["due_at"] else timedelta()
    if row["failures_in_row"] >= FAILURES or late > VERY_LATE:
        return State.BAD
    is_late = late > LATE[row["kind"]]
    return State.LOOK if is_late or row["failures_in_row"] else State.GOOD
