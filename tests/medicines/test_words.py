"""Amounts are counted as the language counts."""

from decimal import Decimal

import pytest

from portal.catalogue.words import counted
from portal.web.i18n import speaking


@pytest.mark.parametrize(("amount", "language", "words"), [
    ("1", "en", "1 tablet"), ("-1", "en", "-1 tablet"), ("0.5", "en", "0.5 tablets"), ("12", "en", "12 tablets"),
    ("0", "en", "0 tablets"), ("1.000", "ar", "1.000 قرص"), ("12", "ar", "12 قرصًا"),
])  # fmt: skip
def test_counted(amount: str, language: str, words: str) -> None:
    with speaking(language):
        assert counted(Decimal(amount), "TABLETS", amount) == words
