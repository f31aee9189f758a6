"""Reading calls for help, always through the actor; what is not theirs is not there."""

from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor, Role
from portal.audit.actions import record_read
from portal.audit.schemas import Grounds
from portal.emergencies import numbers
from portal.emergencies.schemas import Emergency, EmergencyList, NationalNumber
from portal.errors import NotFound

# Who the patient is and where comes with accepting; before, a doctor sees what it is about and how far away.
# $1 is the actor.
_VIEW = """
SELECT e.id, e.status, e.patient_id, CASE WHEN $1 IN (e.patient_id, e.doctor_id) THEN name_of(e.patient_id) END AS patient_name,
    e.description, e.specialty_id, s.name AS specialty,
    CASE WHEN $1 IN (e.patient_id, e.doctor_id) THEN e.latitude END AS latitude,
    CASE WHEN $1 IN (e.patient_id, e.doctor_id) THEN e.longitude END AS longitude,
    e.alerted, l.position, l.distance_km, e.doctor_id,
    ltrim(d.title || ' ' || a.first_name || ' ' || a.last_name) AS doctor_name, e.appointment_id, e.created_at,
    e.escalated_at, e.accepted_at, e.ended_at
FROM emergency e
LEFT JOIN emergency_alert l ON l.emergency_id = e.id AND l.doctor_id = $1
LEFT JOIN specialty s ON s.id = e.specialty_id
LEFT JOIN doctor d ON d.account_id = e.doctor_id LEFT JOIN account a ON a.id = e.doctor_id
"""
_OWN = {
    Role.PATIENT: " WHERE e.patient_id = $1",
    Role.DOCTOR: " WHERE (e.doctor_id = $1 OR e.status = 'OPEN' AND l.doctor_id IS NOT NULL)",
}
# What is open comes first, then what was accepted, then the rest; the latest first.
_ORDER = " ORDER BY e.status <> 'OPEN', e.status <> 'ACCEPTED', e.created_at DESC, e.id LIMIT $2 OFFSET $3"
_LIST = {
    role: "SELECT e.*, count(*) OVER () AS total FROM (" + _VIEW + own + ") e" + _ORDER for role, own in _OWN.items()
}
_ONE = {role: _VIEW + own + " AND e.id = $2" for role, own in _OWN.items()}
_COUNT = {
    role: "SELECT count(*) FROM emergency e LEFT JOIN emergency_alert l ON l.emergency_id = e.id AND l.doctor_id = $1"
    + own
    for role, own in _OWN.items()
}
# The clinic that the patient is nearest to in time, before or after now.
_CLINICS = """
SELECT c.country FROM appointment a JOIN clinic c ON c.id = a.clinic_id
WHERE a.patient_id = $1 AND c.country <> '' AND a.status <> 'CANCELLED'
ORDER BY abs(extract(epoch FROM a.starts_at - clock_timestamp())) LIMIT 1
"""
_OPEN = """
SELECT count(*) FROM emergency_alert l JOIN emergency e ON e.id = l.emergency_id AND e.status = 'OPEN' WHERE l.doctor_id = $1
"""
_IS_AVAILABLE = "SELECT availability_status = 'AVAILABLE' FROM doctor WHERE account_id = $1"


def emergency_of(row: Any) -> Emergency:
    """A row as its reader may see it."""
    return msgspec.convert({name: row[name] for name in Emergency.__struct_fields__}, Emergency)


async def national_numbers(actor: Actor) -> list[NationalNumber]:
    """What the patient should dial first: in the country of their clinic, and in that of their own clock if another."""
    if actor.role is not Role.PATIENT:
        return []
    written = await db.fetch_value(_CLINICS, actor.id)
    found = [numbers.country_named(written or ""), numbers.country_of_zone(actor.time_zone)]
    countries: list[str | None] = [*dict.fromkeys(one for one in found if one)]
    return [NationalNumber(one, numbers.number_of(one)) for one in countries or [None]]


async def list_emergencies(actor: Actor, skip: int = 0, limit: int = 10) -> EmergencyList:
    """A patient's own calls; a doctor's: the open ones they were alerted to, and those they accepted.

    A doctor's look is audited as one read.
    """
    sql = _LIST.get(actor.role)
    if sql is None:
        raise NotFound
    rows = await db.fetch(sql, actor.id, limit, skip)
    total = rows[0]["total"] if rows else await db.fetch_value(_COUNT[actor.role], actor.id) if skip else 0
    if rows and actor.role is Role.DOCTOR:
        await record_read(actor, "emergencies.listed", subject_type="emergencies", subject_id=actor.id)
    found = [emergency_of(row) for row in rows]
    return EmergencyList(
        total=total, skip=skip, limit=limit, national_numbers=await national_numbers(actor), emergencies=found
    )


async def get_emergency(actor: Actor, emergency_id: UUID) -> Emergency:
    """One call for help; a doctor's look at it is audited. Raises `NotFound`."""
    sql = _ONE.get(actor.role)
    row = await db.fetch_row(sql, actor.id, emergency_id) if sql else None
    if row is None:
        raise NotFound
    if actor.role is Role.DOCTOR:
        await record_read(
            actor, "emergency.read", subject_type="emergency", subject_id=emergency_id, patient_id=row["patient_id"],
            grounds=Grounds.HELPER,
        )  # fmt: skip
    return emergency_of(row)


async def count_open(actor: Actor) -> int:
    """How many calls wait for this doctor, among others. Numbers only: nothing of a patient is read."""
    return int(await db.fetch_value(_OPEN, actor.id))


async def is_available(actor: Actor) -> bool:
    """Whether the doctor can be alerted now."""
    return bool(await db.fetch_value(_IS_AVAILABLE, actor.id))
