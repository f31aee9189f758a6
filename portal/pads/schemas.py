"""The pad's form while it is being filled in, and templates. What is signed in the end is a `NewPrescription`."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct, field

from portal.catalogue.schemas import CatalogItem
from portal.prescriptions.policy import Medicine
from portal.prescriptions.schemas import MOST_ITEMS, Items, NewItem, Prescription
from portal.records.schemas import Record
from portal.web.decode import Input
from portal.web.types import Line, Text

Typed = Annotated[str, Line(300, 0)] | None


class PadLine(Input, frozen=True, kw_only=True):
    """One medicine as typed so far: nothing is demanded before it is looked over."""

    catalog_item_id: Typed = None
    drug_name: Typed = None
    active_ingredient: Typed = None
    strength: Typed = None
    form: Typed = None
    dose: Typed = None
    dose_unit: Typed = None
    frequency: Typed = None
    duration_days: Typed = None
    quantity: Typed = None
    unit: Typed = None
    instructions: Annotated[str, Text(500, 0)] | None = None
    refills_allowed: Typed = None


class PadReason(Input, frozen=True, kw_only=True):
    warning: Typed = None
    reason: Typed = None


class PadForm(Input, frozen=True, kw_only=True):
    """The whole form; `step` is the button that was pressed."""

    step: Annotated[str, Line(80, 0)] | None = None
    items: Annotated[list[PadLine], Meta(max_length=MOST_ITEMS)] = field(default_factory=list)
    notes: Annotated[str, Text(2000, 0)] | None = None
    valid_days: Typed = None
    replaces_id: Typed = None
    template_name: Typed = None
    acknowledged_warnings: Annotated[list[PadReason], Meta(max_length=60)] = field(default_factory=list)


class NewTemplate(Input, frozen=True, kw_only=True):
    """Items under a name, to begin with another time."""

    name: Annotated[str, Line(80)]
    items: Items


class Template(Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    items: list[NewItem]


class TemplateList(Struct, frozen=True):
    templates: list[Template]


class NearStock(Struct, frozen=True, kw_only=True):
    """How much of a medicine a pharmacy nearby can give out, and what of it expires first."""

    name: str
    distance_km: float | None
    quantity: Decimal
    earliest_expiry: date


class Supply(Struct, frozen=True, kw_only=True):
    """Where a medicine is to be had, and what else has the same ingredient where it is not.

    Without `is_near` nobody knows where the patient is, and the pharmacies are any.
    """

    stock: list[NearStock]
    asked: int
    is_near: bool
    substitutes: list[CatalogItem]


class Pad(Struct, frozen=True, kw_only=True):
    """All that is beside the form."""

    visit: Any
    record: Record
    taken: list[Medicine]
    templates: list[Template]
    last: Prescription | None
