"""Reads of pharmacies."""

from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.errors import NotFound
from portal.pharmacies import policy
from portal.pharmacies.schemas import OwnPharmacy, Pharmacy, PharmacyList

COLUMNS = """
p.id, p.name, p.phone_number, p.address_line, p.city, p.region, p.postal_code, p.country, p.latitude, p.longitude, p.time_zone
"""
ONE = "SELECT " + COLUMNS + " FROM pharmacy p WHERE p.id = $1 AND p.active"
OWN = "SELECT " + COLUMNS + ", p.licence_number, p.active FROM pharmacy p WHERE p.id = $1"

GIVEN = "WITH given AS (SELECT $1::text, $2::text, $3::float8, $4::float8, $5::float8) "
FOUND = "SELECT round(distance_km(p.latitude, p.longitude, $3, $4)::numeric, 1)::float8 AS distance_km, " + COLUMNS
AMONG = " FROM pharmacy p WHERE p.active"
BY_WORDS = " AND p.lexemes @@ search_query($1)"
BY_CITY = " AND starts_with(fold_text(p.city), fold_text($2))"
BY_CIRCLE = " AND p.mercator <@ around($3, $4, $5) AND distance_km(p.latitude, p.longitude, $3, $4) <= $5"
BY_NAME = " ORDER BY lower(p.name), p.id OFFSET $6 LIMIT $7"
BY_DISTANCE = " ORDER BY p.mercator <-> mercator($3, $4), p.id OFFSET $6 LIMIT $7"


async def pharmacy(pharmacy_id: UUID) -> Pharmacy:
    """What anybody may know of a pharmacy. Raises `NotFound`."""
    return as_pharmacy(await db.fetch_row(ONE, pharmacy_id, public=True))


async def own_pharmacy(actor: Actor, pharmacy_id: UUID) -> OwnPharmacy:
    """The same with what only those who run it see. Raises `NotFound` for everybody else."""
    if not policy.may_run(actor, pharmacy_id):
        raise NotFound
    return as_own_pharmacy(await db.fetch_row(OWN, pharmacy_id))


def as_own_pharmacy(row: Any) -> OwnPharmacy:
    """A row of `OWN` as a Struct. Raises `NotFound` for none."""
    if row is None:
        raise NotFound
    return msgspec.convert(dict(row), OwnPharmacy)


def as_pharmacy(row: Any) -> Pharmacy:
    """A row as a Struct. Raises `NotFound` for none."""
    if row is None:
        raise NotFound
    return msgspec.convert(dict(row), Pharmacy)


async def pharmacies(
    q: str | None = None,
    city: str | None = None,
    near: tuple[float, float] | None = None,
    within_km: float | None = None,
    skip: int = 0,
    limit: int = 10,
) -> PharmacyList:
    """The pharmacies that fit: the nearest first when a place is given, else by name."""
    circle = near is not None and within_km is not None
    where = AMONG + (BY_WORDS if q else "") + (BY_CITY if city else "") + (BY_CIRCLE if circle else "")
    values = (q, city, *(near or (None, None)), within_km)
    rows = await db.fetch(GIVEN + FOUND + where + (BY_DISTANCE if near else BY_NAME), *values, skip, limit, public=True)
    total = await db.fetch_value(GIVEN + "SELECT count(*)" + where, *values, public=True)
    return PharmacyList(total=total, skip=skip, limit=limit, pharmacies=[as_pharmacy(row) for row in rows])
