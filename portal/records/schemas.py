"""The medical record of a patient, as it comes in and goes out."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from portal.web.decode import Input
from portal.web.types import Line, Name, Phone, Text

Severity = Literal["MILD", "MODERATE", "SEVERE"]
Version = Annotated[int, Meta(ge=1)]


class Section(StrEnum):
    """The lists of a record; the value is the part of the page's address."""

    ALLERGIES = "allergies"
    CONDITIONS = "conditions"
    CONTACTS = "emergency-contacts"

    @property
    def field(self) -> str:
        return self.value.replace("-", "_")


class Allergy(Input, frozen=True, kw_only=True):
    substance: Annotated[str, Line(100)]
    reaction: Annotated[str, Line(200)] | None = None
    severity: Severity


class Condition(Input, frozen=True, kw_only=True):
    name: Annotated[str, Line(100)]
    since: Annotated[int, Meta(ge=1900, le=2200)] | None = None  # a year: few know the day
    note: Annotated[str, Line(200)] | None = None


class EmergencyContact(Input, frozen=True, kw_only=True):
    name: Name
    relationship: Annotated[str, Line(60)] | None = None
    phone_number: Phone


ENTRIES: dict[Section, type[Input]] = {
    Section.ALLERGIES: Allergy,
    Section.CONDITIONS: Condition,
    Section.CONTACTS: EmergencyContact,
}

Allergies = Annotated[list[Allergy], Meta(max_length=100)]
Conditions = Annotated[list[Condition], Meta(max_length=100)]
Contacts = Annotated[list[EmergencyContact], Meta(max_length=10)]
Ids = Annotated[list[UUID], Meta(max_length=50)]


class RecordChange(Input, frozen=True, kw_only=True):
    """What is left out stays as it is; a list is replaced as a whole.

    `version` is the one that was read: when the record has changed since, nothing is written and the answer is 409.
    """

    version: Version | UnsetType = UNSET
    medical_history: Annotated[str, Text(20000, 0)] | UnsetType = UNSET
    allergies: Allergies | UnsetType = UNSET
    conditions: Conditions | UnsetType = UNSET
    emergency_contacts: Contacts | UnsetType = UNSET
    preferred_doctor_ids: Ids | UnsetType = UNSET
    preferred_clinic_ids: Ids | UnsetType = UNSET

    def changes(self) -> dict[str, Any]:
        sent = {name: getattr(self, name) for name in self.__struct_fields__ if name != "version"}
        return {name: value for name, value in sent.items() if value is not UNSET}


class HistoryForm(Input, frozen=True, kw_only=True):
    version: Version
    medical_history: Annotated[str, Text(20000)] | None = None


class AllergyForm(Allergy, frozen=True, kw_only=True):
    version: Version


class ConditionForm(Condition, frozen=True, kw_only=True):
    version: Version


class ContactForm(EmergencyContact, frozen=True, kw_only=True):
    version: Version


FORMS: dict[Section, type[AllergyForm | ConditionForm | ContactForm]] = {
    Section.ALLERGIES: AllergyForm,
    Section.CONDITIONS: ConditionForm,
    Section.CONTACTS: ContactForm,
}


class RemovalForm(Input, frozen=True, kw_only=True):
    """Which entry of a list to take out, of the version that was shown."""

    version: Version
    entry: Annotated[int, Meta(ge=0, le=99)]


class FavouriteForm(Input, frozen=True, kw_only=True):
    """A doctor or clinic to remember, or to forget."""

    doctor_id: UUID | None = None
    clinic_id: UUID | None = None
    forget: bool = False


class Preferred(msgspec.Struct, frozen=True):
    id: UUID
    name: str


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept on a patient. For the patient, and those who treat them."""

    patient_id: UUID
    first_name: str
    last_name: str
    date_of_birth: date | None
    sex: str | None
    medical_history: str
    allergies: list[Allergy]
    conditions: list[Condition]
    emergency_contacts: list[EmergencyContact]
    preferred_doctor_ids: list[UUID]
    preferred_clinic_ids: list[UUID]
    preferred_doctors: list[Preferred]
    preferred_clinics: list[Preferred]
    version: int

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}"

    def entries(self, section: Section) -> list[Any]:
        found: list[Any] = getattr(self, section.field)
        return found


def added(record: Record, section: Section, form: AllergyForm | ConditionForm | ContactForm) -> RecordChange:
    """The change that adds what a form holds to a list of the record as it was shown."""
    kind = ENTRIES[section]
    entry = kind(**{name: getattr(form, name) for name in kind.__struct_fields__})
    sent: dict[str, Any] = {"version": form.version, section.field: [*record.entries(section), entry]}
    return RecordChange(**sent)


def removed(record: Record, section: Section, form: RemovalForm) -> RecordChange:
    """The change that takes one entry out."""
    kept = [entry for number, entry in enumerate(record.entries(section)) if number != form.entry]
    sent: dict[str, Any] = {"version": form.version, section.field: kept}
    return RecordChange(**sent)


def favourite(record: Record, form: FavouriteForm) -> RecordChange:
    """The change that remembers or forgets a doctor or clinic."""
    doctors = toggled(record.preferred_doctor_ids, form.doctor_id, form.forget)
    clinics = toggled(record.preferred_clinic_ids, form.clinic_id, form.forget)
    return RecordChange(version=record.version, preferred_doctor_ids=doctors, preferred_clinic_ids=clinics)


def toggled(ids: list[UUID], one: UUID | None, forget: bool) -> list[UUID]:
    others = [known for known in ids if known != one]
    return others if one is None or forget else [*others, one]


class AccessRow(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody did something with a patient's data."""

    at: datetime
    actor_id: UUID | None
    actor_name: str | None
    actor_role: str | None
    action: str
    outcome: str
    reason: str | None


class AccessLog(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    accesses: list[AccessRow]
