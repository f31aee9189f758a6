"""What only the owner of the tables may do: tables and triggers of a test's own."""

import asyncpg

from portal import db


async def as_owner(script: str) -> None:
    """Run some SQL on the open pool's database as its owner; the application's role may make nothing."""
    connection = await asyncpg.connect(db.DB.config["dsn"])
    try:
        await connection.execute(script)
    finally:
        await connection.close()
