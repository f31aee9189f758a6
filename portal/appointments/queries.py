"""Reading appointments, always through the actor: what is not theirs is not there."""

from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor, Role
from portal.appointments.schemas import (
    Appointment,
    AppointmentList,
    AppointmentStatus,
    History,
    HistoryEntry,
    Referral,
    ReferralList,
    VisitSummary,
)
from portal.appointments.statements import COLUMNS, JOINS
from portal.audit.actions import record_read
from portal.errors import NotFound

_VIEW = "SELECT v.id AS video_session_id, " + COLUMNS
_FROM = " FROM appointment a LEFT JOIN video_session v ON v.appointment_id = a.id" + JOINS

# $1 is the actor, $2 the actor's clinics.
_OWN = {
    Role.PATIENT: " WHERE a.patient_id = $1 AND ($2::uuid[] IS NOT NULL)",
    Role.DOCTOR: " WHERE a.doctor_id = $1 AND ($2::uuid[] IS NOT NULL)",
    Role.CLINIC_ADMIN: " WHERE a.clinic_id = ANY($2::uuid[]) AND ($1::uuid IS NOT NULL)",
    Role.SYSTEM_ADMIN: " WHERE ($1::uuid IS NOT NULL AND $2::uuid[] IS NOT NULL)",
}
_FILTER = """
    AND ($3::text[] IS NULL OR a.status = ANY($3)) AND ($4::date IS NULL OR a.date >= $4)
    AND ($5::date IS NULL OR a.date <= $5) AND ($6::uuid IS NULL OR a.doctor_id = $6)
    AND ($7::uuid IS NULL OR a.patient_id = $7) AND ($8::uuid IS NULL OR a.clinic_id = $8)
"""
_ONE = {role: _VIEW + _FROM + own + " AND a.id = $3" for role, own in _OWN.items()}
_LIST = {
    role: "SELECT x.*, count(*) OVER () AS total FROM (" + _VIEW + _FROM + own + _FILTER + ") x"
    " ORDER BY x.start_time DESC, x.id LIMIT $9 OFFSET $10"
    for role, own in _OWN.items()
}
# By the clock rather than by the state: a visit that was never closed is not upcoming for ever.
_UPCOMING = (
    " AND a.status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS') AND a.ends_at > clock_timestamp() - interval '6 hours'"
)
_PAST = " AND NOT (a.status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS') AND a.ends_at > clock_timestamp() - interval '6 hours')"
_SOON = {
    role: "SELECT x.*, count(*) OVER () AS total FROM (" + _VIEW + _FROM + own + _UPCOMING + ") x"
    " ORDER BY x.start_time, x.id LIMIT $3 OFFSET $4"
    for role, own in _OWN.items()
}
_OVER = {
    role: "SELECT x.*, count(*) OVER () AS total FROM (" + _VIEW + _FROM + own + _PAST + ") x"
    " ORDER BY x.start_time DESC, x.id LIMIT $3 OFFSET $4"
    for role, own in _OWN.items()
}
_DAY = {
    role: _VIEW + _FROM + own + " AND a.date = $3 AND ($4::uuid IS NULL OR a.doctor_id = $4)"
    " AND ($5::text IS NULL OR a.status = $5) ORDER BY a.starts_at, a.queue_position, a.id LIMIT 500"
    for role, own in _OWN.items()
}
_COUNT = {role: "SELECT count(*) FROM appointment a" + own + _FILTER for role, own in _OWN.items()}


def appointment_of(row: Any, actor: Actor) -> Appointment:
    """A row as this actor may see it: what was written in the consulting room stays with the two who were there."""
    values = {name: row[name] for name in Appointment.__struct_fields__}
    if actor.role in (Role.CLINIC_ADMIN, Role.SYSTEM_ADMIN):
        values["doctor_notes"] = ""
    if actor.role is Role.SYSTEM_ADMIN:
        values["chief_complaint"] = ""
    return msgspec.convert(values, Appointment)


async def get_appointment(actor: Actor, appointment_id: UUID) -> Appointment:
    """One appointment of the actor's; a read by anybody but the patient is audited. Raises `NotFound`."""
    found = await parties_of(actor, appointment_id)
    if actor.role is not Role.PATIENT:
        await record_read(
            actor,
            "appointment.read",
            subject_type="appointment",
            subject_id=appointment_id,
            patient_id=found.patient_id,
        )
    return found


async def parties_of(actor: Actor, appointment_id: UUID) -> Appointment:
    """One appointment of the actor's, only to decide who may hear of it. Raises `NotFound`."""
    sql = _ONE.get(actor.role)
    row = await db.fetch_row(sql, actor.id, list(actor.clinic_ids), appointment_id) if sql else None
    if row is None:
        raise NotFound
    return appointment_of(row, actor)


_QUEUE = {
    Role.PATIENT: "SELECT EXISTS (SELECT FROM appointment a WHERE a.patient_id = $1 AND a.session_id = $3 AND a.date = $4"
    " AND a.status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS') AND ($2::uuid[] IS NOT NULL))",
    Role.DOCTOR: "SELECT EXISTS (SELECT FROM weekly_session w WHERE w.id = $3 AND w.doctor_id = $1"
    " AND ($2::uuid[] IS NOT NULL) AND ($4::date IS NOT NULL))",
    Role.CLINIC_ADMIN: "SELECT EXISTS (SELECT FROM weekly_session w WHERE w.id = $3 AND w.clinic_id = ANY($2::uuid[])"
    " AND ($1::uuid IS NOT NULL) AND ($4::date IS NOT NULL))",
}


async def stands_in_queue(actor: Actor, session_id: UUID, day: date) -> bool:
    """Whether a session's queue on a date is the actor's own to see to, or they have a live visit in it."""
    sql = _QUEUE.get(actor.role)
    return sql is not None and bool(await db.fetch_value(sql, actor.id, list(actor.clinic_ids), session_id, day))


async def list_appointments(
    actor: Actor,
    *,
    statuses: list[AppointmentStatus] | None = None,
    first: date | None = None,
    last: date | None = None,
    doctor_id: UUID | None = None,
    patient_id: UUID | None = None,
    clinic_id: UUID | None = None,
    skip: int = 0,
    limit: int = 10,
) -> AppointmentList:
    """The actor's own appointments, latest first; staff reads leave one audit row a list."""
    sql = _LIST.get(actor.role)
    if sql is None:
        raise NotFound
    chosen = [status.value for status in statuses] if statuses else None
    filters = (actor.id, list(actor.clinic_ids), chosen, first, last, doctor_id, patient_id, clinic_id)
    rows = await db.fetch(sql, *filters, limit, skip)
    total = rows[0]["total"] if rows else await db.fetch_value(_COUNT[actor.role], *filters) if skip else 0
    if actor.role is not Role.PATIENT:
        await record_read(
            actor, "appointments.listed", subject_type="appointments", subject_id=actor.id, patient_id=patient_id
        )
    return AppointmentList(
        total=total, skip=skip, limit=limit, appointments=[appointment_of(row, actor) for row in rows]
    )


async def list_visits(actor: Actor, *, past: bool, skip: int = 0, limit: int = 20) -> AppointmentList:
    """The actor's visits still to come, nearest first, or those that are over, latest first."""
    rows = await db.fetch((_OVER if past else _SOON)[actor.role], actor.id, list(actor.clinic_ids), limit, skip)
    if actor.role is not Role.PATIENT:
        await record_read(actor, "appointments.listed", subject_type="appointments", subject_id=actor.id)
    found = [appointment_of(row, actor) for row in rows]
    return AppointmentList(total=rows[0]["total"] if rows else 0, skip=skip, limit=limit, appointments=found)


async def list_day(
    actor: Actor,
    day: date,
    *,
    doctor_id: UUID | None = None,
    status: AppointmentStatus | None = None,
    audited: bool = False,
) -> list[Appointment]:
    """All visits of one day in order: a doctor's own, or those of an admin's clinics. Audited as one read, unless the
    same look at that day is `audited` already."""
    chosen = status.value if status else None
    rows = await db.fetch(_DAY[actor.role], actor.id, list(actor.clinic_ids), day, doctor_id, chosen)
    if not audited:
        await record_read(actor, "appointments.day", subject_type="appointments", subject_id=day.isoformat())
    return [appointment_of(row, actor) for row in rows]


_DOCTORS = """
SELECT DISTINCT a.id, ltrim(d.title || ' ' || a.first_name || ' ' || a.last_name) AS name
FROM clinic_doctor cd JOIN doctor d ON d.account_id = cd.doctor_id JOIN account a ON a.id = cd.doctor_id
WHERE cd.clinic_id = ANY($1::uuid[]) ORDER BY name
"""


async def list_doctors(actor: Actor) -> list[tuple[UUID, str]]:
    """The doctors of the actor's clinics, to choose from."""
    return [(row["id"], row["name"]) for row in await db.fetch(_DOCTORS, list(actor.clinic_ids))]


# The time that was offered instead of a visit is free again when the visit has ended in this transaction.
LET_GO = """
SELECT r.slot_id, s.doctor_id, s.date FROM repair r JOIN slot s ON s.id = r.slot_id
WHERE r.appointment_id = $1 AND r.state IN ('DECLINED', 'WITHDRAWN') AND r.decided_at >= now()
"""

_HISTORY = {
    role: "SELECT a.patient_id, h.at, h.actor_id, h.from_status, h.to_status, h.reason FROM appointment a"
    " LEFT JOIN appointment_history h ON h.appointment_id = a.id" + own + " AND a.id = $3 ORDER BY h.at, h.id"
    for role, own in _OWN.items()
}


async def read_history(actor: Actor, appointment_id: UUID) -> History:
    """The history by itself; a read by anybody but the patient is audited. Raises `NotFound`."""
    found = await parties_of(actor, appointment_id)
    if actor.role is not Role.PATIENT:
        await record_read(
            actor,
            "appointment.history_read",
            subject_type="appointment",
            subject_id=appointment_id,
            patient_id=found.patient_id,
        )
    return await get_history(actor, appointment_id)


async def get_history(actor: Actor, appointment_id: UUID) -> History:
    """Every transition of an appointment that the actor has just opened, oldest first. Raises `NotFound`."""
    sql = _HISTORY.get(actor.role)
    rows = await db.fetch(sql, actor.id, list(actor.clinic_ids), appointment_id) if sql else []
    if not rows:
        raise NotFound
    return History(
        history=[
            HistoryEntry(
                at=h["at"], actor_id=h["actor_id"], from_=h["from_status"], to=h["to_status"], reason=h["reason"]
            )
            for h in rows
            if h["to_status"]
        ]
    )


_REFERRALS = """
SELECT r.appointment_id, r.from_appointment_id, r.kind, r.note, r.created_at,
    ltrim(d.title || ' ' || da.first_name || ' ' || da.last_name) AS doctor_name,
    ltrim(f.title || ' ' || fa.first_name || ' ' || fa.last_name) AS from_doctor_name
FROM referral r JOIN doctor d ON d.account_id = r.doctor_id JOIN account da ON da.id = r.doctor_id
JOIN doctor f ON f.account_id = r.from_doctor_id JOIN account fa ON fa.id = r.from_doctor_id
WHERE (r.appointment_id = $1 OR r.from_appointment_id = $1) AND $2 IN ('PATIENT', 'DOCTOR') ORDER BY r.created_at
"""


async def read_referrals(actor: Actor, appointment_id: UUID) -> ReferralList:
    """The referrals by themselves; a read by anybody but the patient is audited. Raises `NotFound`."""
    await get_appointment(actor, appointment_id)
    return await list_referrals(actor, appointment_id)


async def list_referrals(actor: Actor, appointment_id: UUID) -> ReferralList:
    """What led to a visit that the actor has just opened, and what came of it: for the patient and the two doctors."""
    rows = await db.fetch(_REFERRALS, appointment_id, actor.role.value)
    return ReferralList([Referral(**row) for row in rows])


# The database says nothing to anybody but the two who were there, and to the patient not before the end.
_SUMMARY = "SELECT s.patient_summary, s.diagnosis, s.changed_at FROM visit_summary($1) s"


async def read_summary(actor: Actor, appointment_id: UUID) -> VisitSummary:
    """The summary by itself; a read by anybody but the patient is audited. Raises `NotFound`."""
    await get_appointment(actor, appointment_id)
    return await get_summary(appointment_id)


async def get_summary(appointment_id: UUID) -> VisitSummary:
    """What was written for the patient of a visit that the actor has just opened."""
    row = await db.fetch_row(_SUMMARY, appointment_id)
    return VisitSummary(**row) if row else VisitSummary()
