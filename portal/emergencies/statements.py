"""Guarded SQL of calls for help: who is alerted, and who gets it."""

# Nearest first: by the nearest clinic at which a doctor works, or the doctor's own place; without a place of the patient's,
# whoever was assigned longest ago. Asked again it adds only those who were not alerted yet: who became available since,
# and, once the call was escalated, those of other specialties. Runs as the portal: who is told is nobody's to see.
# $1 emergency
ALERT = """
WITH call AS (
    SELECT * FROM emergency WHERE id = $1 AND status = 'OPEN' FOR NO KEY UPDATE
), able AS (
    SELECT d.account_id, d.last_assigned_at, coalesce(
        (SELECT min(distance_km(c.latitude, c.longitude, call.latitude, call.longitude)) FROM clinic_doctor w
            JOIN clinic c ON c.id = w.clinic_id AND c.active AND c.latitude IS NOT NULL
            WHERE w.doctor_id = d.account_id AND call.latitude IS NOT NULL),
        CASE WHEN d.latitude IS NOT NULL AND d.longitude IS NOT NULL AND call.latitude IS NOT NULL
            THEN distance_km(d.latitude, d.longitude, call.latitude, call.longitude) END) AS km
    FROM call JOIN doctor d ON d.availability_status = 'AVAILABLE'
        AND (call.specialty_id IS NULL OR d.specialty_id = call.specialty_id OR call.escalated_at IS NOT NULL)
    JOIN account a ON a.id = d.account_id AND a.status = 'ACTIVE'
    WHERE NOT EXISTS (SELECT FROM emergency_alert l WHERE l.emergency_id = call.id AND l.doctor_id = d.account_id)
), alerted AS (
    INSERT INTO emergency_alert (emergency_id, doctor_id, position, distance_km)
    SELECT call.id, able.account_id, call.alerted + row_number() OVER (
        ORDER BY able.km NULLS LAST, able.last_assigned_at NULLS FIRST, able.account_id), round(able.km::numeric, 1)::float8
    FROM call, able
    ON CONFLICT DO NOTHING RETURNING doctor_id, position
), counted AS (
    UPDATE emergency e SET alerted = e.alerted + (SELECT count(*) FROM alerted) FROM call
    WHERE e.id = call.id AND EXISTS (SELECT FROM alerted)
), noticed AS (
    INSERT INTO notification (id, account_id, kind, link)
    SELECT new_id(), doctor_id, 'emergency.opened', '/emergencies' FROM alerted ORDER BY position
)
SELECT doctor_id FROM alerted ORDER BY position
"""

# The first who comes gets it: others wait for the row, and find it taken. The visit begins now, or at the first moment at
# which the patient is not with somebody else already (a visit that is under way is not in the way of help). The doctor
# is BUSY; their free times meanwhile are closed until it is over, also those that somebody has kept; their booked ones wait.
# $1 emergency, $2 doctor, $3 six new ids (visit, slot, video session, two events, notification), $4 request
ACCEPT = """
WITH won AS (
    UPDATE emergency e SET status = 'ACCEPTED', doctor_id = $2, appointment_id = ($3::uuid[])[1],
        accepted_at = clock_timestamp()
    WHERE e.id = $1 AND e.status = 'OPEN'
        AND EXISTS (SELECT FROM emergency_alert l WHERE l.emergency_id = e.id AND l.doctor_id = $2)
    RETURNING e.*
), told AS (
    INSERT INTO emergency_history (emergency_id, actor_id, from_status, to_status) SELECT id, $2, 'OPEN', status FROM won
), assigned AS (
    UPDATE doctor d SET availability_status = 'BUSY', last_assigned_at = clock_timestamp()
    FROM won, account c WHERE d.account_id = $2 AND c.id = $2 AND d.availability_status = 'AVAILABLE'
    RETURNING d.account_id, d.consultation_fee, d.currency, c.time_zone
), present AS MATERIALIZED (
    SELECT won.patient_id, busy_times(won.patient_id) AS busy,
        date_trunc('second', clock_timestamp()) + interval '1 second' AS now FROM won
), free AS MATERIALIZED (
    SELECT m.at, m.at + interval '15 minutes' AS until
    FROM present p CROSS JOIN LATERAL (
        SELECT p.now AS at UNION ALL SELECT upper(r) FROM unnest(p.busy) AS r WHERE upper(r) > p.now) m
    WHERE NOT p.busy && tstzrange(m.at, m.at + interval '15 minutes') ORDER BY m.at LIMIT 1
), closed AS (
    UPDATE slot s SET disabled = true, closed_for = ($3::uuid[])[1], held_by = NULL, held_until = NULL,
        changed_at = clock_timestamp() FROM assigned, free
    WHERE s.doctor_id = $2 AND s.date BETWEEN free.at::date - 1 AND free.at::date + 1
        AND s.during && tstzrange(free.at, free.until) AND s.appointment_id IS NULL AND NOT s.disabled
    RETURNING s.id, s.date
), taken AS (
    INSERT INTO slot (id, doctor_id, date, starts_at, ends_at, local_start, time_zone, service_type, overflow, appointment_id)
    SELECT ($3::uuid[])[2], $2, (at AT TIME ZONE time_zone)::date, at, until, (at AT TIME ZONE time_zone)::time, time_zone,
        'VIRTUAL', true, ($3::uuid[])[1]
    FROM assigned, free
    RETURNING *
), booked AS (
    INSERT INTO appointment (id, slot_id, patient_id, doctor_id, date, starts_at, ends_at, time_zone, overflow,
        appointment_type, status, chief_complaint, consultation_fee, currency, booked_by)
    SELECT ($3::uuid[])[1], t.id, won.patient_id, $2, t.date, t.starts_at, t.ends_at, t.time_zone, true,
        'VIRTUAL', 'BOOKED', won.description, assigned.consultation_fee, assigned.currency, $2
    FROM taken t, won, assigned
    ON CONFLICT DO NOTHING
    RETURNING appointment.*, appointment_event(appointment) AS event
), history AS (
    INSERT INTO appointment_history (appointment_id, actor_id, to_status) SELECT id, $2, status FROM booked
), audited AS (
    INSERT INTO audit_event (actor_id, actor_role, action, subject_type, subject_id, patient_id, request_id)
    SELECT $2, 'DOCTOR', 'emergency.accepted', 'emergency', $1::text, patient_id, $4 FROM won
    UNION ALL
    SELECT $2, 'DOCTOR', 'appointment.booked', 'appointment', id::text, patient_id, $4 FROM booked
), film AS (
    INSERT INTO video_session (id, appointment_id, booking_type, doctor_id, patient_id, scheduled_start_time,
        scheduled_end_time, chief_complaint)
    SELECT ($3::uuid[])[3], id, 'DIRECT_DOCTOR', doctor_id, patient_id, starts_at, ends_at, chief_complaint FROM booked
    RETURNING *
), filmed AS (
    INSERT INTO video_event (video_session_id, event_type, actor_id) SELECT id, 'SESSION_CREATED', $2 FROM film
), emitted AS (
    INSERT INTO outbox_event (id, event_type, aggregate_id, data)
    SELECT ($3::uuid[])[4], 'appointment.booked', id, event FROM booked
    UNION ALL
    SELECT ($3::uuid[])[5], 'video.consultation.created', id, jsonb_build_object('session_id', id,
        'appointment_id', appointment_id, 'doctor_id', doctor_id, 'patient_id', patient_id, 'clinic_id', NULL,
        'booking_type', booking_type, 'scheduled_start_time', utc_text(scheduled_start_time))
    FROM film
), noticed AS (
    INSERT INTO notification (id, account_id, kind, link)
    SELECT ($3::uuid[])[6], patient_id, 'emergency.accepted', '/appointments/' || id FROM booked
)
SELECT w.id IS NOT NULL AS won, d.account_id IS NOT NULL AS free, b.id, b.patient_id, b.doctor_id, b.clinic_id, b.session_id,
    b.date, b.status, (SELECT array_agg(id ORDER BY id) FROM closed) AS closed,
    (SELECT array_agg(date ORDER BY id) FROM closed) AS closed_dates
FROM (SELECT 1) one LEFT JOIN won w ON true LEFT JOIN assigned d ON true LEFT JOIN booked b ON true
"""

# $1 emergency, $2 actor, $3 new state, $4 role, $5 request. A patient cancels while nobody has accepted, the doctor who
# accepted resolves.
END = """
WITH own AS (
    SELECT id, status, patient_id, doctor_id FROM emergency
    WHERE id = $1 AND CASE $4 WHEN 'PATIENT' THEN patient_id = $2 ELSE doctor_id = $2 END FOR NO KEY UPDATE
), ended AS (
    UPDATE emergency e SET status = $3, ended_at = clock_timestamp() FROM own
    WHERE e.id = own.id AND own.status = CASE $3 WHEN 'CANCELLED' THEN 'OPEN' ELSE 'ACCEPTED' END
    RETURNING e.id, own.status AS was
), told AS (
    INSERT INTO emergency_history (emergency_id, actor_id, from_status, to_status) SELECT id, $2, was, $3 FROM ended
), audited AS (
    INSERT INTO audit_event (actor_id, actor_role, action, subject_type, subject_id, patient_id, request_id)
    SELECT $2, $4, 'emergency.' || lower($3), 'emergency', $1::text, own.patient_id, $5 FROM ended, own
)
SELECT own.*, ended.id IS NOT NULL AS done FROM own LEFT JOIN ended ON true
"""
