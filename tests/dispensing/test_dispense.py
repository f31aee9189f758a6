"""Giving out: what moves together, over one batch or several, in part or whole; and who hears of it."""

from decimal import Decimal

import httpx
import pytest

from portal import db
from tests.clients import emitted, published
from tests.dispensing import paper
from tests.dispensing.conftest import audit_of, dispensed, get, history_of, ledger_of, post, status_of
from tests.inventory import shelf

pytestmark = pytest.mark.anyio


async def test_all_of_it(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    place, rx = await paper.waiting(10)
    with published(monkeypatch) as told:
        answer = await post(client, place.pharmacist, f"/prescriptions/{rx.id}/dispense", rx.wants(10))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    (line,) = made["lines"]
    assert (made["prescription_status"], line["quantity"], line["unit_price"]) == ("FILLED", 10, 2)
    assert made["pharmacist_id"] == str(place.pharmacist.id) and 890 < made["seconds_to_undo"] <= 900
    assert await status_of(rx.id) == "FILLED" and await dispensed(rx.items[0]) == 10
    assert await shelf.level(place) == 90
    row = await db.fetch_row("SELECT * FROM stock_transaction WHERE id = $1", line["transaction_id"])
    assert row and (row["transaction_type"], row["quantity"], row["balance"]) == ("DISPENSE", 10, 90)
    assert (row["actor_id"], row["document"].replace("-", "")) == (place.pharmacist.id, rx.code)
    assert await history_of(rx.id) == [("ACTIVE", "FILLED")]
    assert ("prescription.dispensed", None) in await audit_of(rx.id)
    (event,) = await emitted("prescription.filled", rx.id)
    assert event == {
        "prescription_id": str(rx.id), "patient_id": str(rx.patient.id), "doctor_id": str(rx.doctor.id),
        "appointment_id": str(rx.appointment_id), "status": "FILLED",
    }  # fmt: skip
    topics = {topic for topic, event in told if event == "prescription.dispensed"}
    assert topics == {
        f"user:{rx.patient.id}", f"user:{rx.doctor.id}", f"appointment:{rx.appointment_id}", f"pharmacy:{place.pharmacy_id}",
    }  # fmt: skip
    note = "SELECT kind FROM notification WHERE account_id = $1"
    assert await db.fetch_value(note, rx.patient.id) == "prescription.dispensed"


async def test_in_parts_across_batches_and_at_another_pharmacy(client: httpx.AsyncClient) -> None:
    place, rx = await paper.waiting(10, stock=0, refills_allowed=1)
    late = await shelf.batch(place.item_id, place.pharmacy_id, 50, days=300)
    soon = await shelf.batch(place.item_id, place.pharmacy_id, 4, days=20)
    await shelf.batch(place.item_id, place.pharmacy_id, 9, days=10, recalled=True)
    seen = (await get(client, place.pharmacist, f"/prescriptions/{rx.id}/counter")).json()["items"][0]
    assert (seen["remaining"], seen["due"]) == (20, 10)
    assert [one["id"] for one in seen["shelves"][0]["batches"]] == [str(soon), str(late)]
    first = await post(client, place.pharmacist, f"/prescriptions/{rx.id}/dispense", rx.wants(7))
    assert [(one["batch_id"], one["quantity"]) for one in first.json()["lines"]] == [(str(soon), 4), (str(late), 3)]
    assert await ledger_of(soon) == [("DISPENSE", 4)] and await ledger_of(late) == [("DISPENSE", 3)]
    assert await status_of(rx.id) == "PARTIALLY_FILLED"
    assert (await emitted("prescription.partially_filled", rx.id))[0]["status"] == "PARTIALLY_FILLED"
    seen = (await get(client, place.pharmacist, f"/prescriptions/{rx.id}/counter")).json()["items"][0]
    assert (seen["remaining"], seen["due"]) == (13, 3)  # of the fill that has begun three are missing
    other = await paper.pharmacist()
    await shelf.batch(place.item_id, other.actor.pharmacy_id or rx.id, 30)
    hidden = f"/prescriptions/{rx.id}"
    assert (await get(client, other, hidden + "/counter")).status_code == 404
    assert (await post(client, other, hidden + "/dispense", rx.wants(3))).status_code == 404
    opened = await post(client, other, "/prescriptions/open", rx.opening)
    assert opened.status_code == 200 and opened.json()["items"][0]["remaining"] == 13
    rest = await post(client, other, hidden + "/dispense", rx.wants(13))
    assert rest.status_code == 201 and rest.json()["prescription_status"] == "FILLED"
    assert await history_of(rx.id) == [("ACTIVE", "PARTIALLY_FILLED"), ("PARTIALLY_FILLED", "FILLED")]
    for who in (rx.patient, rx.doctor, place.pharmacist, other):
        fills = (await get(client, who, hidden + "/dispenses")).json()["dispenses"]
        assert [sum(line["quantity"] for line in one["lines"]) for one in fills] == [7, 13]
    assert (await get(client, await paper.pharmacist(), hidden + "/dispenses")).status_code == 404


async def test_several_items_and_a_batch_that_is_named(client: httpx.AsyncClient) -> None:
    place = await shelf.shelf(20)
    second = await shelf.item(ingredient="Other")
    named = await shelf.batch(second, place.pharmacy_id, 20, days=100)
    early = await shelf.batch(second, place.pharmacy_id, 20, days=50)
    rx = await paper.write(await paper.drug(place.item_id), await paper.drug(second))
    await paper.send_to(rx, place.pharmacy_id)
    body = rx.wants(10)
    body["items"] += rx.wants(4, 1, batch_id=str(named))["items"]
    answer = await post(client, place.pharmacist, f"/prescriptions/{rx.id}/dispense", body)
    assert answer.status_code == 201 and answer.json()["prescription_status"] == "PARTIALLY_FILLED"
    assert await shelf.quantity_of(named) == 16 and await shelf.quantity_of(early) == 20
    body["items"] = rx.wants(99, 1)["items"] + rx.wants(1)["items"]
    refused = await post(client, place.pharmacist, f"/prescriptions/{rx.id}/dispense", body)
    assert refused.json()["code"] == "over_quantity"  # all of it or nothing
    assert (await dispensed(rx.items[0]), await dispensed(rx.items[1])) == (10, 4)


async def test_a_substitute_with_a_reason(client: httpx.AsyncClient) -> None:
    place, rx = await paper.waiting(10, stock=0)
    twin = await shelf.item("Twin of it")
    batch = await shelf.batch(twin, place.pharmacy_id, 20)
    shelves = (await get(client, place.pharmacist, f"/prescriptions/{rx.id}/counter")).json()["items"][0]["shelves"]
    assert [(one["item_id"], one["is_substitute"]) for one in shelves] == [
        (str(place.item_id), False),
        (str(twin), True),
    ]
    path = f"/prescriptions/{rx.id}/dispense"
    bare = await post(client, place.pharmacist, path, rx.wants(10, item_id=str(twin)))
    assert (bare.status_code, bare.json()["code"]) == (409, "reason_needed")
    wanted = rx.wants(10, batch_id=str(batch), substitute_reason="Not delivered at present")
    (line,) = (await post(client, place.pharmacist, path, wanted)).json()["lines"]
    assert (line["item_id"], line["substitute_reason"]) == (str(twin), "Not delivered at present")
    assert await ledger_of(batch) == [("DISPENSE", Decimal(10))]


async def test_written_by_hand(client: httpx.AsyncClient) -> None:
    place = await shelf.shelf(20)
    rx = await paper.write(await paper.drug(None, drug_name="substance"))
    await paper.send_to(rx, place.pharmacy_id)
    path = f"/prescriptions/{rx.id}/dispense"
    assert (await post(client, place.pharmacist, path, rx.wants())).json()["code"] == "choose_item"
    shelves = (await get(client, place.pharmacist, f"/prescriptions/{rx.id}/counter")).json()["items"][0]["shelves"]
    assert [one["item_id"] for one in shelves] == [str(place.item_id)]
    wanted = rx.wants(item_id=str(place.item_id), substitute_reason="As written")
    assert (await post(client, place.pharmacist, path, wanted)).status_code == 201


async def test_a_key_has_one_effect(client: httpx.AsyncClient) -> None:
    place, rx = await paper.waiting(10)
    headers = {**place.pharmacist.bearer, "Idempotency-Key": "one"}
    path = f"/api/prescriptions/{rx.id}/dispense"
    answers = [await client.post(path, json=rx.wants(4), headers=headers) for _ in range(3)]
    assert [one.status_code for one in answers] == [201] * 3 and len({one.text for one in answers}) == 1
    assert await dispensed(rx.items[0]) == 4
