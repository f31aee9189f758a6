"""Writes of patients' records."""

from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.audit.actions import record_in_tx
from portal.errors import Conflict, FieldError, Invalid
from portal.records import queries
from portal.records.schemas import Record, RecordChange
from portal.web.i18n import _

# The version in the condition makes two people who edit at once write one after the other, never over each other.
CHANGE = """
UPDATE patient SET
    medical_history = coalesce($2::jsonb ->> 'medical_history', medical_history),
    allergies = coalesce($2::jsonb -> 'allergies', allergies), conditions = coalesce($2::jsonb -> 'conditions', conditions),
    emergency_contacts = coalesce($2::jsonb -> 'emergency_contacts', emergency_contacts),
    preferred_doctor_ids = CASE WHEN $2::jsonb ? 'preferred_doctor_ids'
        THEN ARRAY(SELECT jsonb_array_elements_text($2::jsonb -> 'preferred_doctor_ids')::uuid) ELSE preferred_doctor_ids END,
    preferred_clinic_ids = CASE WHEN $2::jsonb ? 'preferred_clinic_ids'
        THEN ARRAY(SELECT jsonb_array_elements_text($2::jsonb -> 'preferred_clinic_ids')::uuid) ELSE preferred_clinic_ids END,
    version = version + 1
WHERE account_id = $1 AND ($3::int IS NULL OR version = $3)
RETURNING version
"""
KNOWN_DOCTORS = """
SELECT count(*) FROM doctor d JOIN account a ON a.id = d.account_id WHERE d.account_id = ANY ($1::uuid[]) AND a.status = 'ACTIVE'
"""
KNOWN_CLINICS = "SELECT count(*) FROM clinic WHERE id = ANY ($1::uuid[]) AND active"


@db.retried
async def change_record(actor: Actor, patient_id: UUID, data: RecordChange) -> Record:
    """Change a record, as the patient or somebody who treats them.

    Raises `Conflict` (`changed_meanwhile`, with the `current` record) when the version that was read is not the present one:
    nothing is written, and both can be shown. Raises `NotFound` for strangers.
    """
    await queries.refuse_strangers(actor, patient_id)
    version = None if isinstance(data.version, msgspec.UnsetType) else data.version
    async with db.transaction():
        current = queries.as_record(await db.fetch_row(queries.RECORD, patient_id))
        await refuse_unknown_in_tx(current, data)
        if await db.fetch_value(CHANGE, patient_id, data.changes(), version) is None:
            raise changed_meanwhile(queries.as_record(await db.fetch_row(queries.RECORD, patient_id)))
        await record_in_tx(
            actor, "record.changed", subject_type="patient", subject_id=patient_id, patient_id=patient_id
        )
        return queries.as_record(await db.fetch_row(queries.RECORD, patient_id))


def changed_meanwhile(current: Record) -> Conflict:
    """What is said to the second of two who edit at once."""
    text = _("The record has been changed since you opened it. Nothing of yours has been saved yet.")
    return Conflict("changed_meanwhile", text, current=current)


async def refuse_unknown_in_tx(current: Record, data: RecordChange) -> None:
    """Doctors and clinics that are named anew must exist; one that has gone since may stay."""
    problems = []
    for name, statement, known in (
        ("preferred_doctor_ids", KNOWN_DOCTORS, current.preferred_doctor_ids),
        ("preferred_clinic_ids", KNOWN_CLINICS, current.preferred_clinic_ids),
    ):
        named = set(data.changes().get(name, ())) - set(known)
        if named and await db.fetch_value(statement, list(named)) != len(named):
            problems.append(FieldError(name, _("One of these is unknown to us.")))
    if problems:
        raise Invalid(problems)
