"""Stock, as it comes in and goes out. Amounts are exact decimals."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from portal.catalogue.schemas import MOST, CatalogItem, Stocked, StockedOrNone, UnitType
from portal.errors import FieldError, Invalid
from portal.people.schemas import Currency
from portal.web.decode import Input
from portal.web.i18n import _
from portal.web.texts import BadValue
from portal.web.types import Amount, Id, Line, Money


class TransactionType(StrEnum):
    IN = "IN"
    OUT = "OUT"
    ADJUSTMENT = "ADJUSTMENT"
    DISPENSE = "DISPENSE"
    RETURN = "RETURN"


class Kind(StrEnum):
    """Of a place that keeps stock."""

    CLINIC = "CLINIC"
    PHARMACY = "PHARMACY"


def clean_expiry(value: date) -> date:
    if not 2000 <= value.year < 2200:
        raise BadValue(_("Check the year of the expiry date."))
    return value


Expiry = Annotated[date, Meta(extra={"clean": clean_expiry})]
Signed = Annotated[Decimal, Amount("-" + MOST, MOST, 3)]
BatchNumber = Annotated[str, Line(60)]
Reason = Annotated[str, Line(300)]
Document = Annotated[str, Line(100)]


class Receipt(Input, frozen=True):
    """Goods that come in. Without a currency they have the one of the last that came."""

    item_id: Id
    location_id: Id
    batch_number: BatchNumber
    expiry_date: Expiry
    quantity: Stocked
    cost_price: Money
    selling_price: Money
    currency: Currency | None = None
    reason: Reason | None = None
    document: Document | None = None


class Move(Input, frozen=True):
    """An amount of an item at a place; without a batch, of those that expire first."""

    item_id: Id
    location_id: Id
    quantity: Stocked
    reason: Reason
    batch_id: Id | None = None
    document: Document | None = None


class Adjustment(Input, frozen=True):
    """What a batch has more or, with a minus, less than the ledger says."""

    item_id: Id
    location_id: Id
    quantity: Signed
    reason: Reason
    batch_id: Id | None = None
    document: Document | None = None

    def __post_init__(self) -> None:
        if self.quantity == 0:
            raise Invalid([FieldError("quantity", _("Enter by how much it differs."))])


class Transfer(Move, frozen=True, kw_only=True):
    to_location_id: Id

    def __post_init__(self) -> None:
        if self.to_location_id == self.location_id:
            raise Invalid([FieldError("to_location_id", _("Choose another place."))])


class Threshold(Input, frozen=True):
    """From where on it is little, at one place; without a number it is the catalogue's again."""

    location_id: Id
    threshold: StockedOrNone | None = None


class Place(Struct, frozen=True, kw_only=True):
    """A clinic or pharmacy that keeps stock."""

    id: UUID
    kind: Kind
    name: str
    time_zone: str
    currency: str
    active: bool


class Batch(Struct, frozen=True, kw_only=True):
    id: UUID
    item_id: UUID
    item_name: str
    unit_type: UnitType
    location_id: UUID
    batch_number: str
    expiry_date: date
    quantity: Decimal
    cost_price: Decimal
    selling_price: Decimal
    currency: str
    recalled_at: datetime | None
    recall_reason: str | None
    expired: bool
    days_left: int

    @property
    def usable(self) -> bool:
        return not self.expired and self.recalled_at is None


class BatchList(Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    batches: list[Batch]


class StockLine(Struct, frozen=True, kw_only=True):
    """What there is of one item at one place and may be given out."""

    item_id: UUID
    name: str
    active_ingredient: str
    form: str
    strength: str
    unit_type: UnitType
    category: str
    location_id: UUID
    quantity: Decimal
    threshold: Decimal
    low: bool
    earliest_expiry: date | None
    unusable: Decimal  # expired or recalled, and still there

    @property
    def label(self) -> str:
        return " ".join(part for part in (self.name, self.strength, self.form) if part)


class StockList(Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    items: list[StockLine]


class LowLine(StockLine, frozen=True, kw_only=True):
    """With when it runs out, if it is used as it was of late."""

    daily_use: Decimal
    runs_out_on: date | None


class LowList(Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    items: list[LowLine]


class PlaceStock(Struct, frozen=True, kw_only=True):
    """One item at one place, with its batches, those that expire first on top."""

    location_id: UUID
    location_name: str
    quantity: Decimal
    threshold: Decimal
    own_threshold: bool
    low: bool
    daily_use: Decimal
    runs_out_on: date | None
    batches: list[Batch]


class ItemStock(Struct, frozen=True, kw_only=True):
    item: CatalogItem
    places: list[PlaceStock]


class Transaction(Struct, frozen=True, kw_only=True):
    """One row of the ledger. `balance` is that of the batch, after it."""

    id: UUID
    item_id: UUID
    item_name: str
    unit_type: UnitType
    batch_id: UUID
    batch_number: str
    location_id: UUID
    transaction_type: TransactionType
    quantity: Decimal
    balance: Decimal
    actor_id: UUID
    actor_name: str | None
    reason: str
    document: str
    other_location_id: UUID | None
    other_location_name: str | None
    created_at: datetime

    @property
    def change(self) -> Decimal:
        """By how much the batch became more or less."""
        less = self.transaction_type in (TransactionType.OUT, TransactionType.DISPENSE)
        return -self.quantity if less else self.quantity


class Moved(Struct, frozen=True, kw_only=True):
    """What an action wrote into the ledger, one row a batch."""

    transactions: list[Transaction]


class Ledger(Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    transactions: list[Transaction]
