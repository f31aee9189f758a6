"""The bad-input list against every input Struct of every domain, by the decoder alone."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from portal.errors import DomainError, Invalid
from portal.web.decode import Input, decode_json
from portal.web.forms import fill
from portal.web.urlencoded import parse_pairs
from tests import badinputs

PORTAL = Path(__file__).parent.parent.parent / "portal"


def inputs() -> Iterator[type[Struct]]:
    for path in sorted(PORTAL.glob("*/schemas.py")):
        module = import_module(f"portal.{path.parent.name}.schemas")
        for one in vars(module).values():
            if isinstance(one, type) and issubclass(one, Input) and one.__module__ == module.__name__:
                yield one


INPUTS = list(inputs())


def outcome(read, *arguments) -> tuple[int, set[str]]:
    """The status that the input would be answered with, and the fields that are named."""
    try:
        found = read(*arguments)
    except Invalid as invalid:
        return 422, {one.field.split(".")[0] for one in invalid.errors}
    except DomainError as error:
        return error.status, set()
    errors = getattr(found, "errors", [])
    return (422 if errors else 200), {one.field.split(".")[0] for one in errors}


def test_there_are_inputs():
    assert INPUTS


@pytest.mark.parametrize("struct", INPUTS, ids=lambda one: one.__name__)
def test_every_bad_json_value_is_refused(struct):
    good = {name: msgspec.json.encode(value) for name, value in badinputs.sample(struct).items()}
    for case in badinputs.json_cases(struct):
        pairs = (good | {case.field: case.raw}).items()
        body = b"{" + b",".join(b'"%s":%s' % (name.encode(), raw) for name, raw in pairs) + b"}"
        status, named = outcome(decode_json, body, struct)
        assert status == case.expected, (case, named)
        assert status != 422 or case.field.split(".")[0] in named, case


@pytest.mark.parametrize("struct", INPUTS, ids=lambda one: one.__name__)
def test_every_bad_form_value_is_refused(struct):
    for case in badinputs.form_cases(struct):
        body = case.field.encode() + b"=" + case.raw
        status, named = outcome(lambda text: fill(parse_pairs(text, 200), struct), body)
        assert status == case.expected, (case, named)
        assert status != 422 or case.field.split(".")[0] in named, case
