"""Reading video sessions. Under /api/video/ a stranger is told so (403), as the contract says."""

from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor, Role
from portal.audit.actions import record_read
from portal.errors import Forbidden, NotFound
from portal.video import policy
from portal.video.schemas import VideoEvent, VideoEventList, VideoSession

_ONE = """
SELECT id, appointment_id, booking_type, doctor_id, patient_id, clinic_id, status, scheduled_start_time,
    scheduled_end_time, chief_complaint, created_at
FROM video_session WHERE id = $1
"""
_EXISTS = "SELECT is_video_session($1)"
_EVENTS = """
SELECT id, event_type, actor_id, at, count(*) OVER () AS total FROM video_event
WHERE video_session_id = $1 AND ($2::text IS NULL OR event_type = $2)
ORDER BY at, id LIMIT $3 OFFSET $4
"""
_COUNT_EVENTS = "SELECT count(*) FROM video_event WHERE video_session_id = $1 AND ($2::text IS NULL OR event_type = $2)"


async def get_session(actor: Actor, session_id: UUID) -> VideoSession:
    """One session; a read by anybody but the patient is audited. Raises `NotFound`, and `Forbidden` for strangers."""
    session = await _seen(actor, session_id)
    if actor.role is not Role.PATIENT:
        await record_read(
            actor, "video.read", subject_type="video_session", subject_id=session_id, patient_id=session.patient_id
        )
    return msgspec.structs.replace(session, chief_complaint="") if actor.role is Role.SYSTEM_ADMIN else session


async def list_events(
    actor: Actor, session_id: UUID, *, event_type: str | None = None, skip: int = 0, limit: int = 10
) -> VideoEventList:
    """The trail of a session, oldest first. Raises what `get_session` raises."""
    await _seen(actor, session_id)
    rows = await db.fetch(_EVENTS, session_id, event_type, limit, skip)
    events = [VideoEvent(**{name: row[name] for name in VideoEvent.__struct_fields__}) for row in rows]
    total = rows[0]["total"] if rows else await db.fetch_value(_COUNT_EVENTS, session_id, event_type)
    return VideoEventList(total=total, skip=skip, limit=limit, events=events)


async def _seen(actor: Actor, session_id: UUID) -> VideoSession:
    row = await db.fetch_row(_ONE, session_id)
    if row is None:
        raise Forbidden if await db.fetch_value(_EXISTS, session_id) else NotFound
    session = msgspec.convert(dict(row), VideoSession)
    if not policy.may_see(actor, session):
        raise Forbidden
    return session
