"""A recalled batch is stopped at once and everywhere, and what was in it is traced; lifting puts it back."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar

from portal import db
from tests.clients import a_client, audited, submit
from tests.inventory import shelf
from tests.inventory.conftest import Cast, get, post

pytestmark = pytest.mark.anyio


async def on_hand(client: httpx.AsyncClient, cast: Cast, item: UUID) -> list[float]:
    found = await get(client, cast.admin, f"/{item}")
    return [one["quantity"] for one in found["places"]]


def recall(item: UUID, number: str) -> dict[str, Any]:
    return {"item_id": item, "batch_number": number, "reason": "Notice 7"}


async def test_a_recall_stops_a_number_at_all_own_places(client: httpx.AsyncClient, cast: Cast) -> None:
    item = await shelf.item()
    mine = [await shelf.batch(item, place, 5, number="R-1") for place in (cast.clinic_id, cast.second_id)]
    others = await shelf.batch(item, cast.pharmacy_id, 5, number="R-1")
    answer = await post(client, cast.admin, "/recalls", recall(item, "r-1"))
    assert answer.status_code == 200, answer.text
    assert {one["id"] for one in answer.json()["batches"]} == {str(one) for one in mine}
    assert await on_hand(client, cast, item) == [0, 0]
    sale = {"item_id": item, "location_id": cast.clinic_id, "quantity": 1, "reason": "x", "batch_id": mine[0]}
    refused = await post(client, cast.admin, "/dispense", sale)
    assert (refused.status_code, refused.json()["code"]) == (409, "batch_recalled")
    assert await db.fetch_value("SELECT recalled_at FROM batch WHERE id = $1", others) is None
    assert [await audited("stock.recalled", one) for one in mine] == [1, 1]
    again = await post(client, cast.admin, "/recalls", recall(item, "R-1"))
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_recall")
    lifted = await post(client, cast.admin, "/recalls/lift", recall(item, "R-1"))
    assert lifted.status_code == 200
    assert await on_hand(client, cast, item) == [5, 5]
    assert (await post(client, cast.admin, "/dispense", sale)).status_code == 201


async def test_an_expired_batch_stays_out_when_a_recall_is_lifted(client: httpx.AsyncClient, cast: Cast) -> None:
    item = await shelf.item()
    await shelf.batch(item, cast.clinic_id, 5, number="R-2", days=-3)
    await post(client, cast.admin, "/recalls", recall(item, "R-2"))
    await post(client, cast.admin, "/recalls/lift", recall(item, "R-2"))
    assert await on_hand(client, cast, item) == [0]


async def test_where_it_went(client: httpx.AsyncClient, cast: Cast) -> None:
    item = await shelf.item()
    await shelf.batch(item, cast.clinic_id, 5, number="T-1")
    sale = {"item_id": item, "location_id": cast.clinic_id, "quantity": 2, "reason": "sold", "document": "Receipt 9"}
    await post(client, cast.admin, "/dispense", sale)
    found = await get(client, cast.admin, "/recalls", batch_number="t-1")
    assert [one["quantity"] for one in found["batches"]] == [3]
    assert [(one["transaction_type"], one["document"]) for one in found["transactions"]] == [
        ("DISPENSE", "Receipt 9"),
        ("IN", ""),
    ]
    assert await get(client, cast.stranger, "/recalls", batch_number="T-1") == {"batches": [], "transactions": []}


async def test_strangers_recall_nothing(client: httpx.AsyncClient, cast: Cast) -> None:
    item = await shelf.item()
    batch = await shelf.batch(item, cast.clinic_id, 5, number="S-1")
    for who, status in ((cast.stranger, 409), (cast.doctor, 403), (cast.patient, 403)):
        for path in ("/recalls", "/recalls/lift"):
            assert (await post(client, who, path, recall(item, "S-1"))).status_code == status
    assert await db.fetch_value("SELECT recalled_at FROM batch WHERE id = $1", batch) is None


async def test_recall_on_the_page(app: Litestar, cast: Cast) -> None:
    item = await shelf.item("Stoppable")
    await shelf.batch(item, cast.clinic_id, 5, number="P-9")
    async with a_client(app, cast.admin) as browser:
        page = "/stock/recalls?batch_number=P-9"
        values = {"item_id": str(item), "batch_number": "P-9", "reason": ""}
        assert (await submit(browser, page, values, "/stock/recalls")).status_code == 422
        assert (await submit(browser, page, values | {"reason": "Notice"}, "/stock/recalls")).status_code == 303
        shown = await browser.get(page)
        assert "Notice" in shown.text and "Lift the recall" in shown.text
        assert (await submit(browser, page, values | {"reason": "Wrong"}, "/stock/recalls/lift")).status_code == 303
        refused = await submit(browser, page, values | {"reason": "Wrong"}, "/stock/recalls/lift")
        assert refused.status_code == 409
