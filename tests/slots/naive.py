"""Holds as one would write them without a second thought: each must fail the attack that the real ones withstand."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

from portal import clock, db
from portal.accounts.schemas import Actor
from portal.errors import Conflict
from portal.slots.actions import MOST_HOLDS

KEEP = "UPDATE slot SET held_by = $2, held_until = clock_timestamp() + make_interval(secs => $3) WHERE id = $1"
GIVE_BACK = "UPDATE slot SET held_by = NULL, held_until = NULL WHERE id = $1"
LIVE = "SELECT count(*) FROM slot WHERE held_by = $1 AND held_until > clock_timestamp()"


async def look_then_hold(actor: Actor, slot_id: UUID, seconds: float) -> datetime:
    """Free when it was looked at; until when it is kept."""
    if await db.fetch_value("SELECT held_until > clock_timestamp() FROM slot WHERE id = $1", slot_id):
        raise Conflict("slot_held", "")
    await asyncio.sleep(0.001)  # as long as a program takes to decide
    until: datetime = await db.fetch_value(KEEP + " RETURNING held_until", slot_id, actor.id, seconds)
    return until


async def hold_by_own_clock(actor: Actor, slot_id: UUID, seconds: float) -> None:
    """The application's clock decides whether the last hold has ended."""
    until = await db.fetch_value("SELECT held_until FROM slot WHERE id = $1", slot_id)
    if until and until > clock.now():
        raise Conflict("slot_held", "")
    ends = clock.now() + timedelta(seconds=seconds)
    await db.execute("UPDATE slot SET held_by = $2, held_until = $3 WHERE id = $1", slot_id, actor.id, ends)


async def hold_if_swept(actor: Actor, slot_id: UUID, seconds: float) -> None:
    """A slot is free once somebody has cleared the last holder's name."""
    if await db.fetch_value("SELECT held_by FROM slot WHERE id = $1", slot_id):
        raise Conflict("slot_held", "")
    await db.execute(KEEP, slot_id, actor.id, seconds)


async def lock_doctor_then_hold(actor: Actor, slot_id: UUID, seconds: float) -> None:
    """One lock for all the times of a doctor."""
    async with db.transaction():
        doctor = await db.fetch_row(
            "SELECT FROM doctor WHERE account_id = (SELECT doctor_id FROM slot WHERE id = $1) FOR UPDATE SKIP LOCKED",
            slot_id,
        )
        if doctor is None:
            raise Conflict("slot_held", "")
        await db.execute(KEEP, slot_id, actor.id, seconds)


async def count_then_hold(actor: Actor, slot_id: UUID, seconds: float) -> None:
    """The limit is counted, and then what was counted changes."""
    if await db.fetch_value(LIVE, actor.id) >= MOST_HOLDS:
        raise Conflict("too_many_holds", "")
    await look_then_hold(actor, slot_id, seconds)


async def release_anyones(_actor: Actor, slot_id: UUID) -> None:
    """Whoever names the slot gives it back."""
    await db.execute(GIVE_BACK, slot_id)
