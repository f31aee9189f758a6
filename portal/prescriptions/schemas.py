"""Prescriptions as doctors write them, and as their parties and pharmacies read them."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct, field

from portal.catalogue.schemas import UnitType
from portal.errors import FieldError, Invalid
from portal.prescriptions.numbers import Dose, Strength, Substance, shown_code
from portal.web.decode import Input
from portal.web.i18n import _
from portal.web.types import Id, Line, Text

VALID_DAYS = 30
MOST_ITEMS = 10
WHOLE_UNITS = frozenset(UnitType) - {UnitType.MILLILITRES, UnitType.GRAMS, UnitType.UNITS}


class PrescriptionStatus(StrEnum):
    ACTIVE = "ACTIVE"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


OPEN = (PrescriptionStatus.ACTIVE, PrescriptionStatus.PARTIALLY_FILLED)


class DoseUnit(StrEnum):
    """What one dose is counted in: a unit of the catalogue, or what comes out of one."""

    TABLETS = "TABLETS"
    CAPSULES = "CAPSULES"
    VIALS = "VIALS"
    AMPOULES = "AMPOULES"
    SACHETS = "SACHETS"
    PATCHES = "PATCHES"
    SUPPOSITORIES = "SUPPOSITORIES"
    MILLILITRES = "MILLILITRES"
    MILLIGRAMS = "MILLIGRAMS"
    GRAMS = "GRAMS"
    UNITS = "UNITS"
    DROPS = "DROPS"
    PUFFS = "PUFFS"
    APPLICATIONS = "APPLICATIONS"


class Frequency(StrEnum):
    """How often a dose is taken; the last four as needed, up to so often a day."""

    ONCE = "ONCE"
    ONCE_DAILY = "ONCE_DAILY"
    TWICE_DAILY = "TWICE_DAILY"
    THREE_TIMES_DAILY = "THREE_TIMES_DAILY"
    FOUR_TIMES_DAILY = "FOUR_TIMES_DAILY"
    IN_THE_MORNING = "IN_THE_MORNING"
    AT_BEDTIME = "AT_BEDTIME"
    EVERY_4_HOURS = "EVERY_4_HOURS"
    EVERY_6_HOURS = "EVERY_6_HOURS"
    EVERY_8_HOURS = "EVERY_8_HOURS"
    EVERY_12_HOURS = "EVERY_12_HOURS"
    EVERY_OTHER_DAY = "EVERY_OTHER_DAY"
    ONCE_WEEKLY = "ONCE_WEEKLY"
    AS_NEEDED_MAX_1 = "AS_NEEDED_MAX_1"
    AS_NEEDED_MAX_2 = "AS_NEEDED_MAX_2"
    AS_NEEDED_MAX_3 = "AS_NEEDED_MAX_3"
    AS_NEEDED_MAX_4 = "AS_NEEDED_MAX_4"


class NewItem(Input, frozen=True, kw_only=True):
    """One medicine: of the catalogue by its id, whose name, ingredient, strength and form then count; or in free text."""

    catalog_item_id: Id | None = None
    drug_name: Annotated[str, Substance] | None = None
    active_ingredient: Annotated[str, Substance] | None = None
    strength: Annotated[str, Strength] | None = None
    form: Annotated[str, Line(100)] | None = None
    dose: Annotated[Decimal, Dose("0.001", "9999.999")]
    dose_unit: DoseUnit
    frequency: Frequency
    duration_days: Annotated[int, Meta(ge=1, le=365)]
    quantity: Annotated[Decimal, Dose("0.001", "99999.999")]
    unit: UnitType
    instructions: Annotated[str, Text(500)] | None = None
    refills_allowed: Annotated[int, Meta(ge=0, le=12)] = 0

    def __post_init__(self) -> None:
        errors = []
        if self.catalog_item_id is None:
            needed = ("drug_name", "strength", "form")
            errors = [FieldError(one, _("This field is required.")) for one in needed if not getattr(self, one)]
        if self.unit in WHOLE_UNITS and self.quantity % 1:
            errors.append(FieldError("quantity", _("Whole packs, tablets and the like only.")))
        if errors:
            raise Invalid(errors)


class Acknowledgement(Input, frozen=True, kw_only=True):
    """A warning, by its `key`, and why the doctor prescribes all the same."""

    warning: Annotated[str, Line(200)]
    reason: Annotated[str, Line(300)]


Items = Annotated[list[NewItem], Meta(min_length=1, max_length=MOST_ITEMS)]
Acknowledgements = Annotated[list[Acknowledgement], Meta(max_length=60)]


class NewPrescription(Input, frozen=True, kw_only=True):
    """What a doctor prescribes in a visit. `replaces_id` is one that this amends: it is cancelled with the same step."""

    appointment_id: Id
    items: Items
    notes: Annotated[str, Text(2000)] | None = None
    acknowledged_warnings: Acknowledgements = field(default_factory=list)
    replaces_id: Id | None = None
    valid_days: Annotated[int, Meta(ge=1, le=365)] = VALID_DAYS


class Warned(Struct, frozen=True, kw_only=True):
    """What the doctor should look at before signing. `key` names it when it is acknowledged; `item` counts from 1."""

    key: str
    kind: str
    item: int
    detail: str


class Warnings(Struct, frozen=True):
    """What speaks against a prescription as it stands; empty when nothing does."""

    warnings: list[Warned]


class Acknowledged(Struct, frozen=True, kw_only=True):
    """A warning as it was shown, and why the doctor went on; kept with the prescription."""

    key: str
    kind: str
    item: int
    detail: str
    reason: str


class StatusChange(Input, frozen=True, kw_only=True):
    """CANCELLED is the only status that a doctor gives."""

    status: PrescriptionStatus
    reason: Annotated[str, Line(300)] | None = None


class Cancelling(Input, frozen=True, kw_only=True):
    reason: Annotated[str, Line(300)]


class Sending(Input, frozen=True, kw_only=True):
    pharmacy_id: Id


class Item(Struct, frozen=True, kw_only=True):
    """One medicine of an issued prescription; `remaining` is what may still be given out, refills included."""

    id: UUID
    position: int
    catalog_item_id: UUID | None
    drug_name: str
    active_ingredient: str
    strength: str
    form: str
    dose: Decimal
    dose_unit: DoseUnit
    frequency: Frequency
    duration_days: int
    quantity: Decimal
    unit: UnitType
    instructions: str
    refills_allowed: int
    dispensed: Decimal
    remaining: Decimal

    @property
    def label(self) -> str:
        return " ".join(part for part in (self.drug_name, self.strength, self.form) if part)


class Prescription(Struct, frozen=True, kw_only=True):
    """An issued prescription. A pharmacy reads neither the acknowledged warnings nor in which visit it was."""

    id: UUID
    code: str
    status: PrescriptionStatus
    doctor_id: UUID
    doctor_name: str
    patient_id: UUID
    patient_name: str
    date_of_birth: date | None
    appointment_id: UUID | None
    clinic_id: UUID | None
    clinic_name: str
    pharmacy_id: UUID | None
    pharmacy_name: str | None
    sent_at: datetime | None
    issued_at: datetime
    valid_until: datetime
    time_zone: str
    language: str
    notes: str
    items: list[Item]
    warnings: list[Acknowledged]
    replaces_id: UUID | None
    replaced_by: UUID | None
    key_id: str
    link: str

    @property
    def shown_code(self) -> str:
        return shown_code(self.code)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN


class PrescriptionList(Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    prescriptions: list[Prescription]


class HistoryEntry(Struct, frozen=True, kw_only=True):
    """One step: `from` is null for the issuing itself."""

    at: datetime
    actor_id: UUID | None
    from_: PrescriptionStatus | None = field(name="from")
    to: PrescriptionStatus
    reason: str


class History(Struct, frozen=True, kw_only=True):
    history: list[HistoryEntry]


class Refill(Struct, frozen=True, kw_only=True):
    """A patient asks for more of a prescription; `new_prescription_id` is what an approval made."""

    id: UUID
    prescription_id: UUID
    patient_id: UUID
    patient_name: str
    doctor_id: UUID
    doctor_name: str
    status: str
    note: str
    answer: str
    medicines: str
    new_prescription_id: UUID | None
    requested_at: datetime
    answered_at: datetime | None


class RefillList(Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    refill_requests: list[Refill]


class ShownItem(Struct, frozen=True, kw_only=True):
    """What is left of one item; its name only for whoever holds the signed link."""

    drug_name: str | None
    strength: str | None
    unit: str
    quantity: Decimal
    remaining: Decimal


class Verified(Struct, frozen=True, kw_only=True):
    """What anybody may know of a prescription: whether it is genuine, its dates and what is left; nobody's name."""

    authentic: bool
    code: str | None = None
    status: PrescriptionStatus | None = None
    issued_at: datetime | None = None
    valid_until: datetime | None = None
    time_zone: str = "UTC"
    items: list[ShownItem] = field(default_factory=list)
