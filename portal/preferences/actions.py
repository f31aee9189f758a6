"""Changing one's own details, language and appearance."""

from msgspec import UNSET, structs

from portal import db
from portal.accounts import queries
from portal.accounts.events import zone_changed_in_tx
from portal.accounts.schemas import Actor, User
from portal.audit.actions import record_in_tx
from portal.preferences.schemas import AccountChange

CHANGE = """
WITH before AS (SELECT id, time_zone FROM account WHERE id = $1 FOR NO KEY UPDATE)
UPDATE account
SET first_name = coalesce($2, first_name), last_name = coalesce($3, last_name), time_zone = coalesce($4, account.time_zone),
    locale = coalesce($5, locale), appearance = coalesce($6, appearance),
    phone_number = CASE WHEN $7 THEN $8 ELSE phone_number END
FROM before WHERE account.id = before.id RETURNING account.time_zone <> before.time_zone
"""


@db.retried
async def change_account(actor: Actor, change: AccountChange) -> User:
    """Change what is given of the actor's own account, and answer the whole of it."""
    given = {name: value for name, value in structs.asdict(change).items() if value is not UNSET}
    plain = [given.get(name) for name in ("first_name", "last_name", "time_zone", "locale", "appearance")]
    async with db.transaction():
        if await db.fetch_value(CHANGE, actor.id, *plain, "phone_number" in given, given.get("phone_number")):
            await zone_changed_in_tx(account_id=actor.id)
        await record_in_tx(
            actor,
            "account.change",
            subject_type="account",
            subject_id=actor.id,
            reason=", ".join(sorted(given)) or None,
        )
        return await queries.me(actor)
