"""What the worker does for logins by the clock: tokens and logins that are long over are removed."""

from portal import db
from portal.outbox import Schedule
from portal.settings import Settings

BATCH = 5000

# A used refresh token is kept until it ends by itself: whoever shows it again before has stolen it, or was stolen from.
FORGET = (
    """
DELETE FROM refresh_token WHERE token_hash IN (
    SELECT token_hash FROM refresh_token WHERE expires_at < clock_timestamp() LIMIT $1 FOR UPDATE SKIP LOCKED)
""",
    """
DELETE FROM password_reset WHERE token_hash IN (
    SELECT token_hash FROM password_reset WHERE expires_at < clock_timestamp() - interval '7 days'
    LIMIT $1 FOR UPDATE SKIP LOCKED)
""",
    """
DELETE FROM login WHERE id IN (
    SELECT id FROM login WHERE coalesce(revoked_at, expires_at) < clock_timestamp() - interval '90 days'
    LIMIT $1 FOR UPDATE SKIP LOCKED)
""",
)


async def forget_logins(_settings: Settings) -> None:
    """Remove refresh tokens that ran out, old links to choose a password, and logins 90 days after their end."""
    for statement in FORGET:
        while await db.execute(statement, BATCH) == BATCH:
            pass


SCHEDULES = [Schedule("forget_logins", "47 * * * *", forget_logins)]
