"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, Boolean, Integer, Text, Timestamptz
from piccolo.table import Table


class VisitNote(Table, tablename="visit_note"):
    appointment_id = UUID(primary_key=True, default=None)
    private_notes = Text(default=None)
    patient_summary = Text(default=None)
    diagnosis = Text(default=None)
    share_diagnosis = Boolean(default=None)
    version = Integer(default=None)
    changed_at = Timestamptz(default=None)
    changed_by = UUID(null=True, default=None)


class VisitNoteVersion(Table, tablename="visit_note_version"):
    appointment_id = UUID(default=None)
    version = Integer(default=None)
    private_notes = Text(default=None)
    patient_summary = Text(default=None)
    diagnosis = Text(default=None)
    share_diagnosis = Boolean(default=None)
    amended = Boolean(default=None)
    changed_at = Timestamptz(default=None)
    changed_by = UUID(null=True, default=None)
