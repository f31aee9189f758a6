"""App-level guard for what surrounds the body: query strings are read as strictly as bodies.

A query parameter's rule is its annotation: `specialty_id: FromQuery[Id | None] = None`, `skip: Skip = 0`,
`q: FromQuery[Annotated[str, Line(100)] | None] = None`. What the handler then receives is the cleaned text.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

from litestar.connection import ASGIConnection
from litestar.constants import RESERVED_KWARGS
from litestar.enums import ParamType
from litestar.handlers import ASGIRouteHandler
from litestar.handlers.base import BaseRouteHandler
from litestar.params import ParameterKwarg, QueryParameter
from litestar.typing import FieldDefinition
from msgspec import Meta

from portal.errors import FieldError, Invalid, Malformed
from portal.web.convert import Items, Node, Optionally, Reading, is_empty_text, node_of
from portal.web.i18n import _
from portal.web.request import StrictRequest, input_struct
from portal.web.urlencoded import parse_pairs

MAX_QUERY = 8192
MAX_PARAMETERS = 100
BOUNDS = ("ge", "le", "gt", "lt", "min_length", "max_length", "pattern")

Skip = Annotated[int, QueryParameter(ge=0, le=1_000_000, description="How many to leave out")]
Limit = Annotated[int, QueryParameter(ge=1, le=100, description="How many to give")]


@dataclass(frozen=True)
class Declared:
    """One query parameter of a handler or of one of its dependencies."""

    node: Node
    several: bool
    required: bool


async def check_input(connection: ASGIConnection, handler: BaseRouteHandler) -> None:
    """Refuse a bad query string (400, 422) and a missing body (400) before the handler is prepared."""
    if isinstance(handler, ASGIRouteHandler):
        return  # it reads its own query, as strictly
    raw = connection.scope.get("query_string", b"")
    if raw or handler.parsed_fn_signature.parameters:
        connection._parsed_query = tuple(clean_query(raw, connection, handler))
    await refuse_empty(connection, handler)


async def refuse_empty(connection: ASGIConnection, handler: BaseRouteHandler) -> None:
    """Litestar would take no body at all for a field that is missing."""
    field = handler.parsed_data_field
    if field is None or field.has_default or not isinstance(connection, StrictRequest):
        return
    if input_struct(handler) and not await connection.body():
        raise Malformed(_("Send one JSON object."))


def clean_query(raw: bytes, connection: ASGIConnection, handler: BaseRouteHandler) -> Iterator[tuple[str, str]]:
    """The pairs as the handler may have them."""
    if len(raw) > MAX_QUERY:
        raise Malformed(_("The address is too long."))
    if raw.count(b"&") >= MAX_PARAMETERS:
        raise Invalid([FieldError("query", _("The request has too many fields."))])
    declared = declared_parameters(handler, frozenset(connection.path_params))
    sent = grouped(parse_pairs(raw, MAX_PARAMETERS))
    reading = Reading(textual=True)
    found: list[tuple[str, str]] = []
    for name, entries in sent.items():
        if name in declared:
            found += [(name, text) for text in cleaned(name, entries, declared[name], reading)]
        elif connection.scope["path"].startswith("/api/"):
            reading.errors.append(FieldError(name[:200], _("There is no such parameter.")))
    given = {name for name, _text in found} | {one.field.split(".")[0] for one in reading.errors}
    for name, one in declared.items():
        if one.required and name not in given:
            reading.errors.append(FieldError(name, _("This field is required.")))
    if reading.errors:
        raise Invalid(reading.errors)
    yield from found


def grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    sent: dict[str, list[str]] = {}
    for name, value in pairs:
        sent.setdefault(name, []).append(value)
    return sent


def cleaned(name: str, entries: list[str], one: Declared, reading: Reading) -> list[str]:
    """The texts of one parameter, checked; an empty one counts as not given."""
    if not one.several and len(entries) > 1:
        raise Malformed(_("A parameter was sent more than once."))
    full = [entry for entry in entries if not is_empty_text(entry)]
    if not full:
        return []
    value = one.node.read(full if one.several else full[0], name, reading)
    values = value if isinstance(value, list) else [value]
    return [canonical(text, typed) for text, typed in zip(full, values, strict=False)]


def canonical(text: str, typed: Any) -> str:
    """Text as its rule left it; a number or a box as Litestar reads it."""
    if isinstance(typed, bool):
        return "true" if typed else "false"
    return str(typed) if type(typed) in (str, int) else text


@lru_cache(maxsize=2048)
def declared_parameters(handler: BaseRouteHandler, path_names: frozenset[str]) -> dict[str, Declared]:
    """All query parameters that a handler and its dependencies declare."""
    dependencies = handler.resolve_dependencies()
    waiting = [handler.parsed_fn_signature.parameters]
    found: dict[str, Declared] = {}
    seen: set[str] = set()
    while waiting:
        for name, field in waiting.pop().items():
            if name in dependencies and name not in seen:
                seen.add(name)
                waiting.append(dependencies[name].parsed_fn_signature.parameters)
            elif name not in dependencies and is_query(name, field, path_names):
                found[alias_of(field, name)] = declared_as(field)
    return found


def is_query(name: str, field: FieldDefinition, path_names: frozenset[str]) -> bool:
    if name in RESERVED_KWARGS or name in path_names or field.is_di_field:
        return False
    kwarg = field.kwarg_definition
    return not isinstance(kwarg, ParameterKwarg) or kwarg.param_type == ParamType.QUERY


def alias_of(field: FieldDefinition, name: str) -> str:
    kwarg = field.kwarg_definition
    return (kwarg.query or kwarg.name or name) if isinstance(kwarg, ParameterKwarg) else name


def declared_as(field: FieldDefinition) -> Declared:
    kwarg = field.kwarg_definition
    bounds = {name: getattr(kwarg, name) for name in BOUNDS if getattr(kwarg, name, None) is not None}
    node = node_of(field.raw, (Meta(**bounds),) if bounds else ())
    inner = node.inner if isinstance(node, Optionally) else node
    required = not field.has_default and not isinstance(node, Optionally)
    return Declared(node, isinstance(inner, Items), required)
