"""Reading the recordings of a video visit, as one of the two who met; each fetch of a file is in the audit."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from portal import db, storage
from portal.accounts.schemas import Actor
from portal.audit.actions import record_read
from portal.errors import Conflict, NotFound
from portal.recordings import policy
from portal.recordings.schemas import RecordedFile, Recording, RecordingState, RecordingStatus
from portal.settings import Settings
from portal.video.queries import attended
from portal.video.schemas import VideoSession
from portal.web.i18n import _

LINK_SECONDS = 300
CAPTURES = "captures"  # where a provider puts what it records

_CONSENTS = "SELECT account_id, given FROM recording_consent WHERE video_session_id = $1"
_RECORDINGS = """
SELECT r.id, r.status, r.provider, r.media_type, r.started_at, r.stopped_at,
    coalesce((SELECT sum(p.size_bytes) FROM recording_piece p WHERE p.recording_id = r.id), 0)::bigint AS size_bytes
FROM recording r WHERE r.video_session_id = $1 AND ($2::uuid IS NULL OR r.id = $2) ORDER BY r.started_at
"""
_PIECES = "SELECT storage_key FROM recording_piece WHERE recording_id = $1 ORDER BY number"
_KEPT = "SELECT storage_key FROM recording_piece WHERE storage_key = ANY($1::text[])"


async def read_state(actor: Actor, session_id: UUID, settings: Settings) -> RecordingState:
    """Who agrees, and what there is. Raises `NotFound`, `Forbidden` for all but the two."""
    return await state_of(actor, await attended(actor, session_id), settings)


async def state_of(actor: Actor, session: VideoSession, settings: Settings) -> RecordingState:
    """The same of a session that has been found to be the actor's."""
    answers = {row["account_id"]: row["given"] for row in await db.fetch(_CONSENTS, session.id)}
    rows = await db.fetch(_RECORDINGS, session.id, None)
    return RecordingState(
        session_id=session.id,
        appointment_id=session.appointment_id,
        session_status=session.status,
        provider=session.provider,
        offered=policy.is_offered(session.provider or settings.video, settings.storage, settings.recording_days),
        doctor_agrees=answers.get(session.doctor_id),
        patient_agrees=answers.get(session.patient_id),
        you_agree=answers.get(actor.id),
        recordings=[recording_of(row, session.id, settings.recording_days) for row in rows],
    )


def recording_of(row: Any, session_id: UUID, days: int) -> Recording:
    """A row as a Struct, with the way to its file and the day on which that goes."""
    stopped, status = row["stopped_at"], RecordingStatus(row["status"])
    values = {name: row[name] for name in Recording.__struct_fields__ if name not in ("deleted_on", "link")}
    gone = stopped + timedelta(days=days) if stopped else None
    is_there = status not in (RecordingStatus.RUNNING, RecordingStatus.DELETED)
    link = f"/api/video/sessions/{session_id}/recording/{row['id']}" if is_there else None
    return msgspec.convert({**values, "deleted_on": gone, "link": link}, Recording)


async def read_recording(actor: Actor, session_id: UUID, recording_id: UUID) -> RecordedFile:
    """One recording, to be saved; the read is audited.

    Raises `NotFound`, `Forbidden` for all but the two, `Conflict` (`not_ready`, `deleted`).
    """
    session = await attended(actor, session_id)
    rows = await db.fetch(_RECORDINGS, session_id, recording_id)
    if not rows:
        raise NotFound
    found = recording_of(rows[0], session_id, 0)
    if found.status is RecordingStatus.DELETED:
        raise Conflict("deleted", _("This recording has been deleted."))
    keys = [row["storage_key"] for row in await db.fetch(_PIECES, recording_id)]
    if found.provider == "chime":
        keys = [key for key in await storage.names(f"{CAPTURES}/{recording_id}/joined") if key.endswith(".mp4")]
    if found.status is RecordingStatus.RUNNING or not keys:
        raise Conflict("not_ready", _("The recording is not ready yet. Try again in some minutes."))
    await record_read(
        actor, "recording.read", subject_type="video_session", subject_id=session_id, patient_id=session.patient_id
    )
    name = f"visit-{found.started_at:%Y-%m-%d-%H%M}." + found.media_type.removeprefix("video/")
    link = await storage.link(keys[0], name, LINK_SECONDS) if len(keys) == 1 and found.provider == "chime" else ""
    return RecordedFile(name=name, media_type=found.media_type, keys=keys, link=link)


async def parts_of(file: RecordedFile) -> AsyncIterator[bytes]:
    """The content of a recording, one piece after the other."""
    for key in file.keys:
        yield await storage.get(key)


async def kept_pieces(keys: list[str]) -> set[str]:
    """Those of the keys that a recording names."""
    return {row["storage_key"] for row in await db.fetch(_KEPT, keys)}
