"""Reading the notes of one's own visits as their doctor; each look is in the audit. Others find nothing here."""

from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.audit.actions import record_read
from portal.errors import NotFound
from portal.visits.schemas import Notes, NotesHistory, NotesVersion, PastVisit, PastVisits

MOST_PAST = 10

COLUMNS = """
    a.id AS appointment_id, coalesce(n.version, 0) AS version, coalesce(n.private_notes, '') AS private_notes,
    coalesce(n.patient_summary, '') AS patient_summary, coalesce(n.diagnosis, '') AS diagnosis,
    coalesce(n.share_diagnosis, false) AS share_diagnosis, n.changed_at, n.changed_by
"""
NOTES = (
    "SELECT a.patient_id, a.status, "
    + COLUMNS
    + """
FROM appointment a LEFT JOIN visit_note n ON n.appointment_id = a.id WHERE a.id = $1 AND a.doctor_id = $2
"""
)
_VERSIONS = """
SELECT v.*, count(*) OVER () AS total FROM visit_note_version v JOIN appointment a ON a.id = v.appointment_id
WHERE a.id = $1 AND a.doctor_id = $2 ORDER BY v.version DESC LIMIT $3 OFFSET $4
"""
_PAST = (
    "SELECT a.starts_at AS start_time, a.time_zone, a.appointment_type, a.chief_complaint, "
    + COLUMNS
    + """
FROM appointment t JOIN appointment a ON a.patient_id = t.patient_id AND a.doctor_id = t.doctor_id AND a.id <> t.id
LEFT JOIN visit_note n ON n.appointment_id = a.id
WHERE t.id = $1 AND t.doctor_id = $2 AND a.status = 'COMPLETED' ORDER BY a.starts_at DESC LIMIT $3
"""
)


def notes_of(row: Any) -> Notes:
    """A row that has `COLUMNS`, or those of the table, as a Struct."""
    return Notes(**{name: row[name] for name in Notes.__struct_fields__})


async def read_notes(actor: Actor, appointment_id: UUID) -> Notes:
    """The notes of a visit of the actor's, to read and to write on. Raises `NotFound`."""
    return notes_of(await _opened(actor, appointment_id, "notes.read"))


async def _opened(actor: Actor, appointment_id: UUID, action: str) -> Any:
    """The row of `NOTES`, once the audit says that it was read."""
    row = await db.fetch_row(NOTES, appointment_id, actor.id)
    if row is None:
        raise NotFound
    await record_read(
        actor, action, subject_type="appointment", subject_id=appointment_id, patient_id=row["patient_id"]
    )
    return row


async def read_history(actor: Actor, appointment_id: UUID, skip: int = 0, limit: int = 10) -> NotesHistory:
    """Every version of the notes of a visit of the actor's, the latest first. Raises `NotFound`."""
    await _opened(actor, appointment_id, "notes.history_read")
    rows = await db.fetch(_VERSIONS, appointment_id, actor.id, limit, skip)
    total = rows[0]["total"] if rows else await db.fetch_value(_COUNT, appointment_id) if skip else 0
    found = [NotesVersion(**{name: row[name] for name in NotesVersion.__struct_fields__}) for row in rows]
    return NotesHistory(total=total, skip=skip, limit=limit, versions=found)


_COUNT = "SELECT count(*) FROM visit_note_version WHERE appointment_id = $1"


async def read_past(actor: Actor, appointment_id: UUID) -> PastVisits:
    """What the actor wrote of this patient's earlier visits, the latest first. Raises `NotFound`."""
    await _opened(actor, appointment_id, "notes.past_read")
    rows = await db.fetch(_PAST, appointment_id, actor.id, MOST_PAST)
    names = PastVisit.__struct_fields__
    return PastVisits(visits=[msgspec.convert({name: row[name] for name in names}, PastVisit) for row in rows])
