"""A process that appends to the audit as fast as it can: `python -m tests.audit.appender DATABASE_URL ACTOR ROWS`."""

import asyncio
import sys
from uuid import UUID

from portal import acting, db
from portal.audit.actions import INSERT
from portal.settings import Settings

CONNECTIONS = 4


async def main(database_url: str, actor_id: UUID, rows: int) -> None:
    async def append() -> None:
        for _ in range(rows // CONNECTIONS):
            async with db.transaction():
                await db.execute(INSERT, actor_id, "DOCTOR", "test.done", "OK", "test", "1", None, None, None)

    acting.become(acting.Acting(actor_id, "DOCTOR"))
    await db.connect(Settings(database_url=database_url))
    await asyncio.gather(*(append() for _ in range(CONNECTIONS)))
    await db.disconnect()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], UUID(sys.argv[2]), int(sys.argv[3])))
