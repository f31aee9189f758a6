"""Video visits as the API shows them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from msgspec import Struct


class VideoStatus(StrEnum):
    SCHEDULED = "SCHEDULED"
    WAITING = "WAITING"
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    NO_SHOW = "NO_SHOW"


class BookingType(StrEnum):
    CLINIC_BASED = "CLINIC_BASED"
    DIRECT_DOCTOR = "DIRECT_DOCTOR"


class VideoSession(Struct, frozen=True, kw_only=True):
    """The video side of a visit."""

    id: UUID
    appointment_id: UUID | None
    booking_type: BookingType
    doctor_id: UUID
    patient_id: UUID
    clinic_id: UUID | None
    status: VideoStatus
    scheduled_start_time: datetime
    scheduled_end_time: datetime
    chief_complaint: str
    created_at: datetime


class VideoEvent(Struct, frozen=True, kw_only=True):
    """One line of a session's trail."""

    id: UUID
    event_type: str
    actor_id: UUID | None
    at: datetime


class VideoEventList(Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    events: list[VideoEvent]
