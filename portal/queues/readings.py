"""What is read of queues: one as it stands, what the doctor's other days were like, and which take place on a date."""

# Queues as they stand, one row a visit; the first says how their doctors' other days were. With the names for those who
# see to them.
_STATE = """
SELECT w.id AS session_id, wanted.date, w.doctor_id, w.clinic_id, coalesce(c.time_zone, da.time_zone) AS time_zone,
    w.estimated_consultation_minutes, coalesce(o.session_start_time, w.session_start_time) AS opens,
    coalesce(o.session_end_time, w.session_end_time) AS closes, coalesce(o.max_queue_size, w.max_queue_size) AS capacity,
    coalesce(q.delay_minutes, 0) AS announced, clock_timestamp() AS now, slots.*,
    a.id AS appointment_id, a.queue_position, a.queue_rank, a.status, a.appointment_type, a.walk_in, a.urgent,
    a.missed_calls, a.starts_at AS start_time, a.checked_in_at, a.called_at, a.actual_start_time, a.actual_end_time,
    told.expected_start AS told_start, told.expected_from AS told_from, told.expected_to AS told_to,
    CASE WHEN row_number() OVER (ORDER BY a.queue_rank, a.queue_position, a.id) = 1 THEN practices(ARRAY(
        SELECT p.doctor_id FROM {wanted} JOIN weekly_session p ON p.id = wanted.session_id)) END AS practices{names}
FROM {wanted} JOIN weekly_session w ON w.id = wanted.session_id
JOIN account da ON da.id = w.doctor_id JOIN doctor d ON d.account_id = w.doctor_id
LEFT JOIN clinic c ON c.id = w.clinic_id
LEFT JOIN session_override o ON o.session_id = w.id AND o.date = wanted.date AND o.kind = 'CHANGED'
LEFT JOIN queue_day q ON q.session_id = w.id AND q.date = wanted.date
CROSS JOIN LATERAL (
    SELECT count(*) AS places, count(*) FILTER (WHERE s.appointment_id IS NULL AND NOT s.disabled
        AND s.ends_at > clock_timestamp() AND s.position <= coalesce(o.max_queue_size, w.max_queue_size)
        AND (s.held_until IS NULL OR s.held_until <= clock_timestamp())) AS free
    FROM slot s WHERE s.session_id = w.id AND s.date = wanted.date) slots
LEFT JOIN appointment a ON a.session_id = w.id AND a.date = wanted.date AND a.status <> 'CANCELLED'
LEFT JOIN LATERAL (SELECT e.* FROM visit_estimate e WHERE e.appointment_id = a.id ORDER BY e.made_at DESC LIMIT 1) told ON true
{joins}WHERE true{own}
ORDER BY a.queue_rank, a.queue_position, a.id
"""
_GIVEN = "unnest($1::uuid[], $2::date[]) AS wanted (session_id, date)"
_NAMES = """,
    ltrim(d.title || ' ' || da.first_name || ' ' || da.last_name) AS doctor_name, c.name AS clinic_name, a.patient_id,
    pa.first_name || ' ' || pa.last_name AS patient_name, a.chief_complaint, v.id AS video_session_id,
    coalesce((SELECT t.doctor_unread FROM conversation t WHERE t.appointment_id = a.id AND w.doctor_id = app_actor()), 0)
    AS unread_messages"""
_NAME_JOINS = "LEFT JOIN account pa ON pa.id = a.patient_id LEFT JOIN video_session v ON v.appointment_id = a.id\n"
_OURS = """
    AND CASE $4 WHEN 'DOCTOR' THEN w.doctor_id = $3 WHEN 'CLINIC_ADMIN' THEN w.clinic_id = ANY($5::uuid[]) ELSE false END"""
# $1 sessions, $2 their dates; for those who see to them also $3 actor, $4 role, $5 clinics.
NUMBERS = _STATE.format(wanted=_GIVEN, names="", joins="", own="")
BOARD = _STATE.format(wanted=_GIVEN, names=_NAMES, joins=_NAME_JOINS, own=_OURS)
OWN_VISIT = """
SELECT id FROM appointment WHERE session_id = $1 AND date = $2 AND patient_id = $3
ORDER BY status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS') DESC, created_at DESC LIMIT 1
"""
OWN_PLACE = """
SELECT a.id AS appointment_id, a.session_id, a.date, a.status, a.queue_position, a.starts_at AS start_time, a.time_zone,
    a.appointment_type, a.missed_calls, clock_timestamp() AS now
FROM appointment a WHERE a.id = $1 AND a.patient_id = $2
"""

REMEMBER = """
INSERT INTO visit_estimate (appointment_id, expected_start, expected_from, expected_to, how)
SELECT p.*, $5 FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[]) AS p
ON CONFLICT DO NOTHING
"""
# $1 actor, $2 role, $3 clinics, $4 date, or none for today on each session's own clock.
LINES = """
SELECT w.id AS session_id, day.date, w.doctor_id, w.clinic_id, c.name AS clinic_name,
    ltrim(d.title || ' ' || da.first_name || ' ' || da.last_name) AS doctor_name,
    coalesce(c.time_zone, da.time_zone) AS time_zone, coalesce(o.session_start_time, w.session_start_time) AS opens,
    coalesce(o.session_end_time, w.session_end_time) AS closes, queue.*
FROM weekly_session w JOIN account da ON da.id = w.doctor_id JOIN doctor d ON d.account_id = w.doctor_id
LEFT JOIN clinic c ON c.id = w.clinic_id
CROSS JOIN LATERAL (
    SELECT coalesce($4::date, (clock_timestamp() AT TIME ZONE coalesce(c.time_zone, da.time_zone))::date) AS date) day
LEFT JOIN session_override o ON o.session_id = w.id AND o.date = day.date
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE a.status = 'CHECKED_IN' AND a.called_at IS NULL) AS waiting,
        count(*) FILTER (WHERE a.status = 'BOOKED') AS coming, count(*) AS visits,
        (array_agg(a.queue_position ORDER BY coalesce(a.called_at, a.actual_start_time) DESC)
            FILTER (WHERE a.called_at IS NOT NULL AND a.status = 'CHECKED_IN' OR a.status = 'IN_PROGRESS'))[1] AS now_serving
    FROM appointment a WHERE a.session_id = w.id AND a.date = day.date AND a.status <> 'CANCELLED') queue
WHERE (queue.visits > 0 OR w.deleted_at IS NULL AND w.day_of_week = extract(isodow FROM day.date)
        AND day.date >= w.effective_from AND (w.effective_to IS NULL OR day.date <= w.effective_to)
        AND o.kind IS DISTINCT FROM 'CANCELLED')
    AND CASE $2 WHEN 'DOCTOR' THEN w.doctor_id = $1 WHEN 'CLINIC_ADMIN' THEN w.clinic_id = ANY($3::uuid[]) ELSE false END
ORDER BY opens, doctor_name, w.id LIMIT 200
"""
# All of these queues, audited as one read: $1 to $4 as above, $5 the request.
BOARDS = (
    "WITH lines AS ("
    + LINES
    + """), audited AS (
    INSERT INTO audit_event (actor_id, actor_role, action, subject_type, subject_id, request_id)
    VALUES ($1, $2, 'queue.read', 'queues', $1::text, $5)
)"""
    + _STATE.format(wanted="lines AS wanted", names=_NAMES, joins=_NAME_JOINS, own="")
)
