"""What must hold whatever happened: one statement a rule, each giving the rows that break it. See test_invariants.py.

`assert not await broken(database_url)` after every test that kills, cuts, fills or restarts something.
"""

from typing import Any

import asyncpg

LIVE = "('BOOKED', 'CHECKED_IN', 'IN_PROGRESS')"
TAKES = "('BOOKED', 'CHECKED_IN', 'IN_PROGRESS', 'COMPLETED')"
# How each change of a visit is called, in its audit row and in its event alike.
CHANGES = "action LIKE 'appointment.%' AND outcome = 'OK' AND subject_type = 'appointment'"

RULES = {
    "one live visit a slot": f"SELECT slot_id FROM appointment WHERE status IN {TAKES} GROUP BY slot_id HAVING count(*) > 1",
    "no doctor is at two visits": f"""
        SELECT a.id, b.id AS other FROM appointment a JOIN appointment b ON a.doctor_id = b.doctor_id AND a.id < b.id
        WHERE a.during && b.during AND a.status IN {LIVE} AND b.status IN {LIVE} AND NOT a.overflow AND NOT b.overflow""",
    "no patient is at two visits": f"""
        SELECT a.id, b.id AS other FROM appointment a JOIN appointment b ON a.patient_id = b.patient_id AND a.id < b.id
        WHERE a.during && b.during AND a.status IN {LIVE} AND b.status IN {LIVE}""",
    "slots and visits agree": f"""
        SELECT s.id AS slot, a.id AS visit FROM slot s
        FULL JOIN (SELECT * FROM appointment WHERE status IN {TAKES} AND slot_id IS NOT NULL) a ON a.slot_id = s.id
        WHERE s.appointment_id IS DISTINCT FROM a.id""",
    "a booked slot is nobody's hold": "SELECT id FROM slot WHERE appointment_id IS NOT NULL AND held_by IS NOT NULL",
    "no hold without an end in sight": """
        SELECT id FROM slot s WHERE held_by IS NOT NULL AND held_until > clock_timestamp() + interval '302 seconds'
            AND NOT EXISTS (SELECT FROM repair r WHERE r.slot_id = s.id AND r.state = 'PROPOSED'
                AND r.expires_at = s.held_until AND s.held_by = s.doctor_id)""",
    "the history ends with the state": """
        SELECT a.id FROM appointment a WHERE a.status IS DISTINCT FROM (
            SELECT to_status FROM appointment_history h WHERE h.appointment_id = a.id ORDER BY at DESC LIMIT 1)""",
    "the history has no gap": """
        SELECT id FROM (SELECT h.*, lag(to_status) OVER (PARTITION BY appointment_id ORDER BY at) AS before
                        FROM appointment_history h) h WHERE from_status IS DISTINCT FROM before""",
    "each change has its audit row": f"""
        SELECT id FROM appointment a WHERE (SELECT count(*) FROM appointment_history h WHERE h.appointment_id = a.id)
            <> (SELECT count(*) FROM audit_event WHERE subject_id = a.id::text AND {CHANGES})""",
    # A call and a missed call change no state, and the contract of events knows neither.
    "each change has its event": """
        SELECT id FROM appointment a WHERE (SELECT count(*) FROM appointment_history h WHERE h.appointment_id = a.id
                AND (h.from_status, h.to_status) IS DISTINCT FROM ('CHECKED_IN', 'CHECKED_IN'))
            <> (SELECT count(*) FROM outbox_event e WHERE e.aggregate_id = a.id AND e.event_type LIKE 'appointment.%')""",
    "no row of the audit without its change": f"""
        SELECT subject_id FROM audit_event WHERE {CHANGES} AND NOT EXISTS (
            SELECT FROM appointment a WHERE a.id::text = subject_id)""",
    "a video visit has its session": f"""
        SELECT a.id FROM appointment a LEFT JOIN video_session v ON v.appointment_id = a.id
        WHERE (a.appointment_type = 'VIRTUAL') <> (v.id IS NOT NULL)
           OR a.status IN {LIVE} AND v.status = 'CANCELLED' OR a.status = 'CANCELLED' AND v.status = 'SCHEDULED'""",
    "a visit under way in its room is under way": """
        SELECT v.id FROM video_session v JOIN appointment a ON a.id = v.appointment_id
        WHERE v.status = 'ACTIVE' AND a.status <> 'IN_PROGRESS'""",
    "a room that is closed is empty": """
        SELECT v.id FROM video_session v WHERE v.status IN ('COMPLETED', 'CANCELLED', 'NO_SHOW') AND (
            EXISTS (SELECT FROM video_attendee t WHERE t.video_session_id = v.id AND t.left_at IS NULL)
            OR EXISTS (SELECT FROM video_signal s WHERE s.video_session_id = v.id))""",
    "a number in the queue is one person's": f"""
        SELECT session_id, date, queue_position FROM appointment
        WHERE session_id IS NOT NULL AND status IN {TAKES} GROUP BY 1, 2, 3 HAVING count(*) > 1""",
    "a batch holds what its ledger says": """
        SELECT b.id, b.quantity FROM batch b WHERE b.quantity < 0 OR b.quantity <> (
            SELECT coalesce(sum(CASE WHEN t.transaction_type IN ('OUT', 'DISPENSE') THEN -t.quantity ELSE t.quantity END), 0)
            FROM stock_transaction t WHERE t.batch_id = b.id)""",
    "what can be given out is what its batches hold": """
        SELECT l.item_id, l.location_id, l.quantity FROM stock_level l WHERE l.quantity <> (
            SELECT coalesce(sum(b.quantity), 0) FROM batch b
            WHERE b.item_id = l.item_id AND b.location_id = l.location_id AND b.counted)""",
    # A claim that nobody finished is free again a minute after it was made; only one from the future would not be.
    "no key waits for ever": "SELECT key FROM idempotency_key WHERE greatest(claimed_at, created_at) > clock_timestamp()",
    "the audit's chains are whole": """
        SELECT chain, seq FROM (
            SELECT e.chain, e.seq, e.hash = audit_digest(e) AND e.seq = coalesce(lag(e.seq) OVER own, 0) + 1
                AND (lag(e.hash) OVER own IS NULL OR e.previous_hash = lag(e.hash) OVER own) AS follows
            FROM audit_event e WINDOW own AS (PARTITION BY e.chain ORDER BY e.seq)) e WHERE NOT follows
        UNION ALL
        SELECT chain, seq FROM audit_head h WHERE seq <> (SELECT count(*) FROM audit_event e WHERE e.chain = h.chain)""",
}  # fmt: skip


async def broken_rules(connection: asyncpg.Connection) -> dict[str, list[Any]]:
    """The rules that do not hold, each with the first rows that break it."""
    found = {}
    for rule, sql in RULES.items():
        rows = await connection.fetch(sql)
        if rows:
            found[rule] = [tuple(row) for row in rows[:5]]
    return found


async def make_quick(database_url: str) -> None:
    """Let the rules look for the rows of each of many thousand visits by an index, which the portal itself does not need."""
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "CREATE INDEX ON audit_event (subject_id); CREATE INDEX ON outbox_event (aggregate_id); ANALYZE"
    )
    await connection.close()


async def broken(database_url: str) -> dict[str, list[Any]]:
    """The same over a connection of its own, so that nothing depends on what was broken before."""
    connection = await asyncpg.connect(database_url)
    try:
        return await broken_rules(connection)
    finally:
        await connection.close()


async def doubled(database_url: str, complaints: list[str]) -> tuple[int, int]:
    """Visits lost and visits doubled, where each was asked for with a complaint of its own and answered as booked."""
    connection = await asyncpg.connect(database_url)
    rows = await connection.fetch(
        "SELECT chief_complaint, count(*) FROM appointment WHERE chief_complaint <> '' GROUP BY 1"
    )
    await connection.close()
    found = dict(rows)
    return sum(one not in found for one in complaints), sum(number > 1 for number in found.values())
