"""Read the mails that a demonstration shows instead of sending them."""

from datetime import datetime
from uuid import UUID

import msgspec

from portal import db


class Mail(msgspec.Struct, frozen=True):
    """One mail as it would be sent."""

    id: UUID
    recipient: str
    subject: str
    body: str
    created_at: datetime


async def newest_mails(limit: int = 50) -> list[Mail]:
    """The newest mails, whoever they are for; shown by the demonstration only."""
    rows = await db.fetch(
        "SELECT id, recipient, subject, body, created_at FROM mail ORDER BY created_at DESC LIMIT $1", limit
    )
    return [Mail(**row) for row in rows]
