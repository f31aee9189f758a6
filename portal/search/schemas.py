"""What is searched for, and what is found: the same for both faces."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from babel import Locale

from portal.web.i18n import _
from portal.web.places import Point, read_point
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


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The search as the page's form holds it: a place is typed, or is where the browser says that it is."""

    specialty_id: UUID | None = None
    q: str | None = None
    place: str | None = None
    near: str | None = None
    within_km: int | None = None
    language: str | None = None
    service_type: str | None = None
    available_on: date | None = None
    max_fee: Decimal | None = None
    sort: Sort | None = None

    def sent(self) -> dict[str, str]:
        """As it stands in an address."""
        values = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: str(value) for name, value in values.items() if value is not None}

    def filters(self, typed: Point | None) -> Filters:
        """What to look for; `typed` is where the typed place is, if anybody knows."""
        near = read_point(self.near) if self.near else typed
        return Filters(
            specialty_id=self.specialty_id,
            q=self.q,
            near=near,
            within_km=(self.within_km or DEFAULT_KM) if near else None,
            language=self.language,
            service_type=self.service_type,
            available_on=self.available_on,
            max_fee=self.max_fee,
            sort=self.sort,
        )


def sort_words() -> list[tuple[str, str]]:
    """The orders to choose from."""
    return [
        ("next_free", _("Next free time")),
        ("distance", _("Distance")),
        ("fee", _("Fee")),
        ("rating", _("Rating")),
    ]


SPOKEN = (
    "ar bn cs da de el en es fa fi fr he hi hu id it ja ko ml mr ms nl no pa pl pt ro ru sv sw ta te th tr uk ur vi zh"
)


@cache
def spoken_languages(language: str) -> list[tuple[str, str]]:
    """The languages that a visit may be held in, in the words of the reader's language."""
    names = Locale(language).languages
    return sorted(((code, names.get(code, code)) for code in SPOKEN.split()), key=lambda one: one[1].casefold())


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


class FoundDoctors(tuple[FoundDoctor, ...]):
    """The doctors of one answer, known by being that answer: to compare them slot by slot would cost more than it saves."""

    __hash__ = object.__hash__
    __eq__ = object.__eq__


class Found(msgspec.Struct, frozen=True):
    total: int
    doctors: FoundDoctors


class SpecialtyName(msgspec.Struct, frozen=True):
    id: UUID
    name: str


class Place(msgspec.Struct, frozen=True):
    """What a typed place turned out to be."""

    name: str
    point: Point


class Surroundings(msgspec.Struct, frozen=True):
    """What the search form offers, and where the typed place is."""

    specialties: list[SpecialtyName]
    place: Place | None
