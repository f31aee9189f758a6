"""What is on hand, low, expiring and moved: right, of one's own places only, and by the clock of the place."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar

from portal import acting, db
from portal.inventory import actions, policy
from tests.clients import a_client, audited, emitted
from tests.inventory import shelf
from tests.inventory.conftest import Cast, call, get, post

pytestmark = pytest.mark.anyio


async def test_on_hand_is_what_may_be_given_out(client: httpx.AsyncClient, cast: Cast) -> None:
    item = await shelf.item("Onhanda", threshold=10)
    await shelf.batch(item, cast.pharmacy_id, 4, days=9)
    await shelf.batch(item, cast.pharmacy_id, 5, days=90)
    await shelf.batch(item, cast.pharmacy_id, 7, days=-1)
    await shelf.batch(item, cast.pharmacy_id, 8, recalled=True)
    found = await get(client, cast.pharmacist, "", q="onhan")
    (line,) = found["items"]
    assert (line["quantity"], line["unusable"], line["low"], line["threshold"]) == (9, 15, True, 10)
    assert line["earliest_expiry"] == str(date.today() + timedelta(days=9))
    assert found["total"] == 1
    assert (await get(client, cast.stranger, "", q="onhan"))["total"] == 0
    detail = await get(client, cast.pharmacist, f"/{item}")
    assert [one["quantity"] for one in detail["places"]] == [9]
    assert len(detail["places"][0]["batches"]) == 4


async def test_low_stock_with_thresholds_and_a_forecast(client: httpx.AsyncClient) -> None:
    on = await shelf.shelf(40, threshold=30)
    other = await shelf.item(threshold=5)
    await shelf.batch(other, on.pharmacy_id, 4)
    assert [one["item_id"] for one in (await get(client, on.pharmacist, "/stock/low"))["items"]] == [str(other)]
    body = {"location_id": on.pharmacy_id, "threshold": 50}
    answer = await call(
        client, on.pharmacist, "PUT", f"/{on.item_id}/threshold", json=body | {"location_id": str(on.pharmacy_id)}
    )
    assert (answer.status_code, answer.json()["own_threshold"], answer.json()["low"]) == (200, True, True)
    assert await audited("stock.threshold_set", on.item_id) == 1
    today = datetime.now(UTC).date()
    await db.execute(
        "INSERT INTO stock_use VALUES ($1, $2, $3, 56)", on.item_id, on.pharmacy_id, today - timedelta(days=27)
    )
    found = await get(client, on.pharmacist, "/stock/low")
    line = next(one for one in found["items"] if one["item_id"] == str(on.item_id))
    assert (found["total"], line["daily_use"], line["runs_out_on"]) == (2, 2, str(today + timedelta(days=20)))
    none = {"location_id": str(on.pharmacy_id), "threshold": None}
    answer = await call(client, on.pharmacist, "PUT", f"/{on.item_id}/threshold", json=none)
    assert (answer.json()["own_threshold"], answer.json()["threshold"], answer.json()["low"]) == (False, 30, False)


async def test_a_large_threshold_stands_in_its_field_as_it_can_be_sent_again(
    app: Litestar, client: httpx.AsyncClient
) -> None:
    """12.000 is twelve thousand where it is read, and twelve where it is sent."""
    on = await shelf.shelf(5)
    await db.execute("UPDATE account SET locale = 'es' WHERE id = $1", on.pharmacist.id)
    body = {"location_id": str(on.pharmacy_id), "threshold": 12000}
    await call(client, on.pharmacist, "PUT", f"/{on.item_id}/threshold", json=body)
    async with a_client(app, on.pharmacist) as browser:
        shown = (await browser.get(f"/stock/items/{on.item_id}?location={on.pharmacy_id}")).text
    field = shown.partition('name="threshold"')[2].partition(">")[0]
    assert 'value="12000"' in field, field


async def test_a_threshold_of_the_catalogue_counts_where_none_was_chosen(client: httpx.AsyncClient) -> None:
    on = await shelf.shelf(40)
    body = {"name": f"Changed {on.item_id}", "unit_type": "TABLETS", "reorder_threshold": 60}
    answer = await call(client, on.pharmacist, "PUT", f"/catalog/{on.item_id}", json=body)
    assert answer.status_code == 200, answer.text
    assert (await get(client, on.pharmacist, "/stock/low"))["total"] == 1


async def test_expiring_by_the_clock_of_the_place(client: httpx.AsyncClient) -> None:
    on = await shelf.shelf(0)
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # a day apart, or two
        await db.execute("UPDATE pharmacy SET time_zone = $2 WHERE id = $1", on.pharmacy_id, zone)
        today = await db.fetch_value("SELECT stock_today($1)", on.pharmacy_id)
        batch = await shelf.batch(on.item_id, on.pharmacy_id, 5, expires=today, number=zone)
        sale = {"item_id": on.item_id, "location_id": on.pharmacy_id, "quantity": 1, "reason": "x", "batch_id": batch}
        assert (await post(client, on.pharmacist, "/dispense", sale)).status_code == 201
    found = await get(client, on.pharmacist, "/stock/expiring", days=0)
    assert [one["batch_number"] for one in found["batches"] if not one["expired"]] == ["Pacific/Pago_Pago"]
    assert (await get(client, on.pharmacist, "/stock/expiring", days=1))["total"] in (1, 2)


async def test_what_expires_stops_counting_and_is_told(client: httpx.AsyncClient) -> None:
    on = await shelf.shelf(0, threshold=5)
    await shelf.batch(on.item_id, on.pharmacy_id, 9, days=-1)
    soon = await shelf.batch(on.item_id, on.pharmacy_id, 4, days=10)
    assert await shelf.level(on) == 13  # as the row says until the sweep; what is read is right at once
    assert (await get(client, on.pharmacist, f"/{on.item_id}"))["places"][0]["quantity"] == 4
    assert (await get(client, on.pharmacist, "/stock/low"))["total"] == 1
    assert await actions.sweep_expired() >= 1
    assert await shelf.level(on) == 4
    assert [one["quantity"] for one in await emitted("stock.low", on.item_id)] == [4]
    assert await actions.tell_expiring(30) >= 1
    told = [one["batch_id"] for one in await emitted("stock.expiring", on.item_id)]
    assert str(soon) in told
    before = len(told)
    await actions.tell_expiring(30)
    assert len(await emitted("stock.expiring", on.item_id)) == before
    assert await actions.sweep_expired() == 0


async def test_the_ledger_is_filtered_and_counted(client: httpx.AsyncClient) -> None:
    on = await shelf.shelf(10)
    for _turn in range(3):
        body = {"item_id": on.item_id, "location_id": on.pharmacy_id, "quantity": 1, "reason": "sold"}
        await post(client, on.pharmacist, "/dispense", body)
    everything = await get(client, on.pharmacist, "/transactions", limit=2)
    assert (everything["total"], [one["balance"] for one in everything["transactions"]]) == (4, [7, 8])
    assert (await get(client, on.pharmacist, "/transactions", transaction_type="IN"))["total"] == 1
    today, tomorrow = datetime.now(UTC).date(), datetime.now(UTC).date() + timedelta(days=1)
    assert (await get(client, on.pharmacist, "/transactions", **{"from": today, "to": today}))["total"] == 4
    assert (await get(client, on.pharmacist, "/transactions", **{"from": tomorrow}))["total"] == 0
    last = await get(client, on.pharmacist, "/transactions", skip=3)
    assert [one["transaction_type"] for one in last["transactions"]] == ["IN"]


async def test_batches_of_the_right_kind_of_place(client: httpx.AsyncClient, cast: Cast) -> None:
    assert (await call(client, cast.pharmacist, "GET", f"/batches/clinic/{cast.pharmacy_id}")).status_code == 404
    assert (await call(client, cast.admin, "GET", f"/batches/pharmacy/{cast.clinic_id}")).status_code == 404
    assert (await call(client, cast.stranger, "GET", f"/batches/pharmacy/{cast.pharmacy_id}")).status_code == 404
    assert (
        await call(client, cast.pharmacist, "GET", "", params={"location_id": str(cast.clinic_id)})
    ).status_code == 404


async def test_what_a_prescriber_may_know_holds_no_price_and_no_batch(client: httpx.AsyncClient, cast: Cast) -> None:
    from portal.inventory.queries import stock_at

    item, gone = await shelf.item(), await shelf.item()
    await shelf.batch(item, cast.pharmacy_id, 5, days=9)
    await shelf.batch(gone, cast.pharmacy_id, 5, days=-9)
    with acting.acting(acting.person(cast.doctor.actor)):
        (row,) = await stock_at([item, gone], [cast.pharmacy_id])
    assert dict(row) == {
        "item_id": item, "location_id": cast.pharmacy_id, "quantity": 5, "earliest_expiry": date.today() + timedelta(days=9),
    }  # fmt: skip


AMOUNTS = st.decimals(0, 10**6, places=3)


@given(quantity=AMOUNTS, used=AMOUNTS, ago=st.integers(0, 59))
def test_a_forecast_is_never_before_today(quantity: Decimal, used: Decimal, ago: int) -> None:
    today = date(2026, 3, 1)
    daily, ends = policy.forecast(quantity, used, today - timedelta(days=ago), today)
    assert daily >= 0
    assert ends is None or today <= ends <= today + policy.FARTHEST
    at_least = daily - Decimal("0.0005")  # it is rounded
    assert not used or ends is not None or quantity > at_least * 3000
