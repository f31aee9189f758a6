"""What is searched for, and what is found: the same for both faces."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

import msgspec

from portal.web.places import Point
from portal.web.types import Line, Money

DISTANCES = (5, 10, 25, 50, 100)
DEFAULT_KM = 25


class Sort(StrEnum):
    DISTANCE = "distance"
    NEXT_FREE = "next_free"
    FEE = "fee"
    RATING = "rating"


Typed = Annotated[str, Line(100)]
Service = Literal["VIRTUAL", "IN_PERSON"]
MaxFee = Money


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """One search. `sort` of none means: the best match for words, the nearest for a place, else the next free."""

    specialty_id: UUID | None = None
    q: str | None = None
    near: Point | None = None
    within_km: int | None = None
    language: str | None = None
    service_type: str | None = None
    available_on: date | None = None
    max_fee: Decimal | None = None
    sort: Sort | None = None


class FreeSlot(msgspec.Struct, frozen=True):
    id: UUID
    start: datetime
    date: date
    local_start: str
    time_zone: str
    service_type: str
    clinic_id: UUID | None


class FoundClinic(msgspec.Struct, frozen=True):
    id: UUID
    name: str
    city: str
    distance_km: float | None = None


class FoundDoctor(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the results. Nothing of the account but the name."""

    id: UUID
    first_name: str
    last_name: str
    title: str
    specialty_id: UUID | None
    specialty: str | None
    languages: tuple[str, ...]
    service_types: tuple[str, ...]
    consultation_fee: Decimal
    currency: str
    rating: Decimal | None
    availability_status: str
    clinics: tuple[FoundClinic, ...]
    distance_km: float | None
    next_free_slot: FreeSlot | None
    next_free_slots: tuple[FreeSlot, ...]

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.title, self.first_name, self.last_name) if part)


class Found(msgspec.Struct, frozen=True):
    total: int
    doctors: list[FoundDoctor]


class SpecialtyCount(msgspec.Struct, frozen=True):
    id: UUID
    name: str


class Place(msgspec.Struct, frozen=True):
    """What a typed place turned out to be."""

    name: str
    point: Point


class Surroundings(msgspec.Struct, frozen=True):
    """What the search form offers, and where the typed place is."""

    specialties: list[SpecialtyCount]
    place: Place | None
