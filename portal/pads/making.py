"""The pad's form as text, changed a line at a time: pure, so that it works as well without JavaScript."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

from portal.catalogue.schemas import CatalogItem, UnitType
from portal.prescriptions.policy import needed
from portal.prescriptions.schemas import MOST_ITEMS, DoseUnit, Frequency, Item, NewItem
from portal.web.forms import Values
from portal.web.scalars import exact

Line = dict[str, str]
FIELDS = tuple(NewItem.__struct_fields__)
FIRST: Line = {"dose_unit": "TABLETS", "unit": "TABLETS", "refills_allowed": "0"}
OF_A_MEDICINE = ("catalog_item_id", "drug_name", "active_ingredient", "strength", "form")


def text_of(values: Values, name: str) -> str:
    found = values.get(name, "")
    return found if isinstance(found, str) else ""


def lines_of(values: Values) -> list[Line]:
    """The medicines in the order of their numbers."""
    found: dict[int, Line] = {}
    for name in values:
        kind, _dot, rest = name.partition(".")
        number, _dot, part = rest.partition(".")
        if kind == "items" and number.isdigit() and part in FIELDS:
            found.setdefault(int(number), {})[part] = text_of(values, name)
    return [found[number] for number in sorted(found)]


def with_lines(values: Values, lines: list[Line]) -> Values:
    """The form with these medicines, numbered anew."""
    kept: Values = {name: text for name, text in values.items() if not name.startswith("items.")}
    for number, line in enumerate(lines[:MOST_ITEMS]):
        kept.update({f"items.{number}.{name}": text for name, text in line.items()})
    return kept


def is_empty(line: Line) -> bool:
    return not (line.get("drug_name") or line.get("catalog_item_id"))


def filled(lines: list[Line], more: Iterable[Line]) -> list[Line]:
    """More medicines, in place of the lines that are still empty."""
    return [*(line for line in lines if not is_empty(line)), *more]


def picked(line: Line, item: CatalogItem) -> Line:
    """A line with a medicine of the catalogue in it; what was typed about taking it stays."""
    units = {"unit": item.unit_type.value}
    if item.unit_type.value in DoseUnit.__members__:
        units["dose_unit"] = item.unit_type.value
    given = {"drug_name": item.name, "active_ingredient": item.active_ingredient, "strength": item.strength}
    return {**FIRST, **line, **units, **given, "form": item.form, "catalog_item_id": str(item.id), "quantity": ""}


def recounted(line: Line, units: dict[str, str]) -> Line:
    """A line from elsewhere, counted as the catalogue counts now; an amount of something else is not taken over."""
    unit = units.get(line.get("catalog_item_id", ""), line.get("unit", ""))
    return line if unit == line.get("unit", "") else {**line, "unit": unit, "quantity": ""}


def freed(line: Line) -> Line:
    """A line without its medicine."""
    return {name: text for name, text in line.items() if name not in OF_A_MEDICINE}


def line_of(item: NewItem | Item) -> Line:
    """An item as the form shows it."""
    found: Line = {}
    for name in FIELDS:
        value = getattr(item, name)
        if value is not None:
            found[name] = exact(value) if isinstance(value, Decimal) else str(value)
    return found


def computed(line: Line) -> str:
    """What dose, frequency and duration make; empty where they do not say."""
    try:
        dose, days = Decimal(line.get("dose", "")), int(line.get("duration_days", ""))
        often, unit, strength = Frequency(line["frequency"]), UnitType(line["unit"]), line.get("strength", "")
        total = needed(dose, line["dose_unit"], often, days, unit, strength)
    except (ArithmeticError, KeyError, ValueError):
        return ""
    in_bounds = total is not None and total.is_finite() and 0 < total < 100_000 and 0 < days < 1000
    return exact(total) if total is not None and in_bounds else ""


def strict_pairs(values: Values, appointment_id: UUID) -> Iterator[tuple[str, str]]:
    """The form as a prescription is read: medicines numbered anew, an empty quantity as computed."""
    yield "appointment_id", str(appointment_id)
    for name in ("notes", "valid_days", "replaces_id"):
        yield name, text_of(values, name)
    for number, line in enumerate(line for line in lines_of(values) if not is_empty(line)):
        whole = {**line, "quantity": line.get("quantity") or computed(line)}
        for name, text in whole.items():
            yield f"items.{number}.{name}", text
    for name in values:
        if name.startswith("acknowledged_warnings.") and text_of(values, reason_name(name)):
            yield name, text_of(values, name)


def reason_name(name: str) -> str:
    return name.rpartition(".")[0] + ".reason"


def reasons(values: Values) -> dict[str, str]:
    """What was typed about each warning so far, by its key."""
    names = [name for name in values if name.startswith("acknowledged_warnings.") and name.endswith(".warning")]
    return {text_of(values, name): text_of(values, reason_name(name)) for name in names}


def numbered(step: str) -> tuple[str, int | None, str]:
    """A button's step in its parts: what, which line, and what with it."""
    what, _dot, rest = step.partition(".")
    number, _dot, more = rest.partition(".")
    if number.isdigit() and len(number) < 4:
        return what, int(number), more
    return what, None, rest


def edited(lines: list[Line], what: str, at: int | None) -> list[Line]:
    """The lines after a step that needs nobody else: add, remove, free."""
    if what == "add":
        return [*lines, dict(FIRST)]
    if at is None or at >= len(lines):
        return lines
    if what == "remove":
        return [line for number, line in enumerate(lines) if number != at]
    if what == "free":
        return [freed(line) if number == at else line for number, line in enumerate(lines)]
    return lines


def field_labels(lines: int, words: dict[str, str]) -> dict[str, Any]:
    """Which field an error speaks of, for the list of errors: "2. Dose"."""
    return {f"items.{n}.{name}": f"{n + 1}. {word}" for n in range(lines) for name, word in words.items()}
