"""Video visits as pages and API show them, and what is sent to and about them."""

from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct, field

from portal.errors import FieldError, Invalid
from portal.web.decode import Input
from portal.web.i18n import _
from portal.web.types import Id, Instant, Line, Text, Token

MOST_SDP = 60_000  # characters; a description of two people with all their codecs has about 8,000
Rating = Annotated[int, Meta(ge=1, le=5)]
VisitMinutes = Annotated[int, Meta(ge=15, le=120)]


class VideoStatus(StrEnum):
    SCHEDULED = "SCHEDULED"
    WAITING = "WAITING"
    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    NO_SHOW = "NO_SHOW"


OPEN = (VideoStatus.SCHEDULED, VideoStatus.WAITING, VideoStatus.ACTIVE)


class BookingType(StrEnum):
    CLINIC_BASED = "CLINIC_BASED"
    DIRECT_DOCTOR = "DIRECT_DOCTOR"


class Quality(StrEnum):
    """How good somebody's line is, as their own browser measures it."""

    GOOD = "GOOD"
    FAIR = "FAIR"
    POOR = "POOR"
    LOST = "LOST"


class Mode(StrEnum):
    """What somebody's line can carry at this moment."""

    VIDEO = "VIDEO"
    LOW_VIDEO = "LOW_VIDEO"
    VOICE = "VOICE"
    CHAT = "CHAT"


class SignalType(StrEnum):
    OFFER = "offer"
    ANSWER = "answer"
    ICE_CANDIDATE = "ice-candidate"


class NewVideoSession(Input, frozen=True, kw_only=True):
    """A visit by video: of an appointment that is booked, or directly with a doctor."""

    booking_type: BookingType
    doctor_id: Id
    patient_id: Id
    scheduled_start_time: Instant
    consultation_duration_minutes: VisitMinutes
    appointment_id: Id | None = None
    clinic_id: Id | None = None
    chief_complaint: Annotated[str, Text(2000)] | None = None

    def __post_init__(self) -> None:
        errors = []
        if self.booking_type is BookingType.CLINIC_BASED and self.appointment_id is None:
            errors.append(FieldError("appointment_id", _("Name the appointment that is held by video.")))
        if self.booking_type is BookingType.DIRECT_DOCTOR and self.appointment_id is not None:
            errors.append(
                FieldError("appointment_id", _("A visit directly with a doctor has no appointment before it."))
            )
        if errors:
            raise Invalid(errors)


class Joining(Input, frozen=True, kw_only=True):
    """What somebody comes with, for those who help when it does not work."""

    device_type: Annotated[str, Line(40)] | None = None
    browser_info: Annotated[str, Line(400)] | None = None


class Device(Input, frozen=True, kw_only=True):
    """Which device speaks: the token that it got when it joined. Without it, whichever joined last."""

    attendee_token: Token | None = None


class Ending(Input, frozen=True, kw_only=True):
    session_notes: Annotated[str, Text(10_000)] | None = None
    connection_quality_rating: Rating | None = None


class VideoCancellation(Input, frozen=True):
    cancellation_reason: Annotated[str, Text(500)]


class Notes(Input, frozen=True):
    """What the doctor writes down; empty text removes it."""

    session_notes: Annotated[str, Text(10_000, 0)]


class Presence(Input, frozen=True, kw_only=True):
    """A sign of life, with how the line is and what it can carry."""

    attendee_token: Token | None = None
    quality: Quality | None = None
    mode: Mode | None = None


class SignalData(Input, frozen=True, kw_only=True):
    """A session description (`sdp`), or one ICE candidate as the browser gives it; an empty candidate ends the list."""

    sdp: Annotated[str, Text(MOST_SDP)] | None = None
    candidate: Annotated[str, Line(1000, 0)] | None = None
    sdp_mid: Annotated[str, Line(64)] | None = field(default=None, name="sdpMid")
    sdp_m_line_index: Annotated[int, Meta(ge=0, le=255)] | None = field(default=None, name="sdpMLineIndex")
    username_fragment: Annotated[str, Line(256)] | None = field(default=None, name="usernameFragment")


class NewSignal(Input, frozen=True, kw_only=True):
    """One step of setting up a call, for the other side."""

    type: SignalType
    data: SignalData
    attendee_token: Token | None = None

    def __post_init__(self) -> None:
        if self.type is SignalType.ICE_CANDIDATE:
            if self.data.sdp is not None:
                raise Invalid([FieldError("data.sdp", _("A candidate has no description."))])
        elif self.data.sdp is None or not self.data.sdp.startswith("v=0"):
            raise Invalid([FieldError("data.sdp", _("This is no session description."))])


class VideoAttendee(Struct, frozen=True, kw_only=True):
    """One of the two in the room. `device` counts their joins: a new number is another device, or the same page loaded
    again. `present` means in the room and heard of lately."""

    attendee_id: UUID
    user_id: UUID
    role: Literal["DOCTOR", "PATIENT"]
    device: int
    present: bool
    joined_at: datetime
    left_at: datetime | None
    quality: Quality | None
    mode: Mode | None


class VideoSession(Struct, frozen=True, kw_only=True):
    """The video side of a visit; the notes are the doctor's and shown to nobody else."""

    id: UUID
    appointment_id: UUID | None
    booking_type: BookingType
    doctor_id: UUID
    patient_id: UUID
    clinic_id: UUID | None
    status: VideoStatus
    provider: Literal["chime", "webrtc"] | None
    scheduled_start_time: datetime
    scheduled_end_time: datetime
    actual_start_time: datetime | None
    actual_end_time: datetime | None
    total_duration_minutes: int | None
    chief_complaint: str
    session_notes: str
    connection_quality_rating: int | None
    cancellation_reason: str
    attendees: list[VideoAttendee]
    created_at: datetime


class VideoSessionList(Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    sessions: list[VideoSession]


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


class MediaPlacement(Struct, frozen=True, kw_only=True):
    """Where a provider carries the media; all empty where the two talk directly."""

    audio_host_url: str | None = None
    audio_fallback_url: str | None = None
    signaling_url: str | None = None
    turn_control_url: str | None = None
    screen_data_url: str | None = None
    screen_viewing_url: str | None = None
    screen_sharing_url: str | None = None


class IceServer(Struct, frozen=True, kw_only=True):
    """A server that helps two browsers to find each other, as `RTCPeerConnection` takes it."""

    urls: list[str]
    username: str | None = None
    credential: str | None = None


class JoinedAttendee(Struct, frozen=True, kw_only=True):
    """The person who joined, with the token of this device."""

    attendee_id: UUID
    role: Literal["DOCTOR", "PATIENT"]
    attendee_token: str
    joined_at: datetime


class Joined(Struct, frozen=True, kw_only=True):
    """All that a browser or an app needs to enter the call."""

    session_id: UUID
    provider: Literal["chime", "webrtc"]
    meeting_id: str
    external_meeting_id: str
    media_region: str | None
    media_placement: MediaPlacement
    attendee: JoinedAttendee
    ice_servers: list[IceServer] | None
    scheduled_start_time: datetime
    scheduled_end_time: datetime


class Room(Struct, frozen=True, kw_only=True):
    """Who is in the room at this moment; nothing about anybody's health. `device` is the reader's own present one."""

    session_id: UUID
    appointment_id: UUID | None
    status: VideoStatus
    device: int | None
    attendees: list[VideoAttendee]


class Signal(Struct, frozen=True, kw_only=True):
    """One step of the other side; `device` changes when they come with another one."""

    number: int
    type: SignalType
    device: int
    data: SignalData


class SentSignal(Struct, frozen=True, kw_only=True):
    """The number of a signal among those of its sender."""

    number: int


class SignalList(Struct, frozen=True):
    """What the other side has sent and this one has not confirmed, in order."""

    signals: list[Signal]


class AvailabilitySlot(Struct, frozen=True, kw_only=True):
    """A stretch of free times of one length; dates and times on the clock that was asked for."""

    date: date
    start_time: time
    end_time: time
    slot_duration_minutes: int
    available_slots: int
    consultation_fee: Decimal
    currency: str


class Availability(Struct, frozen=True, kw_only=True):
    doctor_id: UUID
    availability_slots: list[AvailabilitySlot]
