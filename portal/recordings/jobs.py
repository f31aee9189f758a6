"""What the worker does for recordings: what a provider records is begun and ended, and what is old goes."""

from typing import Any
from uuid import UUID

from portal import db, storage
from portal.outbox import Job, Schedule
from portal.recordings import statements
from portal.recordings.actions import AREA
from portal.recordings.queries import CAPTURES, kept_pieces
from portal.settings import Settings
from portal.video.providers.capture import Capture, Pipeline

BATCH = 50


async def start_capture(settings: Settings, payload: dict[str, Any]) -> None:
    """Chime begins to record; where that was stopped before it had begun, it ends at once."""
    recording_id = UUID(payload["recording_id"])
    row = await db.fetch_row(statements.CAPTURE, recording_id)
    if row is None or row["status"] != "RUNNING" or row["pipeline_id"] or not row["meeting_id"]:
        return
    capture = Capture(settings.storage)
    pipeline = await capture.start(row["meeting_id"], recording_id, f"{CAPTURES}/{recording_id}/parts")
    if await db.fetch_value(statements.CAPTURED, recording_id, pipeline.id, pipeline.arn) != "RUNNING":
        await _end(capture, recording_id, pipeline)


async def stop_capture(settings: Settings, payload: dict[str, Any]) -> None:
    """Chime ends, and makes one file of its parts."""
    recording_id = UUID(payload["recording_id"])
    row = await db.fetch_row(statements.CAPTURE, recording_id)
    if row is not None and row["pipeline_id"]:
        await _end(Capture(settings.storage), recording_id, Pipeline(id=row["pipeline_id"], arn=row["pipeline_arn"]))


async def _end(capture: Capture, recording_id: UUID, pipeline: Pipeline) -> None:
    await capture.stop(pipeline)
    await capture.join(pipeline, recording_id, f"{CAPTURES}/{recording_id}/joined")


async def delete_expired(settings: Settings) -> None:
    """Recordings whose days are over: first their files, then what names them; a turn that was cut short goes on."""
    while rows := await db.fetch(statements.EXPIRED, settings.recording_days, BATCH):
        for row in rows:
            keys = [piece["storage_key"] for piece in await db.fetch(statements.PIECES, row["id"])]
            if row["provider"] == "chime":
                keys += await storage.names(f"{CAPTURES}/{row['id']}")
            for key in keys:
                await storage.remove(key)
            async with db.transaction():
                await db.execute(statements.FORGET, row["id"])
                await db.execute(statements.DELETE, row["id"])


async def remove_orphans(_settings: Settings) -> None:
    """Pieces whose transaction did not stand, a day later."""
    await storage.remove_orphans(AREA, kept_pieces)


JOBS = [Job("start_capture", start_capture), Job("stop_capture", stop_capture)]
SCHEDULES = [
    Schedule("delete_recordings", "23 * * * *", delete_expired),
    Schedule("remove_recording_orphans", "37 3 * * *", remove_orphans),
]
