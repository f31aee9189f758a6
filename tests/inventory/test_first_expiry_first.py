"""First expiry first, whatever lies on the shelf: compared with a few lines that need no database."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal import db
from portal.errors import Conflict
from portal.inventory.ledger import give_back_in_tx, take_in_tx
from tests.inventory import shelf

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]

AMOUNT = st.decimals("0.001", 50, places=3)
SHELF = st.lists(st.tuples(st.integers(-3, 12), AMOUNT, st.booleans()), min_size=1, max_size=6)


def expected(lots: list[tuple[int, Decimal, bool]], wanted: Decimal) -> list[tuple[int, Decimal]] | None:
    """Which lot gives how much, by its number; None where it is not enough."""
    parts, left = [], wanted
    usable = [(days, number) for number, (days, _amount, recalled) in enumerate(lots) if days >= 0 and not recalled]
    for _days, number in sorted(usable):
        part = min(left, lots[number][1])
        parts += [(number, part)] if part else []
        left -= part
    return None if left else parts


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lots=SHELF, wanted=st.decimals("0.001", 120, places=3))
async def test_as_on_paper(lots: list[tuple[int, Decimal, bool]], wanted: Decimal) -> None:
    on = await shelf.shelf(0)
    ids = [
        await shelf.batch(
            on.item_id, on.pharmacy_id, str(amount), expires=date.today() + timedelta(days=days), recalled=recalled
        )
        for days, amount, recalled in lots
    ]
    before = [await shelf.quantity_of(one) for one in ids]
    parts = expected(lots, wanted)
    if parts is None:
        with pytest.raises(Conflict):
            async with db.transaction():
                await take_in_tx(on.pharmacist.actor, on.pharmacy_id, on.item_id, wanted, "DISPENSE", "x")
        assert [await shelf.quantity_of(one) for one in ids] == before
        return
    async with db.transaction():
        taken = await take_in_tx(on.pharmacist.actor, on.pharmacy_id, on.item_id, wanted, "DISPENSE", "x")
    assert [(ids.index(one.batch_id), one.quantity) for one in taken] == parts
    async with db.transaction():
        await give_back_in_tx(on.pharmacist.actor, on.pharmacy_id, taken, "undone")
    assert [await shelf.quantity_of(one) for one in ids] == before
