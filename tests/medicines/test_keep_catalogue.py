"""The catalogue: one row a medicine for everybody, found by the beginning of any of its words."""

from typing import Any

import httpx
import pytest
from litestar import Litestar

from portal.catalogue.queries import same_ingredient
from tests.clients import a_client, audited, submit
from tests.inventory import shelf
from tests.inventory.conftest import Cast, call, get, post

pytestmark = pytest.mark.anyio


def medicine(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "unit_type": "TABLETS", "reorder_threshold": 20, **more}


async def test_add_and_find(client: httpx.AsyncClient, cast: Cast) -> None:
    body = medicine("Ibuprofène", active_ingredient="Ibuprofen", form="tablet", strength="400 mg", max_daily=6)
    answer = await post(client, cast.pharmacist, "/catalog", body)
    assert answer.status_code == 201, answer.text
    added = answer.json()
    assert (added["is_active"], added["max_daily"], added["category"]) == (True, 6, "")
    assert await audited("catalog.added", added["id"]) == 1
    for words in ("ibu", "IBUPROFENE", "400 ibu", "ibuprofè 400"):
        found = await get(client, cast.doctor, "/catalog", q=words)
        assert added["id"] in [one["id"] for one in found["items"]], words
    for words in ("profen", "ibu 600", "%", "ibu:*|x"):
        found = await get(client, cast.doctor, "/catalog", q=words)
        assert added["id"] not in [one["id"] for one in found["items"]], words
    assert (await call(client, cast.patient, "GET", "/catalog")).status_code == 403


async def test_the_same_medicine_is_there_once(client: httpx.AsyncClient, cast: Cast) -> None:
    body = medicine("Onceonly", form="tablet", strength="5 mg")
    assert (await post(client, cast.pharmacist, "/catalog", body)).status_code == 201
    answer = await post(client, cast.admin, "/catalog", body | {"name": "ONCEONLY", "strength": "5 MG"})
    assert (answer.status_code, answer.json()["code"]) == (409, "already_in_catalog")
    assert (await post(client, cast.admin, "/catalog", body | {"strength": "10 mg"})).status_code == 201


async def test_change_and_retire(client: httpx.AsyncClient, cast: Cast) -> None:
    item = await shelf.item("Retiree")
    body = medicine("Retiree", is_active=False)
    answer = await call(client, cast.admin, "PUT", f"/catalog/{item}", json=body)
    assert (answer.status_code, answer.json()["is_active"]) == (200, False)
    assert (await get(client, cast.doctor, "/catalog", q="retiree"))["total"] == 0
    assert (await get(client, cast.doctor, "/catalog", q="retiree", retired_too="true"))["total"] == 1
    assert await audited("catalog.changed", item) == 1
    for who, status in ((cast.doctor, 403), (cast.patient, 403)):
        assert (await call(client, who, "PUT", f"/catalog/{item}", json=body)).status_code == status
        assert (await post(client, who, "/catalog", body)).status_code == status
    unknown = await call(client, cast.admin, "PUT", f"/catalog/{cast.admin.id}", json=body)
    assert unknown.status_code == 404


async def test_names_that_begin_so_come_first(client: httpx.AsyncClient, cast: Cast) -> None:
    await shelf.item("Aaa of it", ingredient="Zulutin")
    first = await shelf.item("Zulutin forte", ingredient="Zulutin")
    found = await get(client, cast.doctor, "/catalog", q="zulu")
    assert found["items"][0]["id"] == str(first)


async def test_the_same_ingredient(client: httpx.AsyncClient, cast: Cast) -> None:
    one = await shelf.item("Brand", ingredient="Samesub", strength="10 mg")
    other = await shelf.item("Other strength", ingredient="samesub", strength="20 mg")
    same = await shelf.item("Zzz same strength", ingredient="SAMESUB", strength="10 mg")
    assert [item.id for item in await same_ingredient(one)] == [same, other]
    assert await same_ingredient(await shelf.item("Nothing known", ingredient="")) == []


@pytest.mark.parametrize("more", [
    {"name": ""}, {"name": "x" * 201}, {"unit_type": "CRATES"}, {"reorder_threshold": -1}, {"max_daily": 0},
    {"max_daily": 1.0001}, {"strength": "a\nb"},
])  # fmt: skip
async def test_bad_input(client: httpx.AsyncClient, cast: Cast, more: dict[str, Any]) -> None:
    assert (await post(client, cast.pharmacist, "/catalog", medicine("Badly") | more)).status_code == 422


async def test_on_the_pages(app: Litestar, cast: Cast) -> None:
    async with a_client(app, cast.pharmacist) as browser:
        values = medicine("Pagemade", strength="1 mg") | {"reorder_threshold": "5"}
        wrong = await submit(browser, "/stock/catalog/new", values | {"max_daily": "many"})
        assert wrong.status_code == 422 and 'value="many"' in wrong.text
        made = await submit(browser, "/stock/catalog/new", values)
        assert made.status_code == 303
        assert (await submit(browser, "/stock/catalog/new", values)).status_code == 409
        assert "Pagemade 1 mg" in (await browser.get("/stock/catalog?q=pagem")).text
        item = made.headers["location"].rpartition("/")[2]
        changed = await submit(browser, f"/stock/catalog/{item}", values | {"strength": "2 mg"})
        assert changed.status_code == 303
        assert "Used no longer" in (await browser.get("/stock/catalog?q=pagem")).text  # the box was not ticked
