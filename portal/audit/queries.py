"""Read the audit: who opened a record, what somebody did, and whether the chains are whole."""

from portal import db
from portal.accounts.schemas import Actor
from portal.audit.actions import record_read
from portal.audit.schemas import AuditFilter, AuditRow, Break, ChainCheck

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
COUNT = """
SELECT count(*) FROM audit_event e
WHERE ($1::uuid IS NULL OR e.actor_id = $1) AND ($2::uuid IS NULL OR e.patient_id = $2)
  AND ($3::text IS NULL OR e.action = $3) AND ($4::timestamptz IS NULL OR e.at >= $4)
  AND ($5::timestamptz IS NULL OR e.at < $5)
"""


async def search(actor: Actor, wanted: AuditFilter, skip: int = 0, limit: int = 10) -> tuple[list[AuditRow], int]:
    """Rows newest first, and how many there are in all; looking is itself a row."""
    await record_read(actor, "audit.searched", subject_type="audit", subject_id="search", patient_id=wanted.patient_id)
    values = (wanted.actor_id, wanted.patient_id, wanted.action, wanted.since, wanted.until)
    rows = await db.fetch(SEARCH, *values, skip, limit)
    total = rows[0]["total"] if rows else await db.fetch_value(COUNT, *values)
    return [AuditRow(**{k: v for k, v in row.items() if k != "total"}) for row in rows], total


async def check_chains() -> ChainCheck:
    """Walk every chain from its beginning and compare its end with the head."""
    breaks = [Break(row["chain"], row["seq"]) for row in await db.fetch(BROKEN)]
    rows = await db.fetch_value("SELECT count(*) FROM audit_event")
    return ChainCheck(whole=not breaks, rows=rows, breaks=breaks)
