"""Recording a video visit: both agree first, either can end it at any moment."""

from hashlib import sha256
from uuid import UUID

from portal import db, storage
from portal.accounts.schemas import Actor
from portal.audit.actions import record_in_tx
from portal.errors import Conflict, FieldError, Forbidden, Invalid
from portal.ids import uuid7
from portal.recordings import policy, queries, statements
from portal.recordings.schemas import Piece, RecordingState, RecordingStep, Step
from portal.settings import Settings
from portal.video import events
from portal.video.queries import attended, found
from portal.video.rooms import lock_in_tx, wrong_status
from portal.video.schemas import OPEN, VideoSession
from portal.web.i18n import _

AREA = "recordings"
LARGEST_PIECE = 6 * 1024 * 1024
BEGINNINGS = (b"\x1a\x45\xdf\xa3", b"ftyp")  # of WebM at once, of MP4 after four bytes


@db.retried
async def take_step(actor: Actor, session_id: UUID, step: RecordingStep, settings: Settings) -> RecordingState:
    """Agree, take that back, start or stop. What is so already is no error.

    Raises `NotFound`, `Forbidden`, or `Conflict`: `wrong_status`, `needs_consent`, `no_recording`.
    """
    session = await attended(actor, session_id)
    if step.action is Step.START and not policy.may_start(actor, session):
        raise Forbidden
    if not policy.is_offered(session.provider or settings.video, settings.storage, settings.recording_days):
        raise Conflict("no_recording", _("Visits are not recorded here."))
    async with db.transaction():
        await lock_in_tx(session_id)
        session = await found(session_id)
        done = await _done_in_tx(actor, session, step)
        if done:
            await record_in_tx(
                actor, f"recording.{step.action.lower()}", subject_type="video_session", subject_id=session_id,
                patient_id=session.patient_id,
            )  # fmt: skip
            events.publish(session, "recording.changed")
    return await queries.state_of(actor, session, settings)


async def _done_in_tx(actor: Actor, session: VideoSession, step: RecordingStep) -> bool:
    """Whether the step changed anything."""
    if step.action is Step.STOP:
        return await db.fetch_value(statements.STOP, session.id) is not None
    if step.action is not Step.WITHDRAW and session.status not in OPEN:
        raise wrong_status(session.status)
    if step.action is not Step.START:
        given = step.action is Step.CONSENT
        return await db.fetch_value(statements.CONSENT, session.id, actor.id, given) is not None
    if await db.fetch_value(statements.START, uuid7(), session.id, actor.id, step.media_type) is not None:
        return True
    if session.status != "ACTIVE":
        raise wrong_status(session.status)
    if not await db.fetch_value(_RUNNING, session.id):
        raise Conflict("needs_consent", _("A visit is recorded only while both of you agree."))
    return False


_RUNNING = "SELECT EXISTS (SELECT FROM recording WHERE video_session_id = $1 AND status = 'RUNNING')"


@db.retried
async def keep_piece(actor: Actor, session_id: UUID, recording_id: UUID, number: int, content: bytes) -> Piece:
    """Keep one piece of what the doctor's browser records. The same piece again is kept once.

    Raises `NotFound`, `Forbidden` for all but the doctor, `Invalid`, or `Conflict`: `not_recording`, `other_piece`.
    """
    session = await attended(actor, session_id)
    if not policy.may_start(actor, session):
        raise Forbidden
    if not 0 < len(content) <= LARGEST_PIECE or (number == 0 and not _is_film(content)):
        raise Invalid([FieldError("file", _("This is no piece of a recording."))])
    digest = sha256(content).digest()
    async with storage.kept(AREA, content, "application/octet-stream") as key:
        async with db.transaction():
            values = (recording_id, session_id, actor.id, number, key, len(content), digest)
            new = await db.fetch_value(statements.KEEP, *values)
            known = None if new is not None else await db.fetch_value(statements.PIECE, recording_id, number)
            if new is None and known is None:
                raise Conflict("not_recording", _("Nothing is being recorded."))
            if known is not None and known != digest:
                raise Conflict("other_piece", _("There is another piece with this number."))
            if new == 0:
                await record_in_tx(
                    actor, "recording.kept", subject_type="video_session", subject_id=session_id,
                    patient_id=session.patient_id,
                )  # fmt: skip
        if new is None:
            await storage.remove(key)
    return Piece(recording_id=recording_id, number=number, size_bytes=len(content))


def _is_film(content: bytes) -> bool:
    return content.startswith(BEGINNINGS[0]) or content[4:8] == BEGINNINGS[1]
