"""Read the audit: who opened a record, what somebody did, and whether the chains are whole."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from portal import db
from portal.accounts.schemas import Actor
from portal.audit import anchors
from portal.audit.actions import record_read
from portal.audit.chains import CHAINS, Walk
from portal.audit.schemas import AuditFilter, AuditRow, Break, ChainCheck, Harm
from portal.settings import Settings

BATCH = 1000
MOST_BREAKS = 20  # told of each chain: a damaged one may differ in every row

# The columns of a row in one text, as the database's trigger hashes them, and beside each the chain's head.
WALK = """
SELECT h.seq AS head_seq, h.hash AS head_hash, e.*
FROM (SELECT) AS always LEFT JOIN audit_head h ON h.chain = $1 LEFT JOIN LATERAL (
    SELECT seq, previous_hash, hash, concat_ws(E'\\x1f',
        chain, seq, extract(epoch FROM at), coalesce(actor_id::text, ''), coalesce(actor_role, ''), action, outcome,
        subject_type, subject_id, coalesce(patient_id::text, ''), coalesce(reason, ''), coalesce(request_id, '')) AS content
    FROM audit_event WHERE chain = $1 ORDER BY seq
) e ON true
"""
STRANGE = (
    "SELECT chain, min(seq) AS seq, max(seq) AS until FROM audit_event WHERE chain < 0 OR chain >= $1 GROUP BY chain"
)
HEADS = "SELECT clock_timestamp() AS at, array_agg((chain, seq, hash) ORDER BY chain) AS heads FROM audit_head"

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


async def check_chains(settings: Settings | None = None, files: Sequence[Path] = ()) -> ChainCheck:
    """Walk every chain from its beginning to its head, and compare with the anchors of this host and of `files`.

    Without settings the chains are compared with nothing outside the database.
    """
    found = await asyncio.to_thread(anchors.read, settings, files) if settings else anchors.Anchors()
    rows, breaks = (
        0,
        [Break(row["chain"], row["seq"], row["until"], Harm.INSERTED) for row in await db.fetch(STRANGE, CHAINS)],
    )
    for chain in range(CHAINS):
        walked = await _walk(chain, found.heads.get(chain, []))
        rows += walked.rows
        breaks += walked.breaks[:MOST_BREAKS]
    return ChainCheck(
        whole=not breaks and not found.faults,
        rows=rows,
        breaks=breaks,
        anchors=found.lines,
        anchored_at=found.newest,
        anchor_faults=found.faults[:MOST_BREAKS],
    )


async def _walk(chain: int, anchored: Sequence[tuple[int, bytes]]) -> Walk:
    """One chain, a batch of rows at a time: memory does not grow with its length."""
    walk, head = Walk(chain, anchored), (0, b"")
    async with db.transaction(), db.connection() as connection:
        async for row in connection.cursor(WALK, chain, prefetch=BATCH):
            head = row["head_seq"] or 0, row["head_hash"]
            if row["seq"] is not None:
                walk.row(row["seq"], row["content"], row["previous_hash"], row["hash"])
    walk.end(*head)
    return walk


async def heads() -> tuple[datetime, anchors.Heads]:
    """The last row of every chain, and the database's time."""
    row = await db.fetch_row(HEADS)
    assert row is not None
    return row["at"], [tuple(head) for head in row["heads"]]
