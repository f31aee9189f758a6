"""What goes over the counter: what is asked for, what is there for it, and what was given out."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from portal.errors import FieldError, Invalid
from portal.prescriptions.numbers import shown_code
from portal.prescriptions.schemas import Item
from portal.web.decode import Input
from portal.web.i18n import _
from portal.web.types import Amount, BirthDate, Id, Line

UNDO_SECONDS = 900
CODE_TRIES, PHARMACY_TRIES, TRIES_SECONDS = 5, 30, 3600

Given = Annotated[Decimal, Amount("0.001", "999999.999", 3)]
Reason = Annotated[str, Line(200)]


class Opening(Input, frozen=True, kw_only=True):
    """What only whoever was given the prescription can tell: its code, and when the patient was born."""

    code: Annotated[str, Line(40)]
    date_of_birth: BirthDate


class WantedLine(Input, frozen=True, kw_only=True):
    """So much of one item. Without a batch the first to expire are taken; `item_id` names a substitute, with a reason."""

    prescription_item_id: Id
    quantity: Given
    batch_id: Id | None = None
    item_id: Id | None = None
    substitute_reason: Reason | None = None


class NewDispense(Input, frozen=True, kw_only=True):
    items: Annotated[list[WantedLine], Meta(min_length=1, max_length=40)]
    identity_checked: bool

    def __post_init__(self) -> None:
        once = {line.prescription_item_id for line in self.items}
        if len(once) < len(self.items):
            raise Invalid([FieldError("items", _("Name each item of the prescription once."))])


class FormLine(Input, frozen=True, kw_only=True):
    """A line of the counter's form: what is left empty is not given out now. `source` names an item, or item and batch."""

    prescription_item_id: Id
    quantity: Given | None = None
    source: Annotated[str, Line(80)] | None = None
    substitute_reason: Reason | None = None


class DispenseForm(Input, frozen=True, kw_only=True):
    items: Annotated[list[FormLine], Meta(min_length=1, max_length=40)]
    identity_checked: bool = False

    def wanted(self) -> NewDispense:
        """What the form asks for. Raises `Invalid`: nothing at all, or a source that no page of ours has offered."""
        lines = [wanted_line(number, one) for number, one in enumerate(self.items) if one.quantity is not None]
        if not lines:
            raise Invalid([FieldError("items.0.quantity", _("Enter how much you give out of at least one item."))])
        return NewDispense(items=lines, identity_checked=self.identity_checked)


def wanted_line(number: int, line: FormLine) -> WantedLine:
    """One line of the form. Raises `Invalid`."""
    item, _slash, batch = (line.source or "").partition("/")
    try:
        item_id, batch_id = UUID(item) if item else None, UUID(batch) if batch else None
    except ValueError:
        raise Invalid([FieldError(f"items.{number}.source", _("Choose from the list."))]) from None
    return WantedLine(
        prescription_item_id=line.prescription_item_id,
        quantity=line.quantity or Decimal(0),
        item_id=item_id,
        batch_id=batch_id,
        substitute_reason=line.substitute_reason,
    )


class OpenPrescription(Struct, frozen=True, kw_only=True):
    """One of a pharmacy's list: sent to it or opened there, and not yet given out altogether."""

    id: UUID
    code: str
    status: str
    patient_name: str
    date_of_birth: date | None
    doctor_name: str
    issued_at: datetime
    valid_until: datetime
    sent_at: datetime | None
    item_count: int

    @property
    def shown_code(self) -> str:
        return shown_code(self.code)


class OpenList(Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    prescriptions: list[OpenPrescription]


class CounterBatch(Struct, frozen=True, kw_only=True):
    id: UUID
    batch_number: str
    expiry_date: date
    quantity: Decimal
    selling_price: Decimal
    currency: str


class Shelf(Struct, frozen=True, kw_only=True):
    """What the pharmacy has of one item of the catalogue, the first to expire first."""

    item_id: UUID
    name: str
    strength: str
    form: str
    unit_type: str
    is_substitute: bool
    batches: list[CounterBatch]

    @property
    def on_hand(self) -> Decimal:
        return sum((one.quantity for one in self.batches), Decimal(0))


class CounterItem(Item, frozen=True, kw_only=True):
    """One item: `remaining` may still be given out in all, `due` now: the rest of the fill that is under way."""

    due: Decimal
    shelves: list[Shelf]

    @property
    def own_shelf(self) -> Shelf | None:
        """The shelf of what was prescribed, where the catalogue has it."""
        return next((one for one in self.shelves if not one.is_substitute), None)

    @property
    def fitting(self) -> list[Shelf]:
        """The shelves that are counted in the unit that was prescribed: only from these something can be given out."""
        return [one for one in self.shelves if one.unit_type == self.unit]


class CounterPrescription(Struct, frozen=True, kw_only=True):
    """A prescription as the counter needs it. `refusal` is the code of what stands in the way of giving anything out."""

    id: UUID
    code: str
    status: str
    refusal: str | None
    patient_id: UUID
    patient_name: str
    date_of_birth: date | None
    doctor_name: str
    clinic_name: str
    issued_at: datetime
    valid_until: datetime
    notes: str
    items: list[CounterItem]

    @property
    def shown_code(self) -> str:
        return shown_code(self.code)


class DispensedLine(Struct, frozen=True, kw_only=True):
    """What came out of one batch."""

    prescription_item_id: UUID
    item_id: UUID
    batch_id: UUID
    drug_name: str
    name: str
    strength: str
    form: str
    dose: Decimal
    dose_unit: str
    frequency: str
    duration_days: int
    instructions: str
    batch_number: str
    expiry_date: date
    quantity: Decimal
    unit_type: str
    unit_price: Decimal
    currency: str
    substitute_reason: str | None
    transaction_id: UUID

    @property
    def price(self) -> Decimal:
        return (self.quantity * self.unit_price).quantize(Decimal("0.01"))


class Dispense(Struct, frozen=True, kw_only=True):
    """One visit to a counter. `seconds_to_undo` is how long it can still be taken back there."""

    id: UUID
    prescription_id: UUID
    code: str
    prescription_status: str
    pharmacy_id: UUID
    pharmacy_name: str
    pharmacist_id: UUID
    pharmacist_name: str | None
    patient_name: str
    language: str
    at: datetime
    undone_at: datetime | None
    seconds_to_undo: int
    lines: list[DispensedLine]

    @property
    def shown_code(self) -> str:
        return shown_code(self.code)

    @property
    def totals(self) -> list[tuple[str, Decimal]]:
        """What it costs, by currency."""
        found: dict[str, Decimal] = {}
        for line in self.lines:
            found[line.currency] = found.get(line.currency, Decimal(0)) + line.price
        return list(found.items())


class DispenseList(Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    dispenses: list[Dispense]


class Fills(Struct, frozen=True, kw_only=True):
    dispenses: list[Dispense]


class Receiver(Struct, frozen=True, kw_only=True):
    """Who was given something out of a batch."""

    dispense_id: UUID
    prescription_id: UUID
    patient_id: UUID
    patient_name: str
    date_of_birth: date | None
    at: datetime
    quantity: Decimal
    undone_at: datetime | None


class ReceiverList(Struct, frozen=True, kw_only=True):
    batch_id: UUID
    batch_number: str
    expiry_date: date
    item_name: str
    total: int
    skip: int
    limit: int
    receivers: list[Receiver]
