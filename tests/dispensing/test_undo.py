"""Taking back: once, in time, where it was given out; into the batches, and onto the prescription."""

import asyncio

import httpx
import pytest

from portal import db
from portal.dispensing import actions
from portal.ids import uuid7
from tests import catalogue
from tests.clients import emitted, published
from tests.dispensing import paper
from tests.dispensing.conftest import audit_of, dispensed, get, history_of, ledger_of, post, status_of
from tests.inventory import shelf
from tests.owner import as_owner

pytestmark = pytest.mark.anyio


async def give(client: httpx.AsyncClient, place: shelf.Shelf, rx: paper.Paper, quantity: int = 10) -> str:
    answer = await post(client, place.pharmacist, f"/prescriptions/{rx.id}/dispense", rx.wants(quantity))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_back_into_its_batches(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    place, rx = await paper.waiting(10, stock=0)
    soon = await shelf.batch(place.item_id, place.pharmacy_id, 4, days=20)
    late = await shelf.batch(place.item_id, place.pharmacy_id, 50, days=200)
    first = await give(client, place, rx, 2)
    second = await give(client, place, rx, 8)
    assert await status_of(rx.id) == "FILLED"
    with published(monkeypatch) as told:
        answer = await post(client, place.pharmacist, f"/dispenses/{second}/undo")
    assert answer.status_code == 200 and answer.json()["undone_at"] and answer.json()["seconds_to_undo"] == 0
    assert await ledger_of(soon) == [("DISPENSE", 2), ("DISPENSE", 2), ("RETURN", 2)]
    assert await ledger_of(late) == [("DISPENSE", 6), ("RETURN", 6)]
    assert (await shelf.quantity_of(soon), await shelf.quantity_of(late)) == (2, 50)
    assert (await status_of(rx.id), await dispensed(rx.items[0])) == ("PARTIALLY_FILLED", 2)
    assert {topic.partition(":")[0] for topic, event in told if event == "prescription.dispense_undone"} == {
        "user", "appointment", "pharmacy",
    }  # fmt: skip
    assert (await emitted("prescription.partially_filled", rx.id))[-1]["status"] == "PARTIALLY_FILLED"
    await post(client, place.pharmacist, f"/dispenses/{first}/undo")
    assert (await status_of(rx.id), await dispensed(rx.items[0])) == ("ACTIVE", 0)
    moves = [("ACTIVE", "PARTIALLY_FILLED"), ("PARTIALLY_FILLED", "FILLED"), ("FILLED", "PARTIALLY_FILLED")]
    assert await history_of(rx.id) == [*moves, ("PARTIALLY_FILLED", "ACTIVE")]
    assert [action for action, _ in await audit_of(rx.id)].count("prescription.dispense_undone") == 2
    await give(client, place, rx)  # and once more, all of it


async def test_once_in_time_and_there_alone(client: httpx.AsyncClient) -> None:
    place, rx = await paper.waiting(10)
    made = await give(client, place, rx, 4)
    stranger = await paper.pharmacist()
    for path in (f"/dispenses/{made}/undo", f"/dispenses/{uuid7()}/undo"):
        assert (await post(client, stranger, path)).status_code == 404
    for who in (rx.patient, rx.doctor):
        assert (await post(client, who, f"/dispenses/{made}/undo")).status_code == 403
        assert (await get(client, who, f"/dispenses/{made}")).status_code == 403
    assert (await get(client, stranger, f"/dispenses/{made}")).status_code == 404
    assert (await post(client, place.pharmacist, f"/dispenses/{made}/undo")).status_code == 200
    again = await post(client, place.pharmacist, f"/dispenses/{made}/undo")
    assert (again.status_code, again.json()["code"]) == (409, "already_undone")
    assert ("prescription.dispense_undone", "already_undone") in await audit_of(rx.id, "DENIED")
    old, sql = uuid7(), (
        "INSERT INTO dispense (id, prescription_id, patient_id, pharmacy_id, pharmacist_id, identity_checked, at)"
        " SELECT $1, prescription_id, patient_id, pharmacy_id, pharmacist_id, true, at - interval '16 minutes'"
        " FROM dispense WHERE id = $2"
    )  # fmt: skip
    await db.execute(sql, old, made)
    late = await post(client, place.pharmacist, f"/dispenses/{old}/undo")
    assert (late.status_code, late.json()["code"]) == (409, "too_late")


async def test_after_the_patient_went_elsewhere_and_after_the_end(client: httpx.AsyncClient) -> None:
    place, rx = await paper.waiting(10)
    made = await give(client, place, rx, 4)
    await db.execute("UPDATE prescription_access SET ended_at = clock_timestamp() WHERE prescription_id = $1", rx.id)
    await db.execute("UPDATE prescription SET status = 'CANCELLED' WHERE id = $1", rx.id)
    assert (await get(client, place.pharmacist, f"/dispenses/{made}")).status_code == 200
    assert (await post(client, place.pharmacist, f"/dispenses/{made}/undo")).status_code == 200
    assert (await status_of(rx.id), await dispensed(rx.items[0])) == ("CANCELLED", 0)
    assert len(await emitted("prescription.partially_filled", rx.id)) == 1


@pytest.mark.E3
async def test_a_retry_credits_once(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database asks for the transaction anew after its first statement; then everybody presses the button again."""
    rounds, credited = 500 if catalogue.FULL else 12, 0
    place = await shelf.shelf(100_000)
    forced = 0

    async def conflict(point: str) -> None:
        nonlocal forced
        if point == "in_undo" and forced < 2:
            forced += 1
            raise db.Retry

    monkeypatch.setattr(actions, "fault", conflict)
    for _ in range(rounds):
        rx = await paper.write(await paper.drug(place.item_id))
        await paper.send_to(rx, place.pharmacy_id)
        made, forced = await give(client, place, rx), 0
        answers = await asyncio.gather(*(post(client, place.pharmacist, f"/dispenses/{made}/undo") for _ in range(10)))
        statuses = sorted(one.status_code for one in answers)
        back = "SELECT count(*) FROM stock_transaction WHERE transaction_type = 'RETURN' AND replace(document, '-', '') = $1"
        ok = statuses == [200] + [409] * 9 and await db.fetch_value(back, rx.code) == 1 and forced == 2
        credited += ok and await status_of(rx.id) == "ACTIVE"
    catalogue.figure("E3", f"{rounds} rounds of 10 tries with a conflict forced twice: credited once in {credited}")
    assert credited == rounds and await shelf.level(place) == 100_000


async def naive_undo(number: int, conflicts: list[int]) -> None:
    """Look whether it was taken back already, put the stock back, note it; and all of it anew after a conflict."""
    while not await db.fetch_value("SELECT undone FROM naive_given WHERE id = $1", number):
        await db.execute("INSERT INTO naive_credit VALUES ($1)", number)
        if not (conflicts and conflicts.pop()):
            await db.execute("UPDATE naive_given SET undone = true WHERE id = $1", number)


@pytest.mark.E3
async def test_the_naive_twin_credits_several_times(client: httpx.AsyncClient) -> None:
    rounds = 12
    await as_owner("CREATE TABLE naive_given (id int, undone bool DEFAULT false); CREATE TABLE naive_credit (id int)")
    try:
        for number in range(rounds):
            await db.execute("INSERT INTO naive_given VALUES ($1)", number)
            conflicts = [1, 1]
            await asyncio.gather(*(naive_undo(number, conflicts) for _ in range(10)))
        once = await db.fetch_value(
            "SELECT count(*) FROM (SELECT id FROM naive_credit GROUP BY id HAVING count(*) = 1) x"
        )
        catalogue.figure("E3", f"naive twin: {rounds} rounds of 10 tries: credited once in {once}")
        assert once < rounds
    finally:
        await as_owner("DROP TABLE naive_given, naive_credit")
