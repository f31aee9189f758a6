"""Booking: one guarded statement takes the slot and writes all that follows from it."""

import asyncio
from typing import Any
from uuid import UUID

from portal import db, metrics
from portal.accounts.schemas import Actor, Role
from portal.appointments import events
from portal.appointments.actions import move_in_tx
from portal.appointments.policy import may_move
from portal.appointments.queries import appointment_of
from portal.appointments.schemas import Appointment, AppointmentType
from portal.booking import policy, refusals, statements
from portal.booking.schemas import NewAppointment
from portal.errors import Conflict, DomainError, FieldError, Forbidden, Invalid, NotFound
from portal.faults import fault
from portal.ids import uuid7
from portal.slots.events import tell_closed
from portal.slots.making import make_missing_in_tx
from portal.web.i18n import _
from portal.web.requests import request_id

db.conflict_for("appointment_patient_no_overlap", "patient_busy", refusals.TEXTS["patient_busy"])

TRIES = 5  # for a place in a session's queue while others are taking theirs


class Lost(Exception):
    """There is nothing to take; leaving the transaction undoes what it did until then."""

    def __init__(self, patient_id: UUID, wanted: NewAppointment) -> None:
        super().__init__()
        self.patient_id = patient_id
        self.wanted = wanted


@db.retried
async def book(actor: Actor, wanted: NewAppointment, horizon_days: int) -> Appointment:
    """Book a slot, the next place of a session's day, or the first doctor who is free now.

    `horizon_days`: how far ahead the slots of a day are made that nobody has looked at yet.

    Raises `Forbidden`, `NotFound`, `Invalid`, or `Conflict` with what could be booked instead.
    """
    patient_id = _patient(actor, wanted.patient_id)
    if wanted.slot_id:
        return await _book_slot(actor, patient_id, wanted)
    if wanted.session_id:
        return await _join_session(actor, patient_id, wanted, horizon_days)
    return await _book_first_available(actor, patient_id, wanted)


def _patient(actor: Actor, patient_id: UUID | None) -> UUID:
    if not policy.may_book(actor, patient_id):
        raise Forbidden
    if actor.role is Role.PATIENT:
        return actor.id
    if patient_id is None:
        raise Invalid([FieldError("patient_id", _("Say for whom you book."))])
    return patient_id


async def _book_slot(actor: Actor, patient_id: UUID, wanted: NewAppointment) -> Appointment:
    if actor.role is not Role.PATIENT:
        return await _take_slot(actor, patient_id, wanted)
    async with refusals.in_a_rush(patient_id, wanted):
        return await _take_slot(actor, patient_id, wanted)


async def _take_slot(actor: Actor, patient_id: UUID, wanted: NewAppointment) -> Appointment:
    error: DomainError = NotFound()
    for sql in (statements.BOOK_SLOT, statements.BOOK_HELD):
        booked = await _try(sql, actor, patient_id, wanted, wanted.slot_id)
        if booked is not None:
            return booked
        error, is_own = await refusals.why_not_slot(actor, patient_id, wanted)
        if not is_own:
            break
    raise error


async def _join_session(actor: Actor, patient_id: UUID, wanted: NewAppointment, horizon_days: int) -> Appointment:
    no_place = refusals.NoPlace(NotFound())
    for turn in range(TRIES):
        booked = await _try(statements.JOIN_SESSION, actor, patient_id, wanted, wanted.session_id, wanted.date)
        if booked is not None:
            return booked
        no_place = await refusals.why_not_session(actor, patient_id, wanted)
        if no_place.are_being_taken:
            await asyncio.sleep(0.02 * (turn + 1))
        elif no_place.unmade_doctor and turn == 0:
            await _make_slots(no_place.unmade_doctor, horizon_days)
        else:
            break
    raise no_place.error


async def _make_slots(doctor_id: UUID, horizon_days: int) -> None:
    """Several may come here at once: the first makes them, the others find them made."""
    async with db.as_portal(), db.transaction():  # whoever looks first, the sessions say what is made
        await make_missing_in_tx(doctor_id, horizon_days)


async def _book_first_available(actor: Actor, patient_id: UUID, wanted: NewAppointment) -> Appointment:
    for _turn in range(2):  # the doctor chosen first may get another visit in the same moment
        async with db.as_portal():  # who is free depends on other people's visits
            booked = await _try(statements.FIRST_AVAILABLE, actor, patient_id, wanted, wanted.specialty_id)
        if booked is not None:
            return booked
    if not await refusals.is_bookable(actor, patient_id, wanted):
        raise NotFound
    raise await refusals.conflict("no_doctor_available", wanted)


async def _try(sql: str, actor: Actor, patient_id: UUID, wanted: NewAppointment, *how: Any) -> Appointment | None:
    """One attempt in a transaction of its own; None, and nothing committed, when there was nothing to take."""
    try:
        async with db.one_trip() if sql == statements.BOOK_SLOT else db.transaction():
            return await book_in_tx(sql, actor, patient_id, wanted, *how)
    except Lost:
        return None
    except Conflict as conflict:
        if conflict.code != "patient_busy":
            raise
        raise await refusals.conflict("patient_busy", wanted, doctor_id=_wanted_doctor(conflict)) from None


def _wanted_doctor(busy: Conflict) -> UUID:
    """Whose time it was that the patient is busy at, as `book_in_tx` says, or `write_visit`."""
    known: UUID | None = busy.extra.get("doctor_id")
    return known or UUID(busy.__cause__.detail)  # type: ignore[union-attr]  # an error of the database


async def book_in_tx(sql: str, actor: Actor, patient_id: UUID, wanted: NewAppointment, *how: Any) -> Appointment:
    """Take the slot that `sql` chooses, inside an open transaction. Raises `Lost` when there is nothing to take, `Conflict`."""
    await fault("before_booking")
    ask = db.call if sql == statements.BOOK_SLOT else db.fetch_row
    row = await ask(
        sql, uuid7(), patient_id, actor.id, actor.role.value, wanted.appointment_type.value, wanted.chief_complaint or "",
        list(actor.clinic_ids), [uuid7() for _ in range(5)], request_id(), *how,
    )  # fmt: skip
    if row is None:
        raise Lost(patient_id, wanted)
    if row.get("elsewhere"):
        text = refusals.TEXTS["patient_busy"]
        raise Conflict("patient_busy", _(text), doctor_id=row["doctor_id"])
    await fault("after_booking")
    db.after_commit(metrics.BOOKINGS.inc)
    events.publish(row, "appointment.booked")
    events.publish_slots(row, "slot.booked", [row["slot_id"]])
    events.publish_slots(row, "slot.released", row["let_go"] or [])
    tell_closed(row["doctor_id"], row.get("closed"), row.get("closed_dates"))
    return appointment_of(row, actor)


@db.retried
async def reschedule(actor: Actor, appointment_id: UUID, slot_id: UUID) -> Appointment:
    """Move a visit to another slot, in one transaction: when the new time is gone, the old one is kept.

    Raises what `book` and `move` raise.
    """
    if not may_move(actor, "reschedule"):
        raise Forbidden
    error: DomainError = NotFound()
    for sql in (statements.BOOK_SLOT, statements.BOOK_HELD):
        try:
            async with db.transaction():
                return await _reschedule_in_tx(sql, actor, appointment_id, slot_id)
        except Lost as lost:
            error, is_own = await refusals.why_not_slot(actor, lost.patient_id, lost.wanted)
            if not is_own:
                break
    raise error


async def _reschedule_in_tx(sql: str, actor: Actor, appointment_id: UUID, slot_id: UUID) -> Appointment:
    old = await move_in_tx(actor, appointment_id, "reschedule", more={"new_slot_id": slot_id})
    wanted = NewAppointment(
        slot_id=slot_id,
        appointment_type=AppointmentType(old["appointment_type"]),
        chief_complaint=old["chief_complaint"] or None,
    )
    return await book_in_tx(sql, actor, old["patient_id"], wanted, slot_id)


reschedule_in_tx = _reschedule_in_tx  # for a repair, whose own transaction it is
