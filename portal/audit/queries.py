"""Read the audit: who opened a record, what somebody did, and whether the chains are whole."""

from datetime import datetime
from uuid import UUID

import msgspec

from portal import db

BROKEN = """
WITH linked AS (
    SELECT e.chain, e.seq, e.hash = audit_digest(e) AS own,
           e.previous_hash = coalesce(lag(e.hash) OVER link, sha256(convert_to('care-portal audit chain ' || e.chain, 'UTF8')))
               AND e.seq = coalesce(lag(e.seq) OVER link, 0) + 1 AS follows
    FROM audit_event e WINDOW link AS (PARTITION BY e.chain ORDER BY e.seq)
), first_break AS (
    SELECT chain, min(seq) AS seq FROM linked WHERE NOT (own AND follows) GROUP BY chain
), cut AS (
    SELECT h.chain, coalesce(max(e.seq), 0) + 1 AS seq FROM audit_head h LEFT JOIN audit_event e USING (chain)
    GROUP BY h.chain, h.seq, h.hash
    HAVING coalesce(max(e.seq), 0) <> h.seq
)
SELECT chain, min(seq) AS seq FROM (SELECT * FROM first_break UNION ALL SELECT * FROM cut) AS broken GROUP BY chain ORDER BY chain
"""

SEARCH = """
SELECT e.at, e.actor_id, e.actor_role, a.first_name || ' ' || a.last_name AS actor_name, e.action, e.outcome,
       e.subject_type, e.subject_id, e.patient_id, e.reason, count(*) OVER () AS total
FROM audit_event e LEFT JOIN account a ON a.id = e.actor_id
WHERE ($1::uuid IS NULL OR e.actor_id = $1) AND ($2::uuid IS NULL OR e.patient_id = $2)
  AND ($3::text IS NULL OR e.action = $3) AND ($4::timestamptz IS NULL OR e.at >= $4)
  AND ($5::timestamptz IS NULL OR e.at < $5)
ORDER BY e.at DESC, e.chain, e.seq DESC OFFSET $6 LIMIT $7
"""


class AuditRow(msgspec.Struct, frozen=True):
    """One thing that somebody did; `actor_name` is None for the system itself and for visitors."""

    at: datetime
    actor_id: UUID | None
    actor_role: str | None
    actor_name: str | None
    action: str
    outcome: str
    subject_type: str
    subject_id: str
    patient_id: UUID | None
    reason: str | None


class Break(msgspec.Struct, frozen=True):
    """The first row of a chain that is not what was written: changed, removed, put in or moved."""

    chain: int
    seq: int


async def search(
    *,
    actor_id: UUID | None = None,
    patient_id: UUID | None = None,
    action: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    skip: int = 0,
    limit: int = 10,
) -> tuple[list[AuditRow], int]:
    """Rows newest first, and how many there are in all."""
    rows = await db.fetch(SEARCH, actor_id, patient_id, action, since, until, skip, limit)
    total = rows[0]["total"] if rows else 0
    return [AuditRow(**{k: v for k, v in row.items() if k != "total"}) for row in rows], total


async def broken_links() -> list[Break]:
    """Walk every chain; the first broken link of each, or an empty list when all are whole."""
    return [Break(row["chain"], row["seq"]) for row in await db.fetch(BROKEN)]
