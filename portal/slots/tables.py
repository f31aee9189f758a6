"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, Boolean, Date, SmallInt, Text, Time, Timestamptz
from piccolo.table import Table


class Slot(Table, tablename="slot"):
    id = UUID(primary_key=True, default=None)
    doctor_id = UUID(default=None)
    session_id = UUID(null=True, default=None)
    clinic_id = UUID(null=True, default=None)
    date = Date(default=None)
    position = SmallInt(null=True, default=None)
    starts_at = Timestamptz(default=None)
    ends_at = Timestamptz(default=None)
    local_start = Time(default=None)
    time_zone = Text(default=None)
    service_type = Text(default=None)
    overflow = Boolean(default=None)
    disabled = Boolean(default=None)
    held_by = UUID(null=True, default=None)
    held_until = Timestamptz(null=True, default=None)
    appointment_id = UUID(null=True, default=None)
    changed_at = Timestamptz(default=None)
    closed_for = UUID(null=True, default=None)


class SlotDay(Table, tablename="slot_day"):
    doctor_id = UUID(default=None)
    date = Date(default=None)
    reshaped_at = Timestamptz(default=None)
