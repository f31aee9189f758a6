"""Whom to refer to, and when: all of it public but who the patient is."""

from typing import Any
from uuid import UUID

from portal import db
from portal.accounts.schemas import Actor
from portal.appointments.queries import get_appointment
from portal.appointments.schemas import Appointment, AppointmentType
from portal.booking.schemas import FreeTime
from portal.referrals.schemas import Colleague

_FREE = """
    s.appointment_id IS NULL AND NOT s.disabled AND NOT s.overflow AND s.starts_at > clock_timestamp()
    AND (s.held_until IS NULL OR s.held_until <= clock_timestamp())
"""
_TIME = """
    s.id AS slot_id, s.doctor_id, ltrim(d.title || ' ' || c.first_name || ' ' || c.last_name) AS doctor_name,
    s.starts_at AS start_time, s.ends_at AS end_time, s.time_zone, s.service_type
"""
_COLLEAGUES = """
SELECT d.account_id AS doctor_id, ltrim(d.title || ' ' || c.first_name || ' ' || c.last_name) AS name,
    sp.name AS specialty, cl.name AS clinic_name, n.starts_at AS next_free, n.time_zone
FROM doctor d JOIN account c ON c.id = d.account_id AND c.status = 'ACTIVE'
LEFT JOIN specialty sp ON sp.id = d.specialty_id
LEFT JOIN LATERAL (SELECT s.starts_at, s.time_zone, s.clinic_id FROM slot s WHERE s.doctor_id = d.account_id
    AND s.service_type IN ('BOTH', $3) AND""" + _FREE + """ ORDER BY s.starts_at LIMIT 1) n ON true
LEFT JOIN clinic cl ON cl.id = n.clinic_id
WHERE d.specialty_id = $1 AND d.account_id <> $2 ORDER BY n.starts_at NULLS LAST, name LIMIT 30
"""  # fmt: skip
_TIMES_OF = """
SELECT""" + _TIME + """FROM slot s JOIN doctor d ON d.account_id = s.doctor_id JOIN account c ON c.id = s.doctor_id
WHERE s.doctor_id = $1 AND c.status = 'ACTIVE' AND s.service_type IN ('BOTH', $2) AND""" + _FREE + """
ORDER BY s.starts_at LIMIT 12
"""  # fmt: skip

# Within ten days of the day, on each of them the two times nearest to the visit's own; the nearest days first.
_TIMES_IN = """
WITH aim AS (
    SELECT ($4::timestamptz AT TIME ZONE $5)::date + 7 * $6::int AS day, ($4::timestamptz AT TIME ZONE $5)::time AS at
), near AS (
    SELECT s.*, abs(s.date - aim.day) AS off,
        row_number() OVER (PARTITION BY s.date ORDER BY abs(extract(epoch FROM s.local_start - aim.at))) AS nth
    FROM slot s, aim WHERE s.doctor_id = $1 AND s.date BETWEEN aim.day - 10 AND aim.day + 10
        AND s.clinic_id IS NOT DISTINCT FROM $2 AND s.service_type IN ('BOTH', $3) AND""" + _FREE + """
), chosen AS (
    SELECT * FROM near WHERE nth <= 2 ORDER BY off, nth LIMIT 6
)
SELECT""" + _TIME + """FROM chosen s JOIN doctor d ON d.account_id = s.doctor_id JOIN account c ON c.id = s.doctor_id
ORDER BY s.starts_at
"""  # fmt: skip


async def colleagues(specialty_id: UUID, actor: Actor, appointment_type: str) -> list[Colleague]:
    """The other doctors of a specialty, whoever is free first on top."""
    rows = await db.fetch(_COLLEAGUES, specialty_id, actor.id, appointment_type, public=True)
    return [Colleague(**row) for row in rows]


async def times_of(doctor_id: UUID, appointment_type: str) -> list[FreeTime]:
    """A doctor's next free times for a kind of visit."""
    return [FreeTime(**row) for row in await db.fetch(_TIMES_OF, doctor_id, appointment_type, public=True)]


async def times_in(visit: Any, weeks: int) -> list[FreeTime]:
    """Free times of a visit's doctor at its place, about so many weeks after it."""
    rows = await db.fetch(
        _TIMES_IN, visit["doctor_id"], visit["clinic_id"], visit["appointment_type"], visit["starts_at"],
        visit["time_zone"], weeks, public=True,
    )  # fmt: skip
    return [FreeTime(**row) for row in rows]


async def type_at(slot_id: UUID | None, before: str) -> AppointmentType:
    """What kind of visit a chosen time is for: as the visit before, where it can be."""
    sql = "SELECT service_type FROM slot WHERE id = $1"
    offered = await db.fetch_value(sql, slot_id) if slot_id else None
    return AppointmentType(before if offered in (None, "BOTH") else offered)


async def is_doctor(doctor_id: UUID, slot_id: UUID | None) -> bool:
    """Whether there is such a doctor, and such a time of theirs where one was named."""
    sql = """
    SELECT EXISTS (SELECT FROM account WHERE id = $1 AND role = 'DOCTOR')
        AND ($2::uuid IS NULL OR EXISTS (SELECT FROM slot WHERE id = $2 AND doctor_id = $1))
    """
    return bool(await db.fetch_value(sql, doctor_id, slot_id))


async def own_visit(actor: Actor, appointment_id: UUID) -> Appointment:
    """The visit that is referred from, as its doctor sees it. Raises `NotFound`."""
    return await get_appointment(actor, appointment_id)
