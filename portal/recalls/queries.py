"""Where a batch is, and where what was in it went; among one's own places."""

from portal.accounts.schemas import Actor
from portal.inventory.queries import batches_numbered, transactions_of
from portal.recalls.schemas import Trace


async def trace_batch(actor: Actor, batch_number: str) -> Trace:
    """The batches of a number, and every movement out of and into them. Raises `Forbidden`."""
    batches = await batches_numbered(actor, batch_number)
    return Trace(batches=batches, transactions=await transactions_of([one.id for one in batches]))
