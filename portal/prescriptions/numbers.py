"""Codes that people read to each other or scan, and the names and numbers of doses that nobody may misread.

A code has nine of 23 signs that look like no other and sound apart: eight at random (36 bits) and one that checks them.
Whoever guesses meets the limit of tries (see SECURITY.md) long before.
"""

import re
import secrets
from decimal import Decimal
from itertools import groupby

import segno
from msgspec import Meta

from portal.web.i18n import _
from portal.web.texts import BadValue, line_cleaner, refuse_look_alikes
from portal.web.types import Amount

SIGNS = "34679ACDEFGHJKMNPRTVWXY"  # a prime number of them: every wrong sign and every two changed places show
LENGTH = 9
UNSAFE_NUMBER = re.compile(r"(?<![0-9])[.,][0-9]|[0-9][.,](?![0-9])|[0-9]\.[0-9]*0(?![0-9])|,[0-9]?0(?![0-9])")


def new_code() -> str:
    """A code that nobody can foresee."""
    body = "".join(secrets.choice(SIGNS) for _ in range(LENGTH - 1))
    return body + check_sign(body)


def check_sign(body: str) -> str:
    """The sign that follows the others: their sum, each weighed by its place."""
    return SIGNS[sum(place * SIGNS.index(sign) for place, sign in enumerate(body, 2)) % len(SIGNS)]


def read_code(text: str) -> str | None:
    """The code that somebody typed, however they wrote it; None when it can be none."""
    code = re.sub(r"[\s\-–—.]", "", text).upper()
    if len(code) != LENGTH or any(sign not in SIGNS for sign in code) or check_sign(code[:-1]) != code[-1]:
        return None
    return code


def shown_code(code: str) -> str:
    """In groups of three, as it is printed."""
    return "-".join(code[at : at + 3] for at in range(0, len(code), 3))


def code_path(text: str) -> tuple[int, str]:
    """A QR code for a page: how many modules a side has, and the path of an SVG that draws it."""
    modules, bars = code_bars(text)
    return modules, "".join(f"M{column} {row}h{length}v1h-{length}z" for column, row, length in bars)


def code_bars(text: str) -> tuple[int, list[tuple[int, int, int]]]:
    """The modules of a side, and the black bars: column, row, length."""
    rows = [list(row) for row in segno.make(text, error="m", micro=False).matrix]
    bars = []
    for number, row in enumerate(rows):
        for dark, run in groupby(enumerate(row), key=lambda one: one[1]):
            columns = [column for column, _dark in run]
            if dark:
                bars.append((columns[0], number, len(columns)))
    return len(rows), bars


def Dose(lowest: str, highest: str) -> Meta:
    """`Annotated[Decimal, Dose("0.001", "999")]`: an exact number that cannot be misread: 5, never 5.0."""
    amount = Amount(lowest, highest, 3)
    clean_amount = (amount.extra or {})["clean"]

    def clean(value: Decimal) -> Decimal:
        if "." in f"{value:f}" and f"{value:f}".endswith("0"):
            raise BadValue(_("Leave out zeros at the end: write 5, not 5.0."))
        found: Decimal = clean_amount(value)
        return found

    return Meta(extra={"clean": clean}, extra_json_schema=amount.extra_json_schema)


def clean_strength(value: str) -> str:
    text = line_cleaner(60)(value)
    if UNSAFE_NUMBER.search(text):
        raise BadValue(_("Write numbers in full and without zeros at the end: 0.5 mg, 5 mg."))
    return text


def clean_substance(value: str) -> str:
    text = line_cleaner(200)(value)
    refuse_look_alikes(text)
    return text


Substance = Meta(min_length=1, max_length=200, extra={"clean": clean_substance})
Strength = Meta(min_length=1, max_length=60, examples=["400 mg"], extra={"clean": clean_strength})
