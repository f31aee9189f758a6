"""Each kind of field by its table: what is accepted and how it is stored, what is refused."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any
from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal import clock
from portal.web.contacts import time_zones
from portal.web.convert import BAD, Reading, node_of
from portal.web.scalars import JsonNumber
from portal.web.texts import BadValue, line_cleaner, text_cleaner
from portal.web.types import (
    Amount,
    BirthDate,
    Email,
    GivenPassword,
    Instant,
    LanguageTag,
    Latitude,
    LocalDate,
    Money,
    Name,
    Password,
    Phone,
    Text,
    TimeZone,
    Url,
    WallTime,
)
from tests.badvalues import BAD_INTS, BAD_NUMBERS, BAD_TEXTS

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


def read(annotation: Any, raw: Any, textual: bool = False) -> Any:
    """The value, or the message of what is wrong with it."""
    reading = Reading(textual)
    value = node_of(annotation).read(raw, "it", reading)
    return reading.errors[0].message if value is BAD else value


def refuses(annotation: Any, raw: Any, textual: bool = False) -> bool:
    reading = Reading(textual)
    return node_of(annotation).read(raw, "it", reading) is BAD and bool(reading.errors)


@pytest.mark.parametrize(
    "name",
    ["John 3rd", "O'Brien", "O\u2019Brien", "Nguyễn", "X", "Null", "Jr., Sam", "محمد", "שרה", "山田", "Zoë 😀", FAMILY,
     SCOTLAND, "<b>", "{{7*7}}", "=cmd()", "می\u200cخواهم", "ක්\u200dෂ", "Jean\u00a0Luc", "a" * 100,
     "'; DROP TABLE x;--"],
)  # fmt: skip
def test_names_are_kept_exactly(name):
    assert read(Name, name) == normalize("NFC", name)
    assert read(Name, f"  {name} ", textual=True) == normalize("NFC", name)


def test_twins_become_one_name():
    assert read(Name, normalize("NFD", "Nguyễn Zoë")) == normalize("NFC", "Nguyễn Zoë")
    assert read(Name, "\u212aelvin") == "Kelvin"


@pytest.mark.parametrize(
    "name", [*BAD_TEXTS["line"], "a" * 101, "a\u200db", "\u200da", "a\u200c", "a\u061cb", "a\ud800b"]
)
def test_names_that_hide_something_are_refused(name):
    assert refuses(Name, name)


def test_text_keeps_its_lines():
    kind = Annotated[str, Text(20)]
    assert read(kind, "a\r\nb\n\nc\td ") == "a\nb\n\nc d"
    assert refuses(kind, "a\rb")
    assert refuses(kind, "a" * 21)
    assert refuses(Annotated[str, Text(20, max_bytes=30)], "😀" * 8)


def test_hostile_text_costs_no_time():
    pile = "e" + "\u0301\u0316" * 200_000
    for clean in (line_cleaner(100), text_cleaner(1000)):
        with pytest.raises(BadValue):
            clean(pile)


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.text(max_size=60))
def test_cleaning_is_stable(text):
    """What was accepted once is accepted again as it is: saving twice changes nothing."""
    for clean in (line_cleaner(100), text_cleaner(100)):
        try:
            once = clean(text)
        except BadValue as problem:
            assert problem.message
            continue
        assert clean(once) == once
        assert once.encode()


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Ana.Lopez+clinic@Example.ORG", "ana.lopez+clinic@example.org"),
        (" ana@example.org ", "ana@example.org"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("ana@ｅxample.org", "ana@example.org"),
        ("o'brien@example.co.uk", "o'brien@example.co.uk"),
        ("nurse@ward.internal", "nurse@ward.internal"),
    ],
)
def test_an_e_mail_address_has_one_spelling(typed, stored):
    assert read(Email, typed) == stored
    assert read(Email, stored) == stored


@pytest.mark.parametrize("typed", BAD_TEXTS["email"])
def test_what_is_no_e_mail_address(typed):
    assert refuses(Email, typed)


@pytest.mark.parametrize("typed", ["+14155550123", "+1 415 555 0123", "+1 (415) 555-0123", "+1.415.555.0123"])
def test_a_phone_number_is_stored_as_e164(typed):
    assert read(Phone, typed) == "+14155550123"


@pytest.mark.parametrize("typed", BAD_TEXTS["phone"])
def test_what_is_no_phone_number(typed):
    assert refuses(Phone, typed)


def test_dates():
    assert read(LocalDate, "2024-02-29") == date(2024, 2, 29)
    assert read(BirthDate, "2000-02-29") == date(2000, 2, 29)
    for bad in [*BAD_TEXTS["date"], "2026-02-29", "1899-12-31", 20261120]:
        assert read(LocalDate, bad) == "Enter a date like 2026-11-20."


def test_nobody_is_born_tomorrow_or_too_long_ago():
    with clock.freeze(datetime(2026, 11, 20, 23, 30, tzinfo=UTC)):
        assert read(BirthDate, "2026-11-20") == date(2026, 11, 20)
        assert refuses(BirthDate, "2026-11-21")
        assert refuses(BirthDate, "1876-11-20")
        assert read(BirthDate, "1900-01-01") == date(1900, 1, 1)


def test_instants_are_aware_and_become_utc():
    assert read(Instant, "2026-11-20T09:30:00Z") == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    berlin = read(Instant, "2026-10-25T02:30:00.5+02:00")
    assert berlin == datetime(2026, 10, 25, 0, 30, 0, 500_000, tzinfo=UTC)
    assert berlin.utcoffset() == timedelta(0)
    for bad in [*BAD_TEXTS["instant"], 1_700_000_000, JsonNumber("1.7e9")]:
        assert refuses(Instant, bad)


def test_wall_times():
    assert read(WallTime, "00:00") == time(0)
    assert read(WallTime, "23:59") == time(23, 59)
    assert all(refuses(WallTime, bad) for bad in BAD_TEXTS["time"])


def test_time_zones():
    assert all(read(TimeZone, good) == good for good in ("Europe/Berlin", "America/Argentina/Salta", "UTC"))
    assert all(refuses(TimeZone, bad) for bad in [*BAD_TEXTS["zone"], "Etc/GMT+3", "US/Eastern", "posixrules"])
    assert len(time_zones()) > 350


def test_languages():
    assert read(LanguageTag, "PT-br") == "pt-BR"
    assert read(LanguageTag, "zh-hant-tw") == "zh-Hant-TW"
    assert all(refuses(LanguageTag, bad) for bad in BAD_TEXTS["language"])


def test_web_addresses():
    assert read(Url, "https://example.org:8443/hook?x=1") == "https://example.org:8443/hook?x=1"
    assert all(refuses(Url, bad) for bad in [*BAD_TEXTS["url"], "https://example.org:99999/", "https://exämple.org/"])


@pytest.mark.parametrize("bad", BAD_INTS)
def test_numbers_in_forms_are_plain_digits(bad):
    assert refuses(int, bad, textual=True)
    if bad in BAD_NUMBERS:
        assert refuses(Money, bad, textual=True)


def test_numbers():
    assert read(int, "-7", textual=True) == -7
    assert read(int, 2_147_483_647) == 2_147_483_647
    for bad in (True, "1", JsonNumber("1.0"), 2_147_483_648, None, JsonNumber("9" * 5000)):
        assert refuses(int, bad)
    assert read(Latitude, JsonNumber("-89.5")) == -89.5
    assert read(Latitude, 90) == 90.0
    assert all(refuses(Latitude, bad) for bad in (91, JsonNumber("1e400"), "1", True))


def test_money_is_exact():
    for raw, stored in ((JsonNumber("12.5"), "12.50"), (0, "0.00"), (JsonNumber("999999.99"), "999999.99")):
        value = read(Money, raw)
        assert isinstance(value, Decimal)
        assert str(value) == stored
    assert read(Money, "25.10", textual=True) == Decimal("25.10")
    for bad in (
        JsonNumber("12.555"),
        JsonNumber("1e2"),
        JsonNumber("-0.0"),
        JsonNumber("-0"),
        -1,
        1_000_000,
        "12.50",
        True,
    ):
        assert refuses(Money, bad)


def test_doses_keep_three_decimals():
    dose = Annotated[Decimal, Amount("0.001", "999.999", 3)]
    assert read(dose, JsonNumber("0.125")) == Decimal("0.125")
    assert all(refuses(dose, bad) for bad in (0, JsonNumber("0.0001"), JsonNumber("0." + "1" * 30), 1000))


def test_passwords_are_never_trimmed():
    assert read(Password, "  spaces count  ") == "  spaces count  "
    assert read(Password, normalize("NFD", "pässwörter zählen")) == normalize("NFC", "pässwörter zählen")
    assert read(Password, "wide\u3000space here") == "wide space here"
    assert all(
        refuses(Password, bad)
        for bad in ("short", "x" * 201, "nul\0inside it", "line\nbreak inside", "half \ud800 character")
    )
    assert read(GivenPassword, "x") == "x"
