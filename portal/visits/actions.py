"""Writes of visit notes: guarded by the version that was read, so that nobody ever writes over what they have not seen."""

from uuid import UUID

from portal import db, live
from portal.accounts.schemas import Actor
from portal.errors import Conflict, Forbidden, NotFound
from portal.visits import policy, queries
from portal.visits.schemas import Notes, NotesChange
from portal.web.i18n import _
from portal.web.requests import request_id

# One statement for the first version and for all others; the database keeps each of them (migration m0076).
# $1 appointment, $2 doctor, $3 the version that was read, $4 what changes, $5 role, $6 request
SAVE = """
WITH own AS (
    SELECT a.id, a.patient_id, a.status FROM appointment a WHERE a.id = $1 AND a.doctor_id = $2
), made AS (
    INSERT INTO visit_note (appointment_id, private_notes, patient_summary, diagnosis, share_diagnosis, changed_by)
    SELECT id, coalesce($4::jsonb ->> 'private_notes', ''), coalesce($4::jsonb ->> 'patient_summary', ''),
        coalesce($4::jsonb ->> 'diagnosis', ''), coalesce(($4::jsonb ->> 'share_diagnosis')::boolean, false), $2
    FROM own WHERE $3::int = 0
    ON CONFLICT (appointment_id) DO NOTHING RETURNING *
), changed AS (
    UPDATE visit_note n SET
        private_notes = coalesce($4::jsonb ->> 'private_notes', n.private_notes),
        patient_summary = coalesce($4::jsonb ->> 'patient_summary', n.patient_summary),
        diagnosis = coalesce($4::jsonb ->> 'diagnosis', n.diagnosis),
        share_diagnosis = coalesce(($4::jsonb ->> 'share_diagnosis')::boolean, n.share_diagnosis),
        version = n.version + 1, changed_at = clock_timestamp(), changed_by = $2
    FROM own WHERE n.appointment_id = own.id AND n.version = $3
    RETURNING n.*
), written AS (
    SELECT * FROM made UNION ALL SELECT * FROM changed
), audited AS (
    INSERT INTO audit_event (actor_id, actor_role, action, subject_type, subject_id, patient_id, request_id)
    SELECT $2, $5, CASE own.status WHEN 'COMPLETED' THEN 'notes.amended' ELSE 'notes.changed' END, 'appointment',
        own.id::text, own.patient_id, $6
    FROM written, own
)
SELECT own.status, w.* FROM own LEFT JOIN written w ON true
"""


@db.retried
async def save_notes(actor: Actor, appointment_id: UUID, data: NotesChange) -> Notes:
    """Write the notes of one's own visit, also after its end: the version before stays in their history.

    Raises `Forbidden`, `NotFound`, and `Conflict` (`changed_meanwhile`, with the `current` notes) when they were changed
    since they were read: nothing is stored then, and both can be shown. What stands there already is no conflict.
    """
    if not policy.may_write(actor):
        raise Forbidden
    async with db.transaction():
        row = await db.fetch_row(
            SAVE, appointment_id, actor.id, data.version, data.changes(), actor.role.value, request_id()
        )
        if row is None:
            raise NotFound
        if row["appointment_id"] is None:
            current = queries.notes_of(await db.fetch_row(queries.NOTES, appointment_id, actor.id))
            if current.version and current.holds(data.changes()):
                return current  # the answer to the same text was lost on its way
            raise changed_meanwhile(current)
        if row["status"] == "COMPLETED":
            live.publish(f"appointment:{appointment_id}", "appointment.changed", appointment_id=appointment_id)
        return queries.notes_of(row)


def changed_meanwhile(current: Notes) -> Conflict:
    """What is said to the second of two who write at once."""
    text = _("The notes have been changed elsewhere since you read them. Both texts are kept.")
    return Conflict("changed_meanwhile", text, current=current)
