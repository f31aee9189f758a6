"""Who may, and what may be given out (E5): each refusal with its own code, nothing changed, and a row in the audit."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from portal import db
from portal.catalogue.schemas import UnitType
from tests import catalogue, factories
from tests.dispensing import paper
from tests.dispensing.conftest import audit_of, dispensed, get, ledger_of, post, status_of
from tests.dispensing.paper import Paper
from tests.inventory import shelf
from tests.inventory.shelf import Shelf

pytestmark = [pytest.mark.anyio, pytest.mark.E5]

Body = dict[str, Any]


async def set_status(rx: Paper, status: str) -> None:
    await db.execute("UPDATE prescription SET status = $2 WHERE id = $1", rx.id, status)


async def cancelled(_place: Shelf, rx: Paper) -> Body:
    await set_status(rx, "CANCELLED")
    return rx.wants()


async def expired(_place: Shelf, rx: Paper) -> Body:
    await set_status(rx, "EXPIRED")
    return rx.wants()


async def filled(_place: Shelf, rx: Paper) -> Body:
    await set_status(rx, "FILLED")
    return rx.wants()


async def not_checked(_place: Shelf, rx: Paper) -> Body:
    return rx.wants() | {"identity_checked": False}


async def too_much(_place: Shelf, rx: Paper) -> Body:
    return rx.wants(10.001)


async def wrong_strength(place: Shelf, rx: Paper) -> Body:
    other = await shelf.item(strength="600 mg")
    batch = await shelf.batch(other, place.pharmacy_id)
    return rx.wants(batch_id=str(batch), substitute_reason="Nearly the same")


async def wrong_form(place: Shelf, rx: Paper) -> Body:
    other = await shelf.item(form="syrup")
    await shelf.batch(other, place.pharmacy_id)
    return rx.wants(item_id=str(other), substitute_reason="Nearly the same")


async def wrong_ingredient(place: Shelf, rx: Paper) -> Body:
    other = await shelf.item(ingredient="Something else")
    await shelf.batch(other, place.pharmacy_id)
    return rx.wants(item_id=str(other), substitute_reason="Nearly the same")


async def counted_anew(place: Shelf, rx: Paper) -> Body:
    await db.execute("UPDATE catalog_item SET unit_type = 'BOTTLES' WHERE id = $1", place.item_id)
    return rx.wants()


async def substitute_in_bottles(place: Shelf, rx: Paper) -> Body:
    other = await shelf.item(unit_type="BOTTLES")
    batch = await shelf.batch(other, place.pharmacy_id)
    return rx.wants(batch_id=str(batch), substitute_reason="The same")


async def no_reason(place: Shelf, rx: Paper) -> Body:
    other = await shelf.item()
    await shelf.batch(other, place.pharmacy_id)
    return rx.wants(item_id=str(other))


async def recalled(place: Shelf, rx: Paper) -> Body:
    return rx.wants(batch_id=str(await shelf.batch(place.item_id, place.pharmacy_id, recalled=True)))


async def out_of_date(place: Shelf, rx: Paper) -> Body:
    return rx.wants(batch_id=str(await shelf.batch(place.item_id, place.pharmacy_id, days=-1)))


async def little(place: Shelf, rx: Paper) -> Body:
    return rx.wants(batch_id=str(await shelf.batch(place.item_id, place.pharmacy_id, 3)))


async def batch_elsewhere(place: Shelf, rx: Paper) -> Body:
    return rx.wants(batch_id=str(await shelf.batch(place.item_id, await shelf.pharmacy())))


async def batch_of_another_item(place: Shelf, rx: Paper) -> Body:
    batch = await shelf.batch(await shelf.item(), place.pharmacy_id)
    return rx.wants(batch_id=str(batch), item_id=str(place.item_id))


async def suspended(place: Shelf, rx: Paper) -> Body:
    await db.execute("UPDATE pharmacy SET active = false WHERE id = $1", place.pharmacy_id)
    return rx.wants()


REFUSED: dict[str, Callable[[Shelf, Paper], Awaitable[Body]]] = {
    "cancelled": cancelled, "expired": expired, "already_filled": filled, "identity_not_checked": not_checked,
    "over_quantity": too_much, "wrong_strength": wrong_strength, "not_a_substitute": wrong_form,
    "wrong_unit": counted_anew, "wrong_unit ": substitute_in_bottles,
    "not_a_substitute ": wrong_ingredient, "reason_needed": no_reason, "batch_recalled": recalled,
    "batch_expired": out_of_date, "out_of_stock": little, "batch_not_here": batch_elsewhere,
    "batch_not_here ": batch_of_another_item, "pharmacy_suspended": suspended,
}  # fmt: skip


@pytest.mark.parametrize("code", REFUSED)
async def test_refused_with_its_own_code(client: httpx.AsyncClient, code: str) -> None:
    place, rx = await paper.waiting(10)
    body, code = await REFUSED[code](place, rx), code.strip()
    before = await status_of(rx.id)
    answer = await post(client, place.pharmacist, f"/prescriptions/{rx.id}/dispense", body)
    assert (answer.status_code, answer.json()["code"]) == (409, code), answer.text
    assert await status_of(rx.id) == before and await dispensed(rx.items[0]) == 0
    assert await audit_of(rx.id, "DENIED") == [("prescription.dispensed", code)]
    owner = "SELECT patient_id FROM audit_event WHERE subject_id = $1 AND outcome = 'DENIED'"
    assert await db.fetch_value(owner, str(rx.id)) == rx.patient.id
    assert await db.fetch_value("SELECT count(*) FROM dispense WHERE prescription_id = $1", rx.id) == 0


async def test_ten_millilitres_are_not_ten_bottles(client: httpx.AsyncClient) -> None:
    """What was written by hand too: the refusal names both units, and the page offers nothing to give out."""
    place = await shelf.shelf(0)
    syrup = await shelf.item(form="syrup", unit_type="BOTTLES")
    await shelf.batch(syrup, place.pharmacy_id, 50)
    known = await db.fetch_row("SELECT name, strength FROM catalog_item WHERE id = $1", syrup)
    words = {"drug_name": known["name"], "strength": known["strength"], "form": "syrup"}
    rx = await paper.write(await paper.drug(None, unit=UnitType.MILLILITRES, **words))
    await paper.send_to(rx, place.pharmacy_id)
    wanted = rx.wants(item_id=str(syrup), substitute_reason="As written by hand")
    answer = await post(client, place.pharmacist, f"/prescriptions/{rx.id}/dispense", wanted)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (409, "wrong_unit")
    assert (told["prescribed_in"], told["counted_in"]) == ("MILLILITRES", "BOTTLES") and "doctor" in told["detail"]
    client.cookies.update(place.pharmacist.cookies)
    page = (await client.get(f"/counter/{rx.id}")).text
    assert "Prescribed in ml, counted here in bottles" in page and "items.0.quantity" not in page


async def test_past_its_validity_before_any_job_has_said_so(client: httpx.AsyncClient) -> None:
    place = await shelf.shelf()
    rx = await paper.write(await paper.drug(place.item_id), days_ago=31)
    await paper.send_to(rx, place.pharmacy_id)
    path = f"/prescriptions/{rx.id}"
    assert (await post(client, place.pharmacist, path + "/dispense", rx.wants())).json()["code"] == "expired"
    assert (await get(client, place.pharmacist, path + "/counter")).json()["refusal"] == "expired"
    assert (await get(client, place.pharmacist, "/prescriptions/active")).json()["prescriptions"] == []


async def test_not_signed_by_us(client: httpx.AsyncClient) -> None:
    place = await shelf.shelf()
    rx = await paper.write(await paper.drug(place.item_id), signature=bytes(64))
    await paper.send_to(rx, place.pharmacy_id)
    answer = await post(client, place.pharmacist, f"/prescriptions/{rx.id}/dispense", rx.wants())
    assert answer.json()["code"] == "not_authentic"
    assert await audit_of(rx.id, "DENIED") == [("prescription.dispensed", "not_authentic")]
    catalogue.figure("E5", f"{len(REFUSED) + 2} ways to be refused, each with its own code and a row in the audit")


async def test_whose_it_is_not(client: httpx.AsyncClient) -> None:
    """Other pharmacies, the parties, a pharmacy that it was sent to before, items of another, pharmacists without any."""
    place, rx = await paper.waiting(10)
    _other_place, other = await paper.waiting(10)
    path = f"/prescriptions/{rx.id}/dispense"
    assert (await post(client, await paper.pharmacist(), path, rx.wants())).status_code == 404
    for who in (rx.patient, rx.doctor):
        assert (await post(client, who, path, rx.wants())).status_code == 403
    nowhere = await factories.person(paper.Role.PHARMACY)
    assert (await post(client, nowhere, path, rx.wants())).status_code == 403
    strange = {"items": other.wants()["items"], "identity_checked": True}
    assert (await post(client, place.pharmacist, path, strange)).status_code == 404
    denied = [action for action, _reason in await audit_of(rx.id, "DENIED")]
    assert denied.count("access.denied") == 5
    await db.execute("UPDATE prescription_access SET ended_at = clock_timestamp() WHERE prescription_id = $1", rx.id)
    assert (await post(client, place.pharmacist, path, rx.wants())).status_code == 404
    await db.execute("UPDATE account SET status = 'SUSPENDED' WHERE id = $1", place.pharmacist.id)
    assert (await post(client, place.pharmacist, path, rx.wants())).status_code in (401, 403)
    assert await dispensed(rx.items[0]) == 0


async def test_bad_bodies(client: httpx.AsyncClient) -> None:
    place, rx = await paper.waiting(10)
    path, (line,) = f"/prescriptions/{rx.id}/dispense", rx.wants()["items"]
    for bad, field in (
        ({"items": []}, "items"),
        ({"items": [line, line]}, "items"),
        ({"items": [line | {"quantity": 0}]}, "items.0.quantity"),
        ({"items": [line | {"quantity": -1}]}, "items.0.quantity"),
        ({"items": [line | {"quantity": 0.0001}]}, "items.0.quantity"),
        ({"items": [line | {"quantity": "1"}]}, "items.0.quantity"),
        ({"items": [line | {"batch_id": "x"}]}, "items.0.batch_id"),
        ({"items": [line | {"price": 1}]}, "items.0.price"),
        ({"items": [line | {"substitute_reason": ""}]}, "items.0.substitute_reason"),
        ({"items": [line], "identity_checked": "yes"}, "identity_checked"),
    ):
        answer = await post(client, place.pharmacist, path, {"identity_checked": True} | bad)
        assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field, answer.text


async def test_what_was_given_out_cannot_be_written_over(client: httpx.AsyncClient) -> None:
    place, rx = await paper.waiting(10, stock=0)
    batch: UUID = await shelf.batch(place.item_id, place.pharmacy_id, 20)
    await post(client, place.pharmacist, f"/prescriptions/{rx.id}/dispense", rx.wants(4))
    for sql in (
        "UPDATE dispense SET at = at - interval '1 day'", "DELETE FROM dispense", "DELETE FROM dispense_line",
        "UPDATE dispense_line SET quantity = 1",
        "UPDATE dispense SET undone_at = at + interval '1 hour', undone_by = pharmacist_id",
    ):  # fmt: skip
        with pytest.raises(Exception, match=r"append-only|permission denied|undone_in_time"):
            await db.execute(sql)
    assert await ledger_of(batch) == [("DISPENSE", 4)]
