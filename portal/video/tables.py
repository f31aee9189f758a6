"""What the domain stores. The constraints stand, named, in `migrations/`; a test compares both."""

from piccolo.columns import JSONB, UUID, Integer, SmallInt, Text, Timestamptz
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
    external_appointment_id = UUID(null=True, default=None)
    provider = Text(null=True, default=None)
    meeting_id = Text(null=True, default=None)
    meetings = SmallInt(default=None)
    media_region = Text(null=True, default=None)
    media_placement = JSONB(null=True, default=None)
    actual_start_time = Timestamptz(null=True, default=None)
    actual_end_time = Timestamptz(null=True, default=None)
    session_notes = Text(default=None)
    connection_quality_rating = SmallInt(null=True, default=None)
    cancellation_reason = Text(default=None)


class VideoEvent(Table, tablename="video_event"):
    id = UUID(primary_key=True, default=None)
    video_session_id = UUID(default=None)
    event_type = Text(default=None)
    actor_id = UUID(null=True, default=None)
    at = Timestamptz(default=None)


class VideoAttendee(Table, tablename="video_attendee"):
    id = UUID(primary_key=True, default=None)
    video_session_id = UUID(default=None)
    account_id = UUID(default=None)
    role = Text(default=None)
    provider_attendee_id = Text(null=True, default=None)
    device_type = Text(default=None)
    browser_info = Text(default=None)
    joins = Integer(default=None)
    sent = Integer(default=None)
    quality = Text(null=True, default=None)
    mode = Text(null=True, default=None)
    joined_at = Timestamptz(default=None)
    last_seen_at = Timestamptz(null=True, default=None)
    left_at = Timestamptz(null=True, default=None)


class VideoSignal(Table, tablename="video_signal"):
    """Its key is who sent it in which session, and its number."""

    video_session_id = UUID(default=None)
    sender_id = UUID(default=None)
    number = Integer(default=None)
    receiver_id = UUID(default=None)
    device = Integer(default=None)
    kind = Text(default=None)
    data = JSONB(default=None)
    created_at = Timestamptz(default=None)
