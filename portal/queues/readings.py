"""What is read of queues: one as it stands, what the doctor's other days were like, and which take place on a date."""

# Queues as they stand, one row a visit: $1 sessions, $2 their dates. With the names for those who see to them.
_STATE = """
SELECT w.id AS session_id, wanted.date, w.doctor_id, w.clinic_id, coalesce(c.time_zone, da.time_zone) AS time_zone,
    w.estimated_consultation_minutes, coalesce(o.session_start_time, w.session_start_time) AS opens,
    coalesce(o.session_end_time, w.session_end_time) AS closes, coalesce(o.max_queue_size, w.max_queue_size) AS capacity,
    coalesce(q.delay_minutes, 0) AS announced, clock_timestamp() AS now, slots.*,
    a.id AS appointment_id, a.queue_position, a.queue_rank, a.status, a.appointment_type, a.walk_in, a.urgent,
    a.missed_calls, a.starts_at AS start_time, a.checked_in_at, a.called_at, a.actual_start_time, a.actual_end_time,
    told.expected_start AS told_start, told.expected_from AS told_from, told.expected_to AS told_to{names}
FROM unnest($1::uuid[], $2::date[]) AS wanted (session_id, date) JOIN weekly_session w ON w.id = wanted.session_id
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
_NAMES = """,
    ltrim(d.title || ' ' || da.first_name || ' ' || da.last_name) AS doctor_name, c.name AS clinic_name, a.patient_id,
    pa.first_name || ' ' || pa.last_name AS patient_name, a.chief_complaint, v.id AS video_session_id,
    coalesce((SELECT t.doctor_unread FROM conversation t WHERE t.appointment_id = a.id AND w.doctor_id = $3), 0)
    AS unread_messages"""
_NAME_JOINS = "LEFT JOIN account pa ON pa.id = a.patient_id LEFT JOIN video_session v ON v.appointment_id = a.id\n"
_OURS = """
    AND CASE $4 WHEN 'DOCTOR' THEN w.doctor_id = $3 WHEN 'CLINIC_ADMIN' THEN w.clinic_id = ANY($5::uuid[]) ELSE false END"""
NUMBERS = _STATE.format(names="", joins="", own="")
BOARD = _STATE.format(names=_NAMES, joins=_NAME_JOINS, own=_OURS)
OWN_VISIT = """
SELECT id FROM appointment WHERE session_id = $1 AND date = $2 AND patient_id = $3
ORDER BY status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS') DESC, created_at DESC LIMIT 1
"""
OWN_PLACE = """
SELECT a.id AS appointment_id, a.session_id, a.date, a.status, a.queue_position, a.starts_at AS start_time, a.time_zone,
    a.appointment_type, a.missed_calls, clock_timestamp() AS now
FROM appointment a WHERE a.id = $1 AND a.patient_id = $2
"""

# What a doctor's other days were like, of the last ninety, and how good the predictions of the last thirty.
PRACTICE = """
SELECT who.id AS doctor_id, found.* FROM unnest($1::uuid[]) AS who (id) CROSS JOIN LATERAL (
WITH seen AS (
    SELECT a.* FROM appointment a
    WHERE a.doctor_id = who.id AND a.status = 'COMPLETED' AND a.actual_end_time > a.actual_start_time
        AND a.actual_end_time > clock_timestamp() - interval '90 days'
    ORDER BY a.actual_end_time DESC LIMIT 60
), ordered AS (
    SELECT s.*, lag(s.actual_end_time) OVER day AS before, row_number() OVER day AS number
    FROM seen s WHERE s.session_id IS NOT NULL WINDOW day AS (PARTITION BY s.session_id, s.date ORDER BY s.actual_start_time)
), lately AS (
    SELECT a.status, a.walk_in FROM appointment a
    WHERE a.doctor_id = who.id AND a.status IN ('COMPLETED', 'NO_SHOW')
        AND a.date > (clock_timestamp() - interval '90 days')::date
    ORDER BY a.date DESC LIMIT 200
), shown AS (
    SELECT abs(extract(epoch FROM a.actual_start_time - e.expected_start)) / 60 AS error,
        a.actual_start_time BETWEEN e.expected_from AND e.expected_to AS inside
    FROM appointment a JOIN visit_estimate e ON e.appointment_id = a.id AND e.made_at < a.actual_start_time
    WHERE a.doctor_id = who.id AND a.date > (clock_timestamp() - interval '30 days')::date AND a.actual_start_time IS NOT NULL
)
SELECT (SELECT jsonb_agg(jsonb_build_array(appointment_type, extract(epoch FROM actual_end_time - actual_start_time) / 60))
        FROM seen) AS lengths,
    (SELECT jsonb_agg(extract(epoch FROM actual_start_time - before) / 60) FROM ordered
     WHERE checked_in_at <= before AND actual_start_time BETWEEN before AND before + interval '40 minutes') AS turnovers,
    (SELECT jsonb_agg(extract(epoch FROM actual_start_time - greatest(starts_at, checked_in_at)) / 60) FROM ordered
     WHERE number = 1 AND NOT walk_in) AS lateness,
    (SELECT jsonb_build_array(count(*) FILTER (WHERE NOT walk_in), count(*) FILTER (WHERE status = 'NO_SHOW'),
        count(*) FILTER (WHERE walk_in)) FROM lately) AS people,
    (SELECT jsonb_build_array(count(*), avg(error), avg(inside::int)) FROM shown) AS error
) found
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
