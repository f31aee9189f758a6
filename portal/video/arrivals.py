"""What the events of an existing appointments or video service make here: a session, or the end of a visit."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.appointments.actions import follow_room_in_tx
from portal.appointments.schemas import Completion
from portal.audit.actions import record_in_tx
from portal.clock import now
from portal.ids import uuid7
from portal.outbox import Arrival, BadEvent

CLOCKS_APART = timedelta(minutes=2)
MINUTES = 30  # of a visit whose doctor has no session here that would tell

# $1 id, $2 the appointment elsewhere, $3 doctor, $4 patient, $5 clinic, $6 start, $7 minutes where nothing tells, $8 event id
# A session that is here already is the one: of our own bookings, or of an event that said the same under another id.
BOOKED_ELSEWHERE = """
WITH known AS (
    SELECT id FROM video_session WHERE external_appointment_id = $2 OR appointment_id = $2
    UNION ALL SELECT id FROM appointment WHERE id = $2
), people AS (
    SELECT EXISTS (SELECT FROM doctor WHERE account_id = $3) AND EXISTS (SELECT FROM patient WHERE account_id = $4)
        AND ($5::uuid IS NULL OR EXISTS (SELECT FROM clinic WHERE id = $5)) AS here
), made AS (
    INSERT INTO video_session (id, external_appointment_id, booking_type, doctor_id, patient_id, clinic_id,
        scheduled_start_time, scheduled_end_time)
    SELECT $1, $2, CASE WHEN $5::uuid IS NULL THEN 'DIRECT_DOCTOR' ELSE 'CLINIC_BASED' END, $3, $4, $5, $6::timestamptz,
        $6::timestamptz + make_interval(mins => coalesce((SELECT w.estimated_consultation_minutes FROM weekly_session w
            WHERE w.doctor_id = $3 AND w.deleted_at IS NULL ORDER BY w.effective_from DESC, w.id DESC LIMIT 1), $7)::int)
    FROM people WHERE here AND NOT EXISTS (SELECT FROM known)
    ON CONFLICT ON CONSTRAINT video_session_one_per_external DO NOTHING
    RETURNING *
), told AS (
    INSERT INTO video_event (video_session_id, event_type) SELECT id, 'SESSION_CREATED' FROM made
), emitted AS (
    INSERT INTO outbox_event (id, event_type, aggregate_id, data)
    SELECT $8, 'video.consultation.created', id, jsonb_build_object('session_id', id,
        'appointment_id', external_appointment_id, 'doctor_id', doctor_id, 'patient_id', patient_id, 'clinic_id', clinic_id,
        'booking_type', booking_type, 'scheduled_start_time', utc_text(scheduled_start_time)) FROM made
)
SELECT here, (SELECT id FROM made) AS session_id FROM people
"""
STATUS = """
SELECT (SELECT a.status FROM appointment a WHERE a.id = $1) AS status,
    EXISTS (SELECT FROM video_session v WHERE v.external_appointment_id = $1) AS elsewhere
"""


class Booked(msgspec.Struct, frozen=True):
    """An appointment of another service, as far as a video visit needs it."""

    appointment_id: UUID
    patient_id: UUID
    doctor_id: UUID
    start_time: datetime
    appointment_type: str
    clinic_id: UUID | None = None


class Completed(msgspec.Struct, frozen=True):
    """A consultation that ended at another service."""

    appointment_id: UUID
    completed_at: datetime | None = None
    duration_minutes: float | None = None


async def take_booked_in_tx(data: dict[str, Any]) -> None:
    """A virtual appointment has been booked, here (then it has its session) or elsewhere (then it gets one)."""
    booked = msgspec.convert(data, Booked)
    if booked.appointment_type != "VIRTUAL":
        return
    if booked.start_time.tzinfo is None:
        raise BadEvent("its data cannot be read: start_time has no zone")
    row = await db.fetch_row(
        BOOKED_ELSEWHERE, uuid7(), booked.appointment_id, booked.doctor_id, booked.patient_id, booked.clinic_id,
        booked.start_time, MINUTES, uuid7(),
    )  # fmt: skip
    if row is None or not row["here"]:
        raise BadEvent("its doctor, patient or clinic is unknown here")
    if row["session_id"]:
        await record_in_tx(
            None,
            "video.created",
            subject_type="video_session",
            subject_id=row["session_id"],
            patient_id=booked.patient_id,
        )


async def take_completed_in_tx(data: dict[str, Any]) -> None:
    """A consultation has ended; where that was elsewhere, its appointment is completed here."""
    done = msgspec.convert(data, Completed)
    row: Any = await db.fetch_row(STATUS, done.appointment_id)
    if row["status"] == "COMPLETED" or (row["status"] is None and row["elsewhere"]):
        return  # our own telling, or a second one
    if row["status"] not in ("BOOKED", "CHECKED_IN", "IN_PROGRESS"):
        raise BadEvent(f"its appointment is {row['status'] or 'unknown here'}")
    only_now_begun = await follow_room_in_tx(None, done.appointment_id, "start") is not None
    times = times_of(done, only_now_begun)
    await follow_room_in_tx(None, done.appointment_id, "complete", completion=times)


def times_of(done: Completed, only_now_begun: bool) -> Completion:
    """From when to when it took place, as far as the event tells; our clock where it tells nothing that can be."""
    if done.completed_at is None or done.completed_at.tzinfo is None:
        return Completion()
    ahead = done.completed_at - now()
    # The clock of another service may be ahead of ours by a moment: that is no time to come.
    ended = None if -timedelta(seconds=1) < ahead < CLOCKS_APART else done.completed_at
    if not done.duration_minutes or not 0 < done.duration_minutes < 24 * 60:
        return Completion(actual_end_time=None if only_now_begun else ended)  # it ended before its start became known
    began = done.completed_at - timedelta(minutes=done.duration_minutes)
    return Completion(actual_start_time=min(began, now() - timedelta(seconds=1)), actual_end_time=ended)


ARRIVALS = [
    Arrival("video-consultation-events", "appointment.booked", take_booked_in_tx),
    Arrival("video-consultation-events-appointments", "video.consultation.completed", take_completed_in_tx),
]
