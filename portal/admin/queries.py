"""Reads for the system admin: who waits, who is there."""

from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import AccountStatus, Role
from portal.admin.schemas import AdminUser, Claim, UserCounts, UserPage
from portal.errors import NotFound

COUNTS = """
SELECT count(*) FILTER (WHERE status = 'PENDING_VERIFICATION') AS waiting,
       count(*) FILTER (WHERE status = 'ACTIVE') AS active,
       count(*) FILTER (WHERE status = 'SUSPENDED') AS suspended,
       count(*) FILTER (WHERE created_at > clock_timestamp() - interval '7 days') AS joined_this_week
FROM account
"""

CLAIMS = """
SELECT a.id, a.email, a.role, a.first_name, a.last_name, a.phone_number, a.created_at,
       nullif(coalesce(d.licence_number, p.licence_number), '') AS licence_number, s.name AS specialty,
       ARRAY(SELECT concat_ws(', ', c.name, nullif(c.city, ''), nullif(c.country, ''))
             FROM clinic c LEFT JOIN clinic_admin ca ON ca.clinic_id = c.id AND ca.account_id = a.id
                           LEFT JOIN clinic_doctor cd ON cd.clinic_id = c.id AND cd.doctor_id = a.id
             WHERE ca.account_id IS NOT NULL OR cd.doctor_id IS NOT NULL
             UNION ALL SELECT ph.name FROM pharmacy ph WHERE ph.id = p.pharmacy_id) AS places
FROM account a
LEFT JOIN doctor d ON d.account_id = a.id
LEFT JOIN specialty s ON s.id = d.specialty_id
LEFT JOIN pharmacist p ON p.account_id = a.id
WHERE a.status = 'PENDING_VERIFICATION'
ORDER BY a.created_at
LIMIT $1 OFFSET $2
"""

# $1 status, $2 role, $3 text: none of them means all.
USERS = """
SELECT id, email, role, status, first_name, last_name, phone_number, status_reason, locale, created_at
FROM account
WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR role = $2)
  AND ($3::text IS NULL OR strpos(email, lower($3)) > 0
       OR strpos(lower(first_name || ' ' || last_name), lower($3)) > 0)
ORDER BY created_at DESC, id DESC
LIMIT $4 OFFSET $5
"""
COUNT_USERS = """
SELECT count(*) FROM account
WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR role = $2)
  AND ($3::text IS NULL OR strpos(email, lower($3)) > 0
       OR strpos(lower(first_name || ' ' || last_name), lower($3)) > 0)
"""

USER = """
SELECT id, email, role, status, first_name, last_name, phone_number, status_reason, locale, created_at
FROM account WHERE id = $1
"""


async def counts() -> UserCounts:
    """How many accounts wait, work and are suspended."""
    row = await db.fetch_row(COUNTS)
    return msgspec.convert(dict(row or {}), UserCounts)


async def claims(skip: int, limit: int) -> list[Claim]:
    """Who waits for verification, the longest first."""
    return [msgspec.convert(dict(row), Claim) for row in await db.fetch(CLAIMS, limit, skip)]


async def users(status: AccountStatus | None, role: Role | None, q: str | None, skip: int, limit: int) -> UserPage:
    """Accounts, newest first; `q` is part of a name or address, taken literally."""
    rows = await db.fetch(USERS, status, role, q, limit, skip)
    is_last = len(rows) < limit and (rows or not skip)  # then the total is known, and nothing is searched twice
    total = skip + len(rows) if is_last else await db.fetch_value(COUNT_USERS, status, role, q)
    return UserPage(users=[msgspec.convert(dict(row), AdminUser) for row in rows], total=total)


async def user(account_id: UUID) -> AdminUser:
    """One account. Raises `NotFound`."""
    row = await db.fetch_row(USER, account_id)
    if row is None:
        raise NotFound
    return msgspec.convert(dict(row), AdminUser)
