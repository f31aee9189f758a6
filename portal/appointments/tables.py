"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, Boolean, Date, Numeric, SmallInt, Text, Timestamptz
from piccolo.table import Table


class Appointment(Table, tablename="appointment"):
    id = UUID(primary_key=True, default=None)
    slot_id = UUID(null=True, default=None)
    patient_id = UUID(default=None)
    doctor_id = UUID(default=None)
    clinic_id = UUID(null=True, default=None)
    session_id = UUID(null=True, default=None)
    date = Date(default=None)
    queue_position = SmallInt(null=True, default=None)
    starts_at = Timestamptz(default=None)
    ends_at = Timestamptz(default=None)
    time_zone = Text(default=None)
    overflow = Boolean(default=None)
    appointment_type = Text(default=None)
    status = Text(default=None)
    chief_complaint = Text(default=None)
    doctor_notes = Text(default=None)
    consultation_fee = Numeric(digits=(10, 2), default=None)
    currency = Text(default=None)
    booked_by = UUID(default=None)
    referred_from = UUID(null=True, default=None)
    needs_attention = Text(null=True, default=None)
    confirmed_at = Timestamptz(null=True, default=None)
    checked_in_at = Timestamptz(null=True, default=None)
    actual_start_time = Timestamptz(null=True, default=None)
    actual_end_time = Timestamptz(null=True, default=None)
    queue_rank = Numeric(null=True, default=None)
    called_at = Timestamptz(null=True, default=None)
    missed_calls = SmallInt(default=None)
    walk_in = Boolean(default=None)
    urgent = Boolean(default=None)
    created_at = Timestamptz(default=None)


class Reminder(Table, tablename="reminder"):
    appointment_id = UUID(default=None)
    kind = Text(default=None)
    sent_at = Timestamptz(default=None)


class AppointmentHistory(Table, tablename="appointment_history"):
    id = UUID(primary_key=True, default=None)
    appointment_id = UUID(default=None)
    at = Timestamptz(default=None)
    actor_id = UUID(null=True, default=None)
    from_status = Text(null=True, default=None)
    to_status = Text(default=None)
    reason = Text(default=None)
