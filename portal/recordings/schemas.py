"""The recording of a video visit, as its two people see it."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

from portal.video.schemas import VideoStatus
from portal.web.decode import Input

MediaType = Literal["video/webm", "video/mp4"]
PieceNumber = Annotated[int, Meta(ge=0, le=20_000)]


class RecordingStatus(StrEnum):
    RUNNING = "RUNNING"
    STOPPED = "STOPPED"
    DELETED = "DELETED"


class Step(StrEnum):
    """To agree and to take that back is for each of the two, to start for the doctor, to stop for either."""

    CONSENT = "CONSENT"
    WITHDRAW = "WITHDRAW"
    START = "START"
    STOP = "STOP"


class RecordingStep(Input, frozen=True, kw_only=True):
    """`media_type` is what a doctor's browser records, where the two browsers talk directly."""

    action: Step
    media_type: MediaType = "video/webm"


class NoFields(Input, frozen=True):
    """A form with nothing but a file."""


class Recording(Struct, frozen=True, kw_only=True):
    """One stretch of a visit; its file can be fetched from `link`, by the two alone, until it is deleted."""

    id: UUID
    status: RecordingStatus
    provider: Literal["chime", "webrtc"]
    media_type: MediaType
    size_bytes: int
    started_at: datetime
    stopped_at: datetime | None
    deleted_on: datetime | None
    link: str | None


class RecordingState(Struct, frozen=True, kw_only=True):
    """Who of the two agrees, and what has been recorded; who has not answered yet is null. `offered` says whether this
    portal records at all."""

    session_id: UUID
    appointment_id: UUID | None
    session_status: VideoStatus
    provider: Literal["chime", "webrtc"] | None
    offered: bool
    doctor_agrees: bool | None
    patient_agrees: bool | None
    you_agree: bool | None
    recordings: list[Recording]

    @property
    def both_agree(self) -> bool:
        return bool(self.doctor_agrees and self.patient_agrees)

    @property
    def running(self) -> Recording | None:
        return next((one for one in self.recordings if one.status is RecordingStatus.RUNNING), None)


class RecordedFile(Struct, frozen=True, kw_only=True):
    """A recording to be saved: where it is kept, or the way to it."""

    name: str
    media_type: MediaType
    keys: list[str]
    link: str


class Piece(Struct, frozen=True, kw_only=True):
    """A piece that is kept; sending it again changes nothing."""

    recording_id: UUID
    number: int
    size_bytes: int
