"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, DoublePrecision, Integer, Text, Timestamptz
from piccolo.table import Table


class Emergency(Table, tablename="emergency"):
    id = UUID(primary_key=True, default=None)
    patient_id = UUID(default=None)
    description = Text(default=None)
    specialty_id = UUID(null=True, default=None)
    latitude = DoublePrecision(null=True, default=None)
    longitude = DoublePrecision(null=True, default=None)
    status = Text(default=None)
    alerted = Integer(default=None)
    doctor_id = UUID(null=True, default=None)
    appointment_id = UUID(null=True, default=None)
    created_at = Timestamptz(default=None)
    escalated_at = Timestamptz(null=True, default=None)
    accepted_at = Timestamptz(null=True, default=None)
    ended_at = Timestamptz(null=True, default=None)


class EmergencyAlert(Table, tablename="emergency_alert"):
    emergency_id = UUID(default=None)
    doctor_id = UUID(default=None)
    position = Integer(default=None)
    distance_km = DoublePrecision(null=True, default=None)
    alerted_at = Timestamptz(default=None)


class EmergencyHistory(Table, tablename="emergency_history"):
    id = UUID(primary_key=True, default=None)
    emergency_id = UUID(default=None)
    at = Timestamptz(default=None)
    actor_id = UUID(null=True, default=None)
    from_status = Text(null=True, default=None)
    to_status = Text(default=None)
