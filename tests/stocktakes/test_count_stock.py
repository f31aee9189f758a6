"""A count: what differs is adjusted, all of it or nothing, and never over a movement that came between."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar

from portal import db
from tests.clients import a_client, audited, submit
from tests.inventory import shelf
from tests.inventory.conftest import Cast, get, plain, post

pytestmark = pytest.mark.anyio


def line(batch: UUID, expected: float, counted: float) -> dict[str, Any]:
    return {"batch_id": str(batch), "expected": expected, "counted": counted}


def count(cast: Cast, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"location_id": plain(cast.pharmacy_id), "lines": list(lines), **more}


async def test_differences_become_adjustments(client: httpx.AsyncClient, cast: Cast) -> None:
    item = await shelf.item()
    less, more, same = [await shelf.batch(item, cast.pharmacy_id, 10, days=days) for days in (5, 50, 500)]
    body = count(cast, line(less, 10, 7.5), line(more, 10, 12), line(same, 10, 10), note="Evening")
    answer = await post(client, cast.pharmacist, "/counts", body)
    assert answer.status_code == 201, answer.text
    found = answer.json()
    assert (found["counted"], found["different"], found["note"]) == (3, 2, "Evening")
    assert sorted(one["difference"] for one in found["lines"]) == [-2.5, 0, 2]
    assert [float(await shelf.quantity_of(one)) for one in (less, more, same)] == [7.5, 12, 10]
    ledger = await get(client, cast.pharmacist, "/transactions", item_id=item, transaction_type="ADJUSTMENT")
    assert {(one["quantity"], one["reason"]) for one in ledger["transactions"]} == {(-2.5, "Evening"), (2, "Evening")}
    assert {one["document"] for one in ledger["transactions"]} == {f"count {found['id']}"}
    assert await audited("stock.counted", found["id"]) == 1
    listed = await get(client, cast.pharmacist, "/counts")
    assert listed["counts"][0]["id"] == found["id"]
    assert await get(client, cast.pharmacist, f"/counts/{found['id']}") == found


async def test_a_movement_in_between_stops_the_whole_count(client: httpx.AsyncClient, cast: Cast) -> None:
    item = await shelf.item()
    first, second = await shelf.batch(item, cast.pharmacy_id, 10), await shelf.batch(item, cast.pharmacy_id, 10)
    await post(client, cast.pharmacist, "/dispense", {
        "item_id": item, "location_id": cast.pharmacy_id, "batch_id": second, "quantity": 3, "reason": "sold",
    })  # fmt: skip
    answer = await post(client, cast.pharmacist, "/counts", count(cast, line(first, 10, 9), line(second, 10, 10)))
    assert (answer.status_code, answer.json()["code"]) == (409, "stock_moved")
    assert answer.json()["moved"] == [{"batch_id": str(second), "quantity": 7}]
    assert [await shelf.quantity_of(one) for one in (first, second)] == [10, 7]
    assert await db.fetch_value("SELECT count(*) FROM stock_count_line WHERE batch_id = $1", first) == 0


async def test_the_same_count_twice_counts_once(client: httpx.AsyncClient, cast: Cast) -> None:
    batch = await shelf.batch(await shelf.item(), cast.pharmacy_id, 10)
    body = count(cast, line(batch, 10, 4))
    answers = await asyncio.gather(*(post(client, cast.pharmacist, "/counts", body) for _turn in range(8)))
    assert sorted(one.status_code for one in answers) == [201, *[409] * 7]
    assert await shelf.quantity_of(batch) == 4


async def test_bad_counts(client: httpx.AsyncClient, cast: Cast) -> None:
    batch = await shelf.batch(await shelf.item(), cast.pharmacy_id, 10)
    for lines in ([], [line(batch, 10, -1)], [line(batch, 10, 4), line(batch, 10, 4)], [line(batch, 10, 1.2345)]):
        assert (await post(client, cast.pharmacist, "/counts", count(cast, *lines))).status_code == 422


async def test_whose_count_it_is(client: httpx.AsyncClient, cast: Cast) -> None:
    batch = await shelf.batch(await shelf.item(), cast.pharmacy_id, 10)
    body = count(cast, line(batch, 10, 4))
    for who, status in ((cast.stranger, 404), (cast.admin, 404), (cast.doctor, 403), (cast.patient, 403)):
        assert (await post(client, who, "/counts", body)).status_code == status
    elsewhere = body | {"location_id": str(cast.stranger.actor.pharmacy_id)}
    answer = await post(client, cast.stranger, "/counts", elsewhere)  # a batch that does not lie there
    assert answer.status_code == 409
    assert await shelf.quantity_of(batch) == 10
    kept = (await post(client, cast.pharmacist, "/counts", body)).json()["id"]
    found = await client.get(f"/api/inventory/counts/{kept}", headers=cast.stranger.bearer)
    assert found.status_code == 404
    assert (await get(client, cast.stranger, "/counts"))["counts"] == []


async def test_count_on_the_page(app: Litestar, cast: Cast) -> None:
    item = await shelf.item("Countable")
    batch = await shelf.batch(item, cast.pharmacy_id, 10, number="PG-1")
    async with a_client(app, cast.pharmacist) as browser:
        page = "/stock/count?q=countable"
        values = {
            "location_id": str(cast.pharmacy_id), "lines.0.batch_id": str(batch), "lines.0.expected": "10",
            "lines.0.counted": "", "note": "",
        }  # fmt: skip
        empty = await submit(browser, page, values, "/stock/count")
        assert empty.status_code == 422 and "at least one batch" in empty.text
        wrong = await submit(browser, page, values | {"lines.0.counted": "ten"}, "/stock/count")
        assert wrong.status_code == 422 and 'value="ten"' in wrong.text
        stale = await submit(browser, page, values | {"lines.0.counted": "8", "lines.0.expected": "11"}, "/stock/count")
        assert stale.status_code == 409 and "has moved since" in stale.text
        done = await submit(browser, page, values | {"lines.0.counted": "8.5"}, "/stock/count")
        assert done.status_code == 303, done.text
        shown = await browser.get(done.headers["location"])
        assert "PG-1" in shown.text and "Countable" in shown.text
    assert float(await shelf.quantity_of(batch)) == 8.5
