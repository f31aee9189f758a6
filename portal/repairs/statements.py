"""Offering something else, and answering it: guarded statements, so that an offer is given once and answered once.

Whoever changes an offer locks its visit first, as whoever cancels or moves the visit does.
"""

# Statements put together from parts read best without brackets around them.
# fmt: off
# $2 the doctor who acts, $3 the clinics of an admin, $4 the patient: of each actor one is given.
THEIRS = "(a.doctor_id = $2 OR a.clinic_id = ANY($3::uuid[]) OR a.patient_id = $4)"
VISIT = """
SELECT a.id, a.patient_id, a.doctor_id, a.clinic_id, a.session_id, a.date, a.slot_id, a.status, a.appointment_type,
    a.starts_at AS start_time, a.ends_at AS end_time, a.time_zone, a.needs_attention,
    pa.first_name || ' ' || pa.last_name AS patient_name, pa.email AS patient_email, pa.locale AS patient_locale
FROM appointment a JOIN account pa ON pa.id = a.patient_id WHERE a.id = $1 AND """ + THEIRS + " FOR NO KEY UPDATE OF a"

# A time that is offered is kept by its own doctor, until the end that the offer says.
KEPT = "s.held_by = s.doctor_id AND s.held_until = r.expires_at AND s.appointment_id IS NULL AND NOT s.disabled"
STATE = """
    CASE WHEN r.state <> 'PROPOSED' THEN r.state WHEN r.expires_at <= clock_timestamp() THEN 'EXPIRED'
         WHEN r.kind <> 'VIDEO' AND (""" + KEPT + """) IS NOT TRUE THEN 'WITHDRAWN' ELSE 'PROPOSED' END
"""
OFFER = """
    r.id, r.appointment_id, r.kind, """ + STATE + """ AS state, r.slot_id, coalesce(s.doctor_id, b.doctor_id) AS doctor_id,
    ltrim(od.title || ' ' || oa.first_name || ' ' || oa.last_name) AS doctor_name,
    coalesce(s.starts_at, b.starts_at) AS start_time, coalesce(s.ends_at, b.ends_at) AS end_time,
    coalesce(s.time_zone, b.time_zone) AS time_zone, coalesce(s.overflow, false) AS overflow, r.expires_at, r.created_at,
    r.decided_at, r.new_appointment_id
FROM repair r JOIN appointment b ON b.id = r.appointment_id LEFT JOIN slot s ON s.id = r.slot_id
    JOIN doctor od ON od.account_id = coalesce(s.doctor_id, b.doctor_id) JOIN account oa ON oa.id = od.account_id
"""

FITS = """
    s.appointment_id IS NULL AND NOT s.disabled AND s.service_type IN ('BOTH', v.appointment_type)
    AND s.clinic_id IS NOT DISTINCT FROM v.clinic_id AND s.starts_at > v.now + interval '30 minutes'
    AND (s.held_until IS NULL OR s.held_until <= clock_timestamp()) AND NOT v.elsewhere && s.during
"""
# At most a day to choose, and until an hour before; a quarter of an hour at least.
UNTIL = "greatest(least(v.now + interval '24 hours', s.starts_at - interval '1 hour'), v.now + interval '15 minutes')"
_VISIT = """
WITH v AS MATERIALIZED (
    SELECT a.*, d.specialty_id, clock_timestamp() AS now, busy_times(a.patient_id) - tstzmultirange(a.during) AS elsewhere
    FROM appointment a JOIN doctor d ON d.account_id = a.doctor_id WHERE a.id = $1
)"""
_KEEP = """
    FOR NO KEY UPDATE OF s SKIP LOCKED
), kept AS (
    UPDATE slot s SET held_by = s.doctor_id, held_until = """ + UNTIL + """, changed_at = clock_timestamp()
    FROM wanted, v WHERE s.id = wanted.id
    RETURNING s.id, s.doctor_id, s.date, s.held_until
)
SELECT id AS slot_id, doctor_id, date, held_until AS expires_at FROM kept
"""
# The same doctor within a week, else whoever of the specialty at the same place is free first; never before the old time.
KEEP_ALTERNATIVE = _VISIT + """
, able AS (
    SELECT d.account_id, d.account_id = v.doctor_id AS own
    FROM v JOIN doctor d ON d.account_id = v.doctor_id OR d.specialty_id = v.specialty_id AND EXISTS (
        SELECT FROM clinic_doctor w WHERE w.clinic_id = v.clinic_id AND w.doctor_id = d.account_id)
    JOIN account c ON c.id = d.account_id AND c.status = 'ACTIVE'
), near AS (
    SELECT n.id, n.starts_at, able.own FROM v CROSS JOIN able CROSS JOIN LATERAL (
        SELECT s.id, s.starts_at FROM slot s
        WHERE s.doctor_id = able.account_id AND NOT s.overflow AND s.starts_at >= v.starts_at AND""" + FITS + """
        ORDER BY s.starts_at LIMIT 20) n
), wanted AS (
    SELECT s.id FROM near n JOIN slot s ON s.id = n.id CROSS JOIN v WHERE""" + FITS + """
    ORDER BY NOT (n.own AND n.starts_at < v.starts_at + interval '7 days'), n.starts_at, NOT n.own LIMIT 1
""" + _KEEP
# After hours too: the day is saved rather than lost.
KEEP_LATER = _VISIT + """
, wanted AS (
    SELECT s.id FROM v JOIN slot s ON s.doctor_id = v.doctor_id AND s.date = v.date
    WHERE s.starts_at > v.starts_at AND""" + FITS + """
    ORDER BY s.starts_at, s.position LIMIT 1
""" + _KEEP
OFFER_VIDEO = """
SELECT NULL::uuid AS slot_id, s.doctor_id, s.date, """ + UNTIL + """ AS expires_at
FROM (SELECT a.*, clock_timestamp() AS now FROM appointment a WHERE a.id = $1) v JOIN slot s ON s.id = v.slot_id
WHERE v.status = 'BOOKED' AND v.appointment_type = 'IN_PERSON' AND s.service_type IN ('BOTH', 'VIRTUAL')
    AND v.starts_at > v.now + interval '15 minutes'
"""
INSERT = """
WITH marked AS (
    UPDATE appointment SET needs_attention = coalesce(needs_attention, 'DELAYED') WHERE id = $2
)
INSERT INTO repair (id, appointment_id, patient_id, doctor_id, clinic_id, kind, slot_id, expires_at, created_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

# An offer ends, and the time that it kept is free again. $1 the visit, $2 the new state, $3 who, $4 the offer or any.
END = """
WITH ended AS (
    UPDATE repair r SET state = $2, decided_at = clock_timestamp(), decided_by = $3
    WHERE r.appointment_id = $1 AND r.state = 'PROPOSED' AND ($4::uuid IS NULL OR r.id = $4)
        AND ($2 <> 'EXPIRED' OR r.expires_at <= clock_timestamp())
    RETURNING r.*
), released AS (
    UPDATE slot s SET held_by = NULL, held_until = NULL, changed_at = clock_timestamp()
    FROM ended r WHERE s.id = r.slot_id AND """ + KEPT + """
    RETURNING s.id, s.doctor_id, s.date
)
SELECT e.id, e.created_by, s.id AS released_slot, s.doctor_id AS slot_doctor, s.date AS slot_date
FROM ended e LEFT JOIN released s ON s.id = e.slot_id
"""
# Nobody who was only told of a delay is left marked when there is no offer any more.
UNMARK = "UPDATE appointment SET needs_attention = NULL WHERE id = $1 AND needs_attention = 'DELAYED'"
OF_VISIT = "SELECT appointment_id FROM repair WHERE id = $1"
ACCEPT = """
UPDATE repair r SET state = 'ACCEPTED', decided_at = clock_timestamp(), decided_by = $2
WHERE r.id = $1 AND r.state = 'PROPOSED' AND r.expires_at > clock_timestamp()
RETURNING r.id, r.appointment_id, r.patient_id, r.kind, r.slot_id, r.expires_at, r.created_by
"""
WHY_NOT = "SELECT state FROM repair WHERE id = $1"
# Only its own offer opens a kept time, in the transaction that books it.
HAND_OVER = """
UPDATE slot s SET held_by = $2, held_until = clock_timestamp() + interval '1 minute', changed_at = clock_timestamp()
WHERE s.id = $1 AND s.held_by = s.doctor_id AND s.held_until = $3 AND s.appointment_id IS NULL AND NOT s.disabled
RETURNING s.doctor_id
"""
BECAME = "UPDATE repair SET new_appointment_id = $2 WHERE id = $1"

# The same visit by video. A visit that its session has left behind stands on a time of its own from now on.
# $1 visit, $2 actor, $3 role, $4 new ids (video session, event), $5 request
TO_VIDEO = """
WITH own AS (
    SELECT a.*, s.service_type FROM appointment a JOIN slot s ON s.id = a.slot_id WHERE a.id = $1 FOR NO KEY UPDATE OF a
), moved AS (
    UPDATE appointment a SET appointment_type = 'VIRTUAL', needs_attention = NULL FROM own
    WHERE a.id = own.id AND own.status = 'BOOKED' AND own.appointment_type = 'IN_PERSON' AND own.needs_attention IS NOT NULL
        AND own.service_type IN ('BOTH', 'VIRTUAL') AND own.starts_at > clock_timestamp()
    RETURNING a.*, own.needs_attention AS was
), freed AS (
    UPDATE slot s SET session_id = NULL, position = NULL, changed_at = clock_timestamp()
    FROM moved m WHERE s.id = m.slot_id AND m.was = 'SCHEDULE_CHANGED'
), audited AS (
    INSERT INTO audit_event (actor_id, actor_role, action, subject_type, subject_id, patient_id, request_id)
    SELECT $2, $3, 'repair.video', 'appointment', id::text, patient_id, $5 FROM moved
), film AS (
    INSERT INTO video_session (id, appointment_id, booking_type, doctor_id, patient_id, clinic_id,
        scheduled_start_time, scheduled_end_time, chief_complaint)
    SELECT ($4::uuid[])[1], id, CASE WHEN clinic_id IS NULL THEN 'DIRECT_DOCTOR' ELSE 'CLINIC_BASED' END, doctor_id,
        patient_id, clinic_id, starts_at, ends_at, chief_complaint
    FROM moved
    RETURNING *
), filmed AS (
    INSERT INTO video_event (video_session_id, event_type, actor_id) SELECT id, 'SESSION_CREATED', $2 FROM film
)
INSERT INTO outbox_event (id, event_type, aggregate_id, data)
SELECT ($4::uuid[])[2], 'video.consultation.created', id, jsonb_build_object('session_id', id,
    'appointment_id', appointment_id, 'doctor_id', doctor_id, 'patient_id', patient_id, 'clinic_id', clinic_id,
    'booking_type', booking_type, 'scheduled_start_time', utc_text(scheduled_start_time))
FROM film
"""
# fmt: on
# For the job: whoever has the visit at this moment sees to its offer.
DUE = """
SELECT a.id, a.patient_id, a.doctor_id, a.clinic_id, a.session_id, a.date, a.status FROM appointment a
WHERE a.id = $1 FOR NO KEY UPDATE SKIP LOCKED
"""
OVERDUE = """
SELECT appointment_id FROM repair WHERE state = 'PROPOSED' AND expires_at <= clock_timestamp() ORDER BY expires_at LIMIT $1
"""
