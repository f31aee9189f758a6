"""How answers look: instants with Z, money with two decimals, wall times HH:MM, ids as text."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from msgspec import UNSET, Struct, UnsetType

from portal.web.encode import dump_json


class Hours(Struct):
    opens: time | None


class Clinic(Struct):
    id: UUID
    fee: Decimal
    hours: list[Hours]
    day: date
    at: datetime
    parent: "Clinic | None" = None
    site: str | UnsetType = UNSET


class Plain(Struct):
    name: str


CLINIC = Clinic(
    UUID(int=7), Decimal("12.50"), [Hours(time(9)), Hours(None)], date(2026, 2, 3), datetime(2026, 2, 3, tzinfo=UTC)
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Plain("Zoë"), '{"name":"Zoë"}'),
        ({"total": 1, "rows": [Plain("a")]}, '{"total":1,"rows":[{"name":"a"}]}'),
        ({"at": time(9, 5)}, '{"at":"09:05"}'),
        (
            CLINIC,
            '{"id":"00000000-0000-0000-0000-000000000007","fee":12.50,"hours":[{"opens":"09:00"},{"opens":null}],'
            '"day":"2026-02-03","at":"2026-02-03T00:00:00Z","parent":null}',
        ),
    ],
)
def test_answers_follow_the_conventions(value: Any, text: str):
    assert dump_json(value).decode() == text


def test_structs_without_times_are_not_copied():
    rows = [Plain("a")] * 2000
    assert dump_json(rows).count(b"name") == 2000
