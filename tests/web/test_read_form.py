"""Forms of pages: every error at once, the text kept, and what a browser can and cannot send."""

from datetime import date, time
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlencode

import pytest
from msgspec import UNSET, Meta, UnsetType, field

from portal.errors import Conflict, FieldError, Invalid, Malformed
from portal.web.decode import Input
from portal.web.forms import CSRF_FIELD, Form, fill
from portal.web.types import Id, LanguageTag, LocalDate, Money, Name, Password, Quantity, Text, WallTime
from portal.web.urlencoded import parse_pairs

pytestmark = pytest.mark.anyio


class Hours(Input):
    opens: WallTime
    closes: WallTime


class Visit(Input):
    name: Name
    day: LocalDate
    fee: Money | None = None
    notes: Annotated[str, Text(100)] | None = None
    first_visit: bool = True
    languages: Annotated[list[LanguageTag], Meta(max_length=3)] = field(default_factory=list)
    hours: list[Hours] = field(default_factory=list)
    doctor_id: Id | UnsetType | None = UNSET
    places: Quantity = 5
    password: Password | None = None


def sent(text: str) -> Form[Visit]:
    return fill(parse_pairs(text.encode(), 200), Visit)


def messages(form: Form) -> dict[str, str]:
    return {one.field: one.message for one in form.errors}


def test_text_becomes_typed_data():
    form = sent(
        "name=+Ana+&day=2026-11-20&fee=25.5&notes=a%0D%0Ab&first_visit=on&languages=en&languages=es"
        "&hours.0.opens=09:00&hours.0.closes=12:00&hours.3.opens=13:00&hours.3.closes=17:30&" + CSRF_FIELD + "=secret"
    )
    assert form.errors == []
    assert form.data == Visit(
        name="Ana",
        day=date(2026, 11, 20),
        fee=Decimal("25.50"),
        notes="a\nb",
        first_visit=True,
        languages=["en", "es"],
        hours=[Hours(opens=time(9), closes=time(12)), Hours(opens=time(13), closes=time(17, 30))],
    )
    assert CSRF_FIELD not in form.values


def test_what_is_left_empty_is_absent():
    form = sent("name=Ana&day=2026-11-20&fee=&notes=+&languages=&doctor_id=&places=&password=")
    assert form.data == Visit(name="Ana", day=date(2026, 11, 20), first_visit=False, doctor_id=None)
    assert sent("name=Ana&day=2026-11-20").data.doctor_id is UNSET


def test_an_unticked_box_is_false():
    assert sent("name=Ana&day=2026-11-20").data.first_visit is False
    assert sent("name=Ana&day=2026-11-20&first_visit=true").data.first_visit is True


def test_all_errors_come_at_once_and_the_text_is_kept():
    form = sent(
        "name=%00&day=30.2.2026&fee=1,5&languages=en&languages=klingon&hours.2.opens=9&password=short&role=ADMIN"
    )
    assert form.data is None
    assert messages(form) == {
        "name": "Remove the control characters.",
        "day": "Enter a date like 2026-11-20.",
        "fee": "Enter a number like 25.00.",
        "languages.1": "Choose a language like en or pt-BR.",
        "hours.2.opens": "Enter a time like 09:30.",
        "hours.2.closes": "This field is required.",
        "password": "Use at least 10 characters.",
        "role": "There is no such field.",
    }
    assert form.value("day") == "30.2.2026"
    assert form.value("name") == "\ufffd"
    assert form.chosen("languages") == ["en", "klingon"]
    assert form.value("hours.2.opens") == "9"
    assert form.error("languages") == "Choose a language like en or pt-BR."
    assert form.error("notes") == ""


def test_a_password_is_never_shown_again():
    form = sent("name=&password=correct+horse+battery")
    assert "password" not in form.values
    assert "correct horse" not in repr(form.values)


MANY = "&".join(f"k{number}=1" for number in range(201))


@pytest.mark.parametrize("text", [MANY, "name=a&name=b", "day=%ff", "day=%c0%af", "day=%zz", "day=%", "name=a&name.x=b",
                                  "name.x=a&name=b", "a.b.c.d.e.f=1"])  # fmt: skip
def test_what_cannot_be_read_is_malformed(text):
    with pytest.raises(Malformed):
        sent(text)


def test_an_action_that_refuses_gives_the_form_again():
    form = sent("name=Ana&day=2026-11-20")
    again = form.refused(Invalid([FieldError("day", "That day is full.")]))
    assert (again.data, again.error("day"), again.value("name")) == (None, "That day is full.", "Ana")
    assert form.refused(Conflict("taken", "Just taken.")).error("") == "Just taken."
    assert form.with_error("name", "Known already.").error("name") == "Known already."


def test_a_form_can_show_what_is_stored():
    stored = Visit(name="Ana", day=date(2026, 11, 20), fee=Decimal("25.50"), languages=["en"], places=3)
    form = Form.filled(stored)
    assert form.errors == []
    assert (form.value("day"), form.value("fee"), form.value("first_visit")) == ("2026-11-20", "25.50", "true")
    assert form.chosen("languages") == ["en"]
    assert Form.empty({"at": time(9)}).value("at") == "09:00"
    assert Form.empty().value("name") == ""


async def test_only_ordinary_forms_are_taken(client):
    for kind in ("text/plain", "application/json", "multipart/form-data; boundary=x", ""):
        assert (await client.post("/form", content=b"name=a", headers={"content-type": kind})).status_code == 415


async def test_a_form_of_a_megabyte_is_too_large(client):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert (await client.post("/form", content=b"name=" + b"a" * 1_100_000, headers=headers)).status_code == 413
    assert (await client.post("/form", content=b"k=1&" * 5000, headers=headers)).status_code == 400


async def test_the_page_comes_again_with_the_text_escaped(client):
    answer = await client.post("/form", data={"name": "<b>", "email": '"><script>alert(1)</script>'})
    assert answer.status_code == 422
    assert "<script>" not in answer.text
    assert "&lt;script&gt;" in answer.text
    assert "Enter an e-mail address" in answer.text


def test_round_trip_through_a_form_changes_nothing():
    stored = Visit(name="Zoë O'Brien", day=date(2026, 11, 20), fee=Decimal("0.10"), notes="a\nb", languages=["pt-BR"])
    pairs = [(name, text) for name in Form.filled(stored).values for text in Form.filled(stored).chosen(name)]
    form = fill(parse_pairs(urlencode(pairs).encode(), 200), Visit)
    assert form.data == stored


async def test_files_come_beside_the_checked_fields(client):
    body = (await client.post("/upload", data={"street": " Main St "}, files={"scan": ("a.pdf", b"%PDF")})).json()
    assert body == {"errors": [], "data": {"street": "Main St", "floor": None}, "files": {"scan": "a.pdf"}}
    body = (await client.post("/upload", data={"street": "a\0b"}, files={"scan": ("a.pdf", b"%PDF")})).json()
    assert body["errors"][0]["field"] == "street"


@pytest.mark.parametrize(
    "part",
    [
        b'name="street"\r\n\r\n\xff',
        b'name="street"\r\n\r\na\r\n--x\r\nContent-Disposition: form-data; name="street"\r\n\r\nb',
        b"x",
    ],
)
async def test_a_multipart_form_that_cannot_be_read_is_malformed(client, part):
    body = b"--x\r\nContent-Disposition: form-data; " + part + b"\r\n--x--\r\n"
    answer = await client.post("/upload", content=body, headers={"content-type": "multipart/form-data; boundary=x"})
    assert answer.status_code == 400, answer.text
