"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, Text, Timestamptz
from piccolo.table import Table


class Referral(Table, tablename="referral"):
    appointment_id = UUID(primary_key=True, default=None)
    from_appointment_id = UUID(default=None)
    kind = Text(default=None)
    doctor_id = UUID(default=None)
    from_doctor_id = UUID(default=None)
    note = Text(default=None)
    created_at = Timestamptz(default=None)
