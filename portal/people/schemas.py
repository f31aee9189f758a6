"""Doctors and profiles, as they come in and go out."""

import re
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from babel import Locale
from msgspec import UNSET, Meta, UnsetType

from portal.accounts.schemas import AccountStatus, Role
from portal.web.contacts import clean_language
from portal.web.decode import Input
from portal.web.i18n import _
from portal.web.texts import BadValue
from portal.web.types import BirthDate, Email, LanguageTags, Line, Money, Name, Phone, Text, TimeZone


class Availability(StrEnum):
    AVAILABLE = "AVAILABLE"
    BUSY = "BUSY"
    UNAVAILABLE = "UNAVAILABLE"


@cache
def currencies() -> frozenset[str]:
    """The codes of ISO 4217 that Babel can write."""
    return frozenset(Locale("en").currencies)


def clean_currency(value: str) -> str:
    if value not in currencies():
        raise BadValue(_("Choose a currency by its code of three letters, like EUR."))
    return value


Currency = Annotated[str, Meta(min_length=3, max_length=3, examples=["EUR"], extra={"clean": clean_currency})]
Years = Annotated[int, Meta(ge=0, le=80)]


def clean_language_words(value: str) -> str:
    """`en, pt-br` as `en, pt-BR`."""
    tags = [clean_language(word.strip()) for word in value.split(",") if word.strip()]
    if not tags:
        raise BadValue(_("Enter languages by their codes, like “en, de”."))
    return ", ".join(dict.fromkeys(tags))


LanguageWords = Annotated[str, Meta(max_length=200, extra={"clean": clean_language_words})]
Sex = Literal["FEMALE", "MALE", "OTHER", "UNDISCLOSED"]


class DoctorChange(Input, frozen=True, kw_only=True):
    """What is left out stays as it is."""

    specialty_id: UUID | UnsetType = UNSET
    title: Annotated[str, Line(30, 0)] | UnsetType = UNSET
    bio: Annotated[str, Text(4000, 0)] | UnsetType = UNSET
    qualifications: Annotated[str, Text(2000, 0)] | UnsetType = UNSET
    languages: LanguageTags | UnsetType = UNSET
    years_of_experience: Years | UnsetType | None = UNSET
    consultation_fee: Money | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET


class PracticeForm(Input, frozen=True, kw_only=True):
    """The page's form: languages as words with commas, and always all fields."""

    specialty_id: UUID | None = None
    title: Annotated[str, Line(30)] | None = None
    bio: Annotated[str, Text(4000)] | None = None
    qualifications: Annotated[str, Text(2000)] | None = None
    languages: LanguageWords | None = None
    years_of_experience: Years | None = None
    consultation_fee: Money
    currency: Currency

    def change(self) -> DoctorChange:
        return DoctorChange(
            specialty_id=self.specialty_id or UNSET,
            title=self.title or "",
            bio=self.bio or "",
            qualifications=self.qualifications or "",
            languages=self.languages.split(", ") if self.languages else [],
            years_of_experience=self.years_of_experience,
            consultation_fee=self.consultation_fee,
            currency=self.currency,
        )


class AvailabilityChange(Input, frozen=True):
    status: Availability


class AvailabilityForm(AvailabilityChange, frozen=True):
    """The same as a button: where to go on afterwards."""

    next: str | None = None


class NewDoctor(Input, frozen=True, kw_only=True):
    """A doctor who is invited to a clinic: they choose their own password by mail."""

    clinic_id: UUID
    email: Email
    first_name: Name
    last_name: Name
    specialty_id: UUID | None = None
    title: Annotated[str, Line(30)] | None = None
    licence_number: Annotated[str, Line(60)] | None = None
    languages: LanguageTags = []  # noqa: RUF012  # msgspec copies it for each Struct
    consultation_fee: Money | None = None
    currency: Currency | None = None
    time_zone: TimeZone = "UTC"


class Workplace(msgspec.Struct, frozen=True):
    """A clinic where a doctor works."""

    id: UUID
    name: str
    city: str
    address_line: str
    time_zone: str


class Doctor(msgspec.Struct, frozen=True, kw_only=True):
    """What anybody may know of a doctor: nothing of the account but the name and the time zone of the practice."""

    id: UUID
    first_name: str
    last_name: str
    title: str
    specialty_id: UUID | None
    specialty: str | None
    bio: str
    qualifications: str
    languages: tuple[str, ...]
    years_of_experience: int | None
    consultation_fee: Decimal
    currency: str
    rating: Decimal | None
    availability_status: Availability
    time_zone: str
    clinics: tuple[Workplace, ...]

    @property
    def name(self) -> str:
        return " ".join(part for part in (self.title, self.first_name, self.last_name) if part)


class AvailableDoctor(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    first_name: str
    last_name: str
    title: str
    specialty_id: UUID | None
    specialty: str | None
    languages: tuple[str, ...]
    consultation_fee: Decimal
    currency: str
    availability_status: Availability


class AvailableDoctors(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    doctors: list[AvailableDoctor]


class Profile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The profile of any role; what does not belong to the role is left out."""

    user_id: UUID
    role: Role
    status: AccountStatus
    first_name: str
    last_name: str
    email: str | None = None
    phone_number: str | None = None
    time_zone: str = ""
    doctor: Doctor | None = None
    licence_number: str | None = None
    date_of_birth: date | None = None
    sex: str | None = None
    address: str | None = None
    clinic_ids: tuple[UUID, ...] | None = None
    pharmacy_id: UUID | None = None


class ProfileChange(Input, frozen=True, kw_only=True):
    """What is left out stays as it is. A field of another role is refused."""

    first_name: Name | UnsetType = UNSET
    last_name: Name | UnsetType = UNSET
    phone_number: Phone | UnsetType | None = UNSET
    time_zone: TimeZone | UnsetType = UNSET
    specialty_id: UUID | UnsetType = UNSET
    title: Annotated[str, Line(30, 0)] | UnsetType = UNSET
    bio: Annotated[str, Text(4000, 0)] | UnsetType = UNSET
    qualifications: Annotated[str, Text(2000, 0)] | UnsetType = UNSET
    languages: LanguageTags | UnsetType = UNSET
    years_of_experience: Years | UnsetType | None = UNSET
    consultation_fee: Money | UnsetType = UNSET
    currency: Currency | UnsetType = UNSET
    date_of_birth: BirthDate | UnsetType | None = UNSET
    sex: Sex | UnsetType | None = UNSET
    address: Annotated[str, Text(500, 0)] | UnsetType = UNSET


ACCOUNT_FIELDS = ("first_name", "last_name", "phone_number", "time_zone")
PROFILE_FIELDS: dict[Role, tuple[str, ...]] = {
    Role.PATIENT: ("date_of_birth", "sex", "address"),
    Role.DOCTOR: DoctorChange.__struct_fields__,
}


def given(change: msgspec.Struct, names: tuple[str, ...]) -> dict[str, Any]:
    """The fields that were sent, of those named."""
    values = {name: getattr(change, name) for name in names}
    return {name: value for name, value in values.items() if value is not UNSET}


class FoundPatient(msgspec.Struct, frozen=True, kw_only=True):
    """One of the actor's own patients, with what tells two of the same name apart."""

    id: UUID
    first_name: str
    last_name: str
    date_of_birth: date | None
    phone_number: str | None


class FoundPatients(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    patients: list[FoundPatient]


class Sought(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed at the front desk: words of a name, the end of a telephone number, a date of birth."""

    words: str | None = None
    digits: str | None = None
    born: date | None = None


DAY = re.compile(r"\b(\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./]\d{4})\b")
NUMBER = re.compile(r"(?<!\w)\+?\d[\d ()/-]{2,}\d")  # digits within a word are a part of it


def read_sought(typed: str) -> Sought:
    """ "Meier 29.02.1980", "0171 555": the parts in any order, and each of them must fit."""
    born = None
    if found := DAY.search(typed):
        born, typed = read_day(found[0]), typed.replace(found[0], " ")
    digits = None
    if found := NUMBER.search(typed):
        digits = re.sub(r"\D", "", found[0]).lstrip("0")[-12:] or None
        typed = typed.replace(found[0], " ")
    return Sought(words=typed.strip() or None, digits=digits, born=born)


def read_day(text: str) -> date | None:
    """A date as it is written in most places, the day before the month; None for one that does not exist."""
    for form in ("%Y-%m-%d", "%d.%m.%Y"):
        try:
            return datetime.strptime(text.replace("/", "."), form).date()  # a day, no instant
        except ValueError:
            continue
    return None
