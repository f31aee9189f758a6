"""Stopping a batch, and letting it go again."""

from portal import db
from portal.accounts.schemas import Actor
from portal.audit.actions import record_in_tx
from portal.errors import Conflict
from portal.inventory import events, policy
from portal.inventory.queries import get_batches
from portal.recalls.schemas import Recall, Recalled
from portal.web.i18n import _

# Every batch of that number of an item at these places is stopped at once, or may be given out again. Levels first, as always.
# $1 item, $2 locations, $3 number, $4 reason, or null to lift
RECALL = """
WITH meant AS (
    SELECT id, location_id FROM batch WHERE item_id = $1 AND location_id = ANY($2) AND lower(batch_number) = lower($3)
        AND (recalled_at IS NULL) = ($4::text IS NOT NULL)
), level AS (
    SELECT location_id FROM stock_level WHERE item_id = $1 AND location_id IN (SELECT location_id FROM meant)
    ORDER BY location_id FOR UPDATE
)
UPDATE batch b SET recalled_at = CASE WHEN $4::text IS NOT NULL THEN clock_timestamp() END, recall_reason = $4,
    counted = $4::text IS NULL AND b.expiry_date >= stock_today(b.location_id)
WHERE b.id IN (SELECT id FROM meant) AND (SELECT count(*) FROM level) >= 0 AND (b.recalled_at IS NULL) = ($4::text IS NOT NULL)
RETURNING b.id, b.location_id
"""


@db.retried
async def recall(actor: Actor, data: Recall) -> Recalled:
    """Stop every batch of a number at once, at all of one's own places: none of it is given out any more.

    Raises `Forbidden`, or `Conflict` with `nothing_to_recall`.
    """
    text = _("There is no such batch here, or it is recalled already.")
    return await _recall(actor, data, data.reason, "stock.recalled", Conflict("nothing_to_recall", text))


@db.retried
async def lift_recall(actor: Actor, data: Recall) -> Recalled:
    """What was recalled by mistake may be given out again, unless it is expired. The audit keeps both.

    Raises `Forbidden`, or `Conflict` with `not_recalled`.
    """
    text = _("There is no such batch here that is recalled.")
    return await _recall(actor, data, None, "stock.recall_lifted", Conflict("not_recalled", text))


async def _recall(actor: Actor, data: Recall, reason: str | None, action: str, otherwise: Conflict) -> Recalled:
    places = policy.own_locations(actor)
    async with db.transaction():
        rows = await db.fetch(RECALL, data.item_id, places, data.batch_number, reason)
        if not rows:
            raise otherwise
        for row in rows:
            await record_in_tx(actor, action, subject_type="batch", subject_id=row["id"], reason=data.reason)
        for location_id in {row["location_id"] for row in rows}:
            await events.tell_moved_in_tx(location_id, [data.item_id])
        return Recalled(batches=await get_batches(actor, [row["id"] for row in rows]))
