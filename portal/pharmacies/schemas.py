"""Pharmacies, as they come in and go out."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from portal.web.decode import Input
from portal.web.places import refuse_half_place
from portal.web.types import Latitude, Line, Longitude, Name, Phone, TimeZone


class NewPharmacy(Input, frozen=True, kw_only=True):
    name: Name
    time_zone: TimeZone
    licence_number: Annotated[str, Line(60)] | None = None
    phone_number: Phone | None = None
    address_line: Annotated[str, Line(200)] | None = None
    city: Name | None = None
    region: Name | None = None
    postal_code: Annotated[str, Line(20)] | None = None
    country: Name | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None

    def __post_init__(self) -> None:
        refuse_half_place(self.latitude, self.longitude)

    def change(self) -> "PharmacyChange":
        """The page's form always holds all fields; an empty one empties the field."""
        texts = ("licence_number", "address_line", "city", "region", "postal_code", "country")
        values: dict[str, Any] = {name: getattr(self, name) for name in self.__struct_fields__}
        return PharmacyChange(**values | {name: values[name] or "" for name in texts})


class PharmacyChange(Input, frozen=True, kw_only=True):
    """What is left out stays as it is."""

    name: Name | UnsetType = UNSET
    time_zone: TimeZone | UnsetType = UNSET
    licence_number: Annotated[str, Line(60, 0)] | UnsetType = UNSET
    phone_number: Phone | UnsetType | None = UNSET
    address_line: Annotated[str, Line(200, 0)] | UnsetType = UNSET
    city: Annotated[str, Line(100, 0)] | UnsetType = UNSET
    region: Annotated[str, Line(100, 0)] | UnsetType = UNSET
    postal_code: Annotated[str, Line(20, 0)] | UnsetType = UNSET
    country: Annotated[str, Line(100, 0)] | UnsetType = UNSET
    latitude: Latitude | UnsetType | None = UNSET
    longitude: Longitude | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        refuse_half_place(self.latitude, self.longitude)


class Pharmacy(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    phone_number: str | None
    address_line: str
    city: str
    region: str
    postal_code: str
    country: str
    latitude: float | None
    longitude: float | None
    time_zone: str
    distance_km: float | None = None


class OwnPharmacy(Pharmacy, frozen=True, kw_only=True):
    """What those who run it see besides."""

    licence_number: str
    active: bool


class PharmacyList(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    pharmacies: list[Pharmacy]
