"""Upkeep of what the search stands on."""

from portal import db

# Exact for every row; one that somebody lowers meanwhile is left to the next turn.
RAISE = """
WITH truth AS (
    SELECT n.doctor_id, n.not_before, (
        SELECT s.starts_at FROM slot s WHERE s.doctor_id = n.doctor_id AND s.appointment_id IS NULL AND NOT s.disabled
        AND NOT s.overflow AND s.starts_at > now() ORDER BY s.starts_at LIMIT 1) AS starts_at
    FROM doctor_next_free n
), gone AS (
    DELETE FROM doctor_next_free n USING truth t
    WHERE n.doctor_id = t.doctor_id AND t.starts_at IS NULL AND n.not_before = t.not_before
)
UPDATE doctor_next_free n SET not_before = t.starts_at FROM truth t
WHERE n.doctor_id = t.doctor_id AND n.not_before = t.not_before AND t.starts_at <> n.not_before
"""


async def raise_next_free() -> int:
    """Bring the hints up to the first slots that are not booked; how many were behind."""
    return await db.execute(RAISE)
