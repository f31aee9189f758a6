"""A video session that somebody asks for by itself; those of bookings are made with their appointment."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from portal import clock, db
from portal.accounts.schemas import Actor, Role
from portal.errors import Conflict, FieldError, Invalid, NotFound
from portal.ids import uuid7
from portal.slots.calendar import refuse_beyond
from portal.slots.events import tell_slot
from portal.video import queries, statements
from portal.video.schemas import BookingType, NewVideoSession, VideoSession
from portal.web.i18n import N_, _

MOST_WAITING = 3  # direct visits that a patient may have ahead of them

EXISTS = N_("This appointment has its video visit already.")
TAKEN = N_("One of the two is not free at this time.")
db.conflict_for("video_session_one_per_appointment", "session_exists", EXISTS)
db.conflict_for("video_session_doctor_no_overlap", "time_taken", TAKEN)
db.conflict_for("video_session_patient_no_overlap", "time_taken", TAKEN)


def dates_around(day: date) -> tuple[date, date]:
    """The dates on the clocks of doctors and clinics that one date of any other clock may be."""
    return day - timedelta(days=1), day + timedelta(days=1)


async def make_in_tx(actor: Actor, new: NewVideoSession) -> VideoSession:
    """The new session. Raises `NotFound`, `Invalid`, `Conflict`."""
    of_visit = new.booking_type is BookingType.CLINIC_BASED
    session_id = uuid7()
    clinic_id, complaint = await (_of_visit_in_tx(new) if of_visit else _direct_in_tx(actor, new, session_id))
    await db.execute(
        statements.CREATE, session_id, new.booking_type.value, new.doctor_id, new.patient_id, clinic_id,
        new.scheduled_start_time, new.consultation_duration_minutes, new.chief_complaint or complaint, actor.id,
        new.appointment_id, uuid7(),
    )  # fmt: skip
    return await queries.found(session_id)


async def _of_visit_in_tx(new: NewVideoSession) -> tuple[Any, str]:
    """Clinic and complaint of the booked appointment of the same two at the same time, which is by video from now on."""
    row = await db.fetch_row(
        statements.BOOKED, new.appointment_id, new.doctor_id, new.patient_id, new.scheduled_start_time
    )
    if row is None:
        raise NotFound
    if row["video_session_id"]:
        raise Conflict("session_exists", _(EXISTS), session_id=row["video_session_id"])
    if row["status"] != "BOOKED":
        text = _("The visit is no longer in a state that allows this.")
        raise Conflict("wrong_status", text, current_status=row["status"])
    if not row["fits"]:
        raise Invalid([FieldError("appointment_id", _("This appointment is of other people, or at another time."))])
    if new.clinic_id not in (None, row["clinic_id"]):
        raise Invalid([FieldError("clinic_id", _("This appointment is at another clinic."))])
    if row["appointment_type"] != "VIRTUAL":
        if row["service_type"] not in ("BOTH", "VIRTUAL"):
            raise Conflict("not_by_video", _("This visit cannot be by video."))
        await db.execute(statements.TO_VIDEO, new.appointment_id)
    return row["clinic_id"], row["chief_complaint"]


async def _direct_in_tx(actor: Actor, new: NewVideoSession, session_id: UUID) -> tuple[Any, str]:
    """A time that both have; the doctor's free times that it runs into are closed until it is over."""
    start, minutes = new.scheduled_start_time, new.consultation_duration_minutes
    if start < clock.now():
        raise Invalid([FieldError("scheduled_start_time", _("This time has passed."))])
    refuse_beyond("scheduled_start_time", start.date(), clock.now().date())
    async with (
        db.as_portal()
    ):  # people and times that the one who asks may not see: only whether it is possible is told
        if not await db.fetch_value(statements.MAY_MEET, new.doctor_id, new.patient_id, new.clinic_id):
            raise NotFound
        if actor.role is Role.PATIENT and await db.fetch_value(statements.WAITING_OF_PATIENT, actor.id) >= MOST_WAITING:
            text = _("You have %(number)s video visits ahead of you already.", number=MOST_WAITING)
            raise Conflict("too_many_sessions", text)
        await db.execute(statements.LOCK_DOCTOR, new.doctor_id)
        crossed = await db.fetch(statements.CROSSED, new.doctor_id, start, minutes)
        busy = await db.fetch_value(statements.PATIENT_BUSY, new.patient_id, start, minutes)
        if busy or any(slot["taken"] for slot in crossed):
            raise Conflict("time_taken", _(TAKEN))
        await db.execute(statements.CLOSE_TIMES, [slot["id"] for slot in crossed], session_id)
    for slot in crossed:
        tell_slot(new.doctor_id, slot["date"], "slot.disabled", slot["id"])
    return new.clinic_id, ""
