"""Counts and imports, as they come in and go out."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

from portal.catalogue.schemas import Stocked, StockedOrNone, UnitType
from portal.errors import FieldError, Invalid
from portal.inventory.schemas import BatchNumber, Expiry
from portal.people.schemas import Currency
from portal.web.decode import Input
from portal.web.i18n import _
from portal.web.types import Amount, Id, Line, Money, Name, Text

MOST_LINES = 500  # of one count
MOST_TEXT = 900_000  # characters of a file
MOST_ROWS = 5000  # of a file
Held = Annotated[Decimal, Amount("0", "999999999", 3)]


class CountLine(Input, frozen=True):
    """One batch: what the ledger said when it was counted, and what was found."""

    batch_id: Id
    expected: Held
    counted: Held


class NewCount(Input, frozen=True):
    location_id: Id
    lines: Annotated[list[CountLine], Meta(min_length=1, max_length=MOST_LINES)]
    note: Annotated[str, Line(300)] | None = None

    def __post_init__(self) -> None:
        if len({one.batch_id for one in self.lines}) < len(self.lines):
            raise Invalid([FieldError("lines", _("A batch is counted once in a count."))])


class FormLine(Input, frozen=True):
    """A line of the page: what was not counted is left empty."""

    batch_id: Id
    expected: Held
    counted: Held | None = None


class CountForm(Input, frozen=True):
    location_id: Id
    lines: Annotated[list[FormLine], Meta(max_length=60)]
    note: Annotated[str, Line(300)] | None = None

    def count(self) -> NewCount:
        """Raises `Invalid` where nothing was counted."""
        found = [
            CountLine(batch_id=one.batch_id, expected=one.expected, counted=one.counted)
            for one in self.lines
            if one.counted is not None
        ]
        if not found:
            raise Invalid([FieldError("", _("Enter what you counted of at least one batch."))])
        return NewCount(location_id=self.location_id, lines=found, note=self.note)


class CountedLine(Struct, frozen=True, kw_only=True):
    batch_id: UUID
    item_id: UUID
    item_name: str
    batch_number: str
    expiry_date: date
    expected: Decimal
    counted: Decimal
    difference: Decimal


class Count(Struct, frozen=True, kw_only=True):
    """A count that was kept; what differed is in the ledger as adjustments."""

    id: UUID
    location_id: UUID
    location_name: str
    actor_id: UUID
    actor_name: str | None
    note: str
    created_at: datetime
    counted: int
    different: int
    lines: list[CountedLine]


class CountLineTotal(Struct, frozen=True, kw_only=True):
    """A count in a list of counts."""

    id: UUID
    location_id: UUID
    location_name: str
    actor_id: UUID
    actor_name: str | None
    note: str
    created_at: datetime
    counted: int
    different: int


class CountList(Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    counts: list[CountLineTotal]


class StockFile(Input, frozen=True):
    """A table as CSV. A dry run only says what would happen, and what is wrong on which line."""

    location_id: Id
    csv: Annotated[str, Text(MOST_TEXT, 1, MOST_TEXT)]
    dry_run: bool = True


class FileForm(Input, frozen=True):
    location_id: Id
    csv: Annotated[str, Text(MOST_TEXT, 1, MOST_TEXT)]
    step: Annotated[str, Line(10)] | None = None

    def file(self) -> StockFile:
        return StockFile(location_id=self.location_id, csv=self.csv, dry_run=self.step != "import")


class FileRow(Input, frozen=True):
    """One line of a file: a receipt. What is not in the catalogue yet says its unit."""

    name: Annotated[str, Line(200)]
    batch_number: BatchNumber
    expiry_date: Expiry
    quantity: Stocked
    strength: Name | None = None
    form: Name | None = None
    active_ingredient: Annotated[str, Line(200)] | None = None
    unit_type: UnitType | None = None
    category: Name | None = None
    cost_price: Money = Decimal(0)
    selling_price: Money = Decimal(0)
    currency: Currency | None = None
    reorder_threshold: StockedOrNone = Decimal(0)

    @property
    def label(self) -> str:
        return " ".join(part for part in (self.name, self.strength, self.form) if part)


class LineError(Struct, frozen=True, kw_only=True):
    """What is wrong with one field of one line; the first line of a file, its heading, is line 1."""

    line: int
    field: str
    message: str


class ImportReport(Struct, frozen=True, kw_only=True):
    """What a file holds. With errors nothing of it is taken in."""

    lines: int
    batches: int
    new_items: list[str]
    errors: list[LineError]
    dry_run: bool
    imported: bool
