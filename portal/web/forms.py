"""Forms of pages: all errors at once, and what was typed is kept to be shown again.

    form = await read_form(request, NewPatient)
    if form.data is None:
        return page("people/register.html", status=422, form=form)
    try:
        await actions.register(form.data)
    except Invalid as invalid:
        return page("people/register.html", status=422, form=form.refused(invalid))

Names with dots are nested objects (`address.city`), with numbers lists of objects (`items.0.quantity`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import time
from decimal import Decimal
from enum import Enum
from typing import Any, Generic, TypeVar

from litestar import Request
from litestar.datastructures import UploadFile
from msgspec import UNSET, Struct, structs

from portal import metrics
from portal.errors import DomainError, FieldError, Invalid, Malformed, TooLarge, UnsupportedType
from portal.web.convert import Items, Leaf, Optionally, Reading, Record, plan_of
from portal.web.i18n import _
from portal.web.urlencoded import parse_pairs

MAX_FORM = 1024 * 1024
MAX_FIELDS = 200
MAX_NESTING = 4
CSRF_FIELD = "csrf_token"
UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")

S = TypeVar("S", bound=Struct)
Values = dict[str, str | list[str]]


@dataclass(frozen=True)
class Form(Generic[S]):
    """What a form holds: the text to show, the messages, and the typed data when all is well."""

    values: Values = field(default_factory=dict)
    errors: list[FieldError] = field(default_factory=list)
    data: S | None = None
    files: dict[str, UploadFile] = field(default_factory=dict)

    @classmethod
    def empty(cls, values: Mapping[str, Any] | None = None) -> "Form[S]":
        """A form to be filled in, with some fields filled already."""
        return cls(values={name: as_text(value) for name, value in (values or {}).items() if is_given(value)})

    @classmethod
    def filled(cls, thing: Struct) -> "Form[S]":
        """A form that shows what is stored."""
        return cls.empty(structs.asdict(thing))

    def value(self, name: str) -> str:
        """The text of a field, or nothing."""
        found = self.values.get(name, "")
        return found if isinstance(found, str) else ", ".join(found)

    def chosen(self, name: str) -> list[str]:
        """All the values of a field that may have several (a group of boxes, a multiple select)."""
        found = self.values.get(name, [])
        return [found] if isinstance(found, str) else found

    def error(self, name: str) -> str:
        """The message of a field; a message for an entry of a list is shown at the list."""
        return next((one.message for one in self.errors if one.field == name or one.field.startswith(name + ".")), "")

    def checked(self) -> S:
        """The typed data. Raises `Invalid` with all that is wrong, for forms that no page shows again."""
        if self.data is None:
            raise Invalid(self.errors)
        return self.data

    def with_error(self, name: str, message: str) -> "Form[S]":
        return replace(self, errors=[*self.errors, FieldError(name, message)], data=None)

    def refused(self, error: DomainError) -> "Form[S]":
        """The form again, after an action said no: its field messages, or one for the whole form (field "")."""
        metrics.REFUSALS.labels(error.code).inc()
        problems = error.errors if isinstance(error, Invalid) else [FieldError("", error.detail)]
        return replace(self, errors=[*self.errors, *problems], data=None)


async def read_form(request: Request, struct: type[S], *, multipart: bool = False) -> Form[S]:
    """The posted form as `struct`. Files of a multipart form, where asked for, are in `Form.files`."""
    kind, _separator, parameters = request.headers.get("content-type", "").partition(";")
    kind = kind.strip().lower()
    if kind == "multipart/form-data" and multipart:
        return await read_multipart(request, struct)
    charset = parameters.strip().lower()
    if kind != "application/x-www-form-urlencoded" or charset not in ("", "charset=utf-8"):
        raise UnsupportedType(_("This page takes ordinary forms only."))
    body = await request.body()
    if len(body) > MAX_FORM:
        raise TooLarge(_("The request is too large."))
    return fill(parse_pairs(body, MAX_FIELDS), struct)


async def read_multipart(request: Request, struct: type[S]) -> Form[S]:
    texts: list[tuple[str, str]] = []
    files: dict[str, UploadFile] = {}
    try:
        parts = (await request.form()).multi_items()
    except UnicodeDecodeError:
        raise Malformed(_("The request is not valid UTF-8.")) from None
    for name, value in parts:
        if not isinstance(value, UploadFile):
            if value or name in struct.__struct_encode_fields__ or name == CSRF_FIELD:
                texts.append((name, str(value)))  # else the control of a file that nobody chose
        elif files.setdefault(name, value) is not value:
            raise Malformed(_("A field was sent more than once."))
    if len(texts) > MAX_FIELDS:
        raise Malformed(_("The request has too many fields."))
    return replace(fill(texts, struct), files=files)


def fill(pairs: Iterable[tuple[str, str]], struct: type[S]) -> Form[S]:
    """Pairs of text as a form: read, with everything that is wrong."""
    sent: dict[str, list[str]] = {}
    for name, value in pairs:
        if name != CSRF_FIELD:
            sent.setdefault(name, []).append(value)
    reading = Reading(textual=True)
    data = Record(struct).read(tree_of(sent), "", reading)
    return Form(values=shown(sent, struct), errors=reading.errors, data=None if reading.errors else data)


def tree_of(sent: dict[str, list[str]]) -> dict[str, Any]:
    """Dotted names as nested objects."""
    tree: dict[str, Any] = {}
    for name, entries in sent.items():
        *parents, last = name.split(".")
        if len(parents) > MAX_NESTING:
            raise Malformed(_("The request is nested too deeply."))
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise Malformed(_("A field was sent more than once."))
        if last in place:
            raise Malformed(_("A field was sent more than once."))
        place[last] = entries
    return tree


def shown(sent: dict[str, list[str]], struct: type[Struct]) -> Values:
    """What was typed, for the form to show again: never a password, nothing unprintable."""
    secrets = set(secret_names(struct))
    printable = {
        name: [UNPRINTABLE.sub("\ufffd", entry) for entry in entries]
        for name, entries in sent.items()
        if name.rpartition(".")[2] not in secrets
    }
    return {name: entries[0] if len(entries) == 1 else entries for name, entries in printable.items()}


def secret_names(struct: type[Struct]) -> Iterator[str]:
    """The fields, at any depth, whose text is never sent back."""
    for one in plan_of(struct):
        node = one.node
        while isinstance(node, Optionally | Items):
            node = node.inner
        if isinstance(node, Record):
            yield from secret_names(node.struct)
        elif isinstance(node, Leaf) and node.secret:
            yield one.name


def is_given(value: Any) -> bool:
    return value is not None and value is not UNSET


def as_text(value: Any) -> str | list[str]:
    """A stored value as a form shows it."""
    if isinstance(value, list | tuple | set | frozenset):
        return [str(as_text(entry)) for entry in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, time):
        return value.strftime("%H:%M")
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
