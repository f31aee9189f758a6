"""The one small writer of server-sent events, and the cursor that pages send back as `Last-Event-ID`.

Data is split on the three line ends that the format knows, so that no text can begin a field of its own; the names
of events come from our code and are checked; ids are our own cursors. Nothing else writes to a stream.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

HEARTBEAT = b":\n\n"
RESYNC = "resync"

_LINE_END = re.compile(r"\r\n|\r|\n")
_EVENT_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}(\.[a-z][a-z0-9_]{0,31}){0,2}")
_CURSOR = re.compile(r"t([0-9]{1,15})")
_OLDEST = timedelta(hours=2)  # what lies further back is answered with everything
_EARLY = timedelta(seconds=60)  # clocks of several databases after a failover may differ by a little


def frame(data: str, event: str = "", cursor: str = "") -> bytes:
    """One event, encoded. A name or cursor that is not ours raises ValueError."""
    lines = [f"data: {line}" for line in _LINE_END.split(data.replace("\0", "\ufffd"))]
    if event:
        lines.insert(0, f"event: {event_name(event)}")
    if cursor:
        lines.insert(0, cursor_line(cursor))
    return ("\n".join(lines) + "\n\n").encode("utf-8", "replace")


def cursor_frame(cursor: str) -> bytes:
    """Only the id: it moves the reader's `Last-Event-ID` on and is no event."""
    return f"{cursor_line(cursor)}\n\n".encode()


def cursor_line(cursor: str) -> str:
    if not _CURSOR.fullmatch(cursor):
        raise ValueError("not one of our cursors")
    return f"id: {cursor}"


@lru_cache(maxsize=512)
def event_name(event: str) -> str:
    """The name, when it is one that our code may use."""
    if not _EVENT_NAME.fullmatch(event):
        raise ValueError(f"not an event name: {event[:80]!r}")
    return event


def make_cursor(at: datetime) -> str:
    """An opaque place in time, by the database's clock."""
    return f"t{int(at.timestamp() * 1000)}"


def read_cursor(text: str, now: datetime) -> datetime | None:
    """The instant of a cursor; None (send everything) for an old one, one from the future, or anything else."""
    match = _CURSOR.fullmatch(text)
    if match is None:
        return None
    try:
        at = datetime.fromtimestamp(int(match[1]) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return at if now - _OLDEST <= at <= now + _EARLY else None
