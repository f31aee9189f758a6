"""From one visit to the next: to another doctor with a note, or to the same one in some weeks."""

from typing import Any
from uuid import UUID

import msgspec

from portal import db, live
from portal.accounts.schemas import Actor
from portal.appointments.schemas import Appointment, AppointmentStatus, AppointmentType
from portal.booking import refusals
from portal.booking.actions import Lost, book_in_tx
from portal.booking.schemas import NewAppointment
from portal.booking.statements import BOOK_HELD, BOOK_SLOT
from portal.errors import Conflict, DomainError, FieldError, Forbidden, Invalid, NotFound
from portal.ids import uuid7
from portal.referrals import policy, queries, statements
from portal.referrals.schemas import NewFollowUp, NewReferral, Proposals
from portal.slots.actions import make_missing
from portal.web.i18n import _
from portal.web.requests import request_id

SEEN = (AppointmentStatus.IN_PROGRESS, AppointmentStatus.COMPLETED)


@db.retried
async def refer(actor: Actor, appointment_id: UUID, wanted: NewReferral, horizon_days: int) -> Appointment:
    """Book the patient of one's visit with another doctor, at the given or the next free time, and tell why.

    Raises `Forbidden`, `NotFound`, `Invalid`, or `Conflict` with `wrong_status`, `no_doctor_available`, `slot_taken`,
    `already_referred`, `patient_busy`; nothing has changed then.
    """
    if not policy.may_refer(actor):
        raise Forbidden
    if wanted.doctor_id == actor.id:
        raise Invalid([FieldError("doctor_id", _("Choose another doctor; for a visit with you, plan a follow-up."))])
    kind = AppointmentType.IN_PERSON
    for turn in range(2):
        try:
            async with db.transaction():
                return await _refer_in_tx(actor, appointment_id, wanted)
        except Lost as lost:
            kind = lost.wanted.appointment_type
        if not await queries.is_doctor(wanted.doctor_id, wanted.slot_id):
            raise NotFound
        if wanted.slot_id or turn or not await make_missing(wanted.doctor_id, horizon_days):
            break
    code = "slot_taken" if wanted.slot_id else "no_doctor_available"
    asked = NewAppointment(slot_id=wanted.slot_id or uuid7(), appointment_type=kind)
    raise await refusals.conflict(code, asked, doctor_id=wanted.doctor_id)


async def _refer_in_tx(actor: Actor, appointment_id: UUID, wanted: NewReferral) -> Appointment:
    visit = await _own_visit_in_tx(actor, appointment_id)
    async with db.as_portal():  # the other doctor's times are not the referring one's to take
        there = await db.fetch_value(statements.ALREADY, appointment_id, wanted.doctor_id)
        if there:
            text = _("The patient has been referred to this doctor already.")
            raise Conflict("already_referred", text, appointment_id=there)
        new = NewAppointment(
            slot_id=wanted.slot_id or uuid7(),
            appointment_type=await queries.type_at(wanted.slot_id, visit["appointment_type"]),
            chief_complaint=visit["chief_complaint"] or None,
        )
        booked = await book_in_tx(statements.REFER, actor, visit["patient_id"], new, wanted.slot_id, wanted.doctor_id)
        await _link_in_tx(actor, booked.id, appointment_id, "REFERRAL", wanted.note)
    return msgspec.structs.replace(booked, referred_from=appointment_id)


async def _own_visit_in_tx(actor: Actor, appointment_id: UUID) -> Any:
    """The doctor's own visit, locked. Raises `NotFound`, or `Conflict` before it has begun."""
    row = await db.fetch_row(statements.OWN, appointment_id, actor.id)
    if row is None:
        raise NotFound
    if row["status"] not in SEEN:
        text = _("This can be done once the visit has begun.")
        raise Conflict("wrong_status", text, current_status=row["status"])
    return row


async def _link_in_tx(actor: Actor, new_id: UUID, old_id: UUID, kind: str, note: str) -> None:
    ids = [uuid7() for _ in range(3)]
    await db.execute(statements.LINK, new_id, old_id, actor.id, actor.role.value, kind, note, ids, request_id())
    live.publish(f"appointment:{old_id}", "appointment.changed", appointment_id=old_id)


@db.retried
async def follow_up(
    actor: Actor, appointment_id: UUID, wanted: NewFollowUp, horizon_days: int
) -> Appointment | Proposals:
    """Propose free times in some weeks, or book the one that was chosen, for the patient of one's visit.

    Raises `Forbidden`, `NotFound`, or the `Conflict` of the time.
    """
    if not policy.may_refer(actor):
        raise Forbidden
    if wanted.weeks:
        return await propose(actor, appointment_id, wanted.weeks, horizon_days)
    error: DomainError = NotFound()
    for sql in (BOOK_SLOT, BOOK_HELD):
        try:
            async with db.transaction():
                return await _follow_up_in_tx(sql, actor, appointment_id, wanted)
        except Lost as lost:
            error, is_own = await refusals.why_not_slot(actor, lost.patient_id, lost.wanted)
            if not is_own:
                break
    raise error


async def _follow_up_in_tx(sql: str, actor: Actor, appointment_id: UUID, wanted: NewFollowUp) -> Appointment:
    visit = await _own_visit_in_tx(actor, appointment_id)
    new = NewAppointment(
        slot_id=wanted.slot_id,
        appointment_type=await queries.type_at(wanted.slot_id, visit["appointment_type"]),
        chief_complaint=visit["chief_complaint"] or None,
    )
    booked = await book_in_tx(sql, actor, visit["patient_id"], new, wanted.slot_id)
    async with db.as_portal():  # nobody writes that one visit came of another but this action
        await _link_in_tx(actor, booked.id, appointment_id, "FOLLOW_UP", "")
    return msgspec.structs.replace(booked, referred_from=appointment_id)


@db.retried
async def propose(actor: Actor, appointment_id: UUID, weeks: int, horizon_days: int) -> Proposals:
    """Free times of the doctor about so many weeks after the visit. Raises `Forbidden`, `NotFound`, `Conflict`."""
    if not policy.may_refer(actor):
        raise Forbidden
    async with db.transaction():
        visit = await _own_visit_in_tx(actor, appointment_id)
    found = await queries.times_in(visit, weeks)
    if not found and await make_missing(actor.id, horizon_days):
        found = await queries.times_in(visit, weeks)
    return Proposals(found)
