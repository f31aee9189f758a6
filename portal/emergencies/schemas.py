"""Calls for help as pages and API show them, and what makes one."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Struct

from portal.web.decode import Input
from portal.web.places import refuse_half_place
from portal.web.types import Id, Latitude, Longitude, Text


class EmergencyStatus(StrEnum):
    OPEN = "OPEN"
    ACCEPTED = "ACCEPTED"
    RESOLVED = "RESOLVED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class NationalNumber(Struct, frozen=True):
    """What to dial in a country; without a country it is 112, which mobile phones connect nearly everywhere."""

    country: str | None
    number: str


class Emergency(Struct, frozen=True, kw_only=True):
    """One call for help. Where the patient is and who they are is for the patient and the doctor who accepted."""

    id: UUID
    status: EmergencyStatus
    patient_id: UUID
    patient_name: str | None
    description: str
    specialty_id: UUID | None
    specialty: str | None
    latitude: float | None
    longitude: float | None
    alerted: int  # how many doctors were alerted so far
    position: int | None  # for a doctor: which one they are, the nearest being the first
    distance_km: float | None  # for a doctor: from their clinic to the patient
    doctor_id: UUID | None
    doctor_name: str | None
    appointment_id: UUID | None
    created_at: datetime
    escalated_at: datetime | None
    accepted_at: datetime | None
    ended_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.status is EmergencyStatus.OPEN


class EmergencyList(Struct, frozen=True, kw_only=True):
    """`national_numbers` comes first for a patient, whatever else there is; it is empty for doctors."""

    total: int
    skip: int
    limit: int
    national_numbers: list[NationalNumber]
    emergencies: list[Emergency]


class Call(Input, frozen=True, kw_only=True):
    """What the page asks for: nothing must be typed by somebody in need."""

    description: Annotated[str, Text(1000)] | None = None
    specialty_id: Id | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None

    def __post_init__(self) -> None:
        refuse_half_place(self.latitude, self.longitude)


class NewEmergency(Call, frozen=True, kw_only=True):
    description: Annotated[str, Text(1000)]  # programs have time to say what it is about
