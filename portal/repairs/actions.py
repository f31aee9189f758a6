"""Repairing a broken day: offer something else to one patient or to all, and let each of them choose."""

from functools import partial
from typing import Any
from uuid import UUID

from portal import db
from portal.accounts.schemas import Actor, Role
from portal.appointments import events
from portal.appointments.actions import move_in_tx
from portal.appointments.queries import get_appointment
from portal.appointments.schemas import LIVE, Appointment
from portal.audit.actions import record_in_tx
from portal.booking.actions import Lost, reschedule_in_tx
from portal.booking.statements import BOOK_KEPT
from portal.errors import Conflict, DomainError, Forbidden, NotFound
from portal.ids import uuid7
from portal.notifications.actions import notify_in_tx
from portal.repairs import mails, policy, queries, statements
from portal.repairs.queries import parties
from portal.repairs.schemas import (
    Affected,
    NewRepair,
    NewRepairs,
    Outcome,
    OutcomeKind,
    Repair,
    RepairBatch,
    RepairKind,
    RepairState,
)
from portal.slots.events import tell_slot
from portal.slots.making import rehearse
from portal.web.i18n import N_, _, speaking
from portal.web.requests import request_id

db.conflict_for("repair_one_open", "already_offered", N_("Something has just been offered to this patient."))

BATCH = 25  # so many patients a request; each is a transaction of its own
MOST_SEEN = 100  # in a preview
KEEP = {
    RepairKind.ALTERNATIVE: statements.KEEP_ALTERNATIVE,
    RepairKind.LATER: statements.KEEP_LATER,
    RepairKind.VIDEO: statements.OFFER_VIDEO,
}


@db.retried
async def propose(actor: Actor, appointment_id: UUID, wanted: NewRepair) -> Outcome:
    """Offer a patient something else instead of a visit, or cancel it; an open offer before it is taken back.

    Raises `Forbidden`, `NotFound`, or `Conflict` with `wrong_status`, `nothing_to_offer`.
    """
    if not policy.may_repair(actor):
        raise Forbidden
    async with db.transaction():
        return await _repair_in_tx(actor, appointment_id, wanted)


async def propose_all(actor: Actor, wanted: NewRepairs) -> RepairBatch:
    """The same for all who are affected and have no open offer, in batches: what was done for each, or why it was not."""
    found = await queries.affected(actor, wanted, limit=BATCH, after=wanted.after, without_offer=True)
    one, outcomes = NewRepair(kind=wanted.kind, reason=wanted.reason), []
    for visit in found.affected:
        try:
            outcomes.append(await propose(actor, visit.appointment_id, one))
        except (Conflict, NotFound) as error:
            outcomes.append(_refused(visit, error))
    more = found.total > len(outcomes) and outcomes
    following = outcomes[-1].appointment_id if more else None
    return RepairBatch(kind=wanted.kind, total=found.total, outcomes=outcomes, next=following)


async def preview_all(actor: Actor, wanted: NewRepairs) -> RepairBatch:
    """What `propose_all` would offer to each, without doing it; of very many the first."""
    found = await queries.affected(actor, wanted, limit=MOST_SEEN, after=wanted.after, without_offer=True)
    one = NewRepair(kind=wanted.kind, reason=wanted.reason)
    outcomes = await rehearse(partial(_repair_all_in_tx, actor, found.affected, one))
    return RepairBatch(kind=wanted.kind, total=found.total, outcomes=outcomes, next=None)


async def _repair_all_in_tx(actor: Actor, visits: list[Affected], one: NewRepair) -> list[Outcome]:
    outcomes = []
    for visit in visits:
        try:
            outcomes.append(await _repair_in_tx(actor, visit.appointment_id, one))
        except (Conflict, NotFound) as error:
            outcomes.append(_refused(visit, error))
    return outcomes


def _refused(visit: Affected, error: DomainError) -> Outcome:
    return Outcome(
        appointment_id=visit.appointment_id, patient_name=visit.patient_name, start_time=visit.start_time,
        time_zone=visit.time_zone, outcome=OutcomeKind.REFUSED, code=error.code, detail=error.detail,
    )  # fmt: skip


async def _repair_in_tx(actor: Actor, appointment_id: UUID, wanted: NewRepair) -> Outcome:
    visit = await _visit_in_tx(actor, appointment_id)
    offer: Repair | None = None
    if wanted.kind is RepairKind.CANCEL:
        with speaking(visit["patient_locale"]):
            reason = wanted.reason or _("The doctor is not there at this time.")
        await move_in_tx(actor, appointment_id, "cancel", reason)
    else:
        offer = await _offer_in_tx(actor, visit, wanted.kind)
    return Outcome(
        appointment_id=appointment_id, patient_name=visit["patient_name"], start_time=visit["start_time"],
        time_zone=visit["time_zone"], outcome=OutcomeKind.OFFERED if offer else OutcomeKind.CANCELLED, repair=offer,
    )  # fmt: skip


async def _visit_in_tx(actor: Actor, appointment_id: UUID) -> Any:
    """Lock a visit of the actor's, so that nothing else happens to it meanwhile."""
    visit = await db.fetch_row(statements.VISIT, appointment_id, *parties(actor))
    if visit is None:
        raise NotFound
    return visit


async def _offer_in_tx(actor: Actor, visit: Any, kind: RepairKind) -> Repair:
    if visit["status"] not in LIVE[:2]:
        text = _("The visit is no longer in a state that allows this.")
        raise Conflict("wrong_status", text, current_status=visit["status"])
    await _end_in_tx(visit, RepairState.WITHDRAWN, actor.id)
    async with db.as_portal():  # where the patient is otherwise, and a colleague's time, are not the actor's to see
        kept = await db.fetch_row(KEEP[kind], visit["id"])
    if kept is None:
        raise Conflict("nothing_to_offer", _nothing(kind))
    repair_id = uuid7()
    await db.execute(
        statements.INSERT, repair_id, visit["id"], visit["patient_id"], visit["doctor_id"], visit["clinic_id"], kind.value,
        kept["slot_id"], kept["expires_at"], actor.id,
    )  # fmt: skip
    offer = await queries.get_repair(actor, repair_id)
    await record_in_tx(
        actor, "repair.offer", subject_type="repair", subject_id=repair_id, patient_id=visit["patient_id"]
    )
    await notify_in_tx(visit["patient_id"], "repair.offered", f"/appointments/{visit['id']}/repair")
    await mails.mail_offer_in_tx(visit, offer)
    events.publish(visit, "appointment.changed")
    if kept["slot_id"]:
        tell_slot(kept["doctor_id"], kept["date"], "slot.held", kept["slot_id"])
    return offer


def _nothing(kind: RepairKind) -> str:
    if kind is RepairKind.VIDEO:
        return _("This visit cannot be by video.")
    if kind is RepairKind.LATER:
        return _("No later place of that day is free for this patient.")
    return _("No time of the doctor, or of others of the specialty, is free for this patient.")


async def _end_in_tx(visit: Any, state: RepairState, actor_id: UUID | None, repair_id: UUID | None = None) -> Any:
    """End the open offer of a visit; the time that it kept is free again. The offer, or None."""
    async with db.as_portal():  # the time may be a colleague's
        ended = await db.fetch_row(statements.END, visit["id"], state.value, actor_id, repair_id)
    if ended and ended["released_slot"]:
        tell_slot(ended["slot_doctor"], ended["slot_date"], "slot.released", ended["released_slot"])
    return ended


@db.retried
async def accept(actor: Actor, repair_id: UUID) -> Appointment:
    """Take what is offered, in one transaction: where the new time cannot be booked, the old one is kept.

    Raises `Forbidden`, `NotFound`, or `Conflict` with `offer_over`, `offer_gone`, `wrong_status`, `patient_busy`.
    """
    if not policy.may_answer(actor):
        raise Forbidden
    async with db.transaction():
        visit = await _visit_of_offer_in_tx(actor, repair_id)
        offer = await db.fetch_row(statements.ACCEPT, repair_id, actor.id)
        if offer is None:
            raise await _over(repair_id)
        became = visit["id"]
        if offer["kind"] == RepairKind.VIDEO:
            await _to_video_in_tx(actor, visit)
        else:
            became = (await _move_in_tx(actor, visit, offer)).id
        await db.execute(statements.BECAME, repair_id, became)
        await _record_answer_in_tx(actor, "repair.accept", visit, offer)
    return await get_appointment(actor, became)


async def _visit_of_offer_in_tx(actor: Actor, repair_id: UUID) -> Any:
    appointment_id = await db.fetch_value(statements.OF_VISIT, repair_id)
    if appointment_id is None:
        raise NotFound
    return await _visit_in_tx(actor, appointment_id)


async def _over(repair_id: UUID) -> Conflict:
    state = await db.fetch_value(statements.WHY_NOT, repair_id)
    shown = RepairState.EXPIRED.value if state == RepairState.PROPOSED else state
    return Conflict("offer_over", _("This offer is no longer open."), current_state=shown)


async def _move_in_tx(actor: Actor, visit: Any, offer: Any) -> Appointment:
    """Cancel and book in this transaction; what is kept for the offer is opened for its patient alone."""
    gone = Conflict("offer_gone", _("The time that was offered is no longer there. The visit is as it was."))
    async with db.as_portal():  # the time is kept by its doctor, who may be another one
        doctor_id = await db.fetch_value(
            statements.HAND_OVER, offer["slot_id"], visit["patient_id"], offer["expires_at"]
        )
    if doctor_id is None:
        raise gone
    if actor.role is Role.DOCTOR and actor.id != doctor_id:
        raise Conflict("not_your_time", _("A time with another doctor is accepted by the patient or the clinic."))
    try:
        return await reschedule_in_tx(BOOK_KEPT, actor, visit["id"], offer["slot_id"])
    except Lost:
        raise gone from None


async def _to_video_in_tx(actor: Actor, visit: Any) -> None:
    ids = [uuid7(), uuid7()]
    if not await db.execute(statements.TO_VIDEO, visit["id"], actor.id, actor.role.value, ids, request_id()):
        raise Conflict("no_video", _("This visit cannot be by video."))
    events.publish(visit, "appointment.changed")


async def _record_answer_in_tx(actor: Actor, action: str, visit: Any, offer: Any) -> None:
    """Audit an answer, tell whoever offered it, and show it to all concerned."""
    await record_in_tx(actor, action, subject_type="repair", subject_id=offer["id"], patient_id=visit["patient_id"])
    if actor.id != offer["created_by"]:
        await notify_in_tx(offer["created_by"], action, "/attention")
    events.publish(visit, "appointment.changed")


@db.retried
async def decline(actor: Actor, repair_id: UUID) -> Repair:
    """The patient does not want what is offered; the visit goes on needing attention.

    Raises `Forbidden`, `NotFound`, or `Conflict` with `offer_over`.
    """
    if not policy.may_choose(actor):
        raise Forbidden
    return await _end(actor, repair_id, RepairState.DECLINED, "repair.decline")


@db.retried
async def withdraw(actor: Actor, repair_id: UUID) -> Repair:
    """Staff take an offer back. Raises `Forbidden`, `NotFound`, or `Conflict` with `offer_over`."""
    if not policy.may_repair(actor):
        raise Forbidden
    return await _end(actor, repair_id, RepairState.WITHDRAWN, "repair.withdraw")


async def _end(actor: Actor, repair_id: UUID, state: RepairState, action: str) -> Repair:
    async with db.transaction():
        visit = await _visit_of_offer_in_tx(actor, repair_id)
        ended = await _end_in_tx(visit, state, actor.id, repair_id)
        if ended is None:
            raise await _over(repair_id)
        await db.execute(statements.UNMARK, visit["id"])
        await _record_answer_in_tx(actor, action, visit, ended)
    return await queries.get_repair(actor, repair_id)


@db.retried
async def take_video(actor: Actor, appointment_id: UUID) -> Appointment:
    """The patient takes a visit that needs attention by video, at the same time; an open offer ends with it.

    Raises `Forbidden`, `NotFound`, or `Conflict` with `no_video`.
    """
    if not policy.may_choose(actor):
        raise Forbidden
    async with db.transaction():
        visit = await _visit_in_tx(actor, appointment_id)
        await _end_in_tx(visit, RepairState.DECLINED, actor.id)
        await _to_video_in_tx(actor, visit)
    return await get_appointment(actor, appointment_id)


@db.retried
async def expire(appointment_id: UUID) -> None:
    """An offer that nobody has answered in time ends, and the clinic sees the visit again."""
    async with db.transaction():
        visit = await db.fetch_row(statements.DUE, appointment_id)
        if visit and await _end_in_tx(visit, RepairState.EXPIRED, None):
            await db.execute(statements.UNMARK, appointment_id)
            events.publish(visit, "appointment.changed")
