"""What the worker does for prescriptions: by the clock, their end."""

from portal.outbox import Schedule
from portal.prescriptions import actions
from portal.settings import Settings


async def expire(_: Settings) -> None:
    """End those that nobody may fill any more."""
    while await actions.expire():
        pass


SCHEDULES = [Schedule("expire_prescriptions", "*/5 * * * *", expire)]
