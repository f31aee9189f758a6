"""The one strict decoder: bytes of a request become a Struct, or an answer that says what is wrong.

What cannot be read at all is `Malformed` (400); what can be read but is not allowed is `Invalid` (422) with every
field's message at once. Forms share the conversion (`web/convert.py`), so a rule is written once.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn, TypeVar

from msgspec import Struct

from portal.errors import Invalid, Malformed, TooLarge, UnsupportedType
from portal.web.convert import Reading, Record
from portal.web.i18n import _
from portal.web.scalars import JsonNumber

MAX_JSON = 1024 * 1024
MAX_DEPTH = 32
MAX_TOKENS = 20_000
# Strings are skipped whole (possessively: no backtracking), so brackets inside them do not count.
TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[{]|[\]}]', re.DOTALL)
SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
OPENING, CLOSING = b"[{", b"]}"

S = TypeVar("S", bound=Struct)


class Input(Struct, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Base of every Struct that is read from a request."""


def decode_json(body: bytes, struct: type[S]) -> S:
    """A JSON body as `struct`, strictly."""
    tree = parse_json(body)
    if not isinstance(tree, dict):
        raise Malformed(_("Send one JSON object."))
    return convert(tree, struct)


def convert(tree: dict[str, Any], struct: type[S]) -> S:
    """A parsed JSON object as `struct`, with all errors at once."""
    reading = Reading(textual=False)
    value = Record(struct).read(tree, "", reading)
    if reading.errors:
        raise Invalid(reading.errors)
    result: S = value
    return result


def require_json(content_type: str | None) -> None:
    """Only `application/json`, in UTF-8."""
    kind, _separator, parameters = (content_type or "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if kind.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise UnsupportedType(_("Send application/json in UTF-8."))


def parse_json(body: bytes) -> Any:
    """RFC 8259 and no more: no byte order mark, no NaN, no key twice, no half characters, no towers of brackets."""
    if len(body) > MAX_JSON:
        raise TooLarge(_("The request is too large."))
    refuse_towers(body)
    try:
        tree = json.loads(
            body.decode(),
            object_pairs_hook=object_without_twins,
            parse_float=JsonNumber,
            parse_int=whole_number,
            parse_constant=refuse_constant,
        )
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise Malformed(_("The request is not valid JSON in UTF-8.")) from None
    if SURROGATE_ESCAPE.search(body):
        refuse_half_characters(tree)
    return tree


def refuse_towers(body: bytes) -> None:
    """Depth and size by counting brackets, before anything is built in memory."""
    if body.count(b",") > MAX_TOKENS:
        raise TooLarge(_("The request has too many parts."))
    depth = 0
    for tokens, match in enumerate(TOKEN.finditer(body), start=1):
        first = match[0][:1]
        depth += (first in OPENING) - (first in CLOSING)
        if depth > MAX_DEPTH:
            raise Malformed(_("The request is nested too deeply."))
        if tokens > MAX_TOKENS:
            raise TooLarge(_("The request has too many parts."))


def object_without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed(_("A field was sent more than once."))
    return found


def whole_number(text: str) -> int | JsonNumber:
    """Numbers that no field could hold, and `-0`, stay text: reading thousands of digits is work for nothing."""
    return JsonNumber(text) if len(text) > 19 or text == "-0" else int(text)


def refuse_constant(_name: str) -> NoReturn:
    raise Malformed(_("NaN and Infinity are not JSON."))


def refuse_half_characters(value: Any) -> None:
    """A lone surrogate cannot be stored or sent as UTF-8."""
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise Malformed(_("The request is not valid JSON in UTF-8."))
    elif isinstance(value, dict):
        for key, entry in value.items():
            refuse_half_characters(key)
            refuse_half_characters(entry)
    elif isinstance(value, list):
        for entry in value:
            refuse_half_characters(entry)


def page_of(plural: str, rows: Sequence[Any], total: int, skip: int, limit: int) -> dict[str, Any]:
    """One page of a list, as every list of the API is answered."""
    return {"total": total, "skip": skip, "limit": limit, plural: rows}
