"""What moves a queue, each as one statement: it changes a visit and writes everything that follows from it, or nothing.

Whoever calls, misses or adds somebody has the row of the queue's day first (`LOCK`), so that each of them sees what the
one before has done; patients who check in meanwhile wait for nobody. Common to all:

$1 what it is about (the session, or the appointment), $2 actor, $3 role, $4 clinics of the actor.
"""

from functools import reduce

from portal.appointments.statements import COLUMNS, JOINS, OTHER_JOINS

# `w` is a weekly session, `a` an appointment.
OWN_SESSION = """
    CASE $3 WHEN 'DOCTOR' THEN w.doctor_id = $2 WHEN 'CLINIC_ADMIN' THEN w.clinic_id = ANY($4::uuid[]) ELSE false END
"""
OWN_VISIT = """
    CASE $3 WHEN 'DOCTOR' THEN a.doctor_id = $2 WHEN 'CLINIC_ADMIN' THEN a.clinic_id = ANY($4::uuid[]) ELSE false END
"""
ORDER = " ORDER BY a.queue_rank, a.queue_position, a.id "
ZONE = """
    (SELECT coalesce(c.time_zone, da.time_zone) FROM weekly_session w JOIN account da ON da.id = w.doctor_id
     LEFT JOIN clinic c ON c.id = w.clinic_id WHERE w.id = session_id)
"""

# $5 date. No row: not theirs, or nothing takes place then. `turn` is -1 for a day that is past, 0 for today, else 1.
LOCK = (
    """
INSERT INTO queue_day (session_id, date)
SELECT w.id, $5::date FROM weekly_session w
WHERE w.id = $1 AND (EXISTS (SELECT FROM slot s WHERE s.session_id = w.id AND s.date = $5)
                     OR EXISTS (SELECT FROM appointment a WHERE a.session_id = w.id AND a.date = $5)) AND"""
    + OWN_SESSION
    + """
ON CONFLICT (session_id, date) DO UPDATE SET date = excluded.date
RETURNING session_id, date, (SELECT w.clinic_id FROM weekly_session w WHERE w.id = session_id) AS clinic_id,
    sign(date - (clock_timestamp() AT TIME ZONE"""
    + ZONE
    + ")::date)::int AS turn"
)
LOCK_OF_VISIT = (
    """
INSERT INTO queue_day (session_id, date) SELECT a.session_id, a.date FROM appointment a
WHERE a.id = $1 AND a.session_id IS NOT NULL AND"""
    + OWN_VISIT
    + "ON CONFLICT (session_id, date) DO UPDATE SET date = excluded.date RETURNING session_id"
)

# A call and a missed call leave the state as it is; the history and the audit hear of them all the same. Other systems
# do not: the contract of events knows neither.
_TRACES = """
), told AS (
    INSERT INTO appointment_history (appointment_id, actor_id, from_status, to_status, reason)
    SELECT id, $2, status, status, '<reason>' FROM moved
), audited AS (
    INSERT INTO audit_event (actor_id, actor_role, action, subject_type, subject_id, patient_id, request_id)
    SELECT $2, $3, '<action>', 'appointment', id::text, patient_id, <request> FROM moved
"""


def _traces(action: str, reason: str, request: str) -> str:
    words = {"<action>": action, "<reason>": reason, "<request>": request}
    return reduce(lambda text, word: text.replace(*word), words.items(), _TRACES)


# $5 date, $6 request. The one who is called already, or else the next by rank; `again` tells which of the
# two, and `repeated` that it is no second press in the same moment.
CALL = (
    """
WITH standing AS (
    SELECT a.*, true AS again FROM appointment a
    WHERE a.session_id = $1 AND a.date = $5 AND a.status = 'CHECKED_IN' AND a.called_at IS NOT NULL AND"""
    + OWN_VISIT
    + """
), next AS (
    SELECT a.id FROM appointment a
    WHERE a.session_id = $1 AND a.date = $5 AND a.status = 'CHECKED_IN' AND a.called_at IS NULL
        AND NOT EXISTS (SELECT FROM standing) AND"""
    + OWN_VISIT
    + ORDER
    + """
    LIMIT 1 FOR NO KEY UPDATE
), moved AS (
    UPDATE appointment a SET called_at = clock_timestamp() FROM next
    WHERE a.id = next.id AND a.status = 'CHECKED_IN' AND a.called_at IS NULL
    RETURNING a.*, false AS again
"""
    + _traces("appointment.called", "CALLED", "$6")
    + """
)
SELECT a.again, a.again AND a.called_at < clock_timestamp() - interval '3 seconds' AS repeated,
    v.id AS video_session_id, """
    + COLUMNS
    + """
FROM (SELECT * FROM standing UNION ALL SELECT * FROM moved) a LEFT JOIN video_session v ON v.appointment_id = a.id
"""
    + JOINS
)

ANY_WAITING = """
SELECT EXISTS (SELECT FROM appointment WHERE session_id = $1 AND date = $2 AND status = 'CHECKED_IN')
"""

# Two places back: between the second and the third of the others who wait, or behind the last. $5 request.
MISS = (
    """
WITH own AS (
    SELECT a.* FROM appointment a WHERE a.id = $1 AND"""
    + OWN_VISIT
    + """
    FOR NO KEY UPDATE
), others AS (
    SELECT a.queue_rank, row_number() OVER ("""
    + ORDER
    + """) AS number
    FROM appointment a JOIN own o ON a.session_id = o.session_id AND a.date = o.date
    WHERE a.status = 'CHECKED_IN' AND a.called_at IS NULL AND a.id <> o.id
), back AS (
    SELECT max(queue_rank) FILTER (WHERE number <= 2) AS after, min(queue_rank) FILTER (WHERE number = 3) AS before
    FROM others
), moved AS (
    UPDATE appointment a SET missed_calls = own.missed_calls + 1, called_at = NULL, urgent = false,
        queue_rank = greatest(own.queue_rank, (back.after + coalesce(back.before, back.after + 1)) * 0.5)
    FROM own, back WHERE a.id = own.id AND own.status = 'CHECKED_IN' AND own.called_at IS NOT NULL
    RETURNING a.*
"""
    + _traces("appointment.missed_call", "MISSED_CALL", "$5")
    + """
)
SELECT a.id IS NOT NULL AS done, own.status AS was, v.id AS video_session_id, """
    + COLUMNS
    + """
FROM own LEFT JOIN moved a ON true LEFT JOIN video_session v ON v.appointment_id = own.id
"""
    + JOINS
)

# Somebody without a booking: at the lowest free place whose time is not past; or with a new number, called after two of
# those who have booked, behind others who came like that. $5 date, $6 appointment, $7 patient, $8 complaint,
# $9 new ids (2 events, slot, video session, its event), $10 request.
WALK_IN = (
    """
WITH pa AS MATERIALIZED (SELECT * FROM bookable_patient($7)),
elsewhere AS MATERIALIZED (SELECT busy_times($7) AS times),
queue AS (
    SELECT w.id, w.doctor_id, w.clinic_id, w.service_type, w.estimated_consultation_minutes AS minutes,"""
    + ZONE.replace("= session_id", "= $1")
    + """ AS zone, coalesce((SELECT o.max_queue_size FROM session_override o WHERE o.session_id = w.id AND o.date = $5),
        w.max_queue_size) AS capacity, CASE WHEN w.service_type = 'VIRTUAL' THEN 'VIRTUAL' ELSE 'IN_PERSON' END AS kind
    FROM weekly_session w
    WHERE w.id = $1 AND EXISTS (SELECT FROM pa) AND NOT EXISTS (
        SELECT FROM appointment a WHERE a.patient_id = $7 AND a.session_id = $1 AND a.date = $5
            AND a.status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS')) AND"""
    + OWN_SESSION
    + """
), free AS (
    SELECT s.id FROM slot s, queue
    WHERE s.session_id = $1 AND s.date = $5 AND s.appointment_id IS NULL AND NOT s.disabled
        AND s.position <= queue.capacity AND s.ends_at > clock_timestamp() AND s.service_type IN ('BOTH', queue.kind)
        AND (s.held_by IS NULL OR s.held_by = $7 OR s.held_until <= clock_timestamp())
        AND NOT (SELECT times FROM elsewhere) && s.during
    ORDER BY s.position LIMIT 1 FOR NO KEY UPDATE OF s SKIP LOCKED
), line AS (
    SELECT coalesce(a.queue_rank, a.queue_position) AS rank, a.ends_at, a.queue_position > queue.capacity AS is_extra
    FROM appointment a, queue
    WHERE a.session_id = $1 AND a.date = $5 AND a.called_at IS NULL AND a.status IN ('BOOKED', 'CHECKED_IN')
), booked AS (
    SELECT rank, ends_at, row_number() OVER (ORDER BY rank) AS number FROM line
    WHERE NOT is_extra AND rank > coalesce((SELECT max(rank) FROM line WHERE is_extra), '-Infinity')
), behind AS (
    SELECT coalesce((SELECT max(rank) FROM booked WHERE number <= 2), (SELECT max(rank) FROM line)) AS rank
), place AS (
    SELECT coalesce((b.rank + coalesce((SELECT min(rank) FROM line WHERE rank > b.rank), b.rank + 1)) * 0.5, 1) AS rank,
        greatest(date_trunc('minute', clock_timestamp()), (SELECT max(ends_at) FROM line WHERE rank <= b.rank)) AS at,
        1 + greatest((SELECT max(s.position) FROM slot s WHERE s.session_id = $1 AND s.date = $5),
                     (SELECT max(a.queue_position) FROM appointment a WHERE a.session_id = $1 AND a.date = $5)) AS number
    FROM behind b
), taken AS (
    UPDATE slot SET appointment_id = $6, held_by = NULL, held_until = NULL, changed_at = clock_timestamp()
    FROM free WHERE slot.id = free.id
    RETURNING slot.*
), extra AS (
    INSERT INTO slot (id, doctor_id, session_id, clinic_id, date, position, starts_at, ends_at, local_start, time_zone,
        service_type, overflow, appointment_id)
    SELECT ($9::uuid[])[3], q.doctor_id, q.id, q.clinic_id, $5, p.number, p.at, p.at + make_interval(mins => q.minutes),
        (p.at AT TIME ZONE q.zone)::time, q.zone, q.service_type, true, $6
    FROM queue q, place p WHERE NOT EXISTS (SELECT FROM free)
    ON CONFLICT DO NOTHING
    RETURNING slot.*
), given AS (
    SELECT t.*, t.position::numeric AS rank FROM taken t UNION ALL SELECT e.*, p.rank FROM extra e, place p
), moved AS (
    INSERT INTO appointment (id, slot_id, patient_id, doctor_id, clinic_id, session_id, date, queue_position, starts_at,
        ends_at, time_zone, overflow, appointment_type, status, chief_complaint, consultation_fee, currency, booked_by,
        walk_in, queue_rank, checked_in_at)
    SELECT $6, g.id, $7, g.doctor_id, g.clinic_id, g.session_id, g.date, g.position, g.starts_at, g.ends_at, g.time_zone,
        g.overflow, q.kind, 'CHECKED_IN', $8, d.consultation_fee, d.currency, $2, true, g.rank, clock_timestamp()
    FROM given g JOIN queue q ON true JOIN doctor d ON d.account_id = g.doctor_id
    ON CONFLICT DO NOTHING
    RETURNING appointment.*, appointment_event(appointment) AS event
), steps AS (
    SELECT * FROM (VALUES (1, NULL, 'BOOKED', 'appointment.booked'),
                          (2, 'BOOKED', 'CHECKED_IN', 'appointment.checked_in')) AS s (number, was, became, name)
), told AS (
    INSERT INTO appointment_history (appointment_id, actor_id, at, from_status, to_status)
    SELECT m.id, $2, m.created_at + s.number * interval '1 microsecond', s.was, s.became FROM moved m, steps s
), audited AS (
    INSERT INTO audit_event (actor_id, actor_role, action, subject_type, subject_id, patient_id, request_id)
    SELECT $2, $3, s.name, 'appointment', m.id::text, m.patient_id, $10 FROM moved m, steps s ORDER BY s.number
), film AS (
    INSERT INTO video_session (id, appointment_id, booking_type, doctor_id, patient_id, clinic_id,
        scheduled_start_time, scheduled_end_time, chief_complaint)
    SELECT ($9::uuid[])[4], id, CASE WHEN clinic_id IS NULL THEN 'DIRECT_DOCTOR' ELSE 'CLINIC_BASED' END, doctor_id,
        patient_id, clinic_id, starts_at, ends_at, chief_complaint
    FROM moved WHERE appointment_type = 'VIRTUAL'
    RETURNING *
), filmed AS (
    INSERT INTO video_event (video_session_id, event_type, actor_id) SELECT id, 'SESSION_CREATED', $2 FROM film
), emitted AS (
    INSERT INTO outbox_event (id, event_type, aggregate_id, data)
    SELECT ($9::uuid[])[s.number], s.name, m.id, m.event || jsonb_build_object('status', s.became)
    FROM moved m, steps s ORDER BY s.number
), announced AS (
    INSERT INTO outbox_event (id, event_type, aggregate_id, data)
    SELECT ($9::uuid[])[5], 'video.consultation.created', id, jsonb_build_object('session_id', id,
        'appointment_id', appointment_id, 'doctor_id', doctor_id, 'patient_id', patient_id, 'clinic_id', clinic_id,
        'booking_type', booking_type, 'scheduled_start_time', utc_text(scheduled_start_time))
    FROM film
)
SELECT a.id IS NOT NULL AS done, v.id AS video_session_id, """
    + COLUMNS
    + """
FROM given CROSS JOIN pa LEFT JOIN moved a ON true LEFT JOIN film v ON true"""
    + OTHER_JOINS
)
# Why nobody was added: $5 date, $6 patient.
NO_WALK_IN = """
SELECT EXISTS (SELECT FROM bookable_patient($6)) AS is_known, (
    SELECT a.id FROM appointment a WHERE a.patient_id = $6 AND a.session_id = $1 AND a.date = $5
        AND a.status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS') LIMIT 1) AS own_appointment_id
FROM weekly_session w WHERE w.id = $1 AND """ + OWN_SESSION  # fmt: skip

# $1 session, $2 date, $3 minutes; the row is there and ours by then.
ANNOUNCE = """
UPDATE queue_day SET delay_minutes = $3::smallint, announced_at = CASE WHEN $3::smallint > 0 THEN clock_timestamp() END
WHERE session_id = $1 AND date = $2
"""

# An emergency goes first in the session that it interrupts: behind those before it, in front of all numbers. Its patient
# is there. $1 appointment, $2 actor, $3 role, $4 event id, $5 request.
PUT_FIRST = """
WITH running AS (
    SELECT s.session_id, s.date FROM appointment a JOIN slot s ON s.doctor_id = a.doctor_id AND s.session_id IS NOT NULL
    WHERE a.id = $1 AND s.date BETWEEN a.date - 1 AND a.date + 1
    GROUP BY s.session_id, s.date
    HAVING min(s.starts_at) <= clock_timestamp() + interval '15 minutes' AND max(s.ends_at) > clock_timestamp() LIMIT 1
), moved AS (
    UPDATE appointment a SET urgent = true, session_id = r.session_id, date = r.date, status = 'CHECKED_IN',
        checked_in_at = clock_timestamp(), queue_rank = 1 + coalesce((SELECT max(o.queue_rank) FROM appointment o
            WHERE o.session_id = r.session_id AND o.date = r.date AND o.urgent), -1000)
    FROM running r WHERE a.id = $1 AND a.status = 'BOOKED'
    RETURNING a.*, appointment_event(a) AS event
), told AS (
    INSERT INTO appointment_history (appointment_id, actor_id, from_status, to_status)
    SELECT id, $2, 'BOOKED', status FROM moved
), audited AS (
    INSERT INTO audit_event (actor_id, actor_role, action, subject_type, subject_id, patient_id, request_id)
    SELECT $2, $3, 'appointment.checked_in', 'appointment', id::text, patient_id, $5 FROM moved
), emitted AS (
    INSERT INTO outbox_event (id, event_type, aggregate_id, data)
    SELECT $4, 'appointment.checked_in', id, event FROM moved
)
SELECT m.session_id, m.date, w.clinic_id FROM moved m JOIN weekly_session w ON w.id = m.session_id
"""
