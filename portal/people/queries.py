"""Reads of doctors and profiles."""

from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor, Role
from portal.audit.actions import record_read
from portal.errors import NotFound
from portal.people import policy
from portal.people.schemas import (
    AvailableDoctor,
    AvailableDoctors,
    Doctor,
    FoundPatient,
    FoundPatients,
    Profile,
    Sought,
    read_sought,
)

DOCTOR = """
SELECT d.account_id AS id, a.first_name, a.last_name, d.title, d.specialty_id, s.name AS specialty, d.bio, d.qualifications,
       d.languages, d.years_of_experience, d.consultation_fee, d.currency, d.rating, d.availability_status, a.time_zone,
       coalesce((SELECT jsonb_agg(jsonb_build_object('id', c.id, 'name', c.name, 'city', c.city,
                        'address_line', c.address_line, 'time_zone', c.time_zone) ORDER BY c.name)
                 FROM clinic_doctor cd JOIN clinic c ON c.id = cd.clinic_id AND c.active
                 WHERE cd.doctor_id = d.account_id), '[]') AS clinics
FROM doctor d JOIN account a ON a.id = d.account_id LEFT JOIN specialty s ON s.id = d.specialty_id
WHERE d.account_id = $1
"""
PUBLIC_DOCTOR = DOCTOR + " AND a.status = 'ACTIVE'"

AVAILABLE = """
SELECT d.account_id AS id, a.first_name, a.last_name, d.title, d.specialty_id, s.name AS specialty, d.languages,
       d.consultation_fee, d.currency, d.availability_status, count(*) OVER () AS total
FROM doctor d JOIN account a ON a.id = d.account_id AND a.status = 'ACTIVE' LEFT JOIN specialty s ON s.id = d.specialty_id
WHERE d.availability_status = 'AVAILABLE' AND ($1::uuid IS NULL OR d.specialty_id = $1)
ORDER BY d.last_assigned_at NULLS FIRST, d.account_id OFFSET $2 LIMIT $3
"""
COUNT_AVAILABLE = """
SELECT count(*) FROM doctor d JOIN account a ON a.id = d.account_id AND a.status = 'ACTIVE'
WHERE d.availability_status = 'AVAILABLE' AND ($1::uuid IS NULL OR d.specialty_id = $1)
"""

# Somebody is a patient of a doctor, or of a clinic, who has or had an appointment there.
RELATED = """
SELECT EXISTS (SELECT FROM appointment p WHERE p.patient_id = $1
               AND (p.doctor_id = $2 OR ($4 AND p.clinic_id = ANY ($3::uuid[]))))
"""

PROFILE = """
SELECT a.id AS user_id, a.role, a.status, a.first_name, a.last_name, a.email, a.phone_number, a.time_zone,
       p.date_of_birth, p.sex, p.address, coalesce(ph.licence_number, d.licence_number) AS licence_number, ph.pharmacy_id,
       CASE WHEN a.role IN ('CLINIC_ADMIN', 'DOCTOR') THEN coalesce(
           (SELECT array_agg(clinic_id) FROM clinic_admin WHERE account_id = a.id),
           (SELECT array_agg(clinic_id) FROM clinic_doctor WHERE doctor_id = a.id), '{}') END AS clinic_ids
FROM known_account a LEFT JOIN patient p ON p.account_id = a.id LEFT JOIN pharmacist ph ON ph.account_id = a.id
LEFT JOIN doctor d ON d.account_id = a.id
WHERE a.id = $1
"""


async def doctor(doctor_id: UUID) -> Doctor:
    """What anybody may see of a doctor. Raises `NotFound` for one who is not (or no longer) verified."""
    return as_doctor(await db.fetch_row(PUBLIC_DOCTOR, doctor_id, public=True))


async def own_practice(actor: Actor) -> Doctor:
    """The same for the doctor, who may still wait for verification."""
    return as_doctor(await db.fetch_row(DOCTOR, actor.id))


def as_doctor(row: Any) -> Doctor:
    """A row of `DOCTOR` as a Struct. Raises `NotFound` for none."""
    if row is None:
        raise NotFound
    return msgspec.convert(dict(row), Doctor, strict=False)


async def available_doctors(specialty_id: UUID | None = None, skip: int = 0, limit: int = 10) -> AvailableDoctors:
    """Who is there at this moment, the one who was asked longest ago first."""
    rows = await db.fetch(AVAILABLE, specialty_id, skip, limit, public=True)
    total = rows[0]["total"] if rows else await db.fetch_value(COUNT_AVAILABLE, specialty_id, public=True)
    names = AvailableDoctor.__struct_fields__
    found = [msgspec.convert({name: row[name] for name in names}, AvailableDoctor, strict=False) for row in rows]
    return AvailableDoctors(total=total, skip=skip, limit=limit, doctors=found)


async def is_own_patient(actor: Actor, patient_id: UUID) -> bool:
    """Whether the patient has or had an appointment with this doctor, or at a clinic of this admin."""
    is_admin = actor.role is Role.CLINIC_ADMIN
    return bool(await db.fetch_value(RELATED, patient_id, actor.id, list(actor.clinic_ids), is_admin))


async def profile(actor: Actor, user_id: UUID) -> Profile:
    """One's own; a patient's for their doctors and clinics; every one for system admins. Each look is audited.

    Raises `NotFound` for one that is not theirs, as if there were none.
    """
    await refuse_strangers(actor, user_id)
    found = await read_profile(user_id)
    patient_id = user_id if found.role is Role.PATIENT else None
    await record_read(actor, "profile.read", subject_type="profile", subject_id=user_id, patient_id=patient_id)
    return found


async def refuse_strangers(actor: Actor, user_id: UUID) -> None:
    """Raises `NotFound` unless the profile is theirs, or of a patient of theirs."""
    if policy.may_reach_profile(actor, user_id):
        return
    if not (policy.may_have_patients(actor) and await is_own_patient(actor, user_id)):
        raise NotFound


async def read_profile(user_id: UUID) -> Profile:
    """A profile without asking who looks. Raises `NotFound`."""
    row = await db.fetch_row(PROFILE, user_id)
    if row is None:
        raise NotFound
    found = msgspec.convert(dict(row), Profile, strict=False)
    if found.role is Role.DOCTOR:
        return msgspec.structs.replace(found, doctor=as_doctor(await db.fetch_row(DOCTOR, user_id)))
    return found


# The door shows the actor's own patients only. A query without words (signs alone) would find them all.
FIND = """
SELECT found.* FROM (SELECT CASE WHEN numnode(search_query(coalesce($1, ''))) > 0 THEN search_query($1) END AS words) typed,
    own_patients(typed.words, $2::text, $3::date, $4) found
WHERE typed.words IS NOT NULL OR $2 IS NOT NULL OR $3 IS NOT NULL
"""
MOST = 20


async def find_patients(actor: Actor, typed: str) -> FoundPatients:
    """The actor's own patients by words of their name, the end of a telephone number or a date of birth, at most 20.

    Audited as one read.
    """
    sought = read_sought(typed)
    if not policy.may_have_patients(actor) or sought == Sought():
        return FoundPatients(total=0, patients=[])
    rows = await db.fetch(FIND, sought.words, sought.digits, sought.born, MOST)
    await record_read(actor, "patients.searched", subject_type="patients", subject_id=actor.id)
    return FoundPatients(total=len(rows), patients=[msgspec.convert(dict(row), FoundPatient) for row in rows])
