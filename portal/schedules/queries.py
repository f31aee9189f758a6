"""Reads of weekly sessions and their exceptions."""

from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.errors import NotFound
from portal.schedules.schemas import Override, OverrideList, Schedule, SessionList, WeeklySession
from portal.slots.queries import get_planned_doctor, scope_of
from portal.slots.schemas import Weekday

COLUMNS = """
    w.id, w.doctor_id, w.clinic_id, c.name AS clinic_name, coalesce(c.time_zone, a.time_zone) AS time_zone, w.day_of_week,
    w.session_start_time, w.session_end_time, w.service_type, w.max_queue_size, w.estimated_consultation_minutes,
    w.effective_from, w.effective_to, w.version
FROM weekly_session w JOIN account a ON a.id = w.doctor_id LEFT JOIN clinic c ON c.id = w.clinic_id
WHERE w.deleted_at IS NULL
"""
# Whoever may plan: the doctor, and the admins of the clinic where it takes place.
MINE = " AND (w.doctor_id = $2 OR w.clinic_id = ANY($3::uuid[]))"
LIST = (
    "SELECT count(*) OVER () AS total, "
    + COLUMNS
    + """
    AND w.doctor_id = $1 AND a.status = 'ACTIVE' ORDER BY w.day_of_week, w.session_start_time, w.id OFFSET $2 LIMIT $3
"""
)
COUNT = """
SELECT count(*) FROM weekly_session w JOIN account a ON a.id = w.doctor_id
WHERE w.deleted_at IS NULL AND w.doctor_id = $1 AND a.status = 'ACTIVE'
"""
ONE = "SELECT " + COLUMNS + " AND w.id = $1"
OWN = ONE + MINE
OF_DOCTOR = "SELECT " + COLUMNS + " AND w.doctor_id = $1" + MINE + " ORDER BY w.day_of_week, w.session_start_time"
OVERRIDES = """
SELECT o.id, o.session_id, o.date, o.kind, o.session_start_time, o.session_end_time, o.max_queue_size, o.reason
FROM session_override o JOIN weekly_session w ON w.id = o.session_id
WHERE w.deleted_at IS NULL AND o.session_id = ANY($1) ORDER BY o.date
"""
PAGE_OF_OVERRIDES = OVERRIDES + " OFFSET $2 LIMIT $3"
NUMBER_OF_OVERRIDES = "SELECT count(*) FROM session_override WHERE session_id = $1"
COMING = OVERRIDES.replace("ORDER", "AND o.date >= (clock_timestamp() AT TIME ZONE 'UTC')::date - 1 ORDER")


async def list_sessions(_actor: Actor, doctor_id: UUID, skip: int, limit: int) -> SessionList:
    """The sessions of a doctor, by weekday and time."""
    rows = await db.fetch(LIST, doctor_id, skip, limit, public=True)
    total = rows[0]["total"] if rows else await db.fetch_value(COUNT, doctor_id, public=True)
    return SessionList(total=total, skip=skip, limit=limit, sessions=[session_of(row) for row in rows])


async def get_session(_actor: Actor, session_id: UUID) -> WeeklySession:
    """One session, for anybody who is signed in. Raises `NotFound`."""
    return session_of(await db.fetch_row(ONE, session_id))


async def get_own_session(actor: Actor, session_id: UUID, doctor_id: UUID | None = None) -> WeeklySession:
    """One session that the actor may plan, where told of this doctor. Raises `Forbidden`, `NotFound`."""
    session = session_of(await db.fetch_row(OWN, session_id, *scope_of(actor)))
    if doctor_id is not None and session.doctor_id != doctor_id:
        raise NotFound
    return session


async def list_overrides(actor: Actor, session_id: UUID, skip: int, limit: int) -> OverrideList:
    """The exceptions of a session that the actor may plan, by date. Raises `Forbidden`, `NotFound`."""
    await get_own_session(actor, session_id)
    rows = await db.fetch(PAGE_OF_OVERRIDES, [session_id], skip, limit)
    total = await db.fetch_value(NUMBER_OF_OVERRIDES, session_id)
    return OverrideList(total=total, skip=skip, limit=limit, overrides=[override_of(row) for row in rows])


async def get_schedule(actor: Actor, doctor_id: UUID) -> Schedule:
    """A doctor's sessions and coming exceptions, as far as the actor may plan them. Raises `Forbidden`, `NotFound`."""
    doctor = await get_planned_doctor(actor, doctor_id)
    sessions = [session_of(one) for one in await db.fetch(OF_DOCTOR, doctor_id, *scope_of(actor))]
    overrides = await db.fetch(COMING, [one.id for one in sessions])
    return Schedule(
        doctor=doctor,
        sessions=sessions,
        overrides=[override_of(one) for one in overrides],
    )


def session_of(row: Any) -> WeeklySession:
    """A stored session. Raises `NotFound` for no row."""
    if row is None:
        raise NotFound
    values = {name: value for name, value in row.items() if name != "total"}
    return msgspec.convert({**values, "day_of_week": Weekday.of(row["day_of_week"])}, WeeklySession)


def override_of(row: Any) -> Override:
    """A stored exception."""
    return msgspec.convert(dict(row), Override)
