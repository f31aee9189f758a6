"""What runs by itself, and whether it still does: each loop, schedule and job tells of its turns.

    with liveness.turn("SCHEDULE", "forget_old"):
        await forget_old(settings)

Turns are added up in memory and written together every few seconds (`portal.heartbeat`), so that telling costs next
to nothing however often something runs. Ages travel instead of times: the database's clock is the only one.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from portal import db

WRITE = """
INSERT INTO background_task AS b (name, kind, last_started_at, last_finished_at, last_failed_at, last_error, due_at,
    failures_in_row, runs, failures, seconds, last_seconds)
SELECT name, kind, now - make_interval(secs => started), now - make_interval(secs => finished),
    now - make_interval(secs => failed), error, now + make_interval(secs => due), in_row, runs, failures, seconds,
    last_seconds
FROM unnest($1::text[], $2::text[], $3::float8[], $4::float8[], $5::float8[], $6::text[], $7::float8[], $8::int[],
        $9::int[], $10::int[], $11::float8[], $12::float8[])
    AS t (name, kind, started, finished, failed, error, due, in_row, runs, failures, seconds, last_seconds),
    clock_timestamp() AS now
ORDER BY name
ON CONFLICT (name) DO UPDATE SET
    kind = excluded.kind,
    last_started_at = greatest(b.last_started_at, excluded.last_started_at),
    last_finished_at = greatest(b.last_finished_at, excluded.last_finished_at),
    last_failed_at = greatest(b.last_failed_at, excluded.last_failed_at),
    last_error = coalesce(excluded.last_error, b.last_error),
    due_at = greatest(b.due_at, excluded.due_at),
    failures_in_row = excluded.failures_in_row
        + CASE WHEN excluded.last_finished_at IS NULL THEN b.failures_in_row ELSE 0 END,
    runs = b.runs + excluded.runs,
    failures = b.failures + excluded.failures,
    seconds = b.seconds + excluded.seconds,
    last_seconds = coalesce(excluded.last_seconds, b.last_seconds)
"""


@dataclass
class Tally:
    """The turns of one task since they were written last; moments are of this process's monotonic clock."""

    kind: str
    started: float | None = None
    due: float | None = None
    finished: float | None = None
    failed: float | None = None
    error: str | None = None
    in_row: int = 0
    runs: int = 0
    failures: int = 0
    seconds: float = 0.0
    last_seconds: float | None = None


_tallies: dict[str, Tally] = {}


def expect(kind: str, name: str, next_in: float | None = None) -> None:
    """Make something known that has not run yet, with the seconds until it should."""
    tally = _tallies.setdefault(name, Tally(kind))
    tally.due = None if next_in is None else time.monotonic() + next_in


@contextmanager
def turn(kind: str, name: str, next_in: float | None = None) -> Iterator[None]:
    """One turn of something that runs by itself. `next_in`: seconds after which the next one should have begun."""
    began = time.monotonic()
    tally = _tallies.setdefault(name, Tally(kind))
    tally.started, tally.due = began, None if next_in is None else began + next_in
    error: BaseException | None = None
    try:
        yield
    except BaseException as raised:
        error = raised
        raise
    finally:
        # What stood there when the turn began may have been written meanwhile.
        _end(_tallies.setdefault(name, Tally(kind, began, tally.due)), began, error)


def _end(tally: Tally, began: float, error: BaseException | None) -> None:
    now = time.monotonic()
    tally.runs, tally.seconds, tally.last_seconds = tally.runs + 1, tally.seconds + now - began, now - began
    if error is None:
        tally.finished, tally.in_row = now, 0
        return
    tally.failed, tally.error = now, type(error).__name__  # never its text, which may hold what a person wrote
    tally.failures, tally.in_row = tally.failures + 1, tally.in_row + 1


async def write() -> None:
    """Add what has happened since the last time to the table; what cannot be written now is kept for the next time."""
    taken = dict(_tallies)
    if not taken:
        return
    _tallies.clear()
    try:
        await db.execute(WRITE, *columns(taken))
    except BaseException:
        for name, tally in taken.items():
            _tallies[name] = added(tally, _tallies[name]) if name in _tallies else tally
        raise


def columns(taken: dict[str, Tally]) -> list[list[object]]:
    """The tallies as the statement takes them: one list for each of its columns."""
    now = time.monotonic()

    def ago(moment: float | None) -> float | None:
        return None if moment is None else now - moment

    rows = [
        (
            name, one.kind, ago(one.started), ago(one.finished), ago(one.failed), one.error,
            None if one.due is None else one.due - now, one.in_row, one.runs, one.failures,
            one.seconds, one.last_seconds,
        )
        for name, one in taken.items()
    ]  # fmt: skip
    return [list(column) for column in zip(*rows, strict=True)]


def added(before: Tally, after: Tally) -> Tally:
    """Two tallies of one task as one."""
    return Tally(
        after.kind,
        after.started or before.started,
        after.due or before.due,
        finished=after.finished or before.finished,
        failed=after.failed or before.failed,
        error=after.error or before.error,
        in_row=after.in_row + (0 if after.finished else before.in_row),
        runs=before.runs + after.runs,
        failures=before.failures + after.failures,
        seconds=before.seconds + after.seconds,
        last_seconds=before.last_seconds if after.last_seconds is None else after.last_seconds,
    )
