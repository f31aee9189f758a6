"""From raw values (parsed JSON, or the text of a form or query) to typed ones, with every error at once.

msgspec stops at the first error; a person correcting a form wants all of them. The plan of a Struct is built once
from its annotations and read many times. `Meta(extra={"clean": function})` attaches a field's own rule.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Protocol, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, UnsetType

from portal.errors import FieldError, Invalid, Malformed
from portal.web import scalars
from portal.web.i18n import _
from portal.web.readers import READERS, check_bounds, choice_reader, default_metas, read_text
from portal.web.texts import BadValue, line_cleaner

MAX_ERRORS = 100
MAX_ITEMS = 100
BAD: Any = object()
ABSENT: Any = object()


@dataclass
class Reading:
    """One pass over one input: whether its leaves are text (forms, queries), and what is wrong so far."""

    textual: bool
    errors: list[FieldError] = field(default_factory=list)
    refused: int = 0

    def refuse(self, where: str, message: str) -> Any:
        """Note a problem. The list is bounded, the count is not."""
        self.refused += 1
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(FieldError(where[:200], message))
        return BAD


class Node(Protocol):
    def read(self, raw: Any, where: str, reading: Reading) -> Any: ...


@dataclass(frozen=True)
class Leaf:
    """One scalar: read it, apply the rules of its annotation, then the bounds of its `Meta`."""

    reader: Callable[[Any, bool], Any]
    metas: tuple[Meta, ...]
    secret: bool = False

    def read(self, raw: Any, where: str, reading: Reading) -> Any:
        if isinstance(raw, list) and reading.textual:
            raw = only(raw)
        try:
            value = self.reader(raw, reading.textual)
            for meta in self.metas:
                value = (meta.extra or {}).get("clean", lambda same: same)(value)
                check_bounds(value, meta)
        except BadValue as problem:
            return reading.refuse(where, problem.message)
        return value


@dataclass(frozen=True)
class Optionally:
    """`X | None`, `X | UnsetType`. An empty text of a form stands for nothing."""

    inner: Node
    nullable: bool

    def read(self, raw: Any, where: str, reading: Reading) -> Any:
        if reading.textual and is_empty_text(raw):
            return None if self.nullable else ABSENT
        if raw is None:
            return None if self.nullable else reading.refuse(where, _("This field is required."))
        return self.inner.read(raw, where, reading)


@dataclass(frozen=True)
class Items:
    """A list of one kind."""

    inner: Node
    least: int
    most: int

    def read(self, raw: Any, where: str, reading: Reading) -> Any:
        entries = numbered(raw, reading.textual)
        if entries is None:
            return reading.refuse(where, _("Enter a list."))
        if len(entries) > self.most:
            return reading.refuse(where, _("Give at most %(maximum)s entries.", maximum=self.most))
        if len(entries) < self.least:
            return reading.refuse(where, _("Give at least %(minimum)s entries.", minimum=self.least))
        values = [self.inner.read(entry, f"{where}.{number}", reading) for number, entry in entries]
        return BAD if any(value is BAD for value in values) else values


@dataclass(frozen=True)
class Pairs:
    """A small object with free names, such as what a browser says about itself."""

    inner: Node
    most: int

    def read(self, raw: Any, where: str, reading: Reading) -> Any:
        if not isinstance(raw, dict):
            return reading.refuse(where, _("Enter an object."))
        if len(raw) > self.most:
            return reading.refuse(where, _("Give at most %(maximum)s entries.", maximum=self.most))
        name = Leaf(read_text, (Meta(extra={"clean": line_cleaner(100)}),))
        values = {name.read(key, where, reading): self.inner.read(raw[key], f"{where}.{key}", reading) for key in raw}
        return BAD if BAD in values or any(value is BAD for value in values.values()) else values


@dataclass(frozen=True)
class Record:
    """A Struct inside a Struct, or the whole input."""

    struct: type[Struct]

    def read(self, raw: Any, where: str, reading: Reading) -> Any:
        if not isinstance(raw, dict):
            return reading.refuse(where, _("Enter an object."))
        prefix = f"{where}." if where else ""
        found: dict[str, Any] = {}
        plan = plan_of(self.struct)
        known = {one.name for one in plan}
        for name in raw:
            if name not in known:
                reading.refuse(prefix + name, _("There is no such field."))
        before = reading.refused
        for one in plan:
            value = one.read(raw.get(one.name, ABSENT), prefix, reading)
            if value is not ABSENT:
                found[one.attribute] = value
        return BAD if reading.refused > before else self.build(found, prefix, reading)

    def build(self, found: dict[str, Any], prefix: str, reading: Reading) -> Any:
        """Make the Struct; its `__post_init__` may refuse a combination of fields."""
        try:
            return self.struct(**found)
        except Invalid as invalid:
            for problem in invalid.errors:
                reading.refuse(prefix + problem.field, problem.message)
        except BadValue as problem:
            reading.refuse(prefix.rstrip("."), problem.message)
        return BAD


@dataclass(frozen=True)
class Planned:
    """One field of a Struct."""

    name: str
    attribute: str
    node: Node
    required: bool

    def read(self, raw: Any, prefix: str, reading: Reading) -> Any:
        if reading.textual and isinstance(self.node, Leaf) and is_empty_text(raw, self.node.secret):
            raw = ABSENT
        if raw is ABSENT:
            raw = self.unsent(reading)
        if raw is ABSENT and not self.required:
            return ABSENT
        if raw is ABSENT or (raw is None and not isinstance(self.node, Optionally)):
            return reading.refuse(prefix + self.name, _("This field is required."))
        return self.node.read(raw, prefix + self.name, reading)

    def unsent(self, reading: Reading) -> Any:
        """What a browser does not send: a box that is not ticked, a group of boxes with none ticked."""
        if reading.textual and isinstance(self.node, Leaf) and self.node.reader is scalars.read_bool:
            return "false"
        return [] if reading.textual and isinstance(self.node, Items) else ABSENT


def only(entries: list[Any]) -> Any:
    if len(entries) != 1:
        raise Malformed(_("A field was sent more than once."))
    return entries[0]


def is_empty_text(raw: Any, secret: bool = False) -> bool:
    """Whether a form's field was left empty; the spaces of a secret count."""
    if isinstance(raw, list) and len(raw) == 1:
        raw = raw[0]
    return isinstance(raw, str) and not (raw if secret else raw.strip())


def numbered(raw: Any, textual: bool) -> list[tuple[int, Any]] | None:
    """The entries of a list with their positions; a form spells a list of objects `items.0.name`."""
    if isinstance(raw, list):
        return [entry for entry in enumerate(raw) if not (textual and is_empty_text(entry[1]))]
    if textual and isinstance(raw, dict) and all(re.fullmatch("[0-9]{1,3}", key) for key in raw):
        return sorted((int(key), entry) for key, entry in raw.items())
    return None


@cache
def plan_of(struct: type[Struct]) -> tuple[Planned, ...]:
    """What to read for each field of a Struct."""
    return tuple(
        Planned(one.encode_name, one.name, node_of(one.type), one.required) for one in msgspec.structs.fields(struct)
    )


def node_of(annotation: Any, metas: tuple[Meta, ...] = ()) -> Node:
    """The reader of one annotation; a kind that cannot be read strictly is a programming error."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        own = tuple(one for one in annotation.__metadata__ if isinstance(one, Meta))
        return node_of(arguments[0], own + metas)
    if origin in (Union, UnionType):
        return optional_node(arguments, metas)
    if origin is list or annotation is list:
        least = next((one.min_length for one in metas if one.min_length is not None), 0)
        most = next((one.max_length for one in metas if one.max_length is not None), MAX_ITEMS)
        return Items(node_of(arguments[0]), least, most)
    if origin is dict and arguments[0] is str:
        return Pairs(node_of(arguments[1]), MAX_ITEMS)
    if origin is Literal:
        return Leaf(choice_reader(arguments), metas)
    return class_node(annotation, metas)


def optional_node(arguments: tuple[Any, ...], metas: tuple[Meta, ...]) -> Node:
    kinds = [one for one in arguments if one not in (NoneType, UnsetType)]
    if len(kinds) != 1:
        raise TypeError(f"an input field has one kind, not {arguments}")
    return Optionally(node_of(kinds[0], metas), nullable=NoneType in arguments)


def class_node(kind: Any, metas: tuple[Meta, ...]) -> Node:
    if isinstance(kind, type) and issubclass(kind, Struct):
        return Record(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return Leaf(choice_reader(tuple(kind)), metas)
    if kind not in READERS:
        raise TypeError(f"no strict reader for {kind!r}")
    return Leaf(
        READERS[kind], default_metas(kind, metas) + metas, any((one.extra or {}).get("secret") for one in metas)
    )
