"""Writes of clinics."""

from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.events import zone_changed_in_tx
from portal.accounts.schemas import Actor, Role
from portal.audit.actions import record_in_tx
from portal.clinics import policy, queries
from portal.clinics.schemas import Clinic, ClinicChange, Employment, NewClinic, OpeningHours, StaffRequest
from portal.errors import FieldError, Forbidden, Invalid, NotFound
from portal.ids import uuid7
from portal.notifications.actions import notify_in_tx
from portal.web.i18n import N_, _

db.conflict_for("clinic_opening_hours_apart", "hours_overlap", N_("Two spells of the opening hours overlap."))
db.conflict_for("clinic_doctor_pkey", "already_there", N_("This doctor works at the clinic already."))

CREATE = """
INSERT INTO clinic (id, name, description, phone_number, email, address_line, city, region, postal_code, country,
                    latitude, longitude, time_zone, currency)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""
ADMIT = "INSERT INTO clinic_admin (clinic_id, account_id) VALUES ($1, $2)"
CHANGE = """
WITH before AS (SELECT id, time_zone FROM clinic WHERE id = $1 FOR NO KEY UPDATE)
UPDATE clinic SET
    name = coalesce($2::jsonb ->> 'name', name), time_zone = coalesce($2::jsonb ->> 'time_zone', clinic.time_zone),
    description = coalesce($2::jsonb ->> 'description', description), currency = coalesce($2::jsonb ->> 'currency', currency),
    phone_number = CASE WHEN $2::jsonb ? 'phone_number' THEN $2::jsonb ->> 'phone_number' ELSE phone_number END,
    email = CASE WHEN $2::jsonb ? 'email' THEN $2::jsonb ->> 'email' ELSE email END,
    address_line = coalesce($2::jsonb ->> 'address_line', address_line), city = coalesce($2::jsonb ->> 'city', city),
    region = coalesce($2::jsonb ->> 'region', region), postal_code = coalesce($2::jsonb ->> 'postal_code', postal_code),
    country = coalesce($2::jsonb ->> 'country', country),
    latitude = CASE WHEN $2::jsonb ? 'latitude' THEN ($2::jsonb ->> 'latitude')::float8 ELSE latitude END,
    longitude = CASE WHEN $2::jsonb ? 'longitude' THEN ($2::jsonb ->> 'longitude')::float8 ELSE longitude END
FROM before WHERE clinic.id = before.id RETURNING clinic.time_zone <> before.time_zone
"""
CLOSE_HOURS = "DELETE FROM clinic_opening_hours WHERE clinic_id = $1"
OPEN_HOURS = "INSERT INTO clinic_opening_hours (id, clinic_id, day_of_week, opens, closes) VALUES ($1, $2, $3, $4, $5)"
# Departments that stay keep their id, and so their doctors.
DROP_DEPARTMENTS = "DELETE FROM department WHERE clinic_id = $1 AND name <> ALL ($2::text[])"
ADD_DEPARTMENT = """
INSERT INTO department (id, clinic_id, name) VALUES ($1, $2, $3) ON CONFLICT ON CONSTRAINT department_name_unique DO NOTHING
"""
KNOWN_DOCTOR = """
SELECT d.account_id FROM doctor d JOIN account a ON a.id = d.account_id WHERE d.account_id = $1 AND a.status = 'ACTIVE'
"""
KNOWN_DEPARTMENT = "SELECT id FROM department WHERE id = $1 AND clinic_id = $2"
KNOWN_CLINIC = "SELECT id FROM clinic WHERE id = $1 FOR KEY SHARE"
EMPLOY = "INSERT INTO clinic_doctor (clinic_id, doctor_id, department_id) VALUES ($1, $2, $3)"


@db.retried
async def create_clinic(actor: Actor, data: NewClinic) -> Clinic:
    """Make a clinic; a clinic admin who makes it runs it from then on."""
    if not policy.may_create(actor):
        raise Forbidden
    clinic_id = uuid7()
    texts = (data.address_line, data.city, data.region, data.postal_code, data.country)
    async with db.transaction():
        await db.execute(
            CREATE,
            clinic_id,
            data.name,
            data.description or "",
            data.phone_number,
            data.email,
            *(text or "" for text in texts),
            data.latitude,
            data.longitude,
            data.time_zone,
            data.currency,
        )
        if actor.role is Role.CLINIC_ADMIN:
            async with db.as_portal():  # nobody makes themselves the admin of a clinic but by founding it
                await db.execute(ADMIT, clinic_id, actor.id)
        await replace_hours_in_tx(clinic_id, data.opening_hours)
        await replace_departments_in_tx(clinic_id, data.departments)
        await noted_in_tx(actor, "clinic.created", clinic_id)
        return queries.as_clinic(await db.fetch_row(queries.ONE, clinic_id, True))


@db.retried
async def change_clinic(actor: Actor, clinic_id: UUID, data: ClinicChange) -> Clinic:
    """Change a clinic; its sessions follow its clock. Raises `NotFound` for one not theirs, `Conflict` (`hours_overlap`)."""
    if not policy.may_run(actor, clinic_id):
        raise NotFound
    changes = plain_changes(data)
    async with db.transaction():
        other_zone = await db.fetch_value(CHANGE, clinic_id, changes)
        if other_zone is None:
            raise NotFound
        if other_zone:
            await zone_changed_in_tx(clinic_id=clinic_id)
        if not isinstance(data.opening_hours, msgspec.UnsetType):
            await replace_hours_in_tx(clinic_id, data.opening_hours)
        if not isinstance(data.departments, msgspec.UnsetType):
            await replace_departments_in_tx(clinic_id, data.departments)
        await noted_in_tx(actor, "clinic.changed", clinic_id)
        return queries.as_clinic(await db.fetch_row(queries.ONE, clinic_id, True))


def plain_changes(data: ClinicChange) -> dict[str, Any]:
    """The columns of the clinic itself that were sent."""
    lists = ("opening_hours", "departments")
    sent = {name: getattr(data, name) for name in data.__struct_fields__ if name not in lists}
    return {name: value for name, value in sent.items() if value is not msgspec.UNSET}


async def replace_hours_in_tx(clinic_id: UUID, hours: list[OpeningHours]) -> None:
    """Put these opening hours in the place of all there were."""
    await db.execute(CLOSE_HOURS, clinic_id)
    for one in hours:
        await db.execute(OPEN_HOURS, uuid7(), clinic_id, one.day_of_week, one.opens, one.closes)


async def replace_departments_in_tx(clinic_id: UUID, names: list[str]) -> None:
    """Keep the departments of these names, drop the others, add the new."""
    await db.execute(DROP_DEPARTMENTS, clinic_id, names)
    for name in names:
        await db.execute(ADD_DEPARTMENT, uuid7(), clinic_id, name)


@db.retried
async def add_doctor(actor: Actor, clinic_id: UUID, data: StaffRequest) -> Employment:
    """Take a doctor who has an account into a clinic. Raises `Conflict` (`already_there`)."""
    if not policy.may_run(actor, clinic_id):
        raise NotFound
    async with db.transaction():
        if await db.fetch_value(KNOWN_CLINIC, clinic_id) is None:
            raise NotFound
        await refuse_unknown_in_tx(clinic_id, data)
        await db.execute(EMPLOY, clinic_id, data.doctor_id, data.department_id)
        await notify_in_tx(data.doctor_id, "clinic.doctor_added", f"/clinics/{clinic_id}")
        await record_in_tx(actor, "clinic.doctor_added", subject_type="clinic", subject_id=clinic_id)
    return Employment(clinic_id, data.doctor_id, data.department_id)


async def refuse_unknown_in_tx(clinic_id: UUID, data: StaffRequest) -> None:
    """Raises `Invalid` for a doctor or department that does not exist."""
    if await db.fetch_value(KNOWN_DOCTOR, data.doctor_id) is None:
        raise Invalid([FieldError("doctor_id", _("We do not know this doctor."))])
    if data.department_id and await db.fetch_value(KNOWN_DEPARTMENT, data.department_id, clinic_id) is None:
        raise Invalid([FieldError("department_id", _("This clinic has no such department."))])


async def noted_in_tx(actor: Actor, action: str, clinic_id: UUID) -> None:
    """The audit row of a change."""
    await record_in_tx(actor, action, subject_type="clinic", subject_id=clinic_id)
