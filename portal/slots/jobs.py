"""What the worker does for slots by the clock: new days at the horizon, holds that ran out, past times nobody took."""

import logging
from datetime import date
from typing import Any
from uuid import UUID

from portal import db
from portal.outbox import Job, Schedule
from portal.settings import Settings
from portal.slots import actions
from portal.slots.events import tell_slot

logger = logging.getLogger(__name__)

BATCH = 5000
HOLDS = 500

# Doctors who have weekly hours, and whose days do not reach the horizon yet.
BEHIND = """
SELECT d.account_id FROM doctor d JOIN account a ON a.id = d.account_id AND a.status = 'ACTIVE'
LEFT JOIN slot_horizon h ON h.doctor_id = d.account_id
WHERE EXISTS (SELECT FROM weekly_session w WHERE w.doctor_id = d.account_id AND w.deleted_at IS NULL)
    AND (h.made_until IS NULL OR h.made_until < (clock_timestamp() AT TIME ZONE 'UTC')::date + $1::int + 1)
    AND ($2::uuid IS NULL OR d.account_id > $2)
ORDER BY d.account_id LIMIT 500
"""
# Two days are kept for those who look back; a slot that an appointment names stays for good.
DELETE_PAST = """
DELETE FROM slot WHERE id IN (
    SELECT s.id FROM slot s
    WHERE s.starts_at < clock_timestamp() - interval '2 days' AND s.appointment_id IS NULL
        AND NOT EXISTS (SELECT FROM appointment p WHERE p.slot_id = s.id)
    ORDER BY s.starts_at LIMIT $1 FOR UPDATE SKIP LOCKED)
"""
DELETE_PAST_DAYS = "DELETE FROM slot_day WHERE date < (clock_timestamp() AT TIME ZONE 'UTC')::date - 2"
# Nothing depends on it: a hold that ran out counts for nobody. It is left for a quarter of an hour, in which its holder
# is still told that it ran out instead of slipping in late.
TIDY = """
WITH over AS (
    SELECT id FROM slot
    WHERE held_by IS NOT NULL AND held_until < clock_timestamp() - interval '15 minutes' AND appointment_id IS NULL
    LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED)
UPDATE slot s SET held_by = NULL, held_until = NULL, changed_at = clock_timestamp()
FROM over WHERE s.id = over.id RETURNING s.id, s.doctor_id, s.date
"""


async def extend_horizons(settings: Settings) -> None:
    """Make the days that have come within the horizon, one doctor a transaction.

    A doctor whose days cannot be made keeps nobody else from theirs; the last reason is raised when all had their turn.
    """
    last: UUID | None = None
    failure: Exception | None = None
    while doctors := await db.fetch(BEHIND, settings.horizon_days, last):
        for row in doctors:
            try:
                await actions.make_missing(row["account_id"], settings.horizon_days)
            except Exception as error:
                logger.exception("the days of doctor %s could not be made", row["account_id"])
                failure = error
        last = doctors[-1]["account_id"]
    if failure is not None:
        raise failure


async def delete_past_slots(_settings: Settings) -> None:
    """Delete past slots that nobody took, a bounded number a statement."""
    while await db.execute(DELETE_PAST, BATCH) == BATCH:
        pass
    await db.execute(DELETE_PAST_DAYS)


async def tidy_holds(_settings: Settings) -> None:
    """Forget who had kept what until long ago, and show those times anew."""
    while await _tidy_batch() == HOLDS:
        pass


async def show_slot(_settings: Settings, payload: dict[str, Any]) -> None:
    """A visit is over, and a time that it had closed is open again, whoever ended it: show it to all who look at that day."""
    async with db.transaction():
        day = date.fromisoformat(payload["date"])
        tell_slot(UUID(payload["doctor_id"]), day, "slot.enabled", UUID(payload["slot_id"]))


async def _tidy_batch() -> int:
    async with db.transaction():
        rows = await db.fetch(TIDY, HOLDS)
        for row in rows:
            tell_slot(row["doctor_id"], row["date"], "slot.released", row["id"])
    return len(rows)


JOBS = [Job("show_slot", show_slot)]
SCHEDULES = [
    Schedule("extend_horizons", "7 * * * *", extend_horizons),
    Schedule("delete_past_slots", "37 2 * * *", delete_past_slots),
    Schedule("tidy_holds", "*/5 * * * *", tidy_holds),
]
