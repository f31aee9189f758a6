"""Tell people things: a line in their own list, a mail in the queue. Never with medical detail in the text."""

from uuid import UUID

from portal import db
from portal.accounts.schemas import NO_ADDRESS, Actor
from portal.audit.actions import record_in_tx
from portal.ids import uuid7
from portal.notifications.schemas import ReadResult
from portal.outbox import enqueue_in_tx


async def mail_in_tx(account_id: UUID | None, recipient: str, subject: str, body: str) -> None:
    """Queue one mail, sent by the worker after the commit. `subject` is one line; control characters are refused.

    Raises ValueError for a subject or recipient that could forge a header.
    """
    if any(character in subject + recipient for character in "\r\n\0"):
        raise ValueError("a mail header cannot hold a line break")
    if recipient.endswith(NO_ADDRESS):
        return
    mail_id = uuid7()
    await db.execute(
        "INSERT INTO mail (id, account_id, recipient, subject, body) VALUES ($1, $2, $3, $4, $5)",
        mail_id,
        account_id,
        recipient,
        subject,
        body,
    )
    await enqueue_in_tx("mail", {"mail_id": str(mail_id)})


async def notify_in_tx(account_id: UUID, kind: str, link: str) -> None:
    """Add a line to a person's notifications: what kind of thing happened, and the page that tells more."""
    await db.execute(
        "INSERT INTO notification (id, account_id, kind, link) VALUES ($1, $2, $3, $4)", uuid7(), account_id, kind, link
    )


@db.retried
async def mark_read(actor: Actor) -> ReadResult:
    """Everything in the actor's own list counts as read."""
    async with db.transaction():
        count = await db.execute(
            "UPDATE notification SET read_at = clock_timestamp() WHERE account_id = $1 AND read_at IS NULL", actor.id
        )
        if count:
            await record_in_tx(actor, "notifications.read", subject_type="account", subject_id=actor.id)
    return ReadResult(count)
