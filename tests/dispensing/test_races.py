"""Many counters, three server processes, the same papers and the same shelves; and the naive twin, which must fail."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any

import pytest

from portal import db
from portal.accounts import tokens
from portal.inventory.actions import sweep_expired
from portal.settings import Settings
from tests import catalogue
from tests.crowd import Call, press
from tests.dispensing import paper
from tests.dispensing.paper import Paper
from tests.factories import Person
from tests.faults.stage import workers
from tests.inventory import shelf
from tests.naive import SCHEMA, naive_server
from tests.owner import as_owner

pytestmark = [pytest.mark.anyio, pytest.mark.race]
COUNTERS, PAPERS = (50, 200) if catalogue.FULL else (16, 24)
MOVES = 10_500 if catalogue.FULL else 700
KEYS = 500 if catalogue.FULL else 24

GIVEN = """
SELECT coalesce(sum(l.quantity), 0) FROM dispense_line l JOIN dispense d ON d.id = l.dispense_id
WHERE d.prescription_id = ANY($1) AND d.undone_at IS NULL
"""
ON_PAPER = "SELECT coalesce(sum(dispensed), 0) FROM prescription_item WHERE prescription_id = ANY($1)"
# Batches that are not what their ledger says, or less than nothing.
UNEXPLAINED = """
SELECT count(*) FROM batch b WHERE b.quantity < 0 OR b.quantity <> (SELECT coalesce(sum(CASE
    WHEN t.transaction_type IN ('OUT', 'DISPENSE') THEN -t.quantity ELSE t.quantity END), 0)
    FROM stock_transaction t WHERE t.batch_id = b.id)
"""
# What left by a dispense and did not come back is what was given out.
APART = """
SELECT (SELECT sum(CASE transaction_type WHEN 'DISPENSE' THEN quantity WHEN 'RETURN' THEN -quantity ELSE 0 END)
    FROM stock_transaction WHERE location_id = $1)
  - (SELECT sum(l.quantity) FROM dispense_line l JOIN dispense d ON d.id = l.dispense_id
     WHERE d.pharmacy_id = $1 AND d.undone_at IS NULL)
"""


@pytest.fixture(scope="module")
async def url(settings: Settings, pool: None) -> AsyncIterator[str]:
    """Three workers on this module's database."""
    tokens.use_keys(settings)
    await as_owner(SCHEMA)
    with workers(settings, 3) as portal:
        yield portal.url


def give(who: Person, rx: Paper, quantity: float = 10, key: str = "") -> Call:
    token = tokens.issue_access_token(who.actor)
    return ("POST", f"/api/prescriptions/{rx.id}/dispense", token, rx.wants(quantity), key)


async def pressed(url: str, calls: list[Call]) -> list[tuple[int, Any]]:
    return (await asyncio.to_thread(press, url, calls)).answers


async def papers_at(counters: list[Person], item: Any, number: int) -> list[Paper]:
    """Prescriptions of ten that every one of these counters may fill."""
    patient, doctor = await paper.factories.patient(), await paper.factories.doctor()
    made = [await paper.write(await paper.drug(item), patient=patient, doctor=doctor) for _ in range(number)]
    for who in counters:
        for rx in made:
            await paper.send_to(rx, who.actor.pharmacy_id, "OPENED")  # type: ignore[arg-type]
    return made


@pytest.mark.E1
async def test_filled_at_most_once(url: str) -> None:
    """All counters give out all papers in the same moment."""
    item = await shelf.item()
    counters = [await paper.pharmacist() for _ in range(COUNTERS)]
    for who in counters:
        await shelf.batch(item, who.actor.pharmacy_id, 10 * PAPERS)  # type: ignore[arg-type]
    papers = await papers_at(counters, item, PAPERS)
    answers = await pressed(url, [give(who, rx) for rx in papers for who in counters])
    codes = Counter(body["code"] if status == 409 else status for status, body in answers)
    ids = [rx.id for rx in papers]
    given, noted = await db.fetch_value(GIVEN, ids), await db.fetch_value(ON_PAPER, ids)
    left = await db.fetch_value("SELECT sum(quantity) FROM batch WHERE item_id = $1", item)
    catalogue.figure("E1", f"{COUNTERS} counters, {PAPERS} papers: {dict(codes)}, {given} of {10 * PAPERS} given out")
    assert codes == {201: PAPERS, "already_filled": PAPERS * (COUNTERS - 1)}
    assert given == noted == 10 * PAPERS == 10 * PAPERS * COUNTERS - left
    assert await db.fetch_value(UNEXPLAINED) == 0


@pytest.mark.E1
@pytest.mark.E2
@pytest.mark.B1
async def test_the_naive_twin_fills_twice(settings: Settings, url: str) -> None:
    await db.execute("INSERT INTO naive_stock VALUES (6000)")
    with naive_server(settings.database_url) as twin:
        calls = [("POST", f"/api/prescriptions/{n}/dispense", "", {}, "") for n in range(60) for _ in range(24)]
        answers = await pressed(twin, calls)  # type: ignore[arg-type]
        left = await db.fetch_value("SELECT quantity FROM naive_stock")
        keys = [("POST", f"/api/prescriptions/key{n}/dispense", "", {}, f"give-{n}") for n in range(60)]
        await pressed(twin, [call for call in keys for _ in range(20)])  # type: ignore[misc]
    fills = [status for status, _body in answers].count(201)
    effects = await db.fetch_value("SELECT count(*) FROM naive_fill WHERE prescription_id LIKE 'key%'")
    catalogue.figure("E1", f"naive twin: {fills} of 60 papers given out")
    catalogue.figure("E2", f"naive twin: {fills * 10} left the shelf, which tells of {6000 - left}")
    catalogue.figure("B1", f"naive twin: 60 keys to give out, 20 times each: {effects} effects")
    assert fills > 60 and 6000 - left != fills * 10 and effects > 60


@pytest.mark.E2
async def test_stock_is_never_negative_and_explains_itself(url: str) -> None:
    """One counter gives out, takes back, receives, adjusts and sorts out what has expired, all at once, of little."""
    place = await shelf.shelf(0)
    batches = [str(await shelf.batch(place.item_id, place.pharmacy_id, 20, days=days)) for days in (30, 60, 90)]
    colleagues = [place.pharmacist, *[await paper.pharmacist(place.pharmacy_id) for _ in range(3)]]
    papers = await papers_at([place.pharmacist], place.item_id, 60)
    dice, token = random.Random(7), tokens.issue_access_token(place.pharmacist.actor)
    at = {"item_id": str(place.item_id), "location_id": str(place.pharmacy_id), "reason": "Count"}
    undone = Counter[Any]()
    codes = Counter[Any]()
    for turn in range(5):
        calls = [give(dice.choice(colleagues), dice.choice(papers), dice.randint(1, 4)) for _ in range(MOVES // 10)]
        calls += [
            ("POST", "/api/inventory/stock/adjust", token, {**at, "batch_id": batch, "quantity": dice.choice((-3, 2, 3))}, "")
            for batch in batches for _ in range(MOVES // 120)
        ]  # fmt: skip
        goods = {name: at[name] for name in ("item_id", "location_id")} | {
            "expiry_date": (date.today() + timedelta(days=40)).isoformat(),
            "cost_price": 1, "selling_price": 2, "currency": "USD",
        }  # fmt: skip
        calls += [
            (
                "POST",
                "/api/inventory/stock/in",
                token,
                {**goods, "batch_number": f"R{turn}-{n}", "quantity": 1 + n % 3},
                "",
            )
            for n in range(MOVES // 120)
        ]
        await shelf.batch(place.item_id, place.pharmacy_id, 5, days=-2)
        rows = await db.fetch("SELECT id FROM dispense WHERE pharmacy_id = $1 AND undone_at IS NULL", place.pharmacy_id)
        calls += [("POST", f"/api/dispenses/{row['id']}/undo", token, None, "") for row in rows for _ in range(2)]
        dice.shuffle(calls)
        answers, swept = await asyncio.gather(pressed(url, calls), sweep_expired())
        assert swept == 1
        for call, (status, body) in zip(calls, answers, strict=True):
            counted = undone if call[1].endswith("/undo") else codes
            counted[body["code"] if status == 409 else status] += 1
            assert status < 500
    bad, apart = await db.fetch_value(UNEXPLAINED), await db.fetch_value(APART, place.pharmacy_id)
    ids = [rx.id for rx in papers]
    catalogue.figure(
        "E2", f"{sum(codes.values()) + sum(undone.values())} actions: {dict(codes)}, undone {dict(undone)}, {bad} off"
    )
    assert bad == 0 and apart == 0 and await db.fetch_value(GIVEN, ids) == await db.fetch_value(ON_PAPER, ids)
    back = await db.fetch_value(
        "SELECT count(*) FROM dispense WHERE pharmacy_id = $1 AND undone_at IS NOT NULL", place.pharmacy_id
    )
    # Whoever was put off may have asked again for what was done already, and is told so.
    assert 0 < undone[200] <= back and undone == {200: undone[200], "already_undone": 2 * back - undone[200]}
    assert codes[201] > 0


@pytest.mark.B1
async def test_one_effect_a_key(url: str) -> None:
    place = await shelf.shelf(KEYS)
    papers = await papers_at([place.pharmacist], place.item_id, -(-KEYS // 10))
    wanted = [give(place.pharmacist, papers[n % len(papers)], 1, f"give-{n}") for n in range(KEYS)]
    at_once = await pressed(url, [call for call in wanted for _ in range(20)])
    later = await pressed(url, [call for call in wanted for _ in range(5)])
    effects = await db.fetch_value(GIVEN, [rx.id for rx in papers])
    catalogue.figure("B1", f"3 workers, {KEYS} keys to give out, 25 times each: {effects} effects")
    assert effects == KEYS and {status for status, _body in later} == {201}
    assert {status for status, _body in at_once} <= {201, 409}
