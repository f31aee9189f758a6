"""What the worker does for video visits by the clock: those to which one of the two never came are closed."""

from portal import db, live
from portal.outbox import Schedule
from portal.settings import Settings

BATCH = 100

# A video visit that belongs to an appointment goes with it (see `appointments/jobs.py`), whatever it became.
NO_SHOW = """
WITH missed AS (
    SELECT v.id FROM video_session v LEFT JOIN appointment a ON a.id = v.appointment_id
    WHERE v.status IN ('SCHEDULED', 'WAITING') AND v.scheduled_end_time < clock_timestamp() - interval '30 minutes'
        AND (a.id IS NULL OR a.status IN ('COMPLETED', 'CANCELLED', 'NO_SHOW'))
    ORDER BY v.scheduled_end_time LIMIT $1 FOR NO KEY UPDATE OF v SKIP LOCKED
), moved AS (
    UPDATE video_session v SET status = 'NO_SHOW' FROM missed
    WHERE v.id = missed.id AND v.status IN ('SCHEDULED', 'WAITING') RETURNING v.*
), filmed AS (
    INSERT INTO video_event (video_session_id, event_type) SELECT id, 'SESSION_NO_SHOW' FROM moved
), audited AS (
    INSERT INTO audit_event (action, subject_type, subject_id, patient_id)
    SELECT 'video.no_show', 'video_session', id::text, patient_id FROM moved
)
SELECT id, appointment_id, patient_id, doctor_id FROM moved
"""


async def mark_no_shows(_settings: Settings) -> None:
    """Close the video visits whose time is over and that never became one."""
    while await _batch() == BATCH:
        pass


async def _batch() -> int:
    async with db.transaction():
        rows = await db.fetch(NO_SHOW, BATCH)
        for row in rows:
            for account_id in (row["patient_id"], row["doctor_id"]):
                live.publish(f"user:{account_id}", "video.no_show", session_id=row["id"])
    return len(rows)


SCHEDULES = [Schedule("mark_video_no_shows", "*/2 * * * *", mark_no_shows)]
