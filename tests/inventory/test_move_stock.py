"""Receive, take out, sell, adjust, return and transfer: what each does to the ledger, and who may not."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from portal import db
from tests.clients import audited, emitted, published
from tests.inventory import shelf
from tests.inventory.conftest import Cast, get, post

pytestmark = pytest.mark.anyio
NEXT_YEAR = str(date.today() + timedelta(days=400))


def receipt(item_id: UUID, location_id: UUID, **more: Any) -> dict[str, Any]:
    given = {"batch_number": "LOT-1", "expiry_date": NEXT_YEAR, "quantity": 30, "cost_price": 1.2, "selling_price": 2.5}
    return {"item_id": item_id, "location_id": location_id, **given, **more}


def move(item_id: UUID, location_id: UUID, quantity: float = 1, **more: Any) -> dict[str, Any]:
    return {"item_id": item_id, "location_id": location_id, "quantity": quantity, "reason": "Because", **more}


async def rows(item_id: UUID) -> list[tuple[str, float, float]]:
    """The ledger of an item, the oldest first."""
    sql = "SELECT transaction_type, quantity, balance FROM stock_transaction WHERE item_id = $1 ORDER BY created_at"
    return [(row[0], float(row[1]), float(row[2])) for row in await db.fetch(sql, item_id)]


async def test_receive(client: httpx.AsyncClient, cast: Cast) -> None:
    item = await shelf.item()
    answer = await post(client, cast.pharmacist, "/stock/in", receipt(item, cast.pharmacy_id, document="Note 7"))
    assert answer.status_code == 201, answer.text
    (row,) = answer.json()["transactions"]
    assert (row["transaction_type"], row["quantity"], row["balance"]) == ("IN", 30, 30)
    assert (row["actor_id"], row["document"]) == (str(cast.pharmacist.id), "Note 7")
    again = receipt(item, cast.pharmacy_id, quantity=0.5, selling_price=3)
    assert (await post(client, cast.pharmacist, "/stock/in", again)).json()["transactions"][0]["balance"] == 30.5
    found = await get(client, cast.pharmacist, f"/batches/pharmacy/{cast.pharmacy_id}", item_id=item)
    assert [(one["batch_number"], one["quantity"], one["selling_price"]) for one in found["batches"]] == [
        ("LOT-1", 30.5, 3)
    ]
    assert await audited("stock.received", item) == 2


async def test_what_has_expired_is_not_received(client: httpx.AsyncClient, cast: Cast) -> None:
    item = await shelf.item()
    body = receipt(item, cast.pharmacy_id, expiry_date=str(date.today() - timedelta(days=1)))
    answer = await post(client, cast.pharmacist, "/stock/in", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "expiry_date")
    assert await rows(item) == []


async def test_take_out_and_sell_take_what_expires_first(client: httpx.AsyncClient, cast: Cast) -> None:
    item = await shelf.item()
    late = await shelf.batch(item, cast.pharmacy_id, 5, days=90)
    soon = await shelf.batch(item, cast.pharmacy_id, 5, days=9)
    out = await post(client, cast.pharmacist, "/stock/out", move(item, cast.pharmacy_id, 6))
    assert [(one["batch_id"], one["quantity"]) for one in out.json()["transactions"]] == [
        (str(soon), 5),
        (str(late), 1),
    ]
    sold = await post(client, cast.pharmacist, "/dispense", move(item, cast.pharmacy_id, 3))
    assert [one["transaction_type"] for one in sold.json()["transactions"]] == ["DISPENSE"]
    answer = await post(client, cast.pharmacist, "/dispense", move(item, cast.pharmacy_id, 2))
    assert (answer.status_code, answer.json()["code"], answer.json()["available"]) == (409, "out_of_stock", 1)
    assert await audited("stock.taken_out", item) == await audited("stock.sold", item) == 1


@pytest.mark.parametrize(("more", "code"), [({"days": -1}, "batch_expired"), ({"recalled": True}, "batch_recalled")])
async def test_expired_and_recalled_are_thrown_away_but_never_sold(
    client: httpx.AsyncClient, cast: Cast, more: dict[str, Any], code: str
) -> None:
    item = await shelf.item()
    batch = await shelf.batch(item, cast.pharmacy_id, 5, **more)
    body = move(item, cast.pharmacy_id, 5, batch_id=batch)
    answer = await post(client, cast.pharmacist, "/dispense", body)
    assert (answer.status_code, answer.json()["code"]) == (409, code)
    assert (await post(client, cast.pharmacist, "/stock/out", body)).status_code == 201
    assert await shelf.quantity_of(batch) == 0


async def test_adjust_both_ways(client: httpx.AsyncClient, cast: Cast) -> None:
    item = await shelf.item()
    batch = await shelf.batch(item, cast.pharmacy_id, 10)
    for amount in (-2.5, 1):
        answer = await post(client, cast.pharmacist, "/stock/adjust", move(item, cast.pharmacy_id, amount))
        assert answer.status_code == 201, answer.text
    assert await rows(item) == [("IN", 10, 10), ("ADJUSTMENT", -2.5, 7.5), ("ADJUSTMENT", 1, 8.5)]
    answer = await post(client, cast.pharmacist, "/stock/adjust", move(item, cast.pharmacy_id, -9, batch_id=batch))
    assert (answer.status_code, answer.json()["code"]) == (409, "out_of_stock")
    answer = await post(client, cast.pharmacist, "/stock/adjust", move(item, cast.pharmacy_id, 0))
    assert answer.status_code == 422


async def test_return_needs_to_know_the_batch(client: httpx.AsyncClient, cast: Cast) -> None:
    item, other = await shelf.item(), await shelf.item()
    first = await shelf.batch(item, cast.pharmacy_id, 10)
    body = move(item, cast.pharmacy_id, 2)
    assert (await post(client, cast.pharmacist, "/stock/return", body)).status_code == 201
    await shelf.batch(item, cast.pharmacy_id, 10)
    answer = await post(client, cast.pharmacist, "/stock/return", body)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "batch_id")
    foreign = await shelf.batch(other, cast.pharmacy_id, 10)
    assert (await post(client, cast.pharmacist, "/stock/return", body | {"batch_id": foreign})).status_code == 404
    assert [await shelf.quantity_of(one) for one in (first, foreign)] == [12, 10]


async def test_transfer_moves_batches_with_their_number(client: httpx.AsyncClient, cast: Cast) -> None:
    item = await shelf.item()
    await shelf.batch(item, cast.clinic_id, 3, number="A", days=10)
    await shelf.batch(item, cast.clinic_id, 9, number="B", days=99)
    body = move(item, cast.clinic_id, 5, to_location_id=cast.second_id)
    answer = await post(client, cast.admin, "/stock/transfer", body)
    assert answer.status_code == 201, answer.text
    assert [one["transaction_type"] for one in answer.json()["transactions"]] == ["OUT", "OUT", "IN", "IN"]
    assert {one["other_location_id"] for one in answer.json()["transactions"]} == {
        str(cast.second_id),
        str(cast.clinic_id),
    }
    there = await get(client, cast.admin, f"/batches/clinic/{cast.second_id}", item_id=item)
    assert [(one["batch_number"], one["quantity"]) for one in there["batches"]] == [("A", 3), ("B", 2)]
    answer = await post(client, cast.admin, "/stock/transfer", body | {"quantity": 8})
    assert (answer.status_code, answer.json()["code"]) == (409, "out_of_stock")
    answer = await post(client, cast.admin, "/stock/transfer", body | {"to_location_id": cast.clinic_id})
    assert answer.status_code == 422
    answer = await post(client, cast.admin, "/stock/transfer", body | {"to_location_id": cast.pharmacy_id})
    assert answer.status_code == 404


VERBS = ["/stock/in", "/stock/out", "/stock/adjust", "/stock/return", "/dispense", "/stock/transfer"]


@pytest.mark.parametrize("verb", VERBS)
async def test_strangers_and_wrong_roles(client: httpx.AsyncClient, cast: Cast, verb: str) -> None:
    item = await shelf.item()
    await shelf.batch(item, cast.pharmacy_id, 10)
    body = receipt(item, cast.pharmacy_id) if verb == "/stock/in" else move(item, cast.pharmacy_id)
    body |= {"to_location_id": cast.clinic_id} if verb == "/stock/transfer" else {}
    for who, status in ((cast.stranger, 404), (cast.admin, 404), (cast.doctor, 403), (cast.patient, 403)):
        assert (await post(client, who, verb, body)).status_code == status
    assert await rows(item) == [("IN", 10, 10)]


@pytest.mark.parametrize("verb", VERBS[:-1])
async def test_a_suspended_pharmacy_moves_nothing(client: httpx.AsyncClient, cast: Cast, verb: str) -> None:
    on = await shelf.shelf(10)
    await db.execute("UPDATE pharmacy SET active = false WHERE id = $1", on.pharmacy_id)
    body = receipt(on.item_id, on.pharmacy_id) if verb == "/stock/in" else move(on.item_id, on.pharmacy_id)
    answer = await post(client, on.pharmacist, verb, body)
    assert (answer.status_code, answer.json()["code"]) == (409, "location_suspended")
    assert await rows(on.item_id) == [("IN", 10, 10)]


AMOUNTS = [0, -1, 1.0001, "5", True, 1000000, 10**30, None, "NaN", [1]]


@pytest.mark.parametrize("amount", AMOUNTS)
@pytest.mark.parametrize("verb", ["/stock/in", "/stock/out", "/stock/return", "/dispense"])
async def test_amounts_that_are_none(client: httpx.AsyncClient, cast: Cast, verb: str, amount: Any) -> None:
    item = await shelf.item()
    await shelf.batch(item, cast.pharmacy_id, 10)
    body = receipt(item, cast.pharmacy_id) if verb == "/stock/in" else move(item, cast.pharmacy_id)
    answer = await post(client, cast.pharmacist, verb, body | {"quantity": amount})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == "quantity"
    assert len(await rows(item)) == 1


async def test_an_unknown_item_and_batch(client: httpx.AsyncClient, cast: Cast) -> None:
    assert (await post(client, cast.pharmacist, "/stock/in", receipt(uuid4(), cast.pharmacy_id))).status_code == 404
    item = await shelf.item()
    body = move(item, cast.pharmacy_id, batch_id=uuid4())
    for verb in ("/stock/out", "/dispense", "/stock/return", "/stock/adjust"):
        assert (await post(client, cast.pharmacist, verb, body)).status_code == 404


async def test_the_staff_of_the_place_hear_of_it_and_nobody_else(
    client: httpx.AsyncClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = await shelf.item(threshold=9)
    await shelf.batch(item, cast.pharmacy_id, 10)
    with published(monkeypatch) as told:
        await post(client, cast.pharmacist, "/dispense", move(item, cast.pharmacy_id, 1))
        await post(client, cast.pharmacist, "/dispense", move(item, cast.pharmacy_id, 1))
        await post(client, cast.pharmacist, "/dispense", move(item, cast.pharmacy_id, 100))
    topic = f"pharmacy:{cast.pharmacy_id}"
    assert told == [(topic, "stock.low"), (topic, "stock.changed"), (topic, "stock.changed")]
    assert [one["quantity"] for one in await emitted("stock.low", item)] == [9]
