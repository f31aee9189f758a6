"""Who is affected when a day breaks, and what each was offered; always through the actor."""

from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor, Role
from portal.audit.actions import record_read
from portal.errors import Forbidden, NotFound
from portal.repairs import policy
from portal.repairs.schemas import Affected, AffectedFilter, AffectedList, Repair, RepairList, Situation
from portal.repairs.statements import OFFER, THEIRS

CAN_BE_VIDEO = """
    a.status = 'BOOKED' AND a.appointment_type = 'IN_PERSON' AND a.starts_at > clock_timestamp()
    AND coalesce(l.service_type IN ('BOTH', 'VIRTUAL'), false)
"""
# $5 doctor, $6 session, $7 its date, $8 and $9 dates, $10 minutes of delay, $11 those behind this one, $12 only without an
# open offer. All who are still to be seen in a session are late when its doctor is.
AFFECTED = (
    """
WITH late AS MATERIALIZED (
    SELECT coalesce($10::int, (SELECT q.delay_minutes FROM queue_day q WHERE q.session_id = $6 AND q.date = $7), 0) AS minutes
), found AS (
    SELECT a.*, late.minutes, """
    + CAN_BE_VIDEO
    + """ AS can_be_video,
        (SELECT to_jsonb(o) FROM (SELECT """
    + OFFER
    + """ WHERE r.appointment_id = a.id ORDER BY r.created_at DESC LIMIT 1) o) AS repair
    FROM late CROSS JOIN appointment a LEFT JOIN slot l ON l.id = a.slot_id
    WHERE ($1::uuid IS NULL OR a.id = $1) AND """
    + THEIRS
    + """
        AND a.status IN ('BOOKED', 'CHECKED_IN')
        AND (a.needs_attention = 'SCHEDULE_CHANGED' OR a.ends_at > clock_timestamp() - interval '6 hours')
        AND (a.needs_attention IS NOT NULL OR $6 IS NOT NULL AND late.minutes > 0)
        AND ($5::uuid IS NULL OR a.doctor_id = $5) AND ($6::uuid IS NULL OR a.session_id = $6 AND a.date = $7::date)
        AND ($8::date IS NULL OR a.date >= $8) AND ($9::date IS NULL OR a.date <= $9)
        AND ($11::uuid IS NULL OR (a.starts_at, a.id) > (SELECT p.starts_at, p.id FROM appointment p WHERE p.id = $11))
)
SELECT count(*) OVER () AS total, f.id AS appointment_id, f.patient_id, pa.first_name || ' ' || pa.last_name AS patient_name,
    f.doctor_id, ltrim(d.title || ' ' || da.first_name || ' ' || da.last_name) AS doctor_name, f.session_id, f.date,
    f.queue_position, f.starts_at AS start_time, f.ends_at AS end_time, f.time_zone, f.appointment_type, f.status,
    coalesce(f.needs_attention, 'DELAYED') AS reason, f.can_be_video, f.repair,
    CASE WHEN f.minutes > 0 AND coalesce(f.needs_attention, '') <> 'SCHEDULE_CHANGED'
         THEN f.starts_at + make_interval(mins => f.minutes) END AS expected_start
FROM found f JOIN account pa ON pa.id = f.patient_id JOIN doctor d ON d.account_id = f.doctor_id
    JOIN account da ON da.id = f.doctor_id
WHERE NOT $12 OR f.repair IS NULL OR f.repair ->> 'state' <> 'PROPOSED'
ORDER BY f.starts_at, f.id OFFSET $13 LIMIT $14
"""
)
ONE = "SELECT " + OFFER + " JOIN appointment a ON a.id = r.appointment_id WHERE r.id = $1 AND " + THEIRS
OF_VISIT = (
    "SELECT " + OFFER + " JOIN appointment a ON a.id = r.appointment_id WHERE r.appointment_id = $1 AND "
    + THEIRS + " ORDER BY r.created_at DESC, r.id LIMIT 50"
)  # fmt: skip
SITUATION = (
    "SELECT a.needs_attention IS NOT NULL AND " + CAN_BE_VIDEO + " AS can_be_video FROM appointment a"
    " LEFT JOIN slot l ON l.id = a.slot_id WHERE a.id = $1 AND " + THEIRS
)


def parties(actor: Actor) -> tuple[UUID | None, list[UUID], UUID | None]:
    """The actor as the statements take one: a doctor, the clinics of an admin, or a patient. Raises `Forbidden`."""
    if not policy.may_answer(actor):
        raise Forbidden
    is_admin = actor.role is Role.CLINIC_ADMIN
    return (
        actor.id if actor.role is Role.DOCTOR else None,
        list(actor.clinic_ids) if is_admin else [],
        actor.id if actor.role is Role.PATIENT else None,
    )


async def affected(
    actor: Actor, wanted: AffectedFilter, *, skip: int = 0, limit: int = 50, after: UUID | None = None,
    without_offer: bool = False,
) -> AffectedList:  # fmt: skip
    """The visits that somebody must find another way for, the soonest first. Audited as one read.

    With a session and its date, and a delay announced or given: all who wait or are booked there. Raises `Forbidden`.
    """
    if not policy.may_repair(actor):
        raise Forbidden
    filters = (
        *parties(actor), wanted.doctor_id, wanted.session_id, wanted.date, wanted.from_, wanted.to, wanted.delay_minutes,
        after, without_offer,
    )  # fmt: skip
    rows = await db.fetch(AFFECTED, None, *filters, skip, limit)
    # Beyond the end no row carries the total, which is the same there.
    counted = await db.fetch(AFFECTED, None, *filters, 0, 1) if skip and not rows else rows
    await record_read(actor, "appointments.attention", subject_type="appointments", subject_id=actor.id)
    found = [msgspec.convert({k: v for k, v in row.items() if k != "total"}, Affected) for row in rows]
    return AffectedList(total=counted[0]["total"] if counted else 0, skip=skip, limit=limit, affected=found)


async def list_repairs(actor: Actor, appointment_id: UUID) -> RepairList:
    """What was offered instead of a visit, the latest first. Raises `Forbidden`, `NotFound`."""
    situation = await db.fetch_row(SITUATION, appointment_id, *parties(actor))
    if situation is None:
        raise NotFound
    rows = await db.fetch(OF_VISIT, appointment_id, *parties(actor))
    return RepairList(repairs=[repair_of(row) for row in rows])


async def get_repair(actor: Actor, repair_id: UUID) -> Repair:
    """One offer. Raises `Forbidden`, `NotFound`."""
    return repair_of(await db.fetch_row(ONE, repair_id, *parties(actor)))


async def situation_of(actor: Actor, appointment_id: UUID) -> Situation:
    """What a patient can do about a visit: the open offer, and whether it can be by video. Raises `NotFound`."""
    row = await db.fetch_row(SITUATION, appointment_id, *parties(actor))
    if row is None:
        raise NotFound
    offers = (await list_repairs(actor, appointment_id)).repairs
    return Situation(offer=offers[0] if offers else None, can_be_video=bool(row["can_be_video"]))


def repair_of(row: Any) -> Repair:
    """A stored offer. Raises `NotFound` for no row."""
    if row is None:
        raise NotFound
    return msgspec.convert(dict(row), Repair)
