"""One process that moves stock as fast as it can, through the actions or the naive way, and says what it was told.

python -m tests.inventory.mover '{"database_url": …, "location_id": …, "actor_id": …, "item_ids": […], …}'
"""

import asyncio
import json
import random
import sys
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from portal import acting, db
from portal.accounts.schemas import AccountStatus, Actor, Role
from portal.errors import Conflict
from portal.ids import uuid7
from portal.inventory import actions
from portal.inventory.ledger import give_back_in_tx, take_in_tx
from portal.inventory.schemas import Adjustment, Move, Receipt
from portal.settings import Settings
from tests.inventory import naive, shelf


def pharmacist(job: dict[str, Any]) -> Actor:
    return Actor(
        id=UUID(job["actor_id"]), role=Role.PHARMACY, status=AccountStatus.ACTIVE, first_name="A", last_name="B",
        email="a@test.example", locale="en", time_zone="UTC", appearance="auto", login_id=uuid7(),
        pharmacy_id=UUID(job["location_id"]),
    )  # fmt: skip


async def one_action(actor: Actor, job: dict[str, Any], chance: random.Random) -> None:
    item, place = UUID(chance.choice(job["item_ids"])), UUID(job["location_id"])
    amount, batch = Decimal(chance.randint(1, 4000)) / 1000, UUID(chance.choice(job["batch_ids"][str(item)]))
    kind = chance.choice(("sell", "sell", "out", "return", "adjust", "two", "undo", "receive", "expire"))
    move = Move(item_id=item, location_id=place, quantity=amount, reason="race")
    if kind == "sell":
        await actions.sell(actor, move)
    elif kind == "out":
        await actions.take_out(
            actor, Move(item_id=item, location_id=place, quantity=amount, reason="race", batch_id=batch)
        )
    elif kind == "return":
        await actions.put_back(
            actor, Move(item_id=item, location_id=place, quantity=amount, reason="race", batch_id=batch)
        )
    elif kind == "adjust":
        signed = amount * chance.choice((-1, 1))
        await actions.adjust(
            actor, Adjustment(item_id=item, location_id=place, quantity=signed, reason="x", batch_id=batch)
        )
    elif kind == "receive":
        ends = date.today() + timedelta(days=chance.randint(1, 9))
        goods = {"cost_price": Decimal(1), "selling_price": Decimal(2), "currency": "USD"}
        await actions.receive(
            actor,
            Receipt(
                item_id=item,
                location_id=place,
                quantity=amount,
                batch_number=f"R{uuid4().hex}",
                expiry_date=ends,
                **goods,
            ),
        )
    elif kind == "expire":
        async with db.as_portal():  # nobody receives what has expired already
            await shelf.batch(item, place, amount, days=-2, number=uuid4().hex)
        await actions.sweep_expired()
    else:
        await dispense(actor, place, sorted({item, UUID(chance.choice(job["item_ids"]))}), amount, kind == "undo")


@db.retried
async def dispense(actor: Actor, place: UUID, items: list[UUID], amount: Decimal, undo: bool) -> None:
    """Two items at once, as from a prescription; and perhaps given back again."""
    async with db.transaction():
        taken = [one for item in items for one in await take_in_tx(actor, place, item, amount, "DISPENSE", "race")]
    if undo:
        async with db.transaction():
            await give_back_in_tx(actor, place, taken, "undone")


async def of_one(job: dict[str, Any], number: int) -> Counter[str]:
    chance, told = random.Random(job["seed"] * 1000 + number), Counter[str]()
    actor = pharmacist(job)
    for _turn in range(job["turns"]):
        try:
            await one_action(actor, job, chance)
            told["done"] += 1
        except Conflict as refused:
            told[refused.code] += 1
        except Exception as error:
            told[type(error).__name__] += 1
    return told


async def naively(job: dict[str, Any], number: int) -> Counter[str]:
    chance, told = random.Random(job["seed"] * 1000 + number), Counter[str]()
    connection = await asyncpg.connect(job["database_url"])
    batches = [UUID(one) for found in job["batch_ids"].values() for one in found]
    for _turn in range(job["turns"]):
        amount = Decimal(chance.randint(1, 4000)) / 1000 * chance.choice((-1, -1, 1))
        told["done" if await naive.move(connection, chance.choice(batches), amount) else "refused"] += 1
    await connection.close()
    return told


async def main(job: dict[str, Any]) -> None:
    if job["naive"]:
        found = await asyncio.gather(*(naively(job, number) for number in range(job["clients"])))
    else:
        await db.connect(Settings(database_url=job["database_url"], pool_size=job["clients"]))
        acting.become(acting.person(pharmacist(job)))
        found = await asyncio.gather(*(of_one(job, number) for number in range(job["clients"])))
        await db.disconnect()
    print(json.dumps(sum(found, Counter[str]())))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
