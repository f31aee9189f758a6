"""What the doctor and the front desk do with a queue: one guarded statement a verb."""

from datetime import date
from typing import Any
from uuid import UUID

from portal import db
from portal.accounts.schemas import Actor, Role
from portal.appointments import events
from portal.appointments.actions import move_in_tx
from portal.appointments.queries import appointment_of
from portal.appointments.schemas import Appointment
from portal.audit.actions import record_in_tx
from portal.errors import Conflict, Forbidden, NotFound
from portal.ids import uuid7
from portal.queues import policy, statements
from portal.queues.schemas import CallNext, Delay, QueueDay, WalkIn
from portal.registration.actions import admit_in_tx, invite_in_tx
from portal.registration.schemas import NewAccount
from portal.walls.events import tell_walls
from portal.web.i18n import _
from portal.web.requests import request_id

MOST_MISSED = 3
TRIES = 3  # while the one who was to be called, or the place that was free, is being taken away
PLACE = """
SELECT coalesce(c.name, da.first_name || ' ' || da.last_name) AS name, coalesce(c.time_zone, da.time_zone) AS time_zone
FROM weekly_session w JOIN account da ON da.id = w.doctor_id LEFT JOIN clinic c ON c.id = w.clinic_id WHERE w.id = $1
"""


@db.retried
async def call_next(actor: Actor, session_id: UUID, data: CallNext) -> Appointment:
    """Call the first who waits. Of two presses at once both get the same patient: as long as somebody is called and not
    in the room, that one is called again.

    Raises `NotFound`, or `Conflict` (`queue_empty`).
    """
    _refuse_others(actor)
    async with db.transaction():
        day = await _lock_in_tx(actor, session_id, data.date)
        row = await _call_in_tx(actor, session_id, data)
        if row is None:
            raise Conflict("queue_empty", _("Nobody is waiting."))
        if not row["again"]:
            events.publish(row, "appointment.changed", "queue.called")
        elif row["repeated"]:  # heard in the waiting room once more
            await record_in_tx(
                actor,
                "queue.called_again",
                subject_type="appointment",
                subject_id=row["id"],
                patient_id=row["patient_id"],
            )
            _tell(day, "queue.called")
        return appointment_of(row, actor)


async def _call_in_tx(actor: Actor, session_id: UUID, data: CallNext) -> Any:
    """The row of the one who is called, or None when nobody waits; who cancels in this moment is passed over."""
    for _turn in range(TRIES):
        row = await db.fetch_row(statements.CALL, session_id, *_who(actor), data.date, request_id())
        if row is not None or not await db.fetch_value(statements.ANY_WAITING, session_id, data.date):
            return row
    return None


@db.retried
async def note_missed_call(actor: Actor, appointment_id: UUID) -> Appointment:
    """The one who was called did not come: two places back; the third time it is a NO_SHOW.

    Raises `NotFound`, or `Conflict` (`not_called`) when the visit is not called at this moment.
    """
    _refuse_others(actor)
    async with db.transaction():
        if await db.fetch_value(statements.LOCK_OF_VISIT, appointment_id, *_who(actor)) is None:
            raise NotFound
        row = await db.fetch_row(statements.MISS, appointment_id, *_who(actor), request_id())
        if row is None:
            raise NotFound
        if not row["done"]:
            text = _("This patient is not being called at the moment.")
            raise Conflict("not_called", text, current_status=row["was"])
        if row["missed_calls"] >= MOST_MISSED:
            row = await move_in_tx(actor, appointment_id, "no-show", _("Called three times"))
        else:
            events.publish(row, "appointment.changed", "queue.position")
        return appointment_of(row, actor)


async def add_walk_in(actor: Actor, session_id: UUID, data: WalkIn) -> Appointment:
    """Take somebody in who has not booked, CHECKED_IN at once: at a free position whose time is not past, or after every
    two booked patients when there is none.

    A new patient gets an account: with an address the owner is invited by mail to choose a password, without one nobody
    can sign in. Raises `NotFound`, or `Conflict` (`email_taken`, `already_booked`, `patient_busy`, `not_today`).
    """
    _refuse_others(actor)
    for turn in range(TRIES):
        try:
            return await _add_walk_in(actor, session_id, data)
        except _Taken:
            if turn == TRIES - 1:
                raise
    raise NotFound


class _Taken(Conflict):
    """The place was taken in this moment; leaving the transaction undoes the account of a new patient too."""

    def __init__(self) -> None:
        super().__init__("slot_taken", _("Somebody else has just taken this place. Please try again."))


@db.retried
async def _add_walk_in(actor: Actor, session_id: UUID, data: WalkIn) -> Appointment:
    async with db.transaction():
        if (await _lock_in_tx(actor, session_id, data.date))["turn"] != 0:
            raise Conflict("not_today", _("Walk-ins are for today's queue."))
        patient_id = data.patient_id or await _admit_in_tx(actor, session_id, data)
        row = await db.fetch_row(
            statements.WALK_IN, session_id, *_who(actor), data.date, uuid7(), patient_id, data.chief_complaint or "",
            [uuid7() for _ in range(5)], request_id(),
        )  # fmt: skip
        if row is None:
            raise await _why_not_in_tx(actor, session_id, data, patient_id)
        if not row["done"]:  # the database refused a second visit of the patient at this time
            raise Conflict("patient_busy", _("There is another visit at this time already."))
        events.publish(row, "appointment.booked", "queue.walk_in")
        events.publish_slots(row, "slot.booked", [row["slot_id"]])
        return appointment_of(row, actor)


async def _why_not_in_tx(actor: Actor, session_id: UUID, data: WalkIn, patient_id: UUID) -> Exception:
    row = await db.fetch_row(statements.NO_WALK_IN, session_id, *_who(actor), data.date, patient_id)
    if row is None or not row["is_known"]:
        return NotFound()
    if row["own_appointment_id"]:
        text = _("There is a place in this session already.")
        return Conflict("already_booked", text, appointment_id=row["own_appointment_id"])
    return _Taken()


async def _admit_in_tx(actor: Actor, session_id: UUID, data: WalkIn) -> UUID:
    """The new patient's account; an address that has one already is never taken over."""
    place = await db.fetch_row(PLACE, session_id)
    if place is None:
        raise NotFound
    facts = {
        "role": Role.PATIENT, "first_name": data.first_name or "", "last_name": data.last_name or "",
        "date_of_birth": data.date_of_birth, "phone_number": data.phone_number, "time_zone": place["time_zone"],
    }  # fmt: skip
    if data.email:
        return await invite_in_tx(actor, NewAccount(email=data.email, **facts), place["name"])
    return await admit_in_tx(actor, facts)


@db.retried
async def announce_delay(actor: Actor, session_id: UUID, data: Delay) -> QueueDay:
    """Say how many minutes the doctor runs late (0: no longer). Raises `NotFound`, or `Conflict` (`day_past`)."""
    _refuse_others(actor)
    async with db.transaction():
        day = await _lock_in_tx(actor, session_id, data.date)
        if day["turn"] < 0:
            raise Conflict("day_past", _("This day is past."))
        await db.execute(statements.ANNOUNCE, session_id, data.date, data.delay_minutes)
        await record_in_tx(actor, "queue.delayed", subject_type="session", subject_id=session_id)
        _tell(day, "queue.delay")
    return QueueDay(session_id=session_id, date=data.date, delay_minutes=data.delay_minutes)


async def put_first_in_tx(actor: Actor, appointment_id: UUID) -> None:
    """Let an emergency that this doctor has accepted go first in the session that they hold at this moment, with its
    patient checked in; where there is none, nothing happens."""
    async with db.as_portal():  # the rank depends on other calls for help, and the visit is of no clinic
        row = await db.fetch_row(
            statements.PUT_FIRST, appointment_id, actor.id, actor.role.value, uuid7(), request_id()
        )  # fmt: skip
    if row is not None:
        _tell(row, "queue.urgent")


async def _lock_in_tx(actor: Actor, session_id: UUID, day: date) -> Any:
    """Take the turn at a queue's day; `turn` is -1 for one that is past, 0 for today, 1 for one to come."""
    row = await db.fetch_row(statements.LOCK, session_id, *_who(actor), day)
    if row is None:
        raise NotFound
    return row


def _tell(day: Any, event: str) -> None:
    """What concerns a queue and no single visit in it."""
    events.publish_queue(day["session_id"], day["date"], event)
    tell_walls(day["clinic_id"])


def _who(actor: Actor) -> tuple[UUID, str, list[UUID]]:
    return actor.id, actor.role.value, list(actor.clinic_ids)


def _refuse_others(actor: Actor) -> None:
    if not policy.may_run(actor):
        raise Forbidden
