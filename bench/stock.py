"""Shelves: 20,000 medicines at 50 places, a twenty-fifth of it low, one item with a million movements.

Each question stands beside plain SQL for the same. The twins ask the same database directly, as one would who keeps the
ledger and nothing else: the balance is the sum of the movements, what is low is the sum of the batches.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import median
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import asyncpg

from bench.figures import Figure, Figures
from bench.servers import Stage
from portal import acting, db
from portal.accounts.schemas import AccountStatus, Actor, Role
from portal.catalogue.queries import search_items
from portal.ids import uuid7
from portal.inventory import actions, queries
from portal.inventory.schemas import Move
from portal.migrations import migrate
from portal.settings import Settings

ITEMS, QUICK_ITEMS = 20_000, 2_000
PLACES, QUICK_PLACES = 50, 10
MOVEMENTS, QUICK_MOVEMENTS = 1_000_000, 50_000
ROUNDS = 40
WORDS = ("ibu", "amox", "met", "a", "hydro 20", "sal par", "zole", "300")

CLINICS = """
INSERT INTO clinic (id, name, time_zone) SELECT new_id(), 'Shelf ' || n, 'UTC' FROM generate_series(1, $1::int) AS n RETURNING id
"""
# Names of two invented syllables and a known stem, in five strengths.
CATALOGUE = """
INSERT INTO catalog_item (id, name, active_ingredient, form, strength, unit_type, reorder_threshold)
SELECT new_id(), initcap(stem || middle || n / 5), stem || ' ' || middle, 'tablet', (n % 5 + 1) * 100 || ' mg', 'TABLETS', 20
FROM generate_series(1, $1::int) AS n, LATERAL (SELECT
    (ARRAY['ibu', 'amoxi', 'met', 'hydro', 'sal', 'para', 'ome', 'ator'])[n % 8 + 1] AS stem,
    (ARRAY['profen', 'cillin', 'formin', 'cortin', 'butamol', 'cetin', 'prazole'])[n % 7 + 1] AS middle) AS word
"""
# What follows is written as the ledger would have left it, without its triggers: a million rows in seconds.
BATCHES = """
INSERT INTO batch (id, item_id, location_id, batch_number, expiry_date, quantity, cost_price, selling_price, currency)
SELECT new_id(), i.id, l.id, 'B1', current_date + 200, (hashtext(i.id::text || l.id) & 1023) / 2, 1, 2, 'USD'
FROM catalog_item i, unnest($1::uuid[]) AS l (id)
"""
LEVELS = """
INSERT INTO stock_level (item_id, location_id, quantity, threshold, movements)
SELECT item_id, location_id, quantity, 20, 1 FROM batch
"""
LEDGER = """
INSERT INTO stock_transaction (item_id, batch_id, location_id, transaction_type, quantity, balance, actor_id, created_at)
SELECT b.item_id, b.id, b.location_id, CASE n % 2 WHEN 1 THEN 'IN' ELSE 'DISPENSE' END, 2, CASE n % 2 WHEN 1 THEN 2 ELSE 0 END,
    b.id, clock_timestamp() - make_interval(secs => $2::int - n)
FROM batch b, generate_series(1, $2::int) AS n WHERE b.id = $1
"""
BUSY = """
UPDATE batch SET quantity = 0 WHERE id = $1
"""
BUSY_LEVEL = "UPDATE stock_level SET quantity = 0, movements = $3 WHERE item_id = $1 AND location_id = $2"

SUM = """
SELECT sum(CASE WHEN transaction_type IN ('OUT', 'DISPENSE') THEN -quantity ELSE quantity END)
FROM stock_transaction WHERE item_id = $1 AND location_id = $2
"""
SUM_LOW = """
SELECT b.item_id, b.location_id, i.name, sum(b.quantity) AS quantity FROM batch b JOIN catalog_item i ON i.id = b.item_id
WHERE b.location_id = ANY($1) AND b.expiry_date >= current_date AND b.recalled_at IS NULL
GROUP BY b.item_id, b.location_id, i.name, i.reorder_threshold
HAVING sum(b.quantity) <= i.reorder_threshold ORDER BY sum(b.quantity) LIMIT 50
"""
LIKE = (
    "SELECT id, name, strength FROM catalog_item WHERE lower(name || ' ' || active_ingredient) LIKE ALL ($1) LIMIT 10"
)
BARE_TAKE = "UPDATE batch SET quantity = quantity - 1 WHERE id = $1 AND quantity >= 1 RETURNING quantity"
BARE_WRITE = "INSERT INTO bare_ledger (batch_id, quantity, balance) VALUES ($1, 1, $2)"
BARE_TABLES = """
CREATE TABLE bare_batch (id uuid PRIMARY KEY, quantity numeric NOT NULL CHECK (quantity >= 0));
CREATE TABLE bare_ledger (batch_id uuid NOT NULL, quantity numeric NOT NULL, balance numeric NOT NULL,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE INDEX ON bare_ledger (batch_id, created_at)
"""


@dataclass
class Shelves:
    """The database with everything in it, made once for all runs."""

    url: str
    actor: Actor
    busy: Any
    sold: Any


_made: dict[str, Shelves] = {}


async def shelves(stage: Stage, _servers: Any) -> Figures:
    """Each question asked in turn with its twin, so that both meet the same machine."""
    if stage.url not in _made:
        sizes = (QUICK_ITEMS, QUICK_PLACES, QUICK_MOVEMENTS) if stage.quick else (ITEMS, PLACES, MOVEMENTS)
        _made[stage.url] = await made(stage.url, *sizes)
    return await measured(_made[stage.url])


async def made(server: str, items: int, places: int, movements: int) -> Shelves:
    """A database of its own, on the server of another."""
    admin = await asyncpg.connect(server)
    await admin.execute("CREATE DATABASE bench_shelves")
    await admin.close()
    url = urlsplit(server)._replace(path="/bench_shelves").geturl()
    await migrate(Settings(database_url=url))
    bare = await asyncpg.connect(url)
    try:
        locations, busy, sold = await filled(bare, items, places, movements)
        return Shelves(url, await an_admin(bare, locations), busy, sold)
    finally:
        await bare.close()


async def measured(world: Shelves) -> Figures:
    bare = await asyncpg.connect(world.url)
    await db.connect(Settings(database_url=world.url))
    try:
        with acting.acting(acting.person(world.actor)):
            return await asked(bare, world.actor, world.busy, world.sold)
    finally:
        await db.disconnect()
        await bare.close()


async def filled(bare: asyncpg.Connection, items: int, places: int, movements: int) -> tuple[list[UUID], Any, Any]:
    """The places, the batch with all the movements, and one to sell from."""
    locations = [row["id"] for row in await bare.fetch(CLINICS, places)]
    await bare.execute(CATALOGUE, items)
    await bare.execute("SET session_replication_role = replica")
    await bare.execute(BATCHES, locations)
    await bare.execute(LEVELS)
    busy, sold = await bare.fetch(
        "SELECT id, item_id, location_id FROM batch WHERE location_id = $1 LIMIT 2", locations[0]
    )
    await bare.execute(LEDGER, busy["id"], movements)
    await bare.execute(BUSY, busy["id"])
    await bare.execute(BUSY_LEVEL, busy["item_id"], busy["location_id"], movements)
    await bare.execute("UPDATE batch SET quantity = 1000 WHERE id = $1", sold["id"])
    await bare.execute("SET session_replication_role = origin")
    await bare.execute(BARE_TABLES)
    await bare.execute("INSERT INTO bare_batch VALUES ($1, 1000)", sold["id"])
    await bare.execute("ANALYZE")
    return locations, busy, sold


async def an_admin(bare: asyncpg.Connection, locations: list[UUID]) -> Actor:
    actor = Actor(
        id=uuid7(), role=Role.CLINIC_ADMIN, status=AccountStatus.ACTIVE, first_name="A", last_name="B",
        email="shelves@bench.example", locale="en", time_zone="UTC", appearance="auto", login_id=uuid7(),
        clinic_ids=tuple(locations),
    )  # fmt: skip
    await bare.execute(
        "INSERT INTO account (id, email, role, status, first_name, last_name) VALUES ($1, $2, $3, 'ACTIVE', 'A', 'B')",
        actor.id, actor.email, actor.role.value,
    )  # fmt: skip
    await bare.executemany(
        "INSERT INTO clinic_admin (clinic_id, account_id) VALUES ($1, $2)", [(one, actor.id) for one in locations]
    )
    return actor


async def asked(bare: asyncpg.Connection, actor: Actor, busy: Any, sold: Any) -> Figures:
    places = list(actor.clinic_ids)
    move = Move(item_id=sold["item_id"], location_id=sold["location_id"], quantity=1, reason="bench")  # type: ignore[arg-type]
    words = iter(WORDS * ROUNDS)
    patterns = iter([[f"%{word}%" for word in text.split()] for text in WORDS * ROUNDS])

    async def bare_sale() -> None:
        async with bare.transaction():
            left = await bare.fetchval(BARE_TAKE.replace("batch", "bare_batch"), sold["id"])
            await bare.execute(BARE_WRITE, sold["id"], left)

    return {
        "stock_balance": await compared(
            lambda: queries.get_stock(actor, busy["item_id"], busy["location_id"]),
            lambda: bare.fetchval(SUM, busy["item_id"], busy["location_id"]), 15,
        ),
        "stock_moves": await compared(
            lambda: queries.list_transactions(actor, busy["location_id"], busy["item_id"], limit=50), None, ROUNDS
        ),
        "stock_low": await compared(
            lambda: queries.list_low(actor, None, 0, 50), lambda: bare.fetch(SUM_LOW, places), 15
        ),
        "stock_search": await compared(
            lambda: search_items(actor, next(words)), lambda: bare.fetch(LIKE, next(patterns)), ROUNDS
        ),
        "stock_sale": await compared(lambda: actions.sell(actor, move), bare_sale, ROUNDS * 5),
    }  # fmt: skip


async def compared(
    ours: Callable[[], Awaitable[Any]], bare: Callable[[], Awaitable[Any]] | None, rounds: int
) -> Figure:
    """The median in milliseconds of each, asked in turn."""
    mine, theirs = [], []
    for _round in range(rounds):
        mine.append(await timed(ours))
        if bare is not None:
            theirs.append(await timed(bare))
    return Figure(median(mine), median(theirs) if theirs else None, f"worst {max(mine):.1f} ms")


async def timed(ask: Callable[[], Awaitable[Any]]) -> float:
    begun = time.perf_counter()
    await ask()
    return (time.perf_counter() - begun) * 1000
