"""Bad values for every kind of input field, and the answers expected: 400 malformed, 404, 422 not allowed.

`json_cases(Struct)` and `form_cases(Struct)` give one case for each field and bad value, `query_cases(app)` and
`path_cases(app)` the same for parameters; `body_routes(app)` finds the routes that take JSON.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import Litestar
from msgspec import Struct

from portal.web import contacts, scalars, types
from portal.web.convert import Items, Leaf, Node, Optionally, Pairs, Record, plan_of
from portal.web.query import declared_parameters
from portal.web.readers import READERS
from portal.web.request import input_struct
from portal.web.texts import is_blank
from tests.badvalues import BAD_INTS, BAD_NUMBERS, BAD_TEXTS, UNREADABLE_JSON, UUID, WRONG_KINDS

SPECIAL_RULES: dict[Any, str] = {
    contacts.clean_email: "email",
    contacts.clean_phone: "phone",
    contacts.clean_time_zone: "zone",
    contacts.clean_language: "language",
    contacts.clean_url: "url",
    types.clean_birth_date: "birth",
}
SAMPLES = {
    "email": "ana@example.org",
    "phone": "+14155550123",
    "zone": "Europe/Berlin",
    "language": "en",
    "url": "https://example.org/",
    "date": "2026-11-20",
    "birth": "1990-02-28",
    "time": "09:30",
    "instant": "2026-11-20T09:30:00Z",
    "id": UUID,
    "bool": True,
    "secret": "correct horse battery",
    "number": 1,
}


@dataclass(frozen=True)
class Case:
    """One bad value: `raw` is a JSON literal or percent-encoded form text."""

    field: str
    raw: bytes
    expected: int


def kind_of(node: Leaf) -> str:
    """The row of the tables above that a scalar belongs to."""
    rules = [(meta.extra or {}).get("clean") for meta in node.metas]
    for rule in rules:
        if rule in SPECIAL_RULES:
            return SPECIAL_RULES[rule]
    names = {READERS[kind]: kind.__name__ for kind in READERS}
    name = names.get(node.reader, "choice")
    if name == "str":
        return "secret" if node.secret else "text" if takes_lines(node) else "line"
    return {"date": "date", "datetime": "instant", "UUID": "id", "Decimal": "number", "float": "number"}.get(name, name)


def takes_lines(node: Leaf) -> bool:
    least = max((meta.min_length or 0 for meta in node.metas), default=0)
    try:
        for meta in node.metas:
            (meta.extra or {}).get("clean", str)("a\n" + "b" * least)
    except ValueError:
        return False
    return True


def bad_texts(node: Leaf) -> list[str]:
    """What no text of this kind may be, in JSON strings and in forms."""
    kind = kind_of(node)
    longest = min((meta.max_length for meta in node.metas if meta.max_length), default=0)
    may_be_blank = any(meta.min_length == 0 for meta in node.metas)
    texts = [text for text in BAD_TEXTS.get(kind, []) if not (may_be_blank and is_blank(text))]
    return [*texts, *(["x" * (longest + 1)] if longest else [])]


def bad_numbers(node: Leaf) -> list[str]:
    """Numbers outside the field's own bounds."""
    lowest = [meta.ge for meta in node.metas if meta.ge is not None]
    highest = [meta.le for meta in node.metas if meta.le is not None]
    if kind_of(node) == "number" and not highest:
        return ["-0.0", *([] if is_signed(node) else ["-0.01"]), "999999999999.99", "0." + "1" * 15]
    return [*(str(one - 1) for one in lowest), *(str(one + 1) for one in highest)]


def is_signed(node: Leaf) -> bool:
    """Whether an exact number may be less than nothing."""
    schemas = ((meta.extra_json_schema or {}).get("extra", {}) for meta in node.metas)
    return any(schema.get("minimum", 0) < 0 for schema in schemas)


def inner_of(node: Node) -> Node:
    return node.inner if isinstance(node, Optionally) else node


def json_cases(struct: type[Struct]) -> Iterator[Case]:
    """Every field of a Struct with every bad value of its kind, as JSON literals."""
    for one in plan_of(struct):
        yield from (Case(one.name, raw, 400) for raw in UNREADABLE_JSON)
        yield from (Case(one.name, raw, 422) for raw in bad_literals(one.node))


def bad_literals(given: Node) -> list[bytes]:
    """Bad values of a node as JSON, those of the entries of a list and of the fields of an object included."""
    node = inner_of(given)
    nothing = [] if isinstance(given, Optionally) and given.nullable else [b"null"]
    if isinstance(node, Items):
        many = b"[" + b",".join([b"null"] * (node.most + 1)) + b"]"
        return [*nothing, *WRONG_KINDS["list"], many, *(b"[" + raw + b"]" for raw in bad_literals(node.inner))]
    if isinstance(node, Record):
        return [*nothing, *WRONG_KINDS["object"], b'{"no_such_field":1}', *bad_objects(node.struct)]
    if isinstance(node, Pairs):
        return [*nothing, *WRONG_KINDS["object"]]
    assert isinstance(node, Leaf)
    kind = kind_of(node)
    if kind in ("int", "number"):
        wrong = [raw for raw in WRONG_KINDS[kind] if not (raw == b"-0" and node.reader is READERS[float])]  # a place
        return [*nothing, *wrong, *(text.encode() for text in bad_numbers(node))]
    if kind == "bool":
        return [*nothing, *WRONG_KINDS["bool"]]
    wrong = [raw for raw in WRONG_KINDS["text"] if not (kind == "choice" and raw == b"1")]
    return [*nothing, *wrong, *(msgspec.json.encode(text) for text in bad_texts(node))]


def bad_objects(struct: type[Struct]) -> Iterator[bytes]:
    """An object that is right but for one value of one field."""
    good = {name: msgspec.json.encode(value) for name, value in sample(struct).items()}
    for one in plan_of(struct):
        for raw in bad_literals(one.node):
            pairs = (good | {one.name: raw}).items()
            yield b"{" + b",".join(b'"%s":%s' % (name.encode(), value) for name, value in pairs) + b"}"


def form_cases(struct: type[Struct], prefix: str = "") -> Iterator[Case]:
    """Every field of a Struct with every bad value of its kind, as percent-encoded text; inner fields by dotted names."""
    for one in plan_of(struct):
        name, node = prefix + one.name, inner_of(one.node)
        yield from (Case(name, raw, 400) for raw in (b"%ff", b"%c0%af", b"%zz", b"%", b"\xff"))
        if isinstance(node, Items):
            inner = inner_of(node.inner)
            yield from form_cases(inner.struct, f"{name}.0.") if isinstance(inner, Record) else entry_cases(name, inner)
        elif isinstance(node, Record):
            yield from form_cases(node.struct, f"{name}.")
        elif isinstance(node, Leaf):
            yield from entry_cases(name, node)
            if one.required and kind_of(node) != "bool":
                yield Case(name, b"", 422)


def entry_cases(name: str, node: Node) -> Iterator[Case]:
    """The bad values of one field, or of one of several boxes of the same name."""
    assert isinstance(node, Leaf), name
    yield from (Case(name, quote(text).encode(), 422) for text in bad_leaf_texts(node) if text.strip())


def bad_leaf_texts(node: Leaf) -> list[str]:
    kind = kind_of(node)
    if kind == "int":
        return [*BAD_INTS, *bad_numbers(node)]
    if kind == "number":
        return [*BAD_NUMBERS, *bad_numbers(node)]
    return ["yes", "1", "TRUE"] if kind == "bool" else bad_texts(node)


def sample(struct: type[Struct]) -> dict[str, Any]:
    """A body that is accepted, as plain JSON values; optional fields are left out."""
    return {one.name: sample_of(one.node) for one in plan_of(struct) if one.required}


def sample_of(node: Node) -> Any:
    if isinstance(node, Optionally):
        return None
    if isinstance(node, Items):
        return [sample_of(node.inner)] * node.least
    if isinstance(node, Pairs):
        return {}
    if isinstance(node, Record):
        return sample(node.struct)
    assert isinstance(node, Leaf)
    kind = kind_of(node)
    if kind == "choice":
        return next(iter(choices_of(node)))
    if kind == "int":
        return max([1, *(meta.ge for meta in node.metas if meta.ge is not None)])
    longest = min((meta.max_length for meta in node.metas if meta.max_length), default=20)
    return SAMPLES.get(kind, "Sample"[:longest])


def two_of(node: Leaf) -> list[str]:
    """Two entries that are accepted, as a form sends them."""
    return (choices_of(node) if kind_of(node) == "choice" else [str(sample_of(node))] * 2)[:2]


def choices_of(node: Leaf) -> list[str]:
    """The accepted words, as the field's own message tells them."""
    try:
        node.reader("\0", True)
    except ValueError as problem:
        return str(problem).split(": ", 1)[1].rstrip(".").split(", ")
    raise AssertionError("a choice took anything")


def query_cases(app: Litestar) -> Iterator[tuple[str, str, Case]]:
    """(method, path template, case) for every declared query parameter of every route."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            method = next(iter(handler.http_methods))
            if method not in ("GET", "POST", "PUT", "PATCH", "DELETE"):
                continue
            declared = declared_parameters(handler, frozenset(route.path_parameters))
            for name, one in declared.items():
                yield from ((method, route.path_format, case) for case in parameter_cases(name, one.node, one.several))
            if route.path.startswith("/api/") and hasattr(handler, "parsed_fn_signature"):
                yield method, route.path_format, Case("no_such_parameter", b"1", 422)
                yield method, route.path_format, Case("f0", b"1&" + b"&".join(b"f%d=1" % n for n in range(1, 500)), 422)


def parameter_cases(name: str, node: Node, several: bool) -> Iterator[Case]:
    yield from (Case(name, raw, 400) for raw in (b"%ff", b"%c0%af", b"%zz"))
    if not several:
        yield Case(name, f"1&{name}=1".encode(), 400)
    leaf = inner_of(node)
    leaf = inner_of(leaf.inner) if isinstance(leaf, Items) else leaf
    assert isinstance(leaf, Leaf)
    yield from (
        Case(name, quote(text).encode(), 422) for text in bad_leaf_texts(leaf) if text.strip() and len(text) < 2000
    )


def body_routes(app: Litestar) -> Iterator[tuple[str, str, type[Struct]]]:
    """(method, path template, Struct) of every route that takes a JSON body."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            struct = input_struct(handler)
            if struct:
                yield from ((method, route.path_format, struct) for method in handler.http_methods)


def path_cases(app: Litestar) -> Iterator[tuple[str, str]]:
    """(method, path) with an id in each spelling that is not the canonical one: all are 404."""
    for route in app.routes:
        for name, parameter in getattr(route, "path_parameters", {}).items():
            if parameter.type is scalars.UUID:
                for bad in BAD_TEXTS["id"]:
                    path = route.path_format.replace("{" + name + "}", quote(bad, safe="%"))
                    yield from ((method, path) for method in route.methods if method not in ("OPTIONS", "HEAD"))
