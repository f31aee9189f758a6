"""What the worker does for video visits: rooms that nobody came to, or that all have left, are closed; so are meetings."""

from typing import Any
from uuid import UUID

from portal import db
from portal.audit.actions import record_in_tx
from portal.outbox import Job, Schedule
from portal.settings import Settings
from portal.video import events, queries, rooms, statements
from portal.video.arrivals import ARRIVALS as ARRIVALS
from portal.video.providers import provider_of
from portal.video.schemas import VideoSession

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
SELECT id FROM moved
"""


async def mark_no_shows(_settings: Settings) -> None:
    """Close the video visits whose time is over and that never became one."""
    while await _batch() == BATCH:
        pass


async def _batch() -> int:
    async with db.transaction():
        rows = await db.fetch(NO_SHOW, BATCH)
        for row in rows:
            events.publish_widely(await queries.found(row["id"]), "video.ended")
    return len(rows)


async def close_empty(_settings: Settings) -> None:
    """End the visits whose two people have gone without saying so, and their appointments with them."""
    while rows := await db.fetch(statements.EMPTY, statements.EMPTY_MINUTES, None, BATCH):
        for row in rows:
            await _close_empty(row["id"])


@db.retried
async def _close_empty(session_id: UUID) -> None:
    async with db.transaction():
        await rooms.lock_in_tx(session_id)
        row = await db.fetch_row(statements.EMPTY, statements.EMPTY_MINUTES, session_id, 1)
        if row is None:  # somebody has come back
            return
        session = await queries.found(session_id)
        await rooms.part_in_tx(None, session, when=row["since"])
        await _record_in_tx("video.completed", session)


async def close_meeting(settings: Settings, payload: dict[str, Any]) -> None:
    """A visit at a provider is over: nobody comes in any more, whoever still has a token of it."""
    await provider_of(settings, "chime").close(payload["meeting_id"])


async def expel(settings: Settings, payload: dict[str, Any]) -> None:
    """Somebody has lost their account while they were in a room: they are out of it, and the other side hears so."""
    session_id, account_id = UUID(payload["session_id"]), UUID(payload["account_id"])
    meeting, place = await _expel(session_id, account_id)
    if meeting and place:
        await provider_of(settings, "chime").expel(meeting, place)


@db.retried
async def _expel(session_id: UUID, account_id: UUID) -> tuple[str | None, str | None]:
    async with db.transaction():
        room = await rooms.lock_in_tx(session_id)
        session = await queries.found(session_id)
        left = await db.fetch_row(statements.LEAVE, session_id, account_id)
        place = await db.fetch_value(statements.LOSE_PLACE, session_id, account_id)
        if left and left["id"]:
            role = "DOCTOR" if account_id == session.doctor_id else "PATIENT"
            events.publish(session, "video.left", attendee_id=left["id"], role=role)
            await _record_in_tx("video.expelled", session)
            if left["was_last"] and room["status"] == "ACTIVE":
                await rooms.part_in_tx(None, session)
    return room["meeting_id"], place


async def _record_in_tx(action: str, session: VideoSession) -> None:
    await record_in_tx(None, action, subject_type="video_session", subject_id=session.id, patient_id=session.patient_id)


JOBS = [Job("close_meeting", close_meeting), Job("expel_from_video", expel)]
SCHEDULES = [
    Schedule("mark_video_no_shows", "*/2 * * * *", mark_no_shows),
    Schedule("close_empty_rooms", "*/2 * * * *", close_empty),
]
