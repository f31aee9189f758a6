"""A worker of its own that offers slots: `python -m tests.waitlist.offerers URL portal|naive < ids`, all at once."""

import asyncio
import sys
from uuid import UUID

from portal import acting, db
from portal.settings import Settings
from portal.waitlist import actions

NAIVE = "CREATE TABLE naive_offer (slot_id text, patient_id text)"
NEXT = """
SELECT e.patient_id::text FROM waitlist_entry e WHERE NOT EXISTS (SELECT FROM naive_offer o WHERE o.slot_id = $1)
    AND NOT EXISTS (SELECT FROM naive_offer o WHERE o.patient_id = e.patient_id::text) ORDER BY e.created_at LIMIT 1
"""


async def naive(slot_id: UUID) -> None:
    """Look whose turn it is, write the mail, then note the offer."""
    patient = await db.fetch_value(NEXT, str(slot_id))
    await asyncio.sleep(0.05)
    if patient:
        await db.execute("INSERT INTO naive_offer VALUES ($1, $2)", str(slot_id), patient)


async def main(url: str, how: str) -> None:
    acting.become(acting.PORTAL)
    await db.connect(Settings(database_url=url))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    slots = [UUID(one) for one in (await asyncio.to_thread(sys.stdin.read)).split()]
    await asyncio.gather(*(naive(one) if how == "naive" else actions.offer_slot(one) for one in slots))
    await db.disconnect()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
