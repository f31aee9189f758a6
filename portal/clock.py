"""The application's clock: for display, logs, seeds and the short life of access tokens.

Rules about time (holds, booking in the past, expiry) are decided by the database's `clock_timestamp()` inside the
statement, because several processes on several machines never agree to the second. This clock follows the database's:
it is told the time at start and every few seconds, and counts on from there by a clock that nobody sets.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_frozen: datetime | None = None
_told: tuple[datetime, float] | None = None  # the database's clock, and what ours that nobody sets showed at the time


def now() -> datetime:
    """The present instant, aware, in UTC."""
    if _frozen is not None:
        return _frozen
    if _told is None:
        return datetime.now(UTC)
    moment, shown = _told
    return moment + timedelta(seconds=time.monotonic() - shown)


def follow(database_now: datetime) -> None:
    """Go on from the time that the database's clock shows at this moment, whatever this machine's clock says."""
    global _told
    _told = (database_now, time.monotonic())


def today(time_zone: str) -> date:
    """The present calendar date in an IANA time zone."""
    return now().astimezone(ZoneInfo(time_zone)).date()


@contextmanager
def freeze(moment: datetime) -> Iterator[None]:
    """Hold the application's clock still; for tests."""
    global _frozen
    before, _frozen = _frozen, moment
    try:
        yield
    finally:
        _frozen = before
