"""Clinics, as they come in and go out."""

from datetime import datetime, time
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from portal.accounts.schemas import Actor
from portal.errors import FieldError, Invalid, NotFound
from portal.people.schemas import Currency
from portal.web.decode import Input
from portal.web.i18n import _
from portal.web.places import refuse_half_place
from portal.web.types import Email, Latitude, Line, Longitude, Name, Phone, Text, TimeZone

Weekday = Annotated[int, Meta(ge=1, le=7)]


class OpeningHours(Input, frozen=True, kw_only=True):
    """Open from one time to another on a weekday; 1 is Monday."""

    day_of_week: Weekday
    opens: time
    closes: time

    def __post_init__(self) -> None:
        if self.closes <= self.opens:
            raise Invalid([FieldError("closes", _("The end must be after the beginning."))])


Hours = Annotated[list[OpeningHours], Meta(max_length=28)]
Departments = Annotated[list[Name], Meta(max_length=50)]


class NewClinic(Input, frozen=True, kw_only=True):
    name: Name
    time_zone: TimeZone
    description: Annotated[str, Text(2000)] | None = None
    phone_number: Phone | None = None
    email: Email | None = None
    address_line: Annotated[str, Line(200)] | None = None
    city: Name | None = None
    region: Name | None = None
    postal_code: Annotated[str, Line(20)] | None = None
    country: Name | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    currency: Currency = "USD"
    opening_hours: Hours = []  # noqa: RUF012  # msgspec copies it for each Struct
    departments: Departments = []  # noqa: RUF012

    def __post_init__(self) -> None:
        refuse_half_place(self.latitude, self.longitude)


class ClinicChange(Input, frozen=True, kw_only=True):
    """What is left out stays as it is; opening hours and departments are replaced as a whole."""

    name: Name | UnsetType = UNSET
    time_zone: TimeZone | UnsetType = UNSET
    description: Annotated[str, Text(2000, 0)] | UnsetType = UNSET
    phone_number: Phone | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    address_line: Annotated[str, Line(200, 0)] | UnsetType = UNSET
    city: Annotated[str, Line(100, 0)] | UnsetType = UNSET
    region: Annotated[str, Line(100, 0)] | UnsetType = UNSET
    postal_code: Annotated[str, Line(20, 0)] | UnsetType = UNSET
    country: Annotated[str, Line(100, 0)] | UnsetType = UNSET
    latitude: Latitude | UnsetType | None = UNSET
    longitude: Longitude | UnsetType | None = UNSET
    currency: Currency | UnsetType = UNSET
    opening_hours: Hours | UnsetType = UNSET
    departments: Departments | UnsetType = UNSET

    def __post_init__(self) -> None:
        refuse_half_place(self.latitude, self.longitude)


class DayHours(Input, frozen=True, kw_only=True):
    """A line of the page's form; empty means closed."""

    day_of_week: Weekday
    opens: time | None = None
    closes: time | None = None


class ClinicForm(Input, frozen=True, kw_only=True):
    """The page's form: departments one a line, two spells of opening a day."""

    name: Name
    time_zone: TimeZone
    description: Annotated[str, Text(2000)] | None = None
    phone_number: Phone | None = None
    email: Email | None = None
    address_line: Annotated[str, Line(200)] | None = None
    city: Name | None = None
    region: Name | None = None
    postal_code: Annotated[str, Line(20)] | None = None
    country: Name | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    currency: Currency
    departments: Annotated[str, Text(5000)] | None = None
    hours: Annotated[list[DayHours], Meta(max_length=14)] = []  # noqa: RUF012  # msgspec copies it for each Struct

    def __post_init__(self) -> None:
        refuse_half_place(self.latitude, self.longitude)
        wrong = [
            FieldError(f"hours.{number}.closes", _("Give a beginning and a later end, or leave both empty."))
            for number, day in enumerate(self.hours)
            if (day.opens is None) != (day.closes is None) or (day.opens and day.closes and day.closes <= day.opens)
        ]
        if wrong:
            raise Invalid(wrong)

    def values(self) -> dict[str, Any]:
        """As the API would say it."""
        plain = {name: getattr(self, name) for name in self.__struct_fields__ if name not in ("hours", "departments")}
        names = [line.strip() for line in (self.departments or "").split("\n") if line.strip()]
        return plain | {"departments": list(dict.fromkeys(names))[:50], "opening_hours": self.opening_hours()}

    def opening_hours(self) -> list[OpeningHours]:
        return [
            OpeningHours(day_of_week=day.day_of_week, opens=day.opens, closes=day.closes)
            for day in self.hours
            if day.opens and day.closes
        ]

    def new(self) -> NewClinic:
        return NewClinic(**self.values())

    def change(self) -> ClinicChange:
        texts = ("description", "address_line", "city", "region", "postal_code", "country")
        values = self.values()
        return ClinicChange(**values | {name: values[name] or "" for name in texts})


class StaffRequest(Input, frozen=True, kw_only=True):
    """A doctor who has an account already, for a clinic."""

    doctor_id: UUID
    department_id: UUID | None = None


class Department(msgspec.Struct, frozen=True):
    id: UUID
    name: str


class OpenSpell(msgspec.Struct, frozen=True):
    day_of_week: int
    opens: time
    closes: time


class Clinic(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    description: str
    phone_number: str | None
    email: str | None
    address_line: str
    city: str
    region: str
    postal_code: str
    country: str
    latitude: float | None
    longitude: float | None
    time_zone: str
    currency: str
    opening_hours: tuple[OpenSpell, ...]
    departments: tuple[Department, ...]
    distance_km: float | None = None


class ClinicList(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    clinics: list[Clinic]


class StaffDoctor(msgspec.Struct, frozen=True, kw_only=True):
    """A doctor of a clinic, as its pages show them."""

    id: UUID
    first_name: str
    last_name: str
    title: str
    specialty: str | None
    department: str | None
    availability_status: str
    status: str = "ACTIVE"

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.title, self.first_name, self.last_name) if part)


class Employment(msgspec.Struct, frozen=True):
    clinic_id: UUID
    doctor_id: UUID
    department_id: UUID | None


class ClinicDay(msgspec.Struct, frozen=True, kw_only=True):
    """What an admin sees first: how many visits today stand where, and what needs attention."""

    booked: int
    checked_in: int
    in_progress: int
    completed: int
    missed: int


class Attention(msgspec.Struct, frozen=True, kw_only=True):
    appointment_id: UUID
    clinic_id: UUID
    reason: str
    starts_at: Any
    time_zone: str
    patient: str
    doctor: str


def is_open(clinic: Clinic, local: datetime) -> bool:
    """Whether the clinic is open at a moment on its own clock."""
    return any(
        spell.day_of_week == local.isoweekday() and spell.opens <= local.time() < spell.closes
        for spell in clinic.opening_hours
    )


def chosen_clinic(actor: Actor, wanted: UUID | None) -> UUID | None:
    """The clinic that is meant among an admin's own: the one asked for, else the first; another's is none of theirs."""
    if wanted is not None and wanted not in actor.clinic_ids:
        raise NotFound
    return wanted or next(iter(sorted(actor.clinic_ids)), None)
