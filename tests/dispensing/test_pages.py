"""The counter as a person without JavaScript uses it: each step a plain form."""

import httpx
import pytest

from portal.ids import uuid7
from portal.prescriptions.numbers import new_code, shown_code
from tests.clients import app, submit
from tests.dispensing import paper
from tests.dispensing.conftest import client, dispensed, status_of
from tests.factories import Person
from tests.inventory import shelf

__all__ = ["app", "client"]
pytestmark = pytest.mark.anyio


def signed_in(client: httpx.AsyncClient, who: Person) -> httpx.AsyncClient:
    client.cookies.update(who.cookies)
    return client


async def test_from_the_queue_to_the_label_and_back(client: httpx.AsyncClient) -> None:
    place, rx = await paper.waiting(10, stock=0, instructions="After a meal")
    await shelf.batch(place.item_id, place.pharmacy_id, 4, days=20, number="SOON-1")
    await shelf.batch(place.item_id, place.pharmacy_id, 9, days=200, number="LATE-1")
    browser = signed_in(client, place.pharmacist)
    home = (await browser.get("/counter")).text
    assert f"/counter/{rx.id}" in home and shown_code(rx.code) in home and "data-focus" in home
    form = (await browser.get(f"/counter/{rx.id}")).text
    assert "Paula" in form and "29 February 1980" in form and "After a meal" in form
    assert form.index("SOON-1") < form.index("LATE-1") and 'value="10"' in form
    path = f"/counter/{rx.id}"
    values = {"items.0.prescription_item_id": rx.items[0], "items.0.quantity": "6", "items.0.source": ""}
    refused = await submit(browser, path, values, path + "/dispense")
    assert refused.status_code == 409 and "Compare name and date of birth" in refused.text
    assert 'value="6"' in refused.text
    done = await submit(browser, path, values | {"identity_checked": "true"}, path + "/dispense")
    assert done.status_code == 303, done.text
    page = done.headers["location"]
    shown = (await browser.get(page)).text
    assert "SOON-1" in shown and "LATE-1" in shown and "data-countdown" in shown and "What is left" in shown
    labels = (await browser.get(page + "/labels")).text
    assert labels.count('class="label"') == 2 and "once a day" in labels and "After a meal" in labels
    assert "US$12.00" in (await browser.get(page + "/receipt")).text
    assert "6" in (await browser.get("/counter/dispenses")).text
    back = await submit(browser, page, {}, page + "/undo")
    assert back.headers["location"] == path and await status_of(rx.id) == "ACTIVE" and await dispensed(rx.items[0]) == 0
    assert "taken back" in (await browser.get(path)).text
    again = await browser.post(page + "/undo", data={"csrf_token": csrf(form)})
    assert again.status_code == 409 and "taken back already" in again.text


def csrf(page: str) -> str:
    return page.partition('name="csrf_token" value="')[2].partition('"')[0]


async def test_a_label_in_the_language_of_the_patient(client: httpx.AsyncClient) -> None:
    place = await shelf.shelf(20)
    rx = await paper.write(await paper.drug(place.item_id), language="ar")
    await paper.send_to(rx, place.pharmacy_id)
    browser, path = signed_in(client, place.pharmacist), f"/counter/{rx.id}"
    values = {"items.0.prescription_item_id": rx.items[0], "items.0.quantity": "10", "identity_checked": "true"}
    done = (await submit(browser, path, values, path + "/dispense")).headers["location"]
    assert '<html lang="ar" dir="rtl"' in (await browser.get(done + "/labels")).text
    assert '<html lang="en" dir="ltr"' in (await browser.get(done)).text


async def test_one_field_takes_a_code_a_scan_and_a_name(client: httpx.AsyncClient) -> None:
    place, rx = await paper.waiting(10)
    _elsewhere, other = await paper.waiting(10)
    browser = signed_in(client, place.pharmacist)
    for typed in (rx.code, shown_code(rx.code).lower(), f" {rx.code} ", f"https://x.example/rx/{rx.code}"):
        assert (await browser.get("/counter", params={"q": typed})).headers["location"] == f"/counter/{rx.id}"
    assert f"/counter/{rx.id}" in (await browser.get("/counter", params={"q": "paul"})).text
    assert "Nobody of that name" in (await browser.get("/counter", params={"q": "zacharias"})).text
    for code in (other.code, new_code()):  # whether there is such a one is not told
        asked = (await browser.get("/counter", params={"q": code})).text
        assert shown_code(code) in asked and 'name="date_of_birth"' in asked and str(other.id) not in asked
    path = "/counter?q=" + other.code
    wrong = await submit(browser, path, {"code": other.code, "date_of_birth": "1980-02-28"}, "/counter/open")
    assert wrong.status_code == 404 and "Check both" in wrong.text
    assert (await submit(browser, path, {"code": other.code, "date_of_birth": "x"}, "/counter/open")).status_code == 422
    opened = await submit(browser, path, other.opening, "/counter/open")
    assert opened.headers["location"] == f"/counter/{other.id}"
    assert (await browser.get(f"/counter/{uuid7()}")).status_code == 404


async def test_nothing_asked_for_and_what_no_page_offered(client: httpx.AsyncClient) -> None:
    place, rx = await paper.waiting(10)
    browser, path = signed_in(client, place.pharmacist), f"/counter/{rx.id}"
    for quantity, source, said in (
        ("", "", "at least one item"),
        ("1", "zz", "Choose from the list"),
        ("-1", "", "amount"),
    ):
        values = {"items.0.prescription_item_id": rx.items[0], "items.0.quantity": quantity, "items.0.source": source}
        answer = await submit(browser, path, values | {"identity_checked": "true"}, path + "/dispense")
        assert answer.status_code == 422 and said in answer.text, (quantity, source)


async def test_who_received_a_batch(client: httpx.AsyncClient) -> None:
    place, rx = await paper.waiting(10, stock=0)
    batch = await shelf.batch(place.item_id, place.pharmacy_id, 20)
    browser, path = signed_in(client, place.pharmacist), f"/counter/{rx.id}"
    assert "Nobody received" in (await browser.get(f"/counter/batches/{batch}")).text
    values = {"items.0.prescription_item_id": rx.items[0], "items.0.quantity": "10", "identity_checked": "true"}
    await submit(browser, path, values, path + "/dispense")
    assert "Paula" in (await browser.get(f"/counter/batches/{batch}")).text
    client.cookies.clear()
    stranger = signed_in(client, await paper.pharmacist())
    assert (await stranger.get(f"/counter/batches/{batch}")).status_code == 404


async def test_whoever_has_no_pharmacy_makes_one_first(client: httpx.AsyncClient) -> None:
    nobody = await paper.factories.person(paper.Role.PHARMACY)
    browser = signed_in(client, nobody)
    assert (await browser.get("/counter")).headers["location"] == "/pharmacy/new"
    assert (await browser.get("/counter/dispenses")).headers["location"] == "/pharmacy/new"
