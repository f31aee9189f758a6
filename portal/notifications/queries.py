"""Read one's own notifications, and the mails that a demonstration shows instead of sending them."""

from portal import db
from portal.accounts.schemas import Actor
from portal.notifications.schemas import Mail, Notification

OWN = """
SELECT id, kind, link, created_at, read_at, count(*) OVER () AS total FROM notification
WHERE account_id = $1 ORDER BY created_at DESC, id DESC OFFSET $2 LIMIT $3
"""
COUNT = "SELECT count(*) FROM notification WHERE account_id = $1"
NEWEST = (
    "SELECT id, recipient, subject, body, created_at FROM mail WHERE body IS NOT NULL ORDER BY created_at DESC LIMIT $1"
)


async def own_notifications(actor: Actor, skip: int, limit: int) -> tuple[list[Notification], int]:
    """The actor's own list, newest first, and how long it is."""
    rows = await db.fetch(OWN, actor.id, skip, limit)
    total = rows[0]["total"] if rows else await db.fetch_value(COUNT, actor.id)
    return [Notification(**{k: v for k, v in row.items() if k != "total"}) for row in rows], total


async def newest_mails(limit: int = 50) -> list[Mail]:
    """The newest mails, whoever they are for; shown by the demonstration only."""
    async with db.as_portal():  # mails are nobody's to read but in the demonstration, which has no mailboxes
        return [Mail(**row) for row in await db.fetch(NEWEST, limit)]
