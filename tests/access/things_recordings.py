"""A recording of a call."""

from uuid import UUID

from portal import db
from portal.ids import uuid7

# A recording of a call, of which all is gone but its rows: $1 recording, $2 call
RECORDED = (
    "INSERT INTO recording (id, video_session_id, provider, media_type, status, stopped_at)"
    " VALUES ($1, $2, 'webrtc', 'video/webm', 'DELETED', clock_timestamp())",
    "INSERT INTO recording_piece (recording_id, number, storage_key, size_bytes, digest)"
    " SELECT r.id, 0, 'recordings/' || r.id, 1, '\\x00' FROM recording r WHERE r.id = $1 AND r.video_session_id = $2",
    "INSERT INTO recording_consent (video_session_id, account_id, given) SELECT v.id, unnest(ARRAY[v.patient_id,"
    " v.doctor_id]), true FROM video_session v JOIN recording r ON r.video_session_id = v.id WHERE r.id = $1 AND v.id = $2",
)


async def recording_of(call: UUID) -> UUID:
    """What is left of a recording when its days are over, and that both had agreed."""
    recording = uuid7()
    for sql in RECORDED:
        await db.execute(sql, recording, call)
    return recording
