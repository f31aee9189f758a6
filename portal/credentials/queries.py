"""Whether a mailed link still works."""

from portal import db
from portal.accounts import tokens

USABLE = """
SELECT EXISTS (SELECT FROM password_reset WHERE token_hash = $1 AND used_at IS NULL AND expires_at > clock_timestamp())
"""


async def is_usable(token: str) -> bool:
    """Whether the token of a link can be used now."""
    async with db.as_portal():  # whoever holds the token is the owner
        return await db.fetch_value(USABLE, tokens.token_hash(token)) is True
