"""Reads for the system admin: who waits, who is there."""

from typing import Any
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

# $1 status, $2 role: none of them means all.
FITTING = "FROM account a WHERE ($1::text IS NULL OR a.status = $1) AND ($2::text IS NULL OR a.role = $2)"
SHOWN = """
SELECT a.id, a.email, a.role, a.status, a.first_name, a.last_name, a.phone_number, a.status_reason, a.locale, a.created_at"""
IN_ORDER = """
JOIN account a ON a.id = page.id ORDER BY a.created_at DESC, a.id DESC"""

# The page is found in an index alone, however far down it begins.
NEWEST = (
    SHOWN
    + " FROM (SELECT a.id "
    + FITTING
    + " ORDER BY created_at DESC, id DESC LIMIT $3 OFFSET $4) AS page"
    + IN_ORDER
)

# A part of a name or address can stand anywhere, so all accounts are looked at: once, for the page and its total.
WITH_TEXT = " AND (strpos(a.email, (SELECT lower($3))) > 0 OR strpos(a.name_key, (SELECT lower($3))) > 0)"
FOUND = (
    "WITH found AS MATERIALIZED (SELECT a.id, a.created_at " + FITTING + WITH_TEXT + ")" + SHOWN
    + ", (SELECT count(*) FROM found) AS total"
    + " FROM (SELECT id FROM found ORDER BY created_at DESC, id DESC LIMIT $4 OFFSET $5) AS page" + IN_ORDER
)  # fmt: skip
COUNT_FOUND = "SELECT count(*) " + FITTING + WITH_TEXT
COUNT_NEWEST = "SELECT count(*) " + FITTING

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
    if q is None:
        rows = await db.fetch(NEWEST, status, role, limit, skip)
    else:
        rows = await db.fetch(FOUND, status, role, q, limit, skip)
    return UserPage(
        users=[msgspec.convert(dict(row), AdminUser) for row in rows],
        total=await count_of(rows, status, role, q, skip, limit),
    )


async def count_of(
    rows: list[Any], status: AccountStatus | None, role: Role | None, q: str | None, skip: int, limit: int
) -> int:
    """How many fit in all: told by the page where it can, so that nothing is searched twice."""
    if len(rows) < limit and (rows or not skip):
        return skip + len(rows)
    if q is None:
        return int(await db.fetch_value(COUNT_NEWEST, status, role))
    return int(rows[0]["total"] if rows else await db.fetch_value(COUNT_FOUND, status, role, q))


async def user(account_id: UUID) -> AdminUser:
    """One account. Raises `NotFound`."""
    row = await db.fetch_row(USER, account_id)
    if row is None:
        raise NotFound
    return msgspec.convert(dict(row), AdminUser)
