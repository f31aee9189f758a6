"""The worker's naive twin: it reminds everybody one after the other, and keeps in a column who was reminded.

`python -m tests.faults.naive_reminders send-first|mark-first STOP`: ends at once, as by kill -9, in the middle of the
person with the number STOP. Whoever sends first tells that person twice, whoever marks first never does.
"""

import asyncio
import os
import sys

import asyncpg

SCHEMA = """
CREATE TABLE naive_visit (id int PRIMARY KEY, reminded boolean NOT NULL DEFAULT false);
CREATE TABLE naive_mail (visit_id int NOT NULL);
GRANT ALL ON naive_visit, naive_mail TO PUBLIC;
"""
STEPS = ("INSERT INTO naive_mail VALUES ($1)", "UPDATE naive_visit SET reminded = true WHERE id = $1")


async def main(order: str, stop: int) -> None:
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    first, second = STEPS if order == "send-first" else STEPS[::-1]
    for row in await connection.fetch("SELECT id FROM naive_visit WHERE NOT reminded ORDER BY id"):
        await connection.execute(first, row["id"])
        if row["id"] == stop:
            os._exit(137)
        await connection.execute(second, row["id"])


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
