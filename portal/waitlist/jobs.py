"""What the worker does for the waitlist: each slot that is given back, and every minute what nobody was told of."""

from typing import Any
from uuid import UUID

from portal.outbox import Job, Schedule
from portal.settings import Settings
from portal.waitlist import actions


async def offer_freed(_: Settings, payload: dict[str, Any]) -> None:
    """A slot was given back, or its offer has run out: whose turn is it?"""
    await actions.offer_slot(UUID(payload["slot_id"]))


async def sweep(_: Settings) -> None:
    """End the wishes and the offers that are over, and offer what became free by itself."""
    await actions.end_over()
    await actions.offer_all()


JOBS = [Job("waitlist", offer_freed)]
SCHEDULES = [Schedule("offer_waitlist", "* * * * *", sweep)]
