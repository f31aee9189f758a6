"""Reads of clinics."""

from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.audit.actions import record_read
from portal.clinics import policy
from portal.clinics.schemas import Attention, Clinic, ClinicDay, ClinicList, StaffDoctor
from portal.errors import NotFound

COLUMNS = """
c.id, c.name, c.description, c.phone_number, c.email, c.address_line, c.city, c.region, c.postal_code, c.country,
c.latitude, c.longitude, c.time_zone, c.currency,
coalesce((SELECT jsonb_agg(jsonb_build_object('day_of_week', h.day_of_week, 'opens', h.opens, 'closes', h.closes)
                           ORDER BY h.day_of_week, h.opens)
          FROM clinic_opening_hours h WHERE h.clinic_id = c.id), '[]') AS opening_hours,
coalesce((SELECT jsonb_agg(jsonb_build_object('id', d.id, 'name', d.name) ORDER BY d.name)
          FROM department d WHERE d.clinic_id = c.id), '[]') AS departments
"""
ONE = "SELECT " + COLUMNS + " FROM clinic c WHERE c.id = $1 AND (c.active OR $2)"

GIVEN = """
WITH given AS (SELECT $1::text, $2::text, $3::float8, $4::float8, $5::float8, $6::int AS skip, $7::int AS lines), found AS (
    SELECT c.* FROM clinic c WHERE c.active
"""
BY_WORDS = " AND c.lexemes @@ search_query($1)"
BY_CITY = " AND fold_text(c.city) ~>=~ fold_text($2) AND fold_text(c.city) ~<~ (fold_text($2) || U&'\\+10FFFF')"
BY_CIRCLE = " AND c.mercator <@ around($3, $4, $5) AND distance_km(c.latitude, c.longitude, $3, $4) <= $5"
BY_NAME = " ORDER BY lower(c.name), c.id OFFSET $6 LIMIT $7"
BY_DISTANCE = " ORDER BY c.mercator <-> mercator($3, $4), c.id OFFSET $6 LIMIT $7"
AWAY = ") SELECT round(distance_km(c.latitude, c.longitude, $3, $4)::numeric, 1)::float8 AS distance_km, "
COUNT = """
WITH given AS (SELECT $1::text, $2::text, $3::float8, $4::float8, $5::float8)
SELECT count(*) FROM clinic c WHERE c.active
"""

DOCTORS = """
SELECT a.id, a.first_name, a.last_name, d.title, s.name AS specialty, p.name AS department, d.availability_status, a.status,
       count(*) OVER () AS total
FROM clinic_doctor cd JOIN doctor d ON d.account_id = cd.doctor_id JOIN account a ON a.id = d.account_id
LEFT JOIN specialty s ON s.id = d.specialty_id LEFT JOIN department p ON p.id = cd.department_id
WHERE cd.clinic_id = $1 AND (a.status = 'ACTIVE' OR $2) ORDER BY lower(a.last_name), lower(a.first_name), a.id OFFSET $3 LIMIT $4
"""

NEWCOMERS = """
SELECT a.id, a.first_name, a.last_name, d.title, s.name AS specialty, NULL AS department, d.availability_status, a.status
FROM doctor_search ds JOIN doctor d ON d.account_id = ds.doctor_id JOIN account a ON a.id = d.account_id AND a.status = 'ACTIVE'
LEFT JOIN specialty s ON s.id = d.specialty_id
WHERE ds.lexemes @@ search_query($2)
  AND NOT EXISTS (SELECT FROM clinic_doctor cd WHERE cd.clinic_id = $1 AND cd.doctor_id = d.account_id)
ORDER BY ds.name_key, a.id LIMIT 10
"""

OWN = "SELECT id, name FROM clinic WHERE id = ANY ($1::uuid[]) ORDER BY lower(name), id"

TODAY = """
SELECT count(*) FILTER (WHERE p.status = 'BOOKED') AS booked, count(*) FILTER (WHERE p.status = 'CHECKED_IN') AS checked_in,
       count(*) FILTER (WHERE p.status = 'IN_PROGRESS') AS in_progress,
       count(*) FILTER (WHERE p.status = 'COMPLETED') AS completed, count(*) FILTER (WHERE p.status = 'NO_SHOW') AS missed
FROM clinic c LEFT JOIN appointment p ON p.clinic_id = c.id AND p.date = (clock_timestamp() AT TIME ZONE c.time_zone)::date
WHERE c.id = ANY ($1::uuid[])
"""

ATTENTION = """
SELECT p.id AS appointment_id, p.clinic_id, p.needs_attention AS reason, p.starts_at, p.time_zone,
       pa.first_name || ' ' || pa.last_name AS patient, da.first_name || ' ' || da.last_name AS doctor
FROM appointment p JOIN account pa ON pa.id = p.patient_id JOIN account da ON da.id = p.doctor_id
WHERE p.clinic_id = ANY ($1::uuid[]) AND p.needs_attention IS NOT NULL
ORDER BY p.starts_at, p.id LIMIT 50
"""


async def clinic(viewer: Actor | None, clinic_id: UUID) -> Clinic:
    """What anybody may know of a clinic. Raises `NotFound`; one that is not verified yet is there for its own admins."""
    runs_it = viewer is not None and policy.may_run(viewer, clinic_id)
    row = await db.fetch_row(ONE, clinic_id, runs_it, public=True)
    if row is None:
        raise NotFound
    return as_clinic(row)


def as_clinic(row: Any) -> Clinic:
    """A row of `ONE` as a Struct."""
    return msgspec.convert(dict(row), Clinic, strict=False)


async def clinics(
    q: str | None = None,
    city: str | None = None,
    near: tuple[float, float] | None = None,
    within_km: float | None = None,
    skip: int = 0,
    limit: int = 10,
) -> ClinicList:
    """The clinics that fit: the nearest first when a place is given, else by name."""
    circle = near is not None and within_km is not None
    where = (BY_WORDS if q else "") + (BY_CITY if city else "") + (BY_CIRCLE if circle else "")
    values = (q, city, *(near or (None, None)), within_km)
    order = BY_DISTANCE if near else BY_NAME
    rows = await db.fetch(GIVEN + where + order + AWAY + COLUMNS + " FROM found c", *values, skip, limit, public=True)
    total = await db.fetch_value(COUNT + where, *values, public=True)
    found = [as_clinic(row) for row in rows]
    found.sort(key=lambda one: (one.distance_km is None, one.distance_km or 0, one.name.lower(), one.id))
    return ClinicList(total=total, skip=skip, limit=limit, clinics=found)


async def clinic_doctors(
    viewer: Actor | None, clinic_id: UUID, skip: int = 0, limit: int = 50
) -> tuple[list[StaffDoctor], int]:
    """Its doctors by name; those who wait for verification are there for its own admins only."""
    runs_it = viewer is not None and policy.may_run(viewer, clinic_id)
    rows = await db.fetch(DOCTORS, clinic_id, runs_it, skip, limit, public=not runs_it)
    names = StaffDoctor.__struct_fields__
    return [StaffDoctor(**{name: row[name] for name in names}) for row in rows], rows[0]["total"] if rows else 0


async def own_clinics(actor: Actor) -> list[tuple[UUID, str]]:
    """The clinics of an admin or doctor, by name."""
    return [(row["id"], row["name"]) for row in await db.fetch(OWN, list(actor.clinic_ids), public=True)]


async def day_of_own_clinics(actor: Actor) -> ClinicDay:
    """Today's visits in figures, on each clinic's own calendar."""
    rows = await db.fetch(TODAY, list(actor.clinic_ids))
    return msgspec.convert(dict(rows[0]), ClinicDay)


async def newcomers(clinic_id: UUID, name: str) -> list[StaffDoctor]:
    """Doctors by name who do not work at a clinic yet; at most ten, and only what the public list shows too."""
    return [StaffDoctor(**dict(row)) for row in await db.fetch(NEWCOMERS, clinic_id, name, public=True)]


async def needs_attention(actor: Actor) -> list[Attention]:
    """The appointments of own clinics that somebody must look at, the soonest first. Audited as one read."""
    found = [Attention(**dict(row)) for row in await db.fetch(ATTENTION, list(actor.clinic_ids))]
    if found:
        await record_read(actor, "appointments.attention", subject_type="appointments", subject_id=actor.id)
    return found
