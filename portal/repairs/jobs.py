"""What the worker does for offers by the clock: those that nobody answered in time end."""

from portal import db
from portal.outbox import Schedule
from portal.repairs import actions
from portal.repairs.statements import OVERDUE
from portal.settings import Settings

BATCH = 500


async def expire_offers(_settings: Settings) -> None:
    """End what is overdue, one visit a transaction; what somebody is just answering is left to them."""
    for row in await db.fetch(OVERDUE, BATCH):
        await actions.expire(row["appointment_id"])


SCHEDULES = [Schedule("expire_offers", "* * * * *", expire_offers)]
