"""Waiting for a time, and what is offered: an offer is a hold, so nobody else can have the time while it lasts."""

from typing import Any
from uuid import UUID

from portal import clock, db, live
from portal.accounts.schemas import Actor
from portal.appointments.schemas import Appointment, AppointmentType
from portal.audit.actions import record_in_tx
from portal.booking import refusals
from portal.booking.actions import Lost, book_in_tx
from portal.booking.schemas import NewAppointment
from portal.booking.statements import BOOK_HELD
from portal.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from portal.ids import uuid7
from portal.slots.actions import ONE_AT_A_TIME
from portal.slots.calendar import refuse_beyond
from portal.slots.events import tell_slot
from portal.waitlist import mails, policy, queries, statements
from portal.waitlist.schemas import OFFER_SECONDS, Acceptance, Entry, NewEntry, Offer
from portal.web.i18n import N_, _

MOST_ENTRIES = 10
TRIES = 5  # while others take something in the same moment
ROUNDS = 20  # of a sweep; each looks at the next times of everybody who waits

ALREADY = N_("You are waiting for this already.")
db.conflict_for("waitlist_entry_once_for_doctor", "already_waiting", ALREADY)
db.conflict_for("waitlist_entry_once_for_specialty", "already_waiting", ALREADY)


@db.retried
async def join(actor: Actor, wanted: NewEntry) -> Entry:
    """Wait for a time that becomes free.

    Raises `Forbidden`, `NotFound`, `Invalid`, or `Conflict` with `already_waiting` or `too_many_entries`.
    """
    if not policy.may_wait(actor):
        raise Forbidden
    today = clock.today(actor.time_zone)
    if wanted.to < today:
        raise Invalid([FieldError("to", _("This date has passed."))])
    refuse_beyond("to", wanted.to, today)
    entry_id = uuid7()
    async with db.transaction():
        await db.execute(ONE_AT_A_TIME, actor.id)
        async with db.as_portal():  # the portal ends what is over, nobody else
            await _lapse_in_tx(actor.id, today, wanted.doctor_id, wanted.specialty_id)
        if await db.fetch_value(statements.WAITING, actor.id) >= MOST_ENTRIES:
            text = _("You are waiting for %(number)s times already. Leave one list first.", number=MOST_ENTRIES)
            raise Conflict("too_many_entries", text)
        joined = await db.fetch_value(
            statements.JOIN, entry_id, actor.id, wanted.doctor_id, wanted.specialty_id, wanted.from_, wanted.to,
            wanted.service_type,
        )  # fmt: skip
        if joined is None:
            raise NotFound
        await _record_in_tx(actor, "joined", entry_id)
        return await queries.get_entry(actor, entry_id)


@db.retried
async def leave(actor: Actor, entry_id: UUID) -> None:
    """Wait no longer; what is kept for it is given back. Raises `Forbidden`, or `NotFound` also when it is over."""
    if not policy.may_wait(actor):
        raise Forbidden
    async with db.transaction():
        row = await db.fetch_row(statements.LEAVE, entry_id, actor.id)
        if row is None:
            raise NotFound
        if row["offer_id"]:
            await _decline_in_tx(actor, row["offer_id"])
        await _record_in_tx(actor, "left", entry_id)


@db.retried
async def accept(actor: Actor, offer_id: UUID, wanted: Acceptance) -> Appointment:
    """Book the time that is kept, as any held time is booked.

    Raises `Forbidden`, `NotFound`, `Invalid` where the kind of visit is open, or the `Conflict` of the booking.
    """
    if not policy.may_wait(actor):
        raise Forbidden
    offer = await queries.get_offer(actor, offer_id)
    kind = AppointmentType(offer.service_type) if offer.service_type != "BOTH" else wanted.appointment_type
    if kind is None:
        raise Invalid([FieldError("appointment_type", _("Choose how you want to meet."))])
    new = NewAppointment(slot_id=offer.slot_id, appointment_type=kind, chief_complaint=wanted.chief_complaint)
    try:
        async with db.transaction():
            if await db.fetch_value(statements.ANSWER, offer_id, actor.id, "ACCEPTED", "BOOKED") is None:
                raise _over(await queries.get_offer(actor, offer_id))
            booked = await book_in_tx(BOOK_HELD, actor, actor.id, new, offer.slot_id)
            await _record_in_tx(actor, "accepted", offer_id)
            return booked
    except Lost:
        raise (await refusals.why_not_slot(actor, actor.id, new))[0] from None


@db.retried
async def decline(actor: Actor, offer_id: UUID) -> Offer:
    """Let the time go to the next; the patient goes on waiting for others. Raises `Forbidden`, `NotFound`, `Conflict`."""
    if not policy.may_wait(actor):
        raise Forbidden
    async with db.transaction():
        before = await queries.get_offer(actor, offer_id)
        if not await _decline_in_tx(actor, offer_id):
            raise _over(before)
        await _record_in_tx(actor, "declined", offer_id)
        return await queries.get_offer(actor, offer_id)


async def _decline_in_tx(actor: Actor, offer_id: UUID) -> bool:
    slot_id = await db.fetch_value(statements.ANSWER, offer_id, actor.id, "DECLINED", "WAITING")
    if slot_id is None:
        return False
    row = await db.fetch_row(statements.GIVE_BACK, slot_id, actor.id)
    if row:
        tell_slot(row["doctor_id"], row["date"], "slot.released", slot_id)
    return True


def _over(offer: Offer) -> Conflict:
    if offer.appointment_id:
        text = _("You have booked this time already.")
        return Conflict("already_booked", text, appointment_id=offer.appointment_id)
    return Conflict("hold_expired", _("This offer has ended; the time went to the next on the list."))


async def _record_in_tx(actor: Actor, what: str, thing: UUID) -> None:
    await record_in_tx(actor, f"waitlist.{what}", subject_type="waitlist", subject_id=thing, patient_id=actor.id)
    live.publish(f"user:{actor.id}", "waitlist.changed", waitlist_id=thing)


async def offer_slot(slot_id: UUID, seconds: float = OFFER_SECONDS) -> bool:
    """Keep a free slot for whoever has waited for it longest, and tell them; whether somebody was offered it.

    Safe to call by any number of workers at once, and again: a slot that is kept is not free.
    """
    await close_ended(slot_id)
    for _turn in range(TRIES):
        async with db.as_portal():  # who waits for what is known to nobody else
            offered = await _offer(slot_id, seconds)
        if offered is not None:
            return offered
    return False


@db.retried
async def _offer(slot_id: UUID, seconds: float) -> bool | None:
    """None: the one whose turn it was has just taken another time."""
    async with db.transaction():
        turn = await db.fetch_row(statements.NEXT, slot_id, seconds)
        if turn is None:
            return False
        await db.execute(ONE_AT_A_TIME, turn["patient_id"])
        row = await db.fetch_row(statements.OFFER, slot_id, seconds, turn["id"], [uuid7(), uuid7()])
        if row is None:
            return None
        await mails.mail_offered_in_tx(row)
        live.publish(f"user:{row['patient_id']}", "waitlist.offered", offer_id=row["id"])
        tell_slot(row["doctor_id"], row["date"], "slot.held", slot_id)
    return True


@db.retried
async def close_ended(slot_id: UUID | None = None) -> int:
    """End the offers that are over, of one slot or of all; how many."""
    async with db.as_portal(), db.transaction():  # other people's offers end by the clock
        rows = await db.fetch(statements.CLOSE, slot_id)
        for row in rows:
            live.publish(f"user:{row['patient_id']}", "waitlist.changed", waitlist_id=row["id"])
    return len(rows)


@db.retried
async def end_over() -> int:
    """End the wishes whose dates are over; how many."""
    async with db.as_portal(), db.transaction():  # other people's wishes end by the calendar
        return await _lapse_in_tx()


async def _lapse_in_tx(*whose: Any) -> int:
    rows = await db.fetch(statements.LAPSE, *(whose or (None,) * 4))
    for row in rows:
        live.publish(f"user:{row['patient_id']}", "waitlist.changed", waitlist_id=row["id"])
    return len(rows)


async def offer_all(seconds: float = OFFER_SECONDS) -> int:
    """Offer every free time that somebody waits for; how many were offered."""
    await close_ended()
    total = 0
    for _round in range(ROUNDS):
        async with db.as_portal():  # as above
            slot_ids = await queries.freed_slots(seconds)
        offered = sum([await offer_slot(one, seconds) for one in slot_ids])
        total += offered
        if not offered:
            break
    return total
