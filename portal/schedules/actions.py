"""Making and changing weekly sessions and their exceptions; each change re-makes the slots in the same transaction.

With `rehearsal=True` a verb does everything, keeps nothing, and answers what it would have done: a preview that
cannot differ from the saving.
"""

from collections.abc import Awaitable, Callable
from datetime import date, time, timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from msgspec.structs import replace

from portal import db
from portal.accounts.schemas import Actor
from portal.audit.actions import record_in_tx
from portal.errors import Conflict, FieldError, Invalid, NotFound
from portal.ids import uuid7
from portal.schedules import queries, statements, weeks
from portal.schedules.schemas import (
    ChangedSession,
    Leave,
    LeaveDay,
    LeaveKind,
    NewLeave,
    NewOverride,
    NewSession,
    Override,
    OverrideKind,
    PlannedRange,
    SessionTerms,
    WeeklySession,
)
from portal.slots import making
from portal.slots.actions import MAX_RANGE_DAYS, make_missing
from portal.slots.calendar import days_between, refuse_beyond
from portal.slots.events import tell_day
from portal.slots.queries import find_workplace, get_planned_doctor, scope_of
from portal.slots.schemas import SlotChanges
from portal.web.i18n import N_, _

db.conflict_for("weekly_session_no_overlap", "session_overlaps", N_("The doctor already has a session at that time."))
db.conflict_for("session_override_one_a_day", "override_exists", N_("There is already an exception for that date."))

T = TypeVar("T")

INSERT = """
INSERT INTO weekly_session (id, doctor_id, clinic_id, day_of_week, session_start_time, session_end_time, service_type,
    max_queue_size, estimated_consultation_minutes, effective_from, effective_to)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
UPDATE = """
UPDATE weekly_session SET clinic_id = $3, day_of_week = $4, session_start_time = $5, session_end_time = $6,
    service_type = $7, max_queue_size = $8, estimated_consultation_minutes = $9, effective_from = $10, effective_to = $11,
    version = version + 1
WHERE id = $1 AND doctor_id = $2 AND deleted_at IS NULL AND version = coalesce($12, version)
"""
DELETE = "UPDATE weekly_session SET deleted_at = clock_timestamp() WHERE id = $1 AND deleted_at IS NULL"
INSERT_OVERRIDE = """
INSERT INTO session_override (id, session_id, date, kind, session_start_time, session_end_time, max_queue_size, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
DELETE_OVERRIDE = "DELETE FROM session_override WHERE id = $1 AND session_id = $2"
TODAY = "SELECT (clock_timestamp() AT TIME ZONE $1)::date"


@db.retried
async def create_session(actor: Actor, new: NewSession, horizon_days: int, *, rehearsal: bool = False) -> WeeklySession:
    """Add weekly hours of a doctor, and their slots.

    Raises `Forbidden`, `NotFound` for a doctor who is not theirs, `Invalid`, `Conflict` with `session_overlaps`.
    """
    where = await find_workplace(actor, new.doctor_id, new.clinic_id, new.service_type)
    refuse_beyond("effective_from", new.effective_from, where.now.date())
    return await _carry_out(partial(_create_in_tx, actor, new, horizon_days), rehearsal)


async def _create_in_tx(actor: Actor, new: NewSession, horizon_days: int) -> WeeklySession:
    await _make_missing_in_tx(new.doctor_id, horizon_days)
    session_id = uuid7()
    await db.execute(INSERT, session_id, new.doctor_id, *_values(new))
    await record_in_tx(actor, "session.create", subject_type="weekly_session", subject_id=session_id)
    changes = await making.remake_in_tx(new.doctor_id, session_id)
    return replace(await queries.get_own_session(actor, session_id), slots=changes)


@db.retried
async def change_session(
    actor: Actor, session_id: UUID, terms: ChangedSession, horizon_days: int, *, rehearsal: bool = False
) -> WeeklySession:
    """Give a session other terms. Booked visits stay; those outside the new hours are marked for the clinic.

    Raises `Forbidden`, `NotFound`, `Invalid`, `Conflict` with `session_overlaps` or `changed_meanwhile`.
    """
    before = await queries.get_own_session(actor, session_id)
    if terms.doctor_id not in (None, before.doctor_id):
        raise Invalid([FieldError("doctor_id", _("A session stays with its doctor."))])
    where = await find_workplace(actor, before.doctor_id, terms.clinic_id, terms.service_type)
    refuse_beyond("effective_from", terms.effective_from, where.now.date())
    return await _carry_out(partial(_change_in_tx, actor, before, terms, horizon_days), rehearsal)


async def _change_in_tx(actor: Actor, before: WeeklySession, terms: ChangedSession, horizon_days: int) -> WeeklySession:
    await _make_missing_in_tx(before.doctor_id, horizon_days)
    if not await db.execute(UPDATE, before.id, before.doctor_id, *_values(terms), terms.version):
        raise Conflict("changed_meanwhile", _("Somebody has changed this session meanwhile. Look at it again."))
    await record_in_tx(actor, "session.change", subject_type="weekly_session", subject_id=before.id)
    changes = await making.remake_in_tx(before.doctor_id, before.id)
    return replace(await queries.get_own_session(actor, before.id), slots=changes)


@db.retried
async def delete_session(actor: Actor, session_id: UUID, horizon_days: int, *, rehearsal: bool = False) -> SlotChanges:
    """End a session. Booked visits stay and are marked for the clinic. Raises `Forbidden`, `NotFound`."""
    before = await queries.get_own_session(actor, session_id)
    return await _carry_out(partial(_delete_in_tx, actor, before, horizon_days), rehearsal)


async def _delete_in_tx(actor: Actor, before: WeeklySession, horizon_days: int) -> SlotChanges:
    await _make_missing_in_tx(before.doctor_id, horizon_days)
    if not await db.execute(DELETE, before.id):
        raise NotFound
    await record_in_tx(actor, "session.delete", subject_type="weekly_session", subject_id=before.id)
    return await making.remake_in_tx(before.doctor_id, before.id)


@db.retried
async def add_override(
    actor: Actor, session_id: UUID, new: NewOverride, horizon_days: int, *, rehearsal: bool = False
) -> Override:
    """Say that a session does not take place on one date, or at other hours.

    Raises `Forbidden`, `NotFound`, `Invalid`, `Conflict` with `override_exists`.
    """
    session = await queries.get_own_session(actor, session_id)
    await _refuse_odd_override(session, new)
    return await _carry_out(partial(_override_in_tx, actor, session, new, horizon_days), rehearsal)


async def _override_in_tx(actor: Actor, session: WeeklySession, new: NewOverride, horizon_days: int) -> Override:
    await _make_missing_in_tx(session.doctor_id, horizon_days)
    override = Override(
        id=uuid7(),
        session_id=session.id,
        date=new.date,
        kind=new.kind,
        session_start_time=new.session_start_time,
        session_end_time=new.session_end_time,
        max_queue_size=new.max_queue_size,
        reason=new.reason,
    )
    await db.execute(
        INSERT_OVERRIDE, override.id, session.id, new.date, new.kind.value, new.session_start_time, new.session_end_time,
        new.max_queue_size, new.reason,
    )  # fmt: skip
    await record_in_tx(actor, "session.override", subject_type="weekly_session", subject_id=session.id)
    return replace(override, slots=await making.remake_in_tx(session.doctor_id, session.id))


@db.retried
async def remove_override(
    actor: Actor, session_id: UUID, override_id: UUID, horizon_days: int, *, rehearsal: bool = False
) -> SlotChanges:
    """Let a session take place on a date as in every week. Raises `Forbidden`, `NotFound`."""
    session = await queries.get_own_session(actor, session_id)
    return await _carry_out(partial(_remove_override_in_tx, actor, session, override_id, horizon_days), rehearsal)


async def _remove_override_in_tx(
    actor: Actor, session: WeeklySession, override_id: UUID, horizon_days: int
) -> SlotChanges:
    await _make_missing_in_tx(session.doctor_id, horizon_days)
    if not await db.execute(DELETE_OVERRIDE, override_id, session.id):
        raise NotFound
    await record_in_tx(actor, "session.override.remove", subject_type="weekly_session", subject_id=session.id)
    return await making.remake_in_tx(session.doctor_id, session.id)


async def look_at_plan(actor: Actor, doctor_id: UUID, first: date, last: date, horizon_days: int) -> PlannedRange:
    """A doctor's days for those who plan them (at most 62); slots that have not been made yet are made first.

    Raises `Forbidden`, `NotFound`, `Invalid`.
    """
    if not 0 <= (last - first).days < MAX_RANGE_DAYS:
        raise Invalid([FieldError("to", _("Choose a range of at most %(days)s days.", days=MAX_RANGE_DAYS))])
    await get_planned_doctor(actor, doctor_id)
    if not await weeks.are_made(doctor_id, last, horizon_days):
        await make_missing(doctor_id, horizon_days)
    return await weeks.read_range(actor, doctor_id, first, last)


@db.retried
async def set_leave(
    actor: Actor, doctor_id: UUID, wanted: NewLeave, horizon_days: int, *, rehearsal: bool = False
) -> Leave:
    """Close all that the actor may plan of a doctor on a range of dates, or open it again, in one transaction.

    Booked visits are kept and marked for the clinic. Raises `Forbidden`, `NotFound`, `Invalid`.
    """
    await get_planned_doctor(actor, doctor_id)
    if wanted.to < await db.fetch_value(TODAY, actor.time_zone) - timedelta(days=1):
        raise Invalid([FieldError("to", _("This date is past."))])
    return await _carry_out(partial(_leave_in_tx, actor, doctor_id, wanted, horizon_days), rehearsal)


async def _leave_in_tx(actor: Actor, doctor_id: UUID, wanted: NewLeave, horizon_days: int) -> Leave:
    await _make_missing_in_tx(doctor_id, horizon_days)
    changed = await _change_dates_in_tx(actor, doctor_id, wanted)
    slots = SlotChanges()
    for session_id in sorted({row["session_id"] for row in changed}):
        one = await making.remake_in_tx(doctor_id, session_id)
        slots = SlotChanges(
            added=slots.added + one.added, removed=slots.removed + one.removed, kept=slots.kept + one.kept
        )
    of_range = (doctor_id, *scope_of(actor), wanted.from_, wanted.to)
    by_hand = await _change_by_hand_in_tx(doctor_id, of_range, closes=wanted.kind is LeaveKind.CLOSE)
    await record_in_tx(actor, "leave." + wanted.kind.value.lower(), subject_type="doctor", subject_id=doctor_id)
    visits = {row["date"]: row["visits"] for row in await db.fetch(statements.UNFIT, *of_range)}
    dates = [row["date"] for row in changed]
    return Leave(
        from_=wanted.from_, to=wanted.to, kind=wanted.kind, sessions=len(changed), by_hand=by_hand,
        slots=replace(slots, need_attention=sum(visits.values())),
        days=[
            LeaveDay(date=day, sessions=dates.count(day), visits=visits.get(day, 0))
            for day in sorted({*dates, *visits})
        ],
    )  # fmt: skip


async def _change_dates_in_tx(actor: Actor, doctor_id: UUID, wanted: NewLeave) -> list[Any]:
    """Cancel the sessions of the range, or let them take place again: which session on which date."""
    schedule = await queries.get_schedule(actor, doctor_id)
    pairs = [
        (session.id, day)
        for day in days_between(wanted.from_, wanted.to)
        for session in schedule.sessions
        if weeks.takes_place(session, day)
    ]
    sessions, days = [one for one, _day in pairs], [day for _one, day in pairs]
    if wanted.kind is LeaveKind.OPEN:
        return await db.fetch(statements.OPEN_DATES, sessions, days)
    return await db.fetch(statements.CLOSE_DATES, [uuid7() for _pair in pairs], sessions, days, wanted.reason)


async def _change_by_hand_in_tx(doctor_id: UUID, of_range: tuple[Any, ...], *, closes: bool) -> int:
    """Close the times made by hand, or open them, and mark the visits booked on them: how many times."""
    shut = await db.fetch(statements.SHUT, *of_range, closes)
    for day in sorted({row["date"] for row in shut}):
        tell_day(doctor_id, day, "slot.disabled" if closes else "slot.added")
    await making.tell_unfit_in_tx(await db.fetch(statements.MARK, *of_range, closes))
    return len(shut)


async def _make_missing_in_tx(doctor_id: UUID, horizon_days: int) -> None:
    async with db.as_portal():  # whoever plans, the sessions at other clinics too say what is made
        await making.make_missing_in_tx(doctor_id, horizon_days)


@db.retried
async def _carry_out(work: Callable[[], Awaitable[T]], rehearsal: bool) -> T:
    if rehearsal:
        return await making.rehearse(work)
    async with db.transaction():
        return await work()


def _values(terms: SessionTerms) -> tuple[object, ...]:
    """The terms in the order of the statements."""
    return (
        terms.clinic_id, terms.day_of_week.iso, terms.session_start_time, terms.session_end_time,
        terms.service_type.value, terms.max_queue_size, terms.estimated_consultation_minutes, terms.effective_from,
        terms.effective_to,
    )  # fmt: skip


async def _refuse_odd_override(session: WeeklySession, new: NewOverride) -> None:
    """An exception needs a coming date of the session, and hours that begin before they end."""
    errors = []
    if new.date < await db.fetch_value(TODAY, session.time_zone):
        errors.append(FieldError("date", _("This date is past.")))
    elif new.date.isoweekday() != session.day_of_week.iso or not _in_effect(session, new):
        errors.append(FieldError("date", _("The session does not take place on this date.")))
    start: time = new.session_start_time or session.session_start_time
    end: time = new.session_end_time or session.session_end_time
    if new.kind is OverrideKind.CHANGED and end <= start:
        errors.append(FieldError("session_end_time", _("The end must be later than the start.")))
    if errors:
        raise Invalid(errors)


def _in_effect(session: WeeklySession, new: NewOverride) -> bool:
    return session.effective_from <= new.date and (session.effective_to is None or new.date <= session.effective_to)
