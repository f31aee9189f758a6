"""What is typed at the front desk, taken apart: a name, the end of a telephone number, a date of birth."""

from datetime import date

import pytest

from portal.people.schemas import Sought, read_sought


@pytest.mark.parametrize(("typed", "sought"), [
    ("Meier", Sought(words="Meier")),
    ("Meier 29.02.1980", Sought(words="Meier", born=date(1980, 2, 29))),
    ("0171 555", Sought(digits="171555")),
    ("+49 171 555 Meier", Sought(words="Meier", digits="49171555")),
    ("Ward1003", Sought(words="Ward1003")),  # digits within a word are a part of it
    ("1980-02-30", Sought()),
    ("  ", Sought()),
])  # fmt: skip
def test_read_sought(typed: str, sought: Sought) -> None:
    assert read_sought(typed) == sought
