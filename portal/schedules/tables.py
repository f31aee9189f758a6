"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, Date, Integer, SmallInt, Text, Time, Timestamptz
from piccolo.table import Table


class WeeklySession(Table, tablename="weekly_session"):
    id = UUID(primary_key=True, default=None)
    doctor_id = UUID(default=None)
    clinic_id = UUID(null=True, default=None)
    day_of_week = SmallInt(default=None)
    session_start_time = Time(default=None)
    session_end_time = Time(default=None)
    service_type = Text(default=None)
    max_queue_size = SmallInt(default=None)
    estimated_consultation_minutes = SmallInt(default=None)
    effective_from = Date(default=None)
    effective_to = Date(null=True, default=None)
    deleted_at = Timestamptz(null=True, default=None)
    version = Integer(default=None)
    created_at = Timestamptz(default=None)


class SessionOverride(Table, tablename="session_override"):
    id = UUID(primary_key=True, default=None)
    session_id = UUID(default=None)
    date = Date(default=None)
    kind = Text(default=None)
    session_start_time = Time(null=True, default=None)
    session_end_time = Time(null=True, default=None)
    max_queue_size = SmallInt(null=True, default=None)
    reason = Text(default=None)
    created_at = Timestamptz(default=None)


class SlotHorizon(Table, tablename="slot_horizon"):
    doctor_id = UUID(primary_key=True, default=None)
    made_until = Date(default=None)
