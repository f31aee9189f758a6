"""The ledger itself: what is taken expires first, is never more than there is, and the database keeps both promises."""

from contextlib import suppress
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from portal import acting, db
from portal.errors import Conflict, NotFound
from portal.ids import uuid7
from portal.inventory.ledger import enter_in_tx, give_back_in_tx, take_in_tx, take_rows_in_tx
from tests.inventory import shelf
from tests.inventory.shelf import Shelf

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]


async def take(on: Shelf, quantity: str | int, kind: str = "DISPENSE", **more: Any) -> list[tuple[UUID, Decimal]]:
    """As the pharmacist, with the policies of the database."""
    with acting.acting(acting.person(on.pharmacist.actor)):
        async with db.transaction():
            taken = await take_in_tx(
                on.pharmacist.actor, more.pop("at", on.pharmacy_id), on.item_id, Decimal(quantity), kind, "test", **more
            )
    return [(one.batch_id, one.quantity) for one in taken]


async def ledger(batch_id: UUID) -> list[tuple[str, Decimal, Decimal]]:
    sql = "SELECT transaction_type, quantity, balance FROM stock_transaction WHERE batch_id = $1 ORDER BY created_at"
    return [tuple(row) for row in await db.fetch(sql, batch_id)]


async def refused(on: Shelf, quantity: str | int, **more: Any) -> Conflict:
    before = await db.fetch_value("SELECT count(*) FROM stock_transaction")
    with pytest.raises(Conflict) as found:
        await take(on, quantity, **more)
    assert await db.fetch_value("SELECT count(*) FROM stock_transaction") == before
    return found.value


async def test_what_expires_first_is_taken_first_across_batches() -> None:
    on = await shelf.shelf(0)
    late = await shelf.batch(on.item_id, on.pharmacy_id, 10, days=300)
    soon = await shelf.batch(on.item_id, on.pharmacy_id, "2.5", days=30)
    gone = await shelf.batch(on.item_id, on.pharmacy_id, 50, days=-1)
    called = await shelf.batch(on.item_id, on.pharmacy_id, 50, days=10, recalled=True)
    assert await take(on, "4.125") == [(soon, Decimal("2.5")), (late, Decimal("1.625"))]
    assert await ledger(late) == [("IN", 10, 10), ("DISPENSE", Decimal("1.625"), Decimal("8.375"))]
    assert [await shelf.quantity_of(one) for one in (soon, gone, called)] == [0, 50, 50]


async def test_never_more_than_there_is_and_then_nothing_at_all() -> None:
    on = await shelf.shelf(3)
    await shelf.batch(on.item_id, on.pharmacy_id, 4, days=20)
    assert (await refused(on, "7.001")).code == "out_of_stock"
    assert (await refused(on, 8)).extra == {"available": 7}
    assert len(await take(on, 7)) == 2
    assert await shelf.level(on) == 0


async def test_a_named_batch_is_the_only_one() -> None:
    on = await shelf.shelf(5)
    other = await shelf.batch(on.item_id, on.pharmacy_id, 5, days=500)
    assert await take(on, 2, batch_id=other) == [(other, 2)]
    assert (await refused(on, 4, batch_id=other)).extra == {"available": 3}
    with pytest.raises(NotFound):
        await take(on, 1, batch_id=uuid7())


@pytest.mark.parametrize(("more", "code"), [({"days": -1}, "batch_expired"), ({"recalled": True}, "batch_recalled")])
async def test_what_must_not_be_given_out_says_why_and_can_be_disposed_of(more: dict[str, Any], code: str) -> None:
    on = await shelf.shelf(0)
    batch = await shelf.batch(on.item_id, on.pharmacy_id, 5, **more)
    assert (await refused(on, 1, batch_id=batch)).code == code
    assert (await refused(on, 1)).code == "out_of_stock"
    with acting.acting(acting.person(on.pharmacist.actor)):
        async with db.transaction():
            await take_rows_in_tx(
                on.pharmacist.actor, on.pharmacy_id, on.item_id, Decimal(5), "OUT", "x", batch, to_dispose=True
            )
    assert await shelf.quantity_of(batch) == 0


async def test_a_batch_may_be_given_out_on_the_day_of_its_expiry() -> None:
    on = await shelf.shelf(0)
    batch = await shelf.batch(on.item_id, on.pharmacy_id, 5, days=0)
    assert await take(on, 5) == [(batch, 5)]


async def test_a_suspended_place_moves_nothing() -> None:
    on = await shelf.shelf(5)
    await db.execute("UPDATE pharmacy SET active = false WHERE id = $1", on.pharmacy_id)
    assert (await refused(on, 1)).code == "location_suspended"


async def test_what_is_given_back_lies_in_its_batches_again() -> None:
    on = await shelf.shelf(0)
    soon = await shelf.batch(on.item_id, on.pharmacy_id, 2, days=20)
    late = await shelf.batch(on.item_id, on.pharmacy_id, 9, days=90)
    taken = await take(on, 3)
    with acting.acting(acting.person(on.pharmacist.actor)):
        async with db.transaction():
            await give_back_in_tx(on.pharmacist.actor, on.pharmacy_id, taken, "undone")
    assert [await shelf.quantity_of(one) for one in (soon, late)] == [2, 9]
    assert (await ledger(soon))[-1] == ("RETURN", 2, 2)
    assert await shelf.level(on) == 11


async def test_an_adjustment_below_nothing_is_refused() -> None:
    on = await shelf.shelf(0)
    batch = await shelf.batch(on.item_id, on.pharmacy_id, 2)
    with pytest.raises(Conflict, match="not enough"):
        async with db.transaction():
            await enter_in_tx(on.pharmacist.actor, on.pharmacy_id, [(batch, Decimal("-2.001"))], "ADJUSTMENT", "x")
    assert await shelf.quantity_of(batch) == 2


async def test_staff_of_another_place_take_nothing() -> None:
    on, other = await shelf.shelf(5), await shelf.shelf(5)
    with pytest.raises(Conflict, match="not enough"):
        await take(Shelf(on.pharmacist, on.pharmacy_id, other.item_id), 1, at=other.pharmacy_id)
    assert await shelf.level(other) == 5


# What the application's role tries past the actions; the text in it is the batch or the item.
FORBIDDEN = [
    "UPDATE stock_transaction SET quantity = 1 WHERE batch_id = $1",
    "DELETE FROM stock_transaction WHERE batch_id = $1",
    "UPDATE batch SET quantity = quantity + 1 WHERE id = $1",
    "DELETE FROM batch WHERE id = $1",
    "INSERT INTO batch (id, item_id, location_id, batch_number, expiry_date, quantity, cost_price, selling_price, currency)"
    " SELECT new_id(), item_id, location_id, 'x', expiry_date, 7, 1, 1, 'USD' FROM batch WHERE id = $1",
    "UPDATE batch SET location_id = new_id() WHERE id = $1",
]


@pytest.mark.parametrize("sql", FORBIDDEN)
async def test_the_application_cannot_get_past_the_ledger(sql: str) -> None:
    on = await shelf.shelf(0)
    batch = await shelf.batch(on.item_id, on.pharmacy_id, 5)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute(sql, batch)
    with acting.acting(acting.person(on.pharmacist.actor)), suppress(asyncpg.InsufficientPrivilegeError):
        assert await db.execute(sql, batch) == 0
    assert await shelf.quantity_of(batch) == 5
    assert len(await ledger(batch)) == 1


async def test_the_ledger_cannot_be_emptied() -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute("TRUNCATE stock_transaction")


async def test_low_stock_is_told_once_until_there_is_enough_again() -> None:
    on = await shelf.shelf(10, threshold=8)

    async def told() -> int:
        sql = "SELECT count(*) FROM outbox_event WHERE event_type = 'stock.low' AND aggregate_id = $1"
        return int(await db.fetch_value(sql, on.item_id))

    await take(on, 1)
    assert await told() == 0
    await take(on, 1)
    await take(on, 1)
    assert await told() == 1
    data = await db.fetch_value("SELECT data FROM outbox_event WHERE aggregate_id = $1", on.item_id)
    assert data == {
        "item_id": str(on.item_id), "location_id": str(on.pharmacy_id), "quantity": 8, "threshold": 8,
    }  # fmt: skip
    await shelf.batch(on.item_id, on.pharmacy_id, 5)
    await take(on, 4)
    assert await told() == 2
