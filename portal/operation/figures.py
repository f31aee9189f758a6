"""The figures that are read when Prometheus asks: each with its name and its meaning."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from portal.metrics import Figures
from portal.operation.schemas import Process, Queue


class Stored(NamedTuple):
    """What one look at the database found."""

    numbers: Mapping[str, Any]
    tasks: Sequence[Mapping[str, Any]]
    queues: Sequence[Queue]
    processes: Sequence[Process]


def read_rows(disk: Mapping[str, Any], stored: Stored | None, *, has_listener: bool) -> Iterator[Figures]:
    """All of them; those of the outbox only where another system listens, else nothing would ever leave it."""
    yield gauge("portal_disk_free_bytes", "Free space of the data folder's disk.", disk["free"])
    yield gauge("portal_database_up", "Whether the database answered when these figures were read.", stored is not None)
    if stored is None:
        return
    yield from of_database(stored.numbers)
    yield from of_tasks(stored.tasks)
    yield from of_queues(stored.queues)
    yield from of_processes(stored.processes)
    if has_listener:
        yield from of_outbox(stored.numbers)


def gauge(name: str, meaning: str, figure: float) -> Figures:
    return Figures(name, meaning, "gauge", "", {"": float(figure)})


def of_database(numbers: Mapping[str, Any]) -> Iterator[Figures]:
    yield gauge("portal_database_connections", "Connections of all to PostgreSQL.", numbers["connections"])
    yield gauge("portal_database_connections_most", "Connections that PostgreSQL allows.", numbers["most_connections"])
    yield gauge("portal_database_bytes", "Size of the portal's database.", numbers["bytes"])


def of_outbox(numbers: Mapping[str, Any]) -> Iterator[Figures]:
    yield gauge("portal_outbox_waiting", "Events that wait for the broker.", numbers["waiting"])
    yield gauge("portal_outbox_oldest_seconds", "Age of the oldest event that waits.", numbers["oldest_seconds"])
    yield gauge("portal_outbox_dead", "Events that were refused too often and are parked.", numbers["dead"])


def of_queues(queues: Sequence[Queue]) -> Iterator[Figures]:
    def by_job(name: str, meaning: str, figure: str) -> Figures:
        return Figures(name, meaning, "gauge", "job", {one.name: float(getattr(one, figure)) for one in queues})

    yield by_job("portal_jobs_waiting", "Jobs that wait or run now; mails are the job `mail`.", "waiting")
    yield by_job("portal_jobs_oldest_seconds", "How long the oldest job is overdue.", "oldest_seconds")
    yield by_job("portal_jobs_held", "Jobs that failed too often and are held for a person.", "held")


def of_processes(processes: Sequence[Process]) -> Iterator[Figures]:
    alive = [one.kind for one in processes if not one.vanished and one.ended_at is None]
    yield gauge("portal_workers", "Worker processes that gave a sign of life, on all hosts.", alive.count("WORKER"))
    yield gauge("portal_web_processes", "Web processes that gave a sign of life, on all hosts.", alive.count("WEB"))
    vanished = sum(one.vanished for one in processes)
    yield gauge("portal_processes_vanished", "Processes of the last day that ended without saying so.", vanished)


def of_tasks(tasks: Sequence[Mapping[str, Any]]) -> Iterator[Figures]:
    """Loops, schedules and jobs of all processes together."""

    def by_task(kind: str, name: str, meaning: str, column: str) -> Figures:
        found = {one["name"]: number(one[column]) for one in tasks if one[column] is not None}
        return Figures(name, meaning, kind, "task", found)

    yield by_task("counter", "portal_task_runs", "Turns of each loop, schedule and job.", "runs")
    yield by_task("counter", "portal_task_failures", "Turns that failed.", "failures")
    yield by_task("counter", "portal_task_seconds", "Time that the turns took.", "seconds")
    yield by_task(
        "gauge", "portal_task_failures_in_row", "Turns that failed since the last one that did not.", "failures_in_row"
    )
    yield by_task(
        "gauge", "portal_task_last_success_timestamp", "When a turn last ended well, Unix time.", "last_finished_at"
    )
    yield by_task("gauge", "portal_task_due_timestamp", "When the next turn should begin, Unix time.", "due_at")


def number(value: Any) -> float:
    return value.timestamp() if isinstance(value, datetime) else float(value)
