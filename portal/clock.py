"""The application's clock: for display, logs and seeds only.

Rules about time (holds, booking in the past, expiry) are decided by the database's `clock_timestamp()` inside the
statement, because several processes on several machines never agree to the second.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

_frozen: datetime | None = None


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return _frozen or datetime.now(UTC)


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
