"""What adds to a conversation. Whoever does holds its row, so each statement sees all that was sent before."""

# $1 visit, $2 actor. A conversation begins with its first message.
LOCK = """
SELECT c.last_number FROM conversation c JOIN appointment a ON a.id = c.appointment_id
WHERE c.appointment_id = $1 AND $2 IN (a.patient_id, a.doctor_id) FOR NO KEY UPDATE OF c
"""
BEGIN = """
INSERT INTO conversation (appointment_id)
SELECT a.id FROM appointment a WHERE a.id = $1 AND $2 IN (a.patient_id, a.doctor_id)
ON CONFLICT (appointment_id) DO NOTHING
"""

# $1 visit, $2 actor, $3 days that it stays open, $4 client_id, $5 body, $6 new ids (message, file), $7 storage key or null,
# $8 name, $9 media type, $10 size, $11 most files, $12 most bytes, $13 role, $14 request
SEND = """
WITH visit AS (
    SELECT a.id, a.patient_id, a.doctor_id, chat_ends(a) + make_interval(days => $3) > clock_timestamp() AS is_open
    FROM appointment a WHERE a.id = $1 AND $2 IN (a.patient_id, a.doctor_id)
), before AS (
    SELECT m.* FROM message m WHERE m.appointment_id = $1 AND m.sender_id = $2 AND m.client_id = $4
), counted AS (
    UPDATE conversation c SET last_number = c.last_number + 1,
        patient_unread = c.patient_unread + (v.patient_id <> $2)::int,
        doctor_unread = c.doctor_unread + (v.doctor_id <> $2)::int,
        files = c.files + ($7::text IS NOT NULL)::int, file_bytes = c.file_bytes + coalesce($10::int, 0)
    FROM visit v WHERE c.appointment_id = v.id AND v.is_open AND NOT EXISTS (SELECT FROM before)
        AND ($7::text IS NULL OR c.files < $11 AND c.file_bytes + $10::int <= $12)
    RETURNING c.last_number
), filed AS (
    INSERT INTO chat_file (id, appointment_id, sender_id, storage_key, name, media_type, size)
    SELECT ($6::uuid[])[2], $1, $2, $7::text, $8, $9, $10::int FROM counted WHERE $7::text IS NOT NULL RETURNING *
), sent AS (
    INSERT INTO message (id, appointment_id, number, sender_id, client_id, body, file_id)
    SELECT ($6::uuid[])[1], $1, n.last_number, $2, $4, $5, (SELECT f.id FROM filed f) FROM counted n RETURNING *
), audited AS (
    INSERT INTO audit_event (actor_id, actor_role, action, outcome, subject_type, subject_id, patient_id, request_id)
    SELECT $2, $13, CASE WHEN s.file_id IS NULL THEN 'message.sent' ELSE 'file.sent' END, 'OK', 'appointment', $1::text,
        v.patient_id, $14 FROM sent s, visit v
), found AS (
    SELECT * FROM sent UNION ALL SELECT * FROM before
)
SELECT v.is_open, v.patient_id, v.doctor_id, EXISTS (SELECT FROM sent) AS is_new, m.id, m.number, m.sender_id, m.client_id,
    m.body, m.sent_at, f.id AS file_id, f.name, f.media_type, f.size
FROM visit v LEFT JOIN found m ON true
LEFT JOIN (SELECT * FROM filed UNION ALL SELECT o.* FROM chat_file o JOIN before b ON b.file_id = o.id) f ON f.id = m.file_id
"""

# $1 visit, $2 actor, $3 number, or null for the last there is. No row when that was read before.
READ = """
UPDATE conversation c SET
    patient_read = CASE WHEN a.patient_id = $2 THEN upto.number ELSE c.patient_read END,
    doctor_read = CASE WHEN a.doctor_id = $2 THEN upto.number ELSE c.doctor_read END,
    patient_unread = CASE WHEN a.patient_id = $2 THEN upto.left_over ELSE c.patient_unread END,
    doctor_unread = CASE WHEN a.doctor_id = $2 THEN upto.left_over ELSE c.doctor_unread END
FROM appointment a, LATERAL (
    SELECT least(coalesce($3, k.last_number), k.last_number) AS number, (SELECT count(*) FROM message m
        WHERE m.appointment_id = $1 AND m.sender_id <> $2 AND m.number > coalesce($3, k.last_number)) AS left_over
    FROM conversation k WHERE k.appointment_id = $1) upto
WHERE c.appointment_id = $1 AND a.id = $1 AND $2 IN (a.patient_id, a.doctor_id)
    AND CASE WHEN a.patient_id = $2 THEN c.patient_read ELSE c.doctor_read END < upto.number
RETURNING upto.number
"""
MARKS = """
SELECT coalesce(c.patient_read, 0) AS patient_read, coalesce(c.doctor_read, 0) AS doctor_read,
    coalesce(CASE $2::uuid WHEN a.patient_id THEN c.patient_unread ELSE c.doctor_unread END, 0) AS unread
FROM appointment a LEFT JOIN conversation c ON c.appointment_id = a.id
WHERE a.id = $1 AND $2 IN (a.patient_id, a.doctor_id)
"""
STATE = """
SELECT a.id AS appointment_id, a.patient_id, a.doctor_id, pa.first_name || ' ' || pa.last_name AS patient_name,
    ltrim(d.title || ' ' || da.first_name || ' ' || da.last_name) AS doctor_name,
    chat_ends(a) + make_interval(days => $3) AS closes_at,
    chat_ends(a) + make_interval(days => $3) > clock_timestamp() AS is_open,
    coalesce(c.last_number, 0) AS last_number, coalesce(c.patient_read, 0) AS patient_read,
    coalesce(c.doctor_read, 0) AS doctor_read,
    coalesce(CASE $2::uuid WHEN a.patient_id THEN c.patient_unread ELSE c.doctor_unread END, 0) AS unread
FROM appointment a LEFT JOIN conversation c ON c.appointment_id = a.id
LEFT JOIN account pa ON pa.id = a.patient_id LEFT JOIN account da ON da.id = a.doctor_id
LEFT JOIN doctor d ON d.account_id = a.doctor_id
WHERE a.id = $1 AND $2 IN (a.patient_id, a.doctor_id)
"""
_MESSAGES = """
SELECT m.id, m.number, m.sender_id, m.client_id, m.body, m.sent_at, f.id AS file_id, f.name, f.media_type, f.size
FROM message m LEFT JOIN chat_file f ON f.id = m.file_id
"""
AFTER = _MESSAGES + "WHERE m.appointment_id = $1 AND m.number > $2 ORDER BY m.number LIMIT $3"
BEFORE = _MESSAGES + "WHERE m.appointment_id = $1 AND m.number < $2 ORDER BY m.number DESC LIMIT $3"
# A visit without files is one row without a file.
FILES = """
SELECT f.id, f.name, f.media_type, f.size, f.sender_id, f.sent_at, f.storage_key, a.patient_id,
    (SELECT count(*) FROM chat_file WHERE appointment_id = a.id) AS total
FROM appointment a LEFT JOIN LATERAL (
    SELECT * FROM chat_file WHERE appointment_id = a.id AND ($3::uuid IS NULL OR id = $3) ORDER BY sent_at, id OFFSET $4 LIMIT $5
) f ON true
WHERE a.id = $1 AND $2 IN (a.patient_id, a.doctor_id) ORDER BY f.sent_at, f.id
"""
KEPT = "SELECT storage_key FROM chat_file WHERE storage_key = ANY($1)"
