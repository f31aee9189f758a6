"""A doctor's days as those who plan them see them: sessions and times by hand as blocks, with what is taken of each."""

from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import UUID

from portal import clock, db
from portal.accounts.schemas import Actor
from portal.schedules.queries import OF_DOCTOR, OVERRIDES, override_of, session_of
from portal.schedules.schemas import (
    Block,
    BlockState,
    Override,
    OverrideKind,
    PlannedDay,
    PlannedRange,
    WeeklySession,
)
from portal.slots.calendar import days_between
from portal.slots.queries import get_planned_doctor, scope_of
from portal.slots.schemas import ServiceType

MADE = """
SELECT h.made_until >= least($2::date, (clock_timestamp() AT TIME ZONE 'UTC')::date + $3::int)
FROM slot_horizon h WHERE h.doctor_id = $1
"""
# Times made by hand belong together where one begins as the one before it ends.
TAKEN = """
WITH seen AS (
    SELECT s.*, a.needs_attention, c.name AS clinic_name, s.starts_at > clock_timestamp() AS coming,
        s.held_until > clock_timestamp() AS kept, CASE WHEN s.session_id IS NULL
            AND lag(s.ends_at) OVER (PARTITION BY s.date, s.session_id, s.clinic_id ORDER BY s.starts_at)
                IS DISTINCT FROM s.starts_at THEN 1 ELSE 0 END AS begins
    FROM slot s LEFT JOIN appointment a ON a.id = s.appointment_id LEFT JOIN clinic c ON c.id = s.clinic_id
    WHERE s.doctor_id = $1 AND (s.doctor_id = $2 OR s.clinic_id = ANY($3::uuid[])) AND s.date BETWEEN $4 AND $5
), parts AS (
    SELECT *, sum(begins) OVER (PARTITION BY date, session_id, clinic_id ORDER BY starts_at) AS part FROM seen
)
SELECT date, session_id, clinic_id, min(clinic_name) AS clinic_name, min(time_zone) AS time_zone,
    min(service_type) AS service_type, min(starts_at AT TIME ZONE time_zone)::time AS local_start,
    max(ends_at AT TIME ZONE time_zone)::time AS local_end,
    count(*) FILTER (WHERE NOT overflow AND coming AND appointment_id IS NULL AND NOT disabled AND kept IS NOT TRUE) AS free,
    count(*) FILTER (WHERE NOT overflow AND coming AND appointment_id IS NULL AND NOT disabled AND kept) AS held,
    count(*) FILTER (WHERE NOT overflow AND appointment_id IS NOT NULL) AS booked,
    count(*) FILTER (WHERE NOT overflow AND appointment_id IS NULL AND disabled) AS closed,
    count(*) FILTER (WHERE overflow) AS overflow,
    count(*) FILTER (WHERE overflow AND appointment_id IS NOT NULL) AS overflow_booked,
    count(needs_attention) AS need_attention
FROM parts GROUP BY date, session_id, clinic_id, part ORDER BY date, local_start
"""
COUNTS = ("free", "held", "booked", "closed", "overflow", "overflow_booked", "need_attention")


async def are_made(doctor_id: UUID, last: date, horizon_days: int) -> bool:
    """Whether all slots up to a date, as far as they are ever made ahead, have been made."""
    return bool(await db.fetch_value(MADE, doctor_id, last, horizon_days))


async def read_range(actor: Actor, doctor_id: UUID, first: date, last: date) -> PlannedRange:
    """The days from `first` to `last`. Raises `Forbidden`, `NotFound`."""
    await get_planned_doctor(actor, doctor_id)
    scope = scope_of(actor)
    sessions = [session_of(row) for row in await db.fetch(OF_DOCTOR, doctor_id, *scope)]
    overrides = [override_of(row) for row in await db.fetch(OVERRIDES, [one.id for one in sessions])]
    taken: dict[date, list[Any]] = {}
    for row in await db.fetch(TAKEN, doctor_id, *scope, first, last):
        taken.setdefault(row["date"], []).append(row)
    changes = {(one.session_id, one.date): one for one in overrides}
    days = [_day(day, sessions, changes, taken.get(day, [])) for day in days_between(first, last)]
    return PlannedRange(doctor_id=doctor_id, from_=first, to=last, days=days)


def _day(
    day: date, sessions: list[WeeklySession], changes: dict[tuple[UUID, date], Override], taken: list[Any]
) -> PlannedDay:
    planned = {one.id: one for one in sessions if takes_place(one, day)}
    of_session = {row["session_id"]: row for row in taken if row["session_id"] in planned}
    blocks = [_session_block(one, day, changes.get((one.id, day)), of_session.get(one.id)) for one in planned.values()]
    blocks += _other_blocks(row for row in taken if row["session_id"] not in planned)
    blocks.sort(key=lambda one: (one.local_start, one.local_end))
    return PlannedDay(
        date=day,
        blocks=blocks,
        free=sum(one.free for one in blocks),
        held=sum(one.held for one in blocks),
        booked=sum(one.booked + one.overflow_booked for one in blocks),
        overflow=sum(one.overflow for one in blocks),
        need_attention=sum(one.need_attention for one in blocks),
    )


def takes_place(session: WeeklySession, day: date) -> bool:
    """Whether a date is one of a session's, exceptions aside."""
    return (
        day.isoweekday() == session.day_of_week.iso
        and session.effective_from <= day
        and (session.effective_to is None or day <= session.effective_to)
    )


def _session_block(session: WeeklySession, day: date, change: Override | None, row: Any) -> Block:
    """A session on one date. Where nobody has made its slots yet, all of its places are free."""
    state = BlockState.REGULAR if change is None else BlockState(change.kind.value)
    counts = {name: row[name] for name in COUNTS} if row else {}
    if row is None and state is BlockState.REGULAR and day >= clock.now().date():
        counts = {"free": session.capacity, "overflow": session.after_hours}
    is_changed = change is not None and change.kind is OverrideKind.CHANGED
    return Block(
        session_id=session.id,
        override_id=change.id if change else None,
        clinic_id=session.clinic_id,
        clinic_name=session.clinic_name,
        time_zone=session.time_zone,
        service_type=session.service_type,
        state=state,
        local_start=(is_changed and change and change.session_start_time) or session.session_start_time,
        local_end=(is_changed and change and change.session_end_time) or session.session_end_time,
        **counts,
    )


def _other_blocks(rows: Iterator[Any]) -> Iterator[Block]:
    """Times made by hand, and what is left of sessions that take place no more."""
    for row in rows:
        yield Block(
            session_id=row["session_id"],
            override_id=None,
            clinic_id=row["clinic_id"],
            clinic_name=row["clinic_name"],
            time_zone=row["time_zone"],
            service_type=ServiceType(row["service_type"]),
            state=BlockState.BY_HAND if row["session_id"] is None else BlockState.CANCELLED,
            local_start=row["local_start"],
            local_end=row["local_end"],
            **{name: row[name] for name in COUNTS},
        )
