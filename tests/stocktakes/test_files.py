"""CSV in, with a dry run that names each bad line, and CSV out, which no spreadsheet takes for a formula."""

import csv
from datetime import date, timedelta
from io import StringIO
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar

from portal import db
from portal.stocktakes import spreadsheets
from tests.clients import a_client, audited, submit
from tests.inventory import shelf
from tests.inventory.conftest import Cast, call, get, post

pytestmark = pytest.mark.anyio
SOON = str(date.today() + timedelta(days=200))
HEAD = "name,strength,form,batch_number,expiry_date,quantity,cost_price,selling_price,unit_type"


def table(*lines: str, head: str = HEAD) -> str:
    return "\r\n".join([head, *lines]) + "\r\n"


async def send(client: httpx.AsyncClient, cast: Cast, text: str, **more: Any) -> httpx.Response:
    return await post(client, cast.pharmacist, "/import", {"location_id": cast.pharmacy_id, "csv": text, **more})


async def test_a_dry_run_changes_nothing_and_an_import_everything(client: httpx.AsyncClient, cast: Cast) -> None:
    await shelf.item("Known", strength="5 mg", form="tablet")
    text = table(
        f"known,5 MG,Tablet,K1,{SOON},10,1,2,",
        f"Brandnew,1 g,syrup,N1,{SOON},2.5,3,4.5,BOTTLES",
        f"Known,5 mg,tablet,K1,{SOON},5,1,2,",
    )
    dry = (await send(client, cast, text)).json()
    assert dry == {
        "lines": 3, "batches": 2, "new_items": ["Brandnew 1 g syrup"], "errors": [], "dry_run": True, "imported": False,
    }  # fmt: skip
    assert (await get(client, cast.pharmacist, "", q="known"))["total"] == 0
    answer = await send(client, cast, text, dry_run=False)
    assert answer.status_code == 200, answer.text
    assert answer.json()["imported"]
    found = await get(client, cast.pharmacist, "", q="known")
    assert [(one["name"], one["quantity"]) for one in found["items"]] == [("Known", 15)]
    found = await get(client, cast.pharmacist, "", q="brandnew")
    assert [(one["unit_type"], one["quantity"]) for one in found["items"]] == [("BOTTLES", 2.5)]
    again = await send(client, cast, text, dry_run=False)
    assert (again.status_code, again.json()["code"]) == (409, "already_imported")
    import_id = await db.fetch_value("SELECT id FROM stock_import WHERE location_id = $1", cast.pharmacy_id)
    assert await audited("stock.imported", import_id) == 1


async def test_each_bad_line_is_named(client: httpx.AsyncClient, cast: Cast) -> None:
    await shelf.item("Twofold", strength="", form="", unit_type="VIALS")
    await shelf.item("Twofold", strength="", form="", unit_type="PACKS")
    text = table(
        f"Good,,,G1,{SOON},1,1,1,PACKS",
        f"Unknown,,,U1,{SOON},1,1,1,",
        "",
        "Good,,,G2,2020-01-01,1,1,1,PACKS",
        f"Good,,,G3,{SOON},-1,1,1,PACKS",
        f"Good,,,G4,{SOON},1,1,1,CRATES",
        f"Twofold,,,T1,{SOON},1,1,1,",
        "Good,,,G5",
        f"Good,,,,{SOON},NaN,x,1,PACKS",
        f'"Good\r\nLuck",,,G6,{SOON},1,1,1,PACKS',
        f"Good,,,G7,{SOON},1,1,1,PACKS",
    )
    for dry_run in (True, False):
        answer = await send(client, cast, text, dry_run=dry_run)
        assert answer.status_code == (200 if dry_run else 409)
        errors = [(one["line"], one["field"]) for one in answer.json()["errors"]]
        assert errors == [
            (3, "name"), (5, "expiry_date"), (6, "quantity"), (7, "unit_type"), (8, "unit_type"), (9, ""),
            (10, "batch_number"), (10, "quantity"), (10, "cost_price"), (11, "name"),
        ]  # fmt: skip
    assert (await get(client, cast.pharmacist, "", q="good"))["total"] == 0


HEADS = [
    ("name,quantity", {"batch_number", "expiry_date"}),
    (HEAD + ",colour", {"colour"}),
    (HEAD + ",name", {"name"}),
    ("", {*spreadsheets.NEEDED}),
]


@pytest.mark.parametrize(("head", "fields"), HEADS)
async def test_wrong_headings(client: httpx.AsyncClient, cast: Cast, head: str, fields: set[str]) -> None:
    answer = await send(client, cast, table("x", head=head or ","))
    errors = answer.json()["errors"]
    assert {one["line"] for one in errors} == {1}
    assert fields <= {one["field"] for one in errors}


async def test_a_semicolon_and_an_open_quote(client: httpx.AsyncClient, cast: Cast) -> None:
    text = table(f"Semi;1 mg;tablet;S1;{SOON};3;1;2;TABLETS", head=HEAD.replace(",", ";"))
    assert (await send(client, cast, text)).json()["errors"] == []
    answer = await send(client, cast, table(f'Open,1 mg,"tablet,S1,{SOON}'))
    assert [one["field"] for one in answer.json()["errors"]] == [""]


async def test_strangers(client: httpx.AsyncClient, cast: Cast) -> None:
    body = {"location_id": cast.pharmacy_id, "csv": table(f"X,,,X,{SOON},1,1,1,PACKS"), "dry_run": True}
    for who, status in ((cast.stranger, 404), (cast.admin, 404), (cast.doctor, 403), (cast.patient, 403)):
        assert (await post(client, who, "/import", body)).status_code == status
        assert (
            await call(client, who, "GET", "/export", params={"location_id": str(cast.pharmacy_id)})
        ).status_code == status


NASTY = ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", 'a "quoted", name', "'=already", "plain", "'quoted'"]


async def test_what_goes_out_comes_in_again_and_is_no_formula(client: httpx.AsyncClient) -> None:
    on, other = await shelf.shelf(0), await shelf.shelf(0)
    for name in NASTY:
        await shelf.batch(await shelf.item(name, strength="1", form="x"), on.pharmacy_id, "1.5", number=name)
    answer = await call(client, on.pharmacist, "GET", "/export")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="stock.csv"'
    rows = list(csv.reader(StringIO(answer.text), strict=True))
    assert len(rows) == len(NASTY) + 1
    assert not [one for row in rows for one in row if one.startswith(spreadsheets.FORMULA)]
    assert "\r\n" in answer.text
    body = {"location_id": other.pharmacy_id, "csv": answer.text, "dry_run": False}
    taken = await post(client, other.pharmacist, "/import", body)
    assert taken.status_code == 200, taken.text
    back = await call(client, other.pharmacist, "GET", "/export")
    assert back.text == answer.text


async def test_the_ledger_goes_out(client: httpx.AsyncClient) -> None:
    on = await shelf.shelf(10)
    await post(client, on.pharmacist, "/stock/out", {
        "item_id": on.item_id, "location_id": on.pharmacy_id, "quantity": 2, "reason": "=cmd()", "document": "D-1",
    })  # fmt: skip
    answer = await call(client, on.pharmacist, "GET", "/export/transactions")
    rows = list(csv.DictReader(StringIO(answer.text), strict=True))
    assert [(one["transaction_type"], one["quantity"], one["balance"]) for one in rows] == [
        ("OUT", "2", "8"),
        ("IN", "10", "10"),
    ]
    assert (rows[0]["reason"], rows[0]["document"]) == ("'=cmd()", "D-1")


async def test_import_on_the_page(app: Litestar, cast: Cast) -> None:
    place = {"location_id": str(cast.pharmacy_id)}
    async with a_client(app, cast.pharmacist) as browser:
        wrong = await submit(browser, "/stock/import", place | {"csv": table(f"Paged,,,P1,{SOON},x,1,1,PACKS")})
        assert wrong.status_code == 200 and "Line 2" in wrong.text
        good = table(f"Paged,,,P1,{SOON},7,1,1,PACKS")
        looked = await submit(browser, "/stock/import", place | {"csv": good})
        assert looked.status_code == 200 and "Paged" in looked.text and 'value="import"' in looked.text
        done = await submit(browser, "/stock/import", place | {"csv": good, "step": "import"})
        assert done.status_code == 303
        again = await submit(browser, "/stock/import", place | {"csv": good, "step": "import"})
        assert again.status_code == 409 and "already" in again.text
        out = await browser.get(f"/stock/export.csv?location={cast.pharmacy_id}")
        assert "Paged" in out.text


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=6))
def test_any_text_survives_the_way_out_and_in(texts: list[str]) -> None:
    written = spreadsheets.written(["a"] * len(texts), [texts])
    rows = list(csv.reader(StringIO(written, newline=""), strict=True))
    assert not [one for one in rows[1] if one.startswith(spreadsheets.FORMULA)]
    assert [spreadsheets.unguarded(one) for one in rows[1]] == texts
