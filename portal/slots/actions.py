"""Looking at a doctor's days, keeping a time for a patient, and making, closing and removing times by hand."""

from contextlib import nullcontext
from datetime import date
from functools import partial
from uuid import UUID

from portal import db, metrics
from portal.accounts.schemas import Actor
from portal.audit.actions import record_in_tx
from portal.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from portal.faults import fault
from portal.slots import calendar, making, policy, queries, weeks
from portal.slots.events import tell_day, tell_slot
from portal.slots.rushes import Rush
from portal.slots.schemas import BulkResult, BulkSlots, DoctorSlots, Hold, NewSlot, Slot, SlotChange, WeekSeen
from portal.web.i18n import N_, _
from portal.web.requests import request_id

db.conflict_for("slot_doctor_no_overlap", "slot_overlaps", N_("The doctor has another time that overlaps."))

_rush: Rush[bool] = Rush()

MAX_RANGE_DAYS = 62
MOST_HOLDS = 3

# Whether a slot is somebody else's, seen without a transaction: so most callers in a rush are refused.
GONE = """
SELECT CASE WHEN s.appointment_id IS NOT NULL THEN 'slot_taken' ELSE 'slot_held' END AS refusal,
    extract(epoch FROM s.held_until - clock_timestamp())::float8 AS seconds_until_release
FROM slot s JOIN account a ON a.id = s.doctor_id AND a.status = 'ACTIVE'
WHERE s.id = $1 AND (s.appointment_id IS NOT NULL
    OR s.held_by <> $2 AND s.held_until > clock_timestamp() AND s.starts_at > clock_timestamp())
"""

# One patient's holds are counted one request at a time; patients never wait for each other. A statement of its own:
# what is counted must be read after the lock was given.
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(uuid_hash_extended($1, 7040))"

# The patient's own hold: that lock and all that follows, see migration m0053.
HOLD = "SELECT * FROM hold_slot($1, $2, $3, $4, $5, $6, $7)"

RELEASE = """
UPDATE slot SET held_by = NULL, held_until = NULL, changed_at = clock_timestamp()
WHERE id = $1 AND held_by = $2 AND appointment_id IS NULL
RETURNING doctor_id, date
"""

# What a hand has closed or opened stays so, whatever becomes of the visit that it was closed for before.
# Only what the actor may manage is there at all: a doctor's own slots, those at an admin's clinics.
MANAGED = "id = $1 AND (doctor_id = $2 OR clinic_id = ANY($3::uuid[]))"
CHANGEABLE = MANAGED + " AND appointment_id IS NULL AND starts_at > clock_timestamp()"
CLOSE = (
    """
UPDATE slot SET disabled = $4, closed_for = NULL, changed_at = clock_timestamp(), held_by = CASE WHEN NOT $4 THEN held_by END,
    held_until = CASE WHEN NOT $4 THEN held_until END
WHERE """
    + CHANGEABLE
    + " RETURNING doctor_id, date"
)
REMOVE = "DELETE FROM slot WHERE " + CHANGEABLE + " RETURNING doctor_id, date"
WHY_NOT = "SELECT appointment_id IS NOT NULL AS booked FROM slot WHERE " + MANAGED


async def look_at_days(
    viewer: Actor | None, doctor_id: UUID, first: date | None, last: date | None, horizon_days: int
) -> DoctorSlots:
    """A doctor's slots of a range of dates (at most 62 days; None: seven days from the next free one).

    One statement; slots that have not been made yet are made first. Raises `NotFound`, `Invalid`.
    """
    if first and last and not 0 <= (last - first).days < MAX_RANGE_DAYS:
        raise Invalid([FieldError("to", _("Choose a range of at most %(days)s days.", days=MAX_RANGE_DAYS))])
    found, complete = await queries.read_days(viewer, doctor_id, first, last, horizon_days)
    if complete:
        return found
    await make_missing(doctor_id, horizon_days)
    return (await queries.read_days(viewer, doctor_id, first, last, horizon_days))[0]


async def look_at_week(viewer: Actor | None, doctor_id: UUID, first: date | None, horizon_days: int) -> WeekSeen:
    """The seven days from `first`, or from the next that has a free time; missing slots are made first."""
    found, complete = await weeks.read_week(viewer, doctor_id, first, horizon_days)
    if complete:
        return found
    await make_missing(doctor_id, horizon_days)
    return (await weeks.read_week(viewer, doctor_id, first, horizon_days))[0]


@db.retried
async def make_missing(doctor_id: UUID, horizon_days: int) -> int:
    """Make the slots of a doctor's sessions that are still missing up to the horizon; how many are new."""
    async with db.as_portal(), db.transaction():  # whoever looks first, the sessions say what is made
        return await making.make_missing_in_tx(doctor_id, horizon_days)


@db.retried
async def hold_slot(actor: Actor, slot_id: UUID, hold_seconds: float) -> Hold:
    """Keep a slot for the patient; asking again gives the same hold with the same end.

    Another hold of the same doctor-day is given back with it. Raises `Forbidden`, `NotFound`, or `Conflict` with
    `slot_taken`, `slot_held` (and `seconds_until_release`), `slot_past`, `slot_disabled`, `slot_after_hours`,
    `too_many_holds`.
    """
    if not policy.may_hold(actor):
        raise Forbidden
    others_were_refused = await _rush.lately(slot_id)
    if others_were_refused and (gone := await db.fetch_row(GONE, slot_id, actor.id, public=True)):
        raise refusal(gone["refusal"], gone["seconds_until_release"], hold_seconds)
    with nullcontext() if others_were_refused else _rush.trying(slot_id):
        return await _hold(actor, slot_id, hold_seconds)


async def _hold(actor: Actor, slot_id: UUID, hold_seconds: float) -> Hold:
    async with db.one_trip():
        await fault("before_hold")
        row = await db.call(HOLD, slot_id, actor.id, hold_seconds, MOST_HOLDS, request_id())
        if row is None or row["doctor_id"] is None:
            raise NotFound
        if row["refusal"]:
            if row["refusal"] != "slot_held" or (row["seconds_left"] or 0) > 0:  # not just locked by another
                _rush.note(slot_id, True)
            raise refusal(row["refusal"], row["seconds_left"], hold_seconds)
        await fault("after_hold")
        db.after_commit(metrics.HOLDS.labels("again" if row["again"] else "held").inc)
        if not row["again"]:
            tell_slot(row["doctor_id"], row["date"], "slot.held", slot_id)
            for released in row["released"] or []:
                tell_slot(row["doctor_id"], row["date"], "slot.released", released)
    return Hold(
        slot_id=slot_id,
        doctor_id=row["doctor_id"],
        date=row["date"],
        expires_at=row["held_until"],
        seconds_until_release=row["seconds_left"],
    )


def refusal(code: str, seconds: float | None, hold_seconds: float) -> Conflict:
    """Why not, in words for the patient."""
    texts = {
        "slot_taken": _("This time has just been booked by somebody else."),
        "slot_past": _("This time is past."),
        "slot_held": _("Somebody is just taking this time."),
        "slot_disabled": _("This time is closed."),
        "slot_after_hours": _("This place comes after the last time of the day. Join the queue to take it."),
        "too_many_holds": _("You are keeping %(number)s times already. Give one back first.", number=MOST_HOLDS),
    }
    metrics.HOLDS.labels("refused").inc()
    if code != "slot_held":
        return Conflict(code, texts[code])
    left = hold_seconds if seconds is None or seconds <= 0 else seconds
    return Conflict(code, texts[code], seconds_until_release=max(1, round(left)))


@db.retried
async def release_slot(actor: Actor, slot_id: UUID) -> None:
    """Give the patient's own hold back. Raises `NotFound` when there is none of theirs."""
    if not policy.may_hold(actor):
        raise Forbidden
    async with db.transaction():
        row = await db.fetch_row(RELEASE, slot_id, actor.id)
        if row is None:
            raise NotFound
        await record_in_tx(actor, "slot.release", subject_type="slot", subject_id=slot_id, patient_id=actor.id)
        db.after_commit(metrics.HOLDS.labels("released").inc)
        tell_slot(row["doctor_id"], row["date"], "slot.released", slot_id)


@db.retried
async def add_slot(actor: Actor, doctor_id: UUID, new: NewSlot) -> Slot:
    """Make one slot by hand. Raises `Forbidden`, `NotFound`, `Invalid`, or `Conflict` with `slot_overlaps`."""
    where = await queries.find_workplace(actor, doctor_id, new.clinic_id, new.service_type)
    place = calendar.one_by_hand(where, new)
    async with db.transaction():
        rows = await making.insert_in_tx(doctor_id, [place])
        if not rows:
            raise Conflict("slot_overlaps", _("The doctor has another time that overlaps."))
        await making.reshape_in_tx(doctor_id, [place.date])
        await record_in_tx(actor, "slot.add", subject_type="slot", subject_id=rows[0]["id"])
        tell_day(doctor_id, place.date, "slot.added")
    return await queries.get_slot(actor, rows[0]["id"])


@db.retried
async def add_slots(actor: Actor, doctor_id: UUID, bulk: BulkSlots) -> BulkResult:
    """Make many slots by hand in one statement; times where something stands already are skipped and named.

    Raises `Forbidden`, `NotFound`, `Invalid`.
    """
    where = await queries.find_workplace(actor, doctor_id, bulk.clinic_id, bulk.service_type)
    places = calendar.many_by_hand(where, bulk)
    async with db.transaction():
        return await _add_slots_in_tx(actor, doctor_id, bulk, places)


async def preview_slots(actor: Actor, doctor_id: UUID, bulk: BulkSlots) -> BulkResult:
    """What `add_slots` would do, day by day, without doing it."""
    where = await queries.find_workplace(actor, doctor_id, bulk.clinic_id, bulk.service_type)
    places = calendar.many_by_hand(where, bulk)
    return await making.rehearse(partial(_add_slots_in_tx, actor, doctor_id, bulk, places))


async def _add_slots_in_tx(actor: Actor, doctor_id: UUID, bulk: BulkSlots, places: list[calendar.Place]) -> BulkResult:
    rows = await making.insert_in_tx(doctor_id, places)
    added = {(row["date"], row["starts_at"]) for row in rows}
    days = sorted({day for day, _start in added})
    await making.reshape_in_tx(doctor_id, days)
    await record_in_tx(actor, "slots.add", subject_type="doctor", subject_id=doctor_id)
    for day in days:
        tell_day(doctor_id, day, "slot.added")
    made = {(place.date, place.local_start) for place in places if (place.date, place.start) in added}
    return calendar.sum_up(bulk, made)


@db.retried
async def change_slot(actor: Actor, slot_id: UUID, change: SlotChange) -> Slot:
    """Close a slot, or open it again; closing ends a hold.

    Raises `Forbidden`, `NotFound`, or `Conflict` with `slot_booked` or `slot_past`.
    """
    scope = queries.scope_of(actor)
    async with db.transaction():
        row = await db.fetch_row(CLOSE, slot_id, *scope, change.disabled)
        if row is None:
            raise await _why_not(slot_id, scope)
        verb = "slot.disable" if change.disabled else "slot.enable"
        await record_in_tx(actor, verb, subject_type="slot", subject_id=slot_id)
        tell_slot(row["doctor_id"], row["date"], verb + "d", slot_id)
    return await queries.get_slot(actor, slot_id)


@db.retried
async def remove_slot(actor: Actor, slot_id: UUID) -> None:
    """Remove a slot for good. Raises `Forbidden`, `NotFound`, or `Conflict` with `slot_booked` or `slot_past`."""
    scope = queries.scope_of(actor)
    async with db.transaction():
        row = await db.fetch_row(REMOVE, slot_id, *scope)
        if row is None:
            raise await _why_not(slot_id, scope)
        await making.reshape_in_tx(row["doctor_id"], [row["date"]])
        await record_in_tx(actor, "slot.remove", subject_type="slot", subject_id=slot_id)
        tell_day(row["doctor_id"], row["date"], "slot.removed")


async def _why_not(slot_id: UUID, scope: tuple[UUID | None, list[UUID]]) -> NotFound | Conflict:
    row = await db.fetch_row(WHY_NOT, slot_id, *scope)
    if row is None:
        return NotFound()
    if row["booked"]:
        return Conflict("slot_booked", _("A patient has booked this time. Cancel or move the visit first."))
    return Conflict("slot_past", _("This time is past."))
