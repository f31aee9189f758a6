"""CSV by RFC 4180, read and written so that no spreadsheet takes a text for a formula."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any

from portal.stocktakes.schemas import MOST_ROWS, FileRow, LineError
from portal.web.forms import fill
from portal.web.i18n import _

COLUMNS = FileRow.__struct_fields__
NEEDED = ("name", "batch_number", "expiry_date", "quantity")
FORMULA = tuple("=+-@\t\r\0＝＋－＠")


def written(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table as CSV: every text guarded, numbers and dates as they are."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(heads)
    writer.writerows([cell(one) for one in row] for row in rows)
    return out.getvalue()


def cell(value: Any) -> str:
    """One cell. A text that a spreadsheet would calculate begins with an apostrophe instead."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, date | int):
        return str(value)
    text = str(value)
    return "'" + text if text.lstrip("'").startswith(FORMULA) else text


def unguarded(text: str) -> str:
    """A cell as it was before it was written by us."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(FORMULA) else text


def read(text: str) -> tuple[dict[int, FileRow], list[LineError]]:
    """The lines of a file by their number, and what is wrong with the others; a semicolon separates as well."""
    first = text.split("\n", 1)[0]
    reader = csv.reader(StringIO(text), delimiter=";" if ";" in first and "," not in first else ",", strict=True)
    good: dict[int, FileRow] = {}
    wrong: list[LineError] = []
    try:
        heads = [name.strip().lower().removeprefix("\ufeff") for name in next(reader, [])]
        wrong += of_heads(heads)
        if not wrong:
            for number, cells in lines(reader):
                found = row_of(heads, cells, number, wrong)
                if found:
                    good[number] = found
                if number > MOST_ROWS + 1:
                    wrong.append(LineError(line=number, field="", message=_("The file has too many lines.")))
                    break
    except csv.Error:
        wrong.append(LineError(line=reader.line_num, field="", message=_("This line is not CSV.")))
    if not good and not wrong:
        wrong.append(LineError(line=2, field="", message=_("The file has no lines.")))
    return good, wrong


def lines(reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Each line that holds anything, with the number that it has in an editor."""
    before = reader.line_num
    for cells in reader:
        if any(one.strip() for one in cells):
            yield before + 1, cells
        before = reader.line_num


def of_heads(heads: list[str]) -> list[LineError]:
    """What is wrong with the first line."""
    missing = [name for name in NEEDED if name not in heads]
    unknown = [name for name in heads if name not in COLUMNS]
    twice = {name for name in heads if heads.count(name) > 1}
    found = [(name, _("This column is missing.")) for name in missing]
    found += [(name[:60], _("There is no such column.")) for name in unknown]
    found += [(name[:60], _("This column is there twice.")) for name in sorted(twice)]
    return [LineError(line=1, field=name, message=message) for name, message in found]


def row_of(heads: list[str], cells: list[str], number: int, wrong: list[LineError]) -> FileRow | None:
    """One line, or its errors."""
    if len(cells) != len(heads):
        text = _("This line has %(found)s cells instead of %(wanted)s.", found=len(cells), wanted=len(heads))
        wrong.append(LineError(line=number, field="", message=text))
        return None
    filled = fill([(name, unguarded(one.strip())) for name, one in zip(heads, cells, strict=True)], FileRow)
    wrong += [LineError(line=number, field=one.field, message=one.message) for one in filled.errors]
    return filled.data
