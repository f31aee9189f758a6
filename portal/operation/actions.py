"""Give what was parked a new start: events that were refused too often, jobs that failed too often."""

from uuid import UUID

from portal import db, outbox
from portal.accounts.schemas import Actor
from portal.audit.actions import record_in_tx
from portal.errors import NotFound
from portal.operation.schemas import Done

# What a restore holds back may have been sent before: only `portal release` lets all of it go.
PARKED = """
SELECT id FROM outbox_event WHERE dead_at IS NOT NULL AND coalesce(last_error, '') NOT LIKE 'held by a restore%'
ORDER BY position LIMIT $1
"""
RUN_AGAIN = """
UPDATE pgqueuer SET status = 'queued', attempts = 0, execute_after = clock_timestamp(), updated = clock_timestamp(),
    queue_manager_id = NULL
WHERE id IN (
    SELECT id FROM pgqueuer WHERE status = 'failed' AND headers->>'held_by' IS DISTINCT FROM 'restore'
    ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
"""
MOST = 1000  # at once


@db.retried
async def send_event_again(actor: Actor, event_id: UUID) -> Done:
    """Deliver one parked event again, with all its tries. Raises `NotFound` when it is not parked."""
    async with db.transaction():
        await _send_again_in_tx(actor, event_id)
    return Done(1)


@db.retried
async def send_events_again(actor: Actor) -> Done:
    """Deliver every refused event again, at most a thousand at once; each leaves its row in the audit."""
    async with db.transaction():
        rows = await db.fetch(PARKED, MOST)
        for row in rows:
            await _send_again_in_tx(actor, row["id"])
    return Done(len(rows))


async def _send_again_in_tx(actor: Actor, event_id: UUID) -> None:
    async with db.as_portal():  # an admin sees what is parked, and changes nothing in it
        sent = await outbox.send_again(event_id)
    if not sent:
        raise NotFound
    await record_in_tx(actor, "event.send_again", subject_type="event", subject_id=event_id)


@db.retried
async def run_jobs_again(actor: Actor) -> Done:
    """Run held jobs again, at most a thousand at once."""
    async with db.transaction():
        count = await db.execute(RUN_AGAIN, MOST)
        await record_in_tx(actor, "jobs.run_again", subject_type="jobs", subject_id=str(count))
    return Done(count)
