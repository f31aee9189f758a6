"""What a system admin, and whatever watches the portal, is told about how it runs. Nothing of a person."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec


class State(StrEnum):
    """How something does; ordered from well to worst."""

    OFF = "OFF"  # not in use on this portal
    GOOD = "GOOD"
    LOOK = "LOOK"  # works, but somebody should look at it
    BAD = "BAD"


class Part(msgspec.Struct, frozen=True):
    """Something that the portal stands on or keeps in order, with the figures that its state was decided by."""

    name: str
    state: State
    figures: dict[str, float | str] = {}


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A loop, schedule or job."""

    name: str
    kind: str
    state: State
    last_started_at: datetime | None
    last_finished_at: datetime | None
    last_failed_at: datetime | None
    last_error: str | None
    due_at: datetime | None
    failures_in_row: int
    runs: int
    failures: int
    seconds: float
    last_seconds: float | None  # how long the last run took


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A web or worker process of the last day; one that vanished ended without saying so."""

    id: UUID
    kind: str
    host: str
    pid: int
    version: str
    memory_bytes: int
    started_at: datetime
    seen_at: datetime
    ended_at: datetime | None
    vanished: bool


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs of one kind that wait, and those that failed too often and are held for a person."""

    name: str
    waiting: int
    oldest_seconds: float
    held: int


class DeadEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An integration event that was refused too often; `error` is the kind of the last refusal."""

    id: UUID
    event_type: str
    created_at: datetime
    dead_at: datetime
    attempts: int
    error: str | None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The whole: its state is that of the part which does worst."""

    state: State
    at: datetime
    parts: list[Part]
    tasks: list[Task]
    queues: list[Queue]
    processes: list[Process]
    dead_events: list[DeadEvent]
    restored: int  # events and jobs that a restore holds back, because they may have been sent before


class Done(msgspec.Struct, frozen=True):
    """How many events or jobs got a new start."""

    count: int
