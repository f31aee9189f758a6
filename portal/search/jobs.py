"""What the worker runs for the search."""

from portal.outbox import Schedule
from portal.search import actions
from portal.settings import Settings


async def raise_next_free(_: Settings) -> None:
    """Time passes and slots are booked: the hints of the next free time follow."""
    await actions.raise_next_free()


SCHEDULES = [Schedule("raise_next_free", "*/2 * * * *", raise_next_free)]
