"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import UUID, Text, Timestamptz
from piccolo.table import Table


class VideoSession(Table, tablename="video_session"):
    id = UUID(primary_key=True, default=None)
    appointment_id = UUID(null=True, default=None)
    booking_type = Text(default=None)
    doctor_id = UUID(default=None)
    patient_id = UUID(default=None)
    clinic_id = UUID(null=True, default=None)
    status = Text(default=None)
    scheduled_start_time = Timestamptz(default=None)
    scheduled_end_time = Timestamptz(default=None)
    chief_complaint = Text(default=None)
    created_at = Timestamptz(default=None)


class VideoEvent(Table, tablename="video_event"):
    id = UUID(primary_key=True, default=None)
    video_session_id = UUID(default=None)
    event_type = Text(default=None)
    actor_id = UUID(null=True, default=None)
    at = Timestamptz(default=None)
