"""What must fail: stock that is read, thought about, and written, as one would who knows no other way."""

from decimal import Decimal
from uuid import UUID

import asyncpg

TABLES = """
CREATE TABLE naive_batch (id uuid PRIMARY KEY, quantity numeric NOT NULL);
CREATE TABLE naive_ledger (batch_id uuid NOT NULL, quantity numeric NOT NULL);
"""


async def move(connection: asyncpg.Connection, batch_id: UUID, amount: Decimal) -> bool:
    """Look whether it is enough, then write the difference that was worked out; each step by itself correct."""
    async with connection.transaction():
        quantity = await connection.fetchval("SELECT quantity FROM naive_batch WHERE id = $1", batch_id)
        if quantity + amount < 0:
            return False
        await connection.execute("UPDATE naive_batch SET quantity = $2 WHERE id = $1", batch_id, quantity + amount)
        await connection.execute("INSERT INTO naive_ledger VALUES ($1, $2)", batch_id, amount)
    return True
