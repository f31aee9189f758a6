"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, Text, Timestamptz
from piccolo.table import Table


class Repair(Table, tablename="repair"):
    id = UUID(primary_key=True, default=None)
    appointment_id = UUID(default=None)
    patient_id = UUID(default=None)
    doctor_id = UUID(default=None)
    clinic_id = UUID(null=True, default=None)
    kind = Text(default=None)
    state = Text(default=None)
    slot_id = UUID(null=True, default=None)
    expires_at = Timestamptz(default=None)
    created_by = UUID(default=None)
    created_at = Timestamptz(default=None)
    decided_by = UUID(null=True, default=None)
    decided_at = Timestamptz(null=True, default=None)
    new_appointment_id = UUID(null=True, default=None)
