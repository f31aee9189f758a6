"""Which reader belongs to which kind of field, and what bounds hold when the annotation names none."""

import re
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from msgspec import Meta

from portal.web import scalars
from portal.web.i18n import _
from portal.web.texts import BadValue, line_cleaner


def check_bounds(value: Any, meta: Meta) -> None:
    """The bounds of a msgspec `Meta`, in words."""
    if meta.ge is not None and value < meta.ge:
        raise BadValue(_("Enter %(bound)s or more.", bound=meta.ge))
    if meta.le is not None and value > meta.le:
        raise BadValue(_("Enter %(bound)s or less.", bound=meta.le))
    if meta.gt is not None and value <= meta.gt:
        raise BadValue(_("Enter more than %(bound)s.", bound=meta.gt))
    if meta.lt is not None and value >= meta.lt:
        raise BadValue(_("Enter less than %(bound)s.", bound=meta.lt))
    if meta.multiple_of is not None and value % meta.multiple_of:
        raise BadValue(_("Enter a multiple of %(bound)s.", bound=meta.multiple_of))
    if meta.max_length is not None and len(value) > meta.max_length:
        raise BadValue(_("Use at most %(maximum)s characters.", maximum=meta.max_length))
    if meta.min_length is not None and len(value) < meta.min_length:
        raise BadValue(_("Use at least %(minimum)s characters.", minimum=meta.min_length))
    if meta.pattern is not None and not re.search(meta.pattern, value):
        raise BadValue(_("This does not have the expected form."))


def read_text(raw: Any, textual: bool) -> str:
    return scalars.read_str(raw)


READERS: dict[Any, Callable[[Any, bool], Any]] = {
    str: read_text,
    int: scalars.read_int,
    float: scalars.read_float,
    bool: scalars.read_bool,
    Decimal: scalars.read_decimal,
    date: lambda raw, textual: scalars.read_date(raw),
    time: lambda raw, textual: scalars.read_time(raw),
    datetime: lambda raw, textual: scalars.read_instant(raw),
    UUID: lambda raw, textual: scalars.read_uuid(raw),
}


def default_metas(kind: Any, metas: tuple[Meta, ...]) -> tuple[Meta, ...]:
    """What an annotation leaves open: text is one line, whole numbers fit the database's 32 bits."""
    if kind is str and not any("clean" in (one.extra or {}) for one in metas):
        longest = min((one.max_length for one in metas if one.max_length is not None), default=255)
        shortest = max((one.min_length for one in metas if one.min_length is not None), default=1)
        return (Meta(extra={"clean": line_cleaner(longest, shortest)}),)
    if kind is int:
        return (Meta(ge=-scalars.INT32 - 1, le=scalars.INT32),)
    return ()


def choice_reader(choices: tuple[Any, ...]) -> Callable[[Any, bool], Any]:
    """One of an enumeration's values, or of a `Literal`'s, exactly as spelled."""
    values = {one.value if isinstance(one, Enum) else one: one for one in choices}
    words = {str(value): choice for value, choice in values.items()}

    def read(raw: Any, textual: bool) -> Any:
        if isinstance(raw, str) and raw in (words if textual else values):
            return (words if textual else values)[raw]
        if type(raw) is int and raw in values:
            return values[raw]
        raise BadValue(_("Choose one of: %(choices)s.", choices=", ".join(words)))

    return read
