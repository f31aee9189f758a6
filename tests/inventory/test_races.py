"""Stock that many move at once (E2): never below nothing, and always what the ledger adds up to; and a twin that fails."""

import asyncio
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from portal import db
from tests import catalogue
from tests.inventory import naive, shelf
from tests.inventory.shelf import Shelf
from tests.owner import as_owner

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool"), pytest.mark.E2]

PROCESSES = 3
CLIENTS = 6
TURNS = 583 if catalogue.FULL else 40  # of each client: 10,500 actions in all
ROOT = Path(__file__).parent.parent.parent

# What does not add up, by batch and by level; without a row all is well.
WRONG = """
SELECT b.id, b.quantity, s.total, s.last FROM batch b, LATERAL (
    SELECT coalesce(sum(CASE WHEN t.transaction_type IN ('OUT', 'DISPENSE') THEN -t.quantity ELSE t.quantity END), 0) AS total,
        coalesce((SELECT l.balance FROM stock_transaction l WHERE l.batch_id = b.id
                  ORDER BY l.created_at DESC LIMIT 1), 0) AS last
    FROM stock_transaction t WHERE t.batch_id = b.id) s
WHERE b.quantity < 0 OR b.quantity <> s.total OR b.quantity <> s.last
"""
WRONG_LEVELS = """
SELECT l.item_id, l.quantity, s.total FROM stock_level l, LATERAL (
    SELECT coalesce(sum(b.quantity) FILTER (WHERE b.counted), 0) AS total FROM batch b
    WHERE b.item_id = l.item_id AND b.location_id = l.location_id) s,
    LATERAL (SELECT count(*) AS moves FROM stock_transaction t WHERE t.item_id = l.item_id AND t.location_id = l.location_id) m
WHERE l.quantity <> s.total OR l.movements <> m.moves
"""
# Each balance follows from the one before it.
GAPS = """
SELECT id FROM (SELECT t.id, t.balance, CASE WHEN t.transaction_type IN ('OUT', 'DISPENSE') THEN -t.quantity ELSE t.quantity END
        + coalesce(lag(t.balance) OVER (PARTITION BY t.batch_id ORDER BY t.created_at), 0) AS follows FROM stock_transaction t) t
WHERE balance <> follows
"""


async def job_for(on: Shelf, settings: Any, **more: Any) -> dict[str, Any]:
    items = [on.item_id, await shelf.item(threshold=50), await shelf.item()]
    batches = {
        str(item): [str(await shelf.batch(item, on.pharmacy_id, 60, days=days)) for days in (5, 50, 500)]
        for item in items
    }
    return {
        "database_url": settings.database_url, "location_id": str(on.pharmacy_id), "actor_id": str(on.pharmacist.id),
        "item_ids": [str(item) for item in items], "batch_ids": batches, "clients": CLIENTS, "turns": TURNS, "naive": False,
    } | more  # fmt: skip


async def run(job: dict[str, Any]) -> Counter[str]:
    """Everything that the processes were told."""
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.inventory.mover", json.dumps(job | {"seed": seed}), cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        for seed in range(PROCESSES)
    ]  # fmt: skip
    said = [(await one.communicate())[0] for one in started]
    assert all(one.returncode == 0 for one in started)
    return sum((Counter(json.loads(one)) for one in said), Counter[str]())


async def test_nothing_is_lost_or_made(settings: Any) -> None:
    on = await shelf.shelf(0)
    told = await run(await job_for(on, settings))
    wrong = [await db.fetch(sql) for sql in (WRONG, WRONG_LEVELS, GAPS)]
    catalogue.figure(
        "E2", f"{told.total()} movements by {PROCESSES} processes: {dict(told)}, {len(wrong[0])} batches wrong"
    )
    assert wrong == [[], [], []]
    assert told.keys() <= {"done", "out_of_stock"}, told
    assert told["done"] and told["out_of_stock"]
    expired, counted = await db.fetch_row(
        "SELECT count(*), count(*) FILTER (WHERE counted) FROM batch WHERE expiry_date < current_date - 1"
    )
    received = await db.fetch_value("SELECT count(*) FROM batch WHERE batch_number LIKE 'R%' AND quantity > 0")
    assert expired and not counted and received


async def test_the_naive_way_fails(settings: Any) -> None:
    await as_owner(naive.TABLES)
    try:
        job = await job_for(await shelf.shelf(0), settings, naive=True)
        await as_owner(
            "INSERT INTO naive_batch SELECT id, 60 FROM batch; INSERT INTO naive_ledger SELECT id, 60 FROM batch"
        )
        told = await run(job)
        wrong = await db.fetch(
            "SELECT b.id FROM naive_batch b"
            " WHERE b.quantity <> (SELECT sum(quantity) FROM naive_ledger l WHERE l.batch_id = b.id)"
        )
        catalogue.figure("E2", f"the naive twin, {told.total()} movements: {len(wrong)} batches wrong")
        assert wrong, "the harness does not bite"
    finally:
        await as_owner("DROP TABLE naive_batch, naive_ledger")
