"""What the confirm pages show before a booking, in one statement each."""

from datetime import date
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor, Role
from portal.audit.actions import record_read
from portal.audit.schemas import Grounds
from portal.booking.schemas import Candidate, FreeNow, FreeTime, PlaceOffer, SlotOffer, SpecialtyNow
from portal.errors import NotFound
from portal.people.queries import find_patients

_PEOPLE = """
    ltrim(d.title || ' ' || da.first_name || ' ' || da.last_name) AS doctor_name, sp.name AS specialty,
    c.name AS clinic_name, nullif(concat_ws(', ', nullif(c.address_line, ''), nullif(c.city, '')), '') AS clinic_address,
    d.consultation_fee, d.currency
"""
_OF_DOCTOR = """
    JOIN doctor d ON d.account_id = s.doctor_id
    JOIN account da ON da.id = s.doctor_id AND da.status = 'ACTIVE'
    LEFT JOIN specialty sp ON sp.id = d.specialty_id
    LEFT JOIN clinic c ON c.id = s.clinic_id
"""
_SLOT = """
SELECT s.id AS slot_id, s.doctor_id, s.starts_at AS start_time, s.ends_at AS end_time, s.time_zone, s.date, s.service_type,
    CASE WHEN s.appointment_id IS NOT NULL THEN 'slot_taken' WHEN s.starts_at <= clock_timestamp() THEN 'slot_past'
         WHEN s.disabled THEN 'slot_disabled' WHEN s.overflow THEN 'queue_only'
         WHEN s.held_by = $2 AND s.held_until <= clock_timestamp() THEN 'hold_expired'
         WHEN s.held_by <> $2 AND s.held_until > clock_timestamp() THEN 'slot_held' END AS refusal,
    CASE WHEN s.held_by = $2 AND s.held_until > clock_timestamp()
         THEN ceil(extract(epoch FROM s.held_until - clock_timestamp()))::int END AS seconds_left, s.held_until,
    (SELECT b.id FROM appointment b WHERE b.id = s.appointment_id AND b.patient_id = $2) AS own_appointment_id,
""" + _PEOPLE + " FROM slot s" + _OF_DOCTOR + " WHERE s.id = $1"  # fmt: skip
_PLACE = """
SELECT s.id AS session_id, s.doctor_id, $3::date AS date, coalesce(c.time_zone, da.time_zone) AS time_zone, s.service_type,
    n.position, n.starts_at AS start_time, coalesce(n.overflow, false) AS overflow,
    (SELECT count(*) FROM slot t WHERE t.session_id = s.id AND t.date = $3 AND t.appointment_id IS NOT NULL) AS taken,
    (SELECT b.id FROM appointment b WHERE b.patient_id = $2 AND b.session_id = s.id AND b.date = $3
        AND b.status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS') LIMIT 1) AS own_appointment_id,
""" + _PEOPLE + " FROM weekly_session s" + _OF_DOCTOR + """
    LEFT JOIN LATERAL (
        SELECT t.position, t.starts_at, t.overflow FROM slot t
        WHERE t.session_id = s.id AND t.date = $3 AND t.appointment_id IS NULL AND NOT t.disabled
            AND t.starts_at > clock_timestamp()
            AND (t.held_by IS NULL OR t.held_by = $2 OR t.held_until <= clock_timestamp())
        ORDER BY t.position LIMIT 1) n ON true
WHERE s.id = $1 AND s.deleted_at IS NULL AND s.day_of_week = extract(isodow FROM $3::date)
"""  # fmt: skip


async def offer_slot(actor: Actor, slot_id: UUID) -> SlotOffer:
    """A slot as its confirm page shows it to this patient. Raises `NotFound`."""
    row = await db.fetch_row(_SLOT, slot_id, actor.id)
    if row is None:
        raise NotFound
    return msgspec.convert(dict(row), SlotOffer)


async def offer_place(actor: Actor, session_id: UUID, day: date) -> PlaceOffer:
    """The next place of a session on a date. Raises `NotFound`, also for a day on which it never takes place."""
    row = await db.fetch_row(_PLACE, session_id, actor.id, day)
    if row is None:
        raise NotFound
    return msgspec.convert(dict(row), PlaceOffer)


# Whoever says that they are free and is with nobody in the next quarter of an hour, as a booking would find them.
_FREE_NOW = """
SELECT * FROM (
    SELECT sp.id AS specialty_id, sp.name, count(d.account_id) FILTER (WHERE d.availability_status = 'AVAILABLE' AND NOT EXISTS (
    SELECT FROM appointment b WHERE b.doctor_id = d.account_id AND b.status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS')
        AND b.date BETWEEN current_date - 1 AND current_date + 1
        AND b.during && tstzrange(clock_timestamp(), clock_timestamp() + interval '15 minutes'))) AS available
FROM specialty sp JOIN doctor d ON d.specialty_id = sp.id JOIN account c ON c.id = d.account_id AND c.status = 'ACTIVE'
WHERE sp.active GROUP BY sp.id) now ORDER BY available > 0 DESC, name
"""
_STAFF_TIMES = """
SELECT s.id AS slot_id, s.doctor_id, ltrim(d.title || ' ' || c.first_name || ' ' || c.last_name) AS doctor_name,
    s.starts_at AS start_time, s.ends_at AS end_time, s.time_zone, s.service_type
FROM slot s JOIN doctor d ON d.account_id = s.doctor_id JOIN account c ON c.id = s.doctor_id
WHERE s.doctor_id = $1 AND (s.doctor_id = $2 OR s.clinic_id = ANY($3::uuid[])) AND s.service_type IN ('BOTH', $4)
    AND s.appointment_id IS NULL AND NOT s.disabled AND NOT s.overflow AND s.starts_at > clock_timestamp()
    AND (s.held_until IS NULL OR s.held_until <= clock_timestamp())
ORDER BY s.starts_at LIMIT 16
"""
_BY_CONTACT = """
SELECT found.id, found.first_name || ' ' || found.last_name AS name, NULL::date AS date_of_birth FROM patient_by_contact($1) found
"""
SHORTEST_CONTACT = 6


async def free_now() -> FreeNow:
    """Every specialty with the number of its doctors who could begin a video visit at this moment."""
    async with db.as_portal():  # who is free depends on other people's visits; only their number is told
        return FreeNow([SpecialtyNow(**row) for row in await db.fetch(_FREE_NOW)])


async def staff_times(actor: Actor, doctor_id: UUID, appointment_type: str) -> list[FreeTime]:
    """A doctor's next free times that this actor may book somebody for."""
    clinics = list(actor.clinic_ids) if actor.role is Role.CLINIC_ADMIN else []
    rows = await db.fetch(_STAFF_TIMES, doctor_id, actor.id, clinics, appointment_type, public=True)
    return [FreeTime(**row) for row in rows]


async def find_candidates(actor: Actor, typed: str) -> list[Candidate]:
    """The actor's own patients by what they say; anybody else by their whole mail address or number alone. Audited."""
    own = (await find_patients(actor, typed)).patients
    found = [Candidate(id=p.id, name=f"{p.first_name} {p.last_name}", date_of_birth=p.date_of_birth) for p in own]
    if "@" not in typed and sum(sign.isdigit() for sign in typed) < SHORTEST_CONTACT:
        return found
    others = [Candidate(**row) for row in await db.fetch(_BY_CONTACT, typed.strip())]
    for one in others:
        await record_read(
            actor, "patient.found_by_contact", subject_type="patient", subject_id=one.id, patient_id=one.id,
            grounds=Grounds.CONTACT,
        )  # fmt: skip
    return [*found, *(one for one in others if one.id not in {known.id for known in found})]
