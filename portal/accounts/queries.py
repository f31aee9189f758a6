"""Reads of accounts and logins."""

from uuid import UUID

import asyncpg
import msgspec

from portal import db
from portal.accounts.browsers import browser_name
from portal.accounts.schemas import Actor, LoginRow, User
from portal.errors import NotFound

USER_COLUMNS = """
       a.id, a.email, a.role, a.status, a.first_name, a.last_name, a.phone_number, a.time_zone, a.locale, a.appearance,
       a.created_at,
       CASE a.role
           WHEN 'CLINIC_ADMIN' THEN ARRAY(SELECT c.clinic_id FROM clinic_admin c WHERE c.account_id = a.id)
           WHEN 'DOCTOR' THEN ARRAY(SELECT c.clinic_id FROM clinic_doctor c WHERE c.doctor_id = a.id)
           ELSE ARRAY[]::uuid[]
       END AS clinic_ids,
       (SELECT p.pharmacy_id FROM pharmacist p WHERE p.account_id = a.id) AS pharmacy_id
"""

USER = "SELECT" + USER_COLUMNS + "FROM account a WHERE a.id = $1"

LOGINS = """
SELECT id, kind, user_agent, created_at, last_seen_at, expires_at, id = $2 AS current
FROM login
WHERE account_id = $1 AND revoked_at IS NULL AND expires_at > clock_timestamp()
ORDER BY current DESC, last_seen_at DESC
"""

LIVE_LOGIN = """
SELECT a.status = 'SUSPENDED'
FROM login l JOIN account a ON a.id = l.account_id
WHERE l.id = $1 AND l.account_id = $2 AND a.role = $3 AND l.kind = 'API'
  AND l.revoked_at IS NULL AND l.expires_at > clock_timestamp()
"""


async def user(account_id: UUID) -> User:
    """One account. The caller has checked that it may be seen."""
    row = await db.fetch_row(USER, account_id)
    if row is None:
        raise NotFound
    return user_of(row)


def user_of(row: asyncpg.Record) -> User:
    """The account of a row that has `USER_COLUMNS`."""
    return msgspec.convert(dict(row), User)


async def me(actor: Actor) -> User:
    """The actor's own account."""
    return await user(actor.id)


async def own_logins(actor: Actor) -> list[LoginRow]:
    """Where the actor is signed in, this login first."""
    rows = [dict(row) for row in await db.fetch(LOGINS, actor.id, actor.login_id)]
    return [msgspec.convert({**row, "browser": browser_name(row.pop("user_agent"))}, LoginRow) for row in rows]


async def is_live_login(login_id: UUID, account_id: UUID, role: str) -> bool:
    """Whether the login behind an access token still stands."""
    return await db.fetch_value(LIVE_LOGIN, login_id, account_id, role) is False
