"""Writes of doctors and profiles."""

from typing import Any
from uuid import UUID

from portal import db, live
from portal.accounts.events import zone_changed_in_tx
from portal.accounts.schemas import Actor, Role
from portal.audit.actions import record_in_tx
from portal.errors import FieldError, Invalid, NotFound
from portal.people import policy, queries
from portal.people.schemas import (
    ACCOUNT_FIELDS,
    PROFILE_FIELDS,
    Availability,
    Doctor,
    DoctorChange,
    NewDoctor,
    Profile,
    ProfileChange,
    given,
)
from portal.registration.actions import invite_in_tx
from portal.registration.schemas import NewAccount
from portal.web.i18n import _

WORKPLACES = """
SELECT coalesce((SELECT array_agg(clinic_id) FROM clinic_doctor WHERE doctor_id = $1), '{}')
FROM doctor WHERE account_id = $1 FOR UPDATE
"""
KNOWN_SPECIALTY = "SELECT id FROM specialty WHERE id = $1 AND active FOR KEY SHARE"
CHANGE_DOCTOR = """
UPDATE doctor SET
    specialty_id = CASE WHEN $2::jsonb ? 'specialty_id' THEN ($2::jsonb ->> 'specialty_id')::uuid ELSE specialty_id END,
    title = coalesce($2::jsonb ->> 'title', title), bio = coalesce($2::jsonb ->> 'bio', bio),
    qualifications = coalesce($2::jsonb ->> 'qualifications', qualifications),
    languages = CASE WHEN $2::jsonb ? 'languages'
        THEN ARRAY(SELECT jsonb_array_elements_text($2::jsonb -> 'languages')) ELSE languages END,
    years_of_experience = CASE WHEN $2::jsonb ? 'years_of_experience'
        THEN ($2::jsonb ->> 'years_of_experience')::smallint ELSE years_of_experience END,
    consultation_fee = coalesce(($2::jsonb ->> 'consultation_fee')::numeric, consultation_fee),
    currency = coalesce($2::jsonb ->> 'currency', currency)
WHERE account_id = $1
"""
CHANGE_ACCOUNT = """
WITH before AS (SELECT id, time_zone FROM account WHERE id = $1 FOR NO KEY UPDATE)
UPDATE account SET first_name = coalesce($2::jsonb ->> 'first_name', first_name),
    last_name = coalesce($2::jsonb ->> 'last_name', last_name),
    phone_number = CASE WHEN $2::jsonb ? 'phone_number' THEN $2::jsonb ->> 'phone_number' ELSE phone_number END,
    time_zone = coalesce($2::jsonb ->> 'time_zone', account.time_zone)
FROM before WHERE account.id = before.id RETURNING account.time_zone <> before.time_zone
"""
CHANGE_PATIENT = """
UPDATE patient SET
    date_of_birth = CASE WHEN $2::jsonb ? 'date_of_birth' THEN ($2::jsonb ->> 'date_of_birth')::date ELSE date_of_birth END,
    sex = CASE WHEN $2::jsonb ? 'sex' THEN $2::jsonb ->> 'sex' ELSE sex END,
    address = coalesce($2::jsonb ->> 'address', address), version = version + 1
WHERE account_id = $1
"""
# Said by hand, it stays: a visit that ends has nothing to say about it any more.
SET_AVAILABILITY = """
UPDATE doctor SET availability_status = $2, busy_with = NULL, former_status = NULL WHERE account_id = $1
"""
PLACE = "SELECT name, currency, time_zone FROM clinic WHERE id = $1 AND active"
EMPLOY = "INSERT INTO clinic_doctor (clinic_id, doctor_id) VALUES ($1, $2)"


@db.retried
async def change_doctor(actor: Actor, doctor_id: UUID, data: DoctorChange) -> Doctor:
    """Change what is known of a doctor's practice. Raises `NotFound` for a doctor who is not of this admin's clinics."""
    async with db.transaction():
        workplaces = await db.fetch_value(WORKPLACES, doctor_id)
        if workplaces is None:
            raise NotFound
        if not policy.may_change_doctor(actor, doctor_id, workplaces):
            raise NotFound
        await change_doctor_in_tx(doctor_id, given(data, DoctorChange.__struct_fields__))
        await record_in_tx(actor, "doctor.changed", subject_type="doctor", subject_id=doctor_id)
        return queries.as_doctor(await db.fetch_row(queries.DOCTOR, doctor_id))


async def change_doctor_in_tx(doctor_id: UUID, changes: dict[str, Any]) -> None:
    """Write the changes of a practice. Raises `Invalid` for a specialty that is not offered."""
    chosen = changes.get("specialty_id")
    if chosen and await db.fetch_value(KNOWN_SPECIALTY, chosen) is None:
        raise Invalid([FieldError("specialty_id", _("Choose a specialty from the list."))])
    await db.execute(CHANGE_DOCTOR, doctor_id, changes)


@db.retried
async def set_availability(actor: Actor, doctor_id: UUID, status: Availability) -> Availability:
    """Say whether one can be reached at this moment; nobody says it for another."""
    if not policy.may_set_availability(actor, doctor_id):
        raise NotFound
    async with db.transaction():
        await db.execute(SET_AVAILABILITY, doctor_id, status)
        await record_in_tx(actor, "doctor.availability", subject_type="doctor", subject_id=doctor_id)
        live.publish(f"user:{doctor_id}", "doctor.status", doctor_id=doctor_id)
    return status


@db.retried
async def invite_doctor(actor: Actor, data: NewDoctor) -> Profile:
    """Make an account for a new doctor of a clinic; the owner of the address chooses the password by mail.

    Raises `Conflict` (`email_taken`) for an address that has an account: it is never taken over.
    """
    if not policy.may_staff(actor, data.clinic_id):
        raise NotFound
    async with db.transaction():
        doctor_id = await invite_doctor_in_tx(actor, data)
        return await queries.read_profile(doctor_id)


async def invite_doctor_in_tx(actor: Actor, data: NewDoctor) -> UUID:
    """The account, its place at the clinic, and their traces. Raises `NotFound` for a clinic that is not open."""
    place = await db.fetch_row(PLACE, data.clinic_id)
    if place is None:
        raise NotFound
    account = NewAccount(
        email=data.email,
        role=Role.DOCTOR,
        first_name=data.first_name,
        last_name=data.last_name,
        time_zone=data.time_zone if data.time_zone != "UTC" else place["time_zone"],
        specialty_id=data.specialty_id,
        title=data.title,
        licence_number=data.licence_number,
        languages=data.languages,
        consultation_fee=data.consultation_fee,
        currency=data.currency or place["currency"],
    )
    doctor_id = await invite_in_tx(actor, account, place["name"])
    await db.execute(EMPLOY, data.clinic_id, doctor_id)
    await record_in_tx(actor, "clinic.doctor_added", subject_type="clinic", subject_id=data.clinic_id)
    return doctor_id


@db.retried
async def change_profile(actor: Actor, user_id: UUID, data: ProfileChange) -> Profile:
    """Change an account's own facts and those of its role. Raises `Invalid` for a field of another role."""
    await queries.refuse_strangers(actor, user_id)
    async with db.transaction():
        before = await queries.read_profile(user_id)
        own = PROFILE_FIELDS.get(before.role, ())
        refuse_strange(data, own)
        if await db.fetch_value(CHANGE_ACCOUNT, user_id, given(data, ACCOUNT_FIELDS)):
            await zone_changed_in_tx(account_id=user_id)
        changes = given(data, own)
        if changes and before.role is Role.DOCTOR:
            await change_doctor_in_tx(user_id, changes)
        elif changes:
            await db.execute(CHANGE_PATIENT, user_id, changes)
        patient_id = user_id if before.role is Role.PATIENT else None
        await record_in_tx(actor, "profile.changed", subject_type="profile", subject_id=user_id, patient_id=patient_id)
        return await queries.read_profile(user_id)


def refuse_strange(data: ProfileChange, own: tuple[str, ...]) -> None:
    """Raises `Invalid` for fields that the role does not have."""
    known = {*ACCOUNT_FIELDS, *own}
    strange = [name for name in given(data, ProfileChange.__struct_fields__) if name not in known]
    if strange:
        raise Invalid([FieldError(name, _("This does not belong to this role.")) for name in strange])
