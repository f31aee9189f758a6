"""Bodies: what is read, what is malformed, and that every wrong field is named at once."""

import json
import tracemalloc
from time import perf_counter
from typing import Annotated

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import UNSET, UnsetType, field

from portal.errors import DomainError, FieldError, Invalid, Malformed, TooLarge, UnsupportedType
from portal.web.convert import node_of
from portal.web.decode import MAX_JSON, Input, decode_json, page_of, require_json
from portal.web.types import LocalDate, Name, Quantity, Text
from tests.web.example import Everything


class Line(Input):
    product: Name
    quantity: Quantity


class Order(Input):
    customer: Name
    lines: list[Line] = field(default_factory=list)
    note: Annotated[str, Text(100)] | UnsetType | None = UNSET
    first: LocalDate | None = None
    last: LocalDate | None = None

    def __post_init__(self) -> None:
        if self.first and self.last and self.last < self.first:
            raise Invalid([FieldError("last", "The end is before the start.")])


def errors(body: str) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        decode_json(body.encode(), Order)
    return {one.field: one.message for one in caught.value.errors}


def test_all_errors_come_at_once_with_dotted_names():
    found = errors('{"customer": " ", "lines": [{"product": "a", "quantity": 0}, {"quantity": "1"}], "role": "ADMIN"}')
    assert found == {
        "customer": "This field is required.",
        "lines.0.quantity": "Enter 1 or more.",
        "lines.1.product": "This field is required.",
        "lines.1.quantity": "Enter a whole number.",
        "role": "There is no such field.",
    }


def test_absent_and_null_are_two_things():
    assert decode_json(b'{"customer":"A"}', Order).note is UNSET
    assert decode_json(b'{"customer":"A","note":null}', Order).note is None
    assert errors('{"customer":null}') == {"customer": "This field is required."}


def test_a_struct_may_refuse_a_combination_of_fields():
    found = errors('{"customer":"A","first":"2026-02-02","last":"2026-02-01"}')
    assert found == {"last": "The end is before the start."}


@pytest.mark.parametrize("body", ["", " ", "null", "[]", '"x"', "1", "{}{}", "{} x", "{", '{"a":1,}', "\ufeff{}", "//"])
def test_what_is_not_one_json_object_is_malformed(body):
    with pytest.raises(Malformed):
        decode_json(body.encode(), Order)


@pytest.mark.parametrize("body", ['{"customer":"A","customer":"B"}', '{"lines":[{"product":"a","product":"b"}]}'])
def test_a_key_twice_is_malformed(body):
    with pytest.raises(Malformed):
        decode_json(body.encode(), Order)


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a":' * 100_000, b'{"lines":' + b"[" * 33 + b"]" * 33 + b"}"])
def test_towers_are_malformed_in_no_time(body):
    begin = perf_counter()
    with pytest.raises(Malformed):
        decode_json(body, Order)
    assert perf_counter() - begin < 0.1


def test_brackets_inside_text_do_not_count_as_depth():
    assert decode_json(b'{"customer":"A","note":"' + b"[" * 90 + b'"}', Order).note == "[" * 90


@pytest.mark.parametrize("filler", [b"0,", b"[],", b"{},", b'"",', b'{"a":0},'])
def test_bodies_that_would_fill_the_memory_are_too_large(filler):
    body = b'{"a":[' + filler * (MAX_JSON // len(filler) - 10) + b"0]}"
    tracemalloc.start()
    with pytest.raises(TooLarge):
        decode_json(body, Order)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_thousand_errors_are_cut_short_and_still_errors():
    lines = ",".join(['{"product":"","quantity":0}'] * 100)
    found = errors('{"customer":"","lines":[' + lines + '],"first":"x","last":"2026-01-01"}')
    assert len(found) == 100


def test_only_json_in_utf8_is_json():
    for good in ("application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'):
        require_json(good)
    for bad in (None, "", "text/plain", "text/json", "application/json; charset=utf-7", "application/jsonx",
                "application/problem+json", "application/json, text/plain", "multipart/form-data"):  # fmt: skip
        with pytest.raises(UnsupportedType):
            require_json(bad)


def test_a_kind_without_a_strict_reader_is_a_programming_error():
    for annotation in (bytes, str | int, set[str], object):
        with pytest.raises(TypeError):
            node_of(annotation)


def test_pages_of_lists_look_alike():
    assert page_of("doctors", [1], 7, 5, 1) == {"total": 7, "skip": 5, "limit": 1, "doctors": [1]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
known_fields = st.sampled_from([one.name for one in msgspec.structs.fields(Everything)])


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.dictionaries(known_fields | st.text(max_size=5), json_values, max_size=8))
def test_any_json_is_read_or_refused_with_words(body):
    try:
        decode_json(json.dumps(body).encode(errors="surrogatepass"), Everything)
    except DomainError as error:
        assert error.status in (400, 422)
        assert error.detail


@settings(max_examples=150, derandomize=True, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_refused_with_words(body):
    with pytest.raises(DomainError):
        decode_json(body, Everything)


@pytest.mark.anyio
async def test_a_handler_gets_the_struct_and_may_do_without(client):
    answer = await client.post("/api/optional", json={"street": " Main St "})
    assert answer.json() == {"got": {"street": "Main St", "floor": None}}
    assert (await client.post("/api/optional")).json() == {"got": None}


@pytest.mark.anyio
async def test_the_openapi_document_knows_the_fields(app):
    document = app.openapi_schema.to_schema()
    fields = document["components"]["schemas"]["Everything"]["properties"]
    assert fields["name"] == {"type": "string", "minLength": 1, "maxLength": 100}
    assert fields["email"]["format"] == "email"
    assert fields["quantity"]["maximum"] == 2_147_483_647
    assert fields["fee"]["maximum"] == 999_999.99
    assert {"type": "number", "examples": [25.5]} in fields["fee"]["oneOf"]
