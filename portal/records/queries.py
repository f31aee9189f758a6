"""Reads of patients' records, each of which leaves a row that the patient can see."""

from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.audit.actions import record_read
from portal.errors import NotFound
from portal.people.queries import is_own_patient
from portal.records import policy
from portal.records.schemas import AccessLog, AccessRow, Record

RECORD = """
SELECT p.account_id AS patient_id, a.first_name, a.last_name, p.date_of_birth, p.sex, p.medical_history, p.allergies,
       p.conditions, p.emergency_contacts, p.preferred_doctor_ids, p.preferred_clinic_ids, p.version,
       coalesce((SELECT jsonb_agg(jsonb_build_object('id', d.account_id,
                    'name', concat_ws(' ', nullif(d.title, ''), n.first_name, n.last_name)) ORDER BY n.last_name, d.account_id)
                 FROM doctor d JOIN account n ON n.id = d.account_id AND n.status = 'ACTIVE'
                 WHERE d.account_id = ANY (p.preferred_doctor_ids)), '[]') AS preferred_doctors,
       coalesce((SELECT jsonb_agg(jsonb_build_object('id', c.id, 'name', c.name) ORDER BY c.name, c.id)
                 FROM clinic c WHERE c.active AND c.id = ANY (p.preferred_clinic_ids)), '[]') AS preferred_clinics
FROM patient p JOIN account a ON a.id = p.account_id
WHERE p.account_id = $1
"""

ACCESSES = """
SELECT found.*, name_of(found.actor_id) AS actor_name FROM (
    SELECT e.at, e.actor_id, e.actor_role, e.action, e.outcome, e.reason, count(*) OVER () AS total
    FROM audit_event e WHERE e.patient_id = $1 ORDER BY e.at DESC, e.chain, e.seq DESC OFFSET $2 LIMIT $3
) AS found
"""
COUNT_ACCESSES = "SELECT count(*) FROM audit_event WHERE patient_id = $1"


async def record(actor: Actor, patient_id: UUID) -> Record:
    """A patient's record: their own, or of a patient of theirs. Raises `NotFound` for strangers.

    The audit row is written before anything is shown.
    """
    await refuse_strangers(actor, patient_id)
    found = as_record(await db.fetch_row(RECORD, patient_id))
    await record_read(actor, "record.read", subject_type="patient", subject_id=patient_id, patient_id=patient_id)
    return found


async def refuse_strangers(actor: Actor, patient_id: UUID) -> None:
    """Raises `NotFound` unless the record is theirs, or of a patient of theirs."""
    if policy.may_open(actor, patient_id):
        return
    if not (policy.may_treat(actor) and await is_own_patient(actor, patient_id)):
        raise NotFound


def as_record(row: Any) -> Record:
    """A row of `RECORD` as a Struct. Raises `NotFound` for none."""
    if row is None:
        raise NotFound
    return msgspec.convert(dict(row), Record, strict=False)


async def access_log(actor: Actor, skip: int = 0, limit: int = 10) -> AccessLog:
    """Who did what with one's own data, the latest first."""
    rows = await db.fetch(ACCESSES, actor.id, skip, limit)
    total = rows[0]["total"] if rows else await db.fetch_value(COUNT_ACCESSES, actor.id)
    found = [AccessRow(**{name: row[name] for name in AccessRow.__struct_fields__}) for row in rows]
    return AccessLog(total=total, skip=skip, limit=limit, accesses=found)
