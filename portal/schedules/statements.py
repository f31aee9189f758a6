"""Closing and opening the days of a doctor from one date to another.

Of the statements on times made by hand: $1 doctor, $2 and $3 whose times the actor may plan, $4 and $5 the dates, $6 whether
they are closed.
"""

# A date that had other hours has none now; one that is cancelled already stays as it is.
CLOSE_DATES = """
INSERT INTO session_override (id, session_id, date, kind, reason)
SELECT p.id, p.session_id, p.date, 'CANCELLED', $4 FROM unnest($1::uuid[], $2::uuid[], $3::date[]) AS p (id, session_id, date)
ON CONFLICT (session_id, date) DO UPDATE SET kind = 'CANCELLED', session_start_time = NULL, session_end_time = NULL,
    max_queue_size = NULL, reason = excluded.reason WHERE session_override.kind <> 'CANCELLED'
RETURNING session_id, date
"""
OPEN_DATES = """
DELETE FROM session_override o USING unnest($1::uuid[], $2::date[]) AS p (session_id, date)
WHERE o.session_id = p.session_id AND o.date = p.date AND o.kind = 'CANCELLED'
RETURNING o.session_id, o.date
"""
# Times made by hand belong to no session: those nobody has booked are closed with the rest, or open again.
BY_HAND = """
    s.doctor_id = $1 AND (s.doctor_id = $2 OR s.clinic_id = ANY($3::uuid[])) AND s.date BETWEEN $4 AND $5
    AND s.session_id IS NULL AND s.starts_at > clock_timestamp()
"""
SHUT = (
    "UPDATE slot s SET disabled = $6, closed_for = NULL, held_by = NULL, held_until = NULL, changed_at = clock_timestamp() WHERE "
    + BY_HAND
    + " AND s.appointment_id IS NULL AND NOT s.overflow AND (s.disabled <> $6 OR s.closed_for IS NOT NULL) RETURNING s.date"
)
MARK = (
    """
UPDATE appointment p SET needs_attention = CASE WHEN $6 THEN 'SCHEDULE_CHANGED' END FROM slot s
WHERE p.id = s.appointment_id AND p.status IN ('BOOKED', 'CHECKED_IN')
    AND p.needs_attention IS NOT DISTINCT FROM CASE WHEN NOT $6 THEN 'SCHEDULE_CHANGED' END AND """
    + BY_HAND
    + " RETURNING p.id, p.patient_id, p.doctor_id, p.clinic_id, p.needs_attention IS NOT NULL AS unfit"
)
UNFIT = """
SELECT p.date, count(*) AS visits FROM appointment p
WHERE p.doctor_id = $1 AND (p.doctor_id = $2 OR p.clinic_id = ANY($3::uuid[])) AND p.date BETWEEN $4 AND $5
    AND p.needs_attention = 'SCHEDULE_CHANGED' AND p.status IN ('BOOKED', 'CHECKED_IN') AND p.starts_at > clock_timestamp()
GROUP BY p.date
"""
