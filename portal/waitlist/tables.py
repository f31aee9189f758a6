"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, Date, Text, Timestamptz
from piccolo.table import Table


class WaitlistEntry(Table, tablename="waitlist_entry"):
    id = UUID(primary_key=True, default=None)
    patient_id = UUID(default=None)
    doctor_id = UUID(null=True, default=None)
    specialty_id = UUID(null=True, default=None)
    first_date = Date(default=None)
    last_date = Date(default=None)
    service_type = Text(default=None)
    status = Text(default=None)
    created_at = Timestamptz(default=None)


class WaitlistOffer(Table, tablename="waitlist_offer"):
    id = UUID(primary_key=True, default=None)
    entry_id = UUID(default=None)
    patient_id = UUID(default=None)
    slot_id = UUID(default=None)
    status = Text(default=None)
    offered_at = Timestamptz(default=None)
    expires_at = Timestamptz(default=None)
    ended_at = Timestamptz(null=True, default=None)
