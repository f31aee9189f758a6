"""Writes of pharmacies."""

from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor, Role
from portal.audit.actions import record_in_tx
from portal.errors import Conflict, Forbidden, NotFound
from portal.ids import uuid7
from portal.pharmacies import policy, queries
from portal.pharmacies.schemas import NewPharmacy, OwnPharmacy, PharmacyChange
from portal.web.i18n import _

CREATE = """
INSERT INTO pharmacy (id, name, licence_number, phone_number, address_line, city, region, postal_code, country,
                      latitude, longitude, time_zone)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
JOIN = "UPDATE pharmacist SET pharmacy_id = $2 WHERE account_id = $1 AND pharmacy_id IS NULL"
CHANGE = """
UPDATE pharmacy SET
    name = coalesce($2::jsonb ->> 'name', name), time_zone = coalesce($2::jsonb ->> 'time_zone', time_zone),
    licence_number = coalesce($2::jsonb ->> 'licence_number', licence_number),
    phone_number = CASE WHEN $2::jsonb ? 'phone_number' THEN $2::jsonb ->> 'phone_number' ELSE phone_number END,
    address_line = coalesce($2::jsonb ->> 'address_line', address_line), city = coalesce($2::jsonb ->> 'city', city),
    region = coalesce($2::jsonb ->> 'region', region), postal_code = coalesce($2::jsonb ->> 'postal_code', postal_code),
    country = coalesce($2::jsonb ->> 'country', country),
    latitude = CASE WHEN $2::jsonb ? 'latitude' THEN ($2::jsonb ->> 'latitude')::float8 ELSE latitude END,
    longitude = CASE WHEN $2::jsonb ? 'longitude' THEN ($2::jsonb ->> 'longitude')::float8 ELSE longitude END
WHERE id = $1 RETURNING id
"""


@db.retried
async def create_pharmacy(actor: Actor, data: NewPharmacy) -> OwnPharmacy:
    """Make a pharmacy; a pharmacist who has none belongs to it from then on.

    Raises `Conflict` (`has_pharmacy`) for a pharmacist who has one.
    """
    if actor.role not in (Role.PHARMACY, Role.SYSTEM_ADMIN):
        raise Forbidden
    if not policy.may_create(actor):
        raise has_one()
    pharmacy_id = uuid7()
    texts = (data.address_line, data.city, data.region, data.postal_code, data.country)
    async with db.transaction():
        plain = (text or "" for text in texts)
        places = (data.latitude, data.longitude, data.time_zone)
        licence = data.licence_number or ""
        await db.execute(CREATE, pharmacy_id, data.name, licence, data.phone_number, *plain, *places)
        if actor.role is Role.PHARMACY and not await db.execute(JOIN, actor.id, pharmacy_id):
            raise has_one()
        await noted_in_tx(actor, "pharmacy.created", pharmacy_id)
        return queries.as_own_pharmacy(await db.fetch_row(queries.OWN, pharmacy_id))


def has_one() -> Conflict:
    """What a pharmacist is told who makes a second pharmacy."""
    return Conflict("has_pharmacy", _("You belong to a pharmacy already."))


@db.retried
async def change_pharmacy(actor: Actor, pharmacy_id: UUID, data: PharmacyChange) -> OwnPharmacy:
    """Change a pharmacy. Raises `NotFound` for one that is not theirs."""
    if not policy.may_run(actor, pharmacy_id):
        raise NotFound
    sent = {name: getattr(data, name) for name in data.__struct_fields__}
    changes = {name: value for name, value in sent.items() if value is not msgspec.UNSET}
    async with db.transaction():
        if await db.fetch_value(CHANGE, pharmacy_id, changes) is None:
            raise NotFound
        await noted_in_tx(actor, "pharmacy.changed", pharmacy_id)
        return queries.as_own_pharmacy(await db.fetch_row(queries.OWN, pharmacy_id))


async def noted_in_tx(actor: Actor, action: str, pharmacy_id: UUID) -> None:
    """The audit row of a change."""
    await record_in_tx(actor, action, subject_type="pharmacy", subject_id=pharmacy_id)
