"""Named places at which a test may break the running program: end it at once, lose a connection, stand still.

`await fault("after_claim")` does nothing unless the point has been armed, and it can be armed in tests only:
`PORTAL_TEST_FAULTS` names a folder and `FAULT_AT` the points, as `after_claim:kill` or `before_commit:sleep:2`.
`Settings.check` refuses both anywhere but on a developer's loopback. An armed point strikes once for each file
`<point>.<anything>` in the folder, and takes the file away: a test decides at which moment, and how often.
"""

import asyncio
import os
import signal
from importlib.util import find_spec
from pathlib import Path

POINTS = {
    "before_claim": "the request's Idempotency-Key is not known yet",
    "after_claim": "the key is claimed, nothing has been done",
    "before_booking": "nothing of the booking is written",
    "after_booking": "the booking is written; it stands, unless the request's key must be marked with it",
    "before_hold": "nothing of the hold is written",
    "after_hold": "the hold is written; it stands, unless the request's key must be marked with it",
    "in_undo": "a dispense is marked as taken back, its stock is not yet back, nothing stands",
    "before_commit": "everything is written, nothing stands",
    "after_commit": "everything stands, nobody knows",
    "before_keeping": "the answer is made, but not kept for its key",
    "before_answer": "the answer is kept, but not sent",
    "before_publish": "an event is leased, not published",
    "after_publish": "an event is published, the batch goes on",
    "before_mark": "a batch is published, not marked as delivered",
    "after_mark": "a batch is published and marked",
    "in_reminders": "people are reminded of their visits, nothing stands",
    "between_reminders": "some people are reminded, the next are not yet",
    "in_no_shows": "visits are marked as missed, nothing stands",
}
KINDS = ("kill", "raise", "sleep")

_armed: dict[str, tuple[str, float]] = {}
_charges = Path()


async def fault(point: str) -> None:
    """Strike here, if a test has armed this point and laid a charge for it."""
    if point in _armed and _taken(point):
        await _strike(*_armed[point])


def read(fault_at: str) -> dict[str, tuple[str, float]]:
    """Kind and seconds of each point that `FAULT_AT` names. Raises ValueError for what is no point or kind."""
    found = {}
    for part in filter(None, fault_at.split(",")):
        point, kind, seconds = (*part.strip().split(":"), "", "")[:3]
        if point not in POINTS or kind not in KINDS:
            raise ValueError(part)
        found[point] = (kind, float(seconds or 1))
    return found


def arm(fault_at: str, folder: str) -> None:
    """Called once at start, with settings that have been checked."""
    global _armed, _charges
    _armed, _charges = read(fault_at), Path(folder)


def is_development() -> bool:
    """Whether the programs of the tests are installed beside the portal: no image and no server of ours has them."""
    return find_spec("pytest") is not None


def _taken(point: str) -> bool:
    for charge in _charges.glob(f"{point}.*"):
        try:
            charge.unlink()
        except FileNotFoundError:  # another process was quicker
            continue
        return True
    return False


async def _strike(kind: str, seconds: float) -> None:
    if kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "raise":
        raise ConnectionResetError("a fault that a test asked for")
    await asyncio.sleep(seconds)
