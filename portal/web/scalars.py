"""Reading of numbers, dates and ids from JSON values and from form text, with no guessing.

`"1"`, `true` and `1.0` are not integers in JSON; `1e3`, `1_000`, `+5` and digits of other scripts are not numbers in
a form. Every reader takes the raw value and answers the value or raises `BadValue`.
"""

import math
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from portal.web.i18n import _
from portal.web.texts import BadValue

WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)
DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,15})?", re.ASCII)
FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,20})?(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
WALL_TIME = re.compile(r"([0-9]{2}):([0-9]{2})(?::00)?", re.ASCII)
INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])",
    re.ASCII,
)
CANONICAL_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
EARLIEST_DAY, LATEST_DAY = date(1900, 1, 1), date(2200, 12, 31)
EARLIEST_YEAR, LATEST_YEAR = 1970, 2200
INT32 = 2_147_483_647
CHECKED = {"true": True, "on": True, "false": False}


class JsonNumber(NamedTuple):
    """A JSON number kept as it was written, so that nothing is lost or rounded before its field is known."""

    text: str


def read_str(raw: Any) -> str:
    if not isinstance(raw, str):
        raise BadValue(_("Enter text."))
    return raw


def read_int(raw: Any, textual: bool) -> int:
    if textual and isinstance(raw, str) and WHOLE.fullmatch(raw.strip(" ")):
        return int(raw)
    if type(raw) is int and not textual:
        return raw
    if isinstance(raw, JsonNumber) and WHOLE.fullmatch(raw.text) is None and raw.text.lstrip("-").isdigit():
        raise BadValue(_("This number is out of range."))
    raise BadValue(_("Enter a whole number."))


def number_text(raw: Any, textual: bool) -> str:
    if textual and isinstance(raw, str):
        return raw.strip(" ")
    if type(raw) is int and not textual:
        return str(raw)
    return raw.text if isinstance(raw, JsonNumber) else ""


def read_decimal(raw: Any, textual: bool) -> Decimal:
    text = number_text(raw, textual)
    if not DECIMAL.fullmatch(text) or re.fullmatch(r"-0(\.0*)?", text):
        raise BadValue(_("Enter a number like 25.00."))
    return Decimal(text)


def read_float(raw: Any, textual: bool) -> float:
    text = number_text(raw, textual)
    if not FLOAT.fullmatch(text) or not math.isfinite(float(text)):
        raise BadValue(_("Enter a number like 52.5."))
    return float(text) + 0.0  # no negative zero


def read_bool(raw: Any, textual: bool) -> bool:
    if textual and isinstance(raw, str) and raw in CHECKED:
        return CHECKED[raw]
    if isinstance(raw, bool) and not textual:
        return raw
    raise BadValue(_("Enter true or false."))


def read_date(raw: Any) -> date:
    if isinstance(raw, str) and DATE.fullmatch(raw):
        try:
            day = date.fromisoformat(raw)
        except ValueError:
            raise bad_date() from None
        if EARLIEST_DAY <= day <= LATEST_DAY:
            return day
    raise bad_date()


def bad_date() -> BadValue:
    return BadValue(_("Enter a date like 2026-11-20."))


def read_time(raw: Any) -> time:
    match = WALL_TIME.fullmatch(raw) if isinstance(raw, str) else None
    if not match or int(match[1]) > 23 or int(match[2]) > 59:
        raise BadValue(_("Enter a time like 09:30."))
    return time(int(match[1]), int(match[2]))


def read_instant(raw: Any) -> datetime:
    """An instant of RFC 3339 with its offset, as UTC."""
    if isinstance(raw, str) and INSTANT.fullmatch(raw):
        try:
            moment = datetime.fromisoformat(raw)
        except ValueError:
            raise bad_instant() from None
        if EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
            return moment.astimezone(UTC)
    raise bad_instant()


def bad_instant() -> BadValue:
    return BadValue(_("Enter a date and time with its offset, like 2026-11-20T09:30:00Z."))


def read_uuid(raw: Any) -> UUID:
    if isinstance(raw, str) and CANONICAL_UUID.fullmatch(raw):
        return UUID(raw)
    raise BadValue(_("This is not a valid id."))


def exact(number: Decimal) -> str:
    """A number in full, never with an exponent, a trailing zero or a naked point."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
