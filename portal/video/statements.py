"""The room of a video visit in SQL: who may come in when, and what their coming and going makes of the session."""

# The room opens a quarter of an hour before the visit and closes half an hour after its end. Whoever is checked in, or
# under way already, is not shut out by a doctor who runs early or late; and whoever was in the call may come back to it.
OPENS_BEFORE_MINUTES = 15
CLOSES_AFTER_MINUTES = 30
# Pages say every few seconds that they are there; whoever has not for so long is away, and is out of the visit (left
# without saying so) only when the other one is gone too, after `EMPTY_MINUTES`.
AWAY_SECONDS = 45
EMPTY_MINUTES = 30

_LATELY = "clock_timestamp() - interval '" + str(AWAY_SECONDS) + " seconds'"
_PRESENT = "t.left_at IS NULL AND (t.last_seen_at IS NULL OR t.last_seen_at > " + _LATELY + ")"

SESSION = """
    v.id, v.appointment_id, v.booking_type, v.doctor_id, v.patient_id, v.clinic_id, v.status, v.provider,
    v.scheduled_start_time, v.scheduled_end_time, v.actual_start_time, v.actual_end_time,
    video_minutes(v) AS total_duration_minutes, v.chief_complaint, v.session_notes, v.connection_quality_rating,
    v.cancellation_reason, v.created_at
"""
ATTENDEE = """
    t.id AS attendee_id, t.account_id AS user_id, t.role, t.joins AS device, t.joined_at, t.left_at, t.quality, t.mode,
    """ + _PRESENT + " AS present"  # fmt: skip

# Always in this order: first the visit, then its room, as every move of a visit does it.
LOCK_VISIT = """
SELECT a.status FROM appointment a
WHERE a.id = (SELECT v.appointment_id FROM video_session v WHERE v.id = $1) FOR NO KEY UPDATE
"""

_OPENS = "v.scheduled_start_time - interval '" + str(OPENS_BEFORE_MINUTES) + " minutes'"
_CLOSES = "v.scheduled_end_time + interval '" + str(CLOSES_AFTER_MINUTES) + " minutes'"

# $1 session
LOOK = "SELECT v.*, " + _OPENS + " AS opens_at, " + _CLOSES + """ AS closes_at,
    clock_timestamp() < """ + _OPENS + """ AS early,
    v.status IN ('SCHEDULED', 'WAITING', 'ACTIVE') AND (v.status = 'ACTIVE' OR a.status IN ('CHECKED_IN', 'IN_PROGRESS')
        OR clock_timestamp() BETWEEN """ + _OPENS + " AND " + _CLOSES + """) AS open
FROM video_session v LEFT JOIN appointment a ON a.id = v.appointment_id WHERE v.id = $1
"""  # fmt: skip
# The same for somebody at the door, with their place at the provider. $1 session, $2 account
DOOR = "SELECT l.*, t.provider_attendee_id AS known FROM (" + LOOK + """) l
LEFT JOIN video_attendee t ON t.video_session_id = l.id AND t.account_id = $2
"""  # fmt: skip
LOCK_ROOM = LOOK + " FOR NO KEY UPDATE OF v"

NEWEST = "SELECT joins FROM video_attendee WHERE video_session_id = $1 AND account_id = $2"
LOCK_OWN = """
SELECT joins, left_at IS NULL AS inside FROM video_attendee WHERE video_session_id = $1 AND account_id = $2 FOR NO KEY UPDATE
"""
KEPT = """
SELECT v.meeting_id, v.status IN ('SCHEDULED', 'WAITING', 'ACTIVE') AS open, t.provider_attendee_id AS attendee_id
FROM video_session v LEFT JOIN video_attendee t ON t.video_session_id = v.id AND t.account_id = $2 WHERE v.id = $1
"""
KNOWN_ATTENDEE = "SELECT provider_attendee_id FROM video_attendee WHERE video_session_id = $1 AND account_id = $2"

# The first meeting that is stored is the meeting. $1 session, $2 provider, $3 meeting, $4 region, $5 placement
KEEP_MEETING = """
UPDATE video_session SET provider = $2, meeting_id = $3, media_region = $4, media_placement = $5
WHERE id = $1 AND meeting_id IS NULL
"""
# A meeting that its provider has ended; the attendees of the meeting before are nobody in the next. $1 session, $2 that meeting
FORGET_MEETING = """
WITH forgotten AS (
    UPDATE video_session SET meeting_id = NULL, media_region = NULL, media_placement = NULL, meetings = meetings + 1
    WHERE id = $1 AND meeting_id = $2 AND status IN ('SCHEDULED', 'WAITING', 'ACTIVE') RETURNING id
)
UPDATE video_attendee t SET provider_attendee_id = NULL FROM forgotten f WHERE t.video_session_id = f.id
"""

# A person comes in, for the first time, with another device, or again. $1 new id, $2 session, $3 account, $4 role,
# $5 the provider's attendee, $6 device type, $7 browser
COME_IN = """
WITH before AS (
    SELECT t.left_at IS NULL AS inside FROM video_attendee t WHERE t.video_session_id = $2 AND t.account_id = $3
), came AS (
    INSERT INTO video_attendee AS t (id, video_session_id, account_id, role, provider_attendee_id, device_type, browser_info)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT ON CONSTRAINT video_attendee_once DO UPDATE SET joins = t.joins + 1, left_at = NULL,
        last_seen_at = CASE WHEN t.last_seen_at IS NOT NULL THEN clock_timestamp() END, quality = NULL, mode = NULL,
        provider_attendee_id = coalesce(t.provider_attendee_id, $5), device_type = $6, browser_info = $7
    RETURNING t.*
), cleared AS (
    DELETE FROM video_signal s USING came WHERE s.video_session_id = $2 AND $3 IN (s.sender_id, s.receiver_id) AND came.joins > 1
), told AS (
    INSERT INTO video_event (video_session_id, event_type, actor_id)
    SELECT $2, role || '_JOINED', $3 FROM came WHERE NOT coalesce((SELECT inside FROM before), false)
)
SELECT id, joins, joined_at, provider_attendee_id FROM came
"""

# The first one in waits; as soon as both are there, the visit is on. $1 session
MEET = """
WITH there AS (
    SELECT count(*) AS number FROM video_attendee t WHERE t.video_session_id = $1 AND """ + _PRESENT + """
)
UPDATE video_session v SET status = CASE WHEN number = 2 THEN 'ACTIVE' ELSE 'WAITING' END FROM there
WHERE v.id = $1 AND (v.status = 'SCHEDULED' AND number > 0 OR v.status = 'WAITING' AND number = 2)
RETURNING v.status
"""  # fmt: skip

# $1 session, $2 account. Whether they were in, and whether anybody still is.
LEAVE = """
WITH left_now AS (
    UPDATE video_attendee SET left_at = clock_timestamp(), quality = NULL, mode = NULL
    WHERE video_session_id = $1 AND account_id = $2 AND left_at IS NULL RETURNING *
), told AS (
    INSERT INTO video_event (video_session_id, event_type, actor_id) SELECT $1, role || '_LEFT', $2 FROM left_now
)
SELECT l.id, NOT EXISTS (SELECT FROM video_attendee t
    WHERE t.video_session_id = $1 AND t.account_id <> $2 AND t.left_at IS NULL) AS was_last
FROM video_attendee own LEFT JOIN left_now l ON true WHERE own.video_session_id = $1 AND own.account_id = $2
"""

# $1 session, $2 actor (none: the portal), $3 notes, $4 rating, $5 when, where that was before now
COMPLETE = """
WITH ended AS (
    UPDATE video_session v SET status = 'COMPLETED', session_notes = coalesce($3, v.session_notes),
        connection_quality_rating = coalesce($4, v.connection_quality_rating), actual_end_time = $5
    WHERE v.id = $1 AND v.status = 'ACTIVE' RETURNING v.id
), told AS (
    INSERT INTO video_event (video_session_id, event_type, actor_id) SELECT id, 'SESSION_COMPLETED', $2 FROM ended
)
SELECT id FROM ended
"""

# $1 session, $2 actor, $3 reason, $4 states from which this actor may, $5 new id
CANCEL = """
WITH cancelled AS (
    UPDATE video_session v SET status = 'CANCELLED', cancellation_reason = $3
    WHERE v.id = $1 AND v.status = ANY($4::text[]) RETURNING v.*
), told AS (
    INSERT INTO video_event (video_session_id, event_type, actor_id) SELECT id, 'SESSION_CANCELLED', $2 FROM cancelled
), emitted AS (
    INSERT INTO outbox_event (id, event_type, aggregate_id, data)
    SELECT $5, 'video.consultation.cancelled', id, jsonb_build_object('session_id', id,
        'appointment_id', coalesce(appointment_id, external_appointment_id), 'doctor_id', doctor_id,
        'patient_id', patient_id) FROM cancelled
)
SELECT id FROM cancelled
"""

NOTE = """
UPDATE video_session SET session_notes = $3
WHERE id = $1 AND doctor_id = $2 AND status IN ('SCHEDULED', 'WAITING', 'ACTIVE', 'COMPLETED') RETURNING id
"""

# $1 session, $2 account, $3 quality, $4 mode. Whether there is anything new in it for the other side.
SEEN = """
WITH before AS (
    SELECT t.id, t.quality, t.mode, """ + _PRESENT + """ AS present FROM video_attendee t
    WHERE t.video_session_id = $1 AND t.account_id = $2 FOR NO KEY UPDATE
)
UPDATE video_attendee t SET last_seen_at = clock_timestamp(), quality = coalesce($3, t.quality), mode = coalesce($4, t.mode)
FROM before b WHERE t.id = b.id AND t.left_at IS NULL
RETURNING NOT b.present OR t.quality IS DISTINCT FROM b.quality OR t.mode IS DISTINCT FROM b.mode AS news
"""  # fmt: skip

# $1 session, $2 sender, $3 kind, $4 data, $5 how many may wait. No row: not in the room, or too many unread.
SIGNAL = """
WITH sender AS (
    UPDATE video_attendee t SET sent = t.sent + 1 FROM video_session v
    WHERE t.video_session_id = $1 AND t.account_id = $2 AND t.left_at IS NULL AND v.id = $1 AND v.status IN ('WAITING', 'ACTIVE')
        AND (SELECT count(*) FROM video_signal s WHERE s.video_session_id = $1 AND s.sender_id = $2) < $5
    RETURNING t.sent, t.joins, CASE WHEN v.doctor_id = $2 THEN v.patient_id ELSE v.doctor_id END AS other
)
INSERT INTO video_signal (video_session_id, sender_id, number, receiver_id, device, kind, data)
SELECT $1, $2, sent, other, joins, $3, $4 FROM sender RETURNING number
"""
FORGET_SIGNALS = "DELETE FROM video_signal WHERE video_session_id = $1 AND receiver_id = $2 AND number <= $3"
SIGNALS = """
SELECT number, kind, device, data FROM video_signal WHERE video_session_id = $1 AND receiver_id = $2 AND number > $3
ORDER BY number LIMIT 100
"""

# $1 new id, $2 booking type, $3 doctor, $4 patient, $5 clinic, $6 start, $7 minutes, $8 complaint, $9 actor, $10 appointment,
# $11 new id of the event. An appointment gets the room of its own doctor, patient and time, or none.
CREATE = """
WITH made AS (
    INSERT INTO video_session (id, appointment_id, booking_type, doctor_id, patient_id, clinic_id, scheduled_start_time,
        scheduled_end_time, chief_complaint)
    SELECT $1, $10, $2, $3, $4, $5, $6, $6::timestamptz + make_interval(mins => $7), coalesce($8, '') RETURNING *
), told AS (
    INSERT INTO video_event (video_session_id, event_type, actor_id) SELECT id, 'SESSION_CREATED', $9 FROM made
), noticed AS (
    INSERT INTO notification (id, account_id, kind, link)
    SELECT new_id(), who, 'video.created', '/video/sessions/' || id
    FROM made, unnest(ARRAY[doctor_id, patient_id]) AS who
    WHERE appointment_id IS NULL AND who <> $9
)
INSERT INTO outbox_event (id, event_type, aggregate_id, data)
SELECT $11, 'video.consultation.created', id, jsonb_build_object('session_id', id,
    'appointment_id', appointment_id, 'doctor_id', doctor_id, 'patient_id', patient_id, 'clinic_id', clinic_id,
    'booking_type', booking_type, 'scheduled_start_time', utc_text(scheduled_start_time)) FROM made
"""
BOOKED = """
SELECT a.chief_complaint, a.clinic_id, a.appointment_type, s.service_type,
    (SELECT v.id FROM video_session v WHERE v.appointment_id = a.id) AS video_session_id,
    a.status = 'BOOKED' AND a.doctor_id = $2 AND a.patient_id = $3 AND a.starts_at = $4 AS fits, a.status
FROM appointment a LEFT JOIN slot s ON s.id = a.slot_id WHERE a.id = $1 FOR NO KEY UPDATE OF a
"""
TO_VIDEO = "UPDATE appointment SET appointment_type = 'VIRTUAL' WHERE id = $1 AND status = 'BOOKED'"
# The doctor's times that a visit runs into, locked as whoever books one of them locks it: a booked one is a conflict, a free
# one is closed. $1 doctor, $2 start, $3 minutes
CROSSED = """
SELECT s.id, s.date, s.appointment_id IS NOT NULL OR s.held_until > clock_timestamp() AS taken FROM slot s
WHERE s.doctor_id = $1 AND s.date BETWEEN ($2::timestamptz)::date - 1 AND ($2::timestamptz)::date + 1
    AND s.during && tstzrange($2, $2::timestamptz + make_interval(mins => $3)) ORDER BY s.id FOR NO KEY UPDATE
"""
# $1 slots, $2 the session they are closed for, until it is over
CLOSE_TIMES = """
UPDATE slot SET disabled = true, closed_for = $2, held_by = NULL, held_until = NULL, changed_at = clock_timestamp()
WHERE id = ANY($1) AND NOT disabled
"""
# Before anything is looked at: whoever gives this doctor to somebody who needs one now passes them over meanwhile.
LOCK_DOCTOR = "SELECT FROM doctor WHERE account_id = $1 FOR NO KEY UPDATE"
PATIENT_BUSY = "SELECT busy_times($1) && tstzrange($2, $2::timestamptz + make_interval(mins => $3))"
WAITING_OF_PATIENT = """
SELECT count(*) FROM video_session WHERE patient_id = $1 AND appointment_id IS NULL AND status = 'SCHEDULED'
    AND scheduled_end_time > clock_timestamp()
"""
MAY_MEET = """
SELECT EXISTS (SELECT FROM account a WHERE a.id = $1 AND a.role = 'DOCTOR' AND a.status = 'ACTIVE')
    AND EXISTS (SELECT FROM account p WHERE p.id = $2 AND p.role = 'PATIENT' AND p.status = 'ACTIVE')
    AND ($3::uuid IS NULL OR EXISTS (SELECT FROM clinic_doctor c WHERE c.clinic_id = $3 AND c.doctor_id = $1))
"""

# Rooms from which both have gone, at least one of them without saying so. Whoever never gave a sign of life is taken to
# be there for as long as a visit can last. $1 minutes, $2 one session or all, $3 how many
EMPTY = """
SELECT v.id, max(coalesce(t.left_at, t.last_seen_at, t.joined_at + interval '6 hours')) AS since
FROM video_session v JOIN video_attendee t ON t.video_session_id = v.id
WHERE v.status = 'ACTIVE' AND ($2::uuid IS NULL OR v.id = $2) GROUP BY v.id
HAVING max(coalesce(t.left_at, t.last_seen_at, t.joined_at + interval '6 hours')) < clock_timestamp() - make_interval(mins => $1)
ORDER BY since LIMIT $3
"""
# The place of somebody at a provider, which they lose. $1 session, $2 account
LOSE_PLACE = """
WITH before AS (
    SELECT id, provider_attendee_id FROM video_attendee WHERE video_session_id = $1 AND account_id = $2 FOR NO KEY UPDATE
), silenced AS (
    DELETE FROM video_signal WHERE video_session_id = $1 AND $2 IN (sender_id, receiver_id)
)
UPDATE video_attendee t SET provider_attendee_id = NULL FROM before b WHERE t.id = b.id RETURNING b.provider_attendee_id
"""
