"""What the worker does for slots by the clock: new days at the horizon, and past times that nobody took."""

from uuid import UUID

from portal import db
from portal.outbox import Schedule
from portal.settings import Settings
from portal.slots import actions

BATCH = 5000

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


async def extend_horizons(settings: Settings) -> None:
    """Make the days that have come within the horizon, one doctor a transaction."""
    last: UUID | None = None
    while doctors := await db.fetch(BEHIND, settings.horizon_days, last):
        for row in doctors:
            await actions.make_missing(row["account_id"], settings.horizon_days)
        last = doctors[-1]["account_id"]


async def delete_past_slots(_settings: Settings) -> None:
    """Delete past slots that nobody took, a bounded number a statement."""
    while await db.execute(DELETE_PAST, BATCH):
        pass
    await db.execute(DELETE_PAST_DAYS)


SCHEDULES = [
    Schedule("extend_horizons", "7 * * * *", extend_horizons),
    Schedule("delete_past_slots", "37 2 * * *", delete_past_slots),
]
