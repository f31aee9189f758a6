"""What leads from one visit to the next, in one statement each."""

from portal.booking import statements as booking

# The visit that is referred from stays as it is until the end of the transaction. $1 appointment, $2 doctor
OWN = """
SELECT id, patient_id, doctor_id, clinic_id, appointment_type, status, chief_complaint, starts_at, time_zone
FROM appointment WHERE id = $1 AND doctor_id = $2 FOR NO KEY UPDATE
"""
ALREADY = """
SELECT id FROM appointment WHERE referred_from = $1 AND doctor_id = $2 AND status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS')
"""

# The time that was chosen, or the other doctor's next free one at which the patient is nowhere else: $10 slot, $11 doctor.
# The rest is a booking like any other; that the patient did not come for it themselves is the referring doctor's doing.
REFER = "WITH " + booking._PATIENT + """
, elsewhere AS MATERIALIZED (SELECT busy_times($2) AS times), wanted AS (
    SELECT s.id FROM slot s
    WHERE $7::uuid[] IS NOT NULL AND ($10::uuid IS NULL OR s.id = $10) AND s.doctor_id = $11
        AND NOT s.overflow AND""" + booking._FREE + """
        AND ($10::uuid IS NOT NULL OR NOT (SELECT times FROM elsewhere) && s.during)
        AND EXISTS (SELECT FROM pa) AND EXISTS (SELECT FROM account c WHERE c.id = s.doctor_id AND c.status = 'ACTIVE')
    ORDER BY s.starts_at LIMIT 1
    FOR NO KEY UPDATE OF s SKIP LOCKED
""" + booking._TAKE + booking._BOOK  # fmt: skip

# $1 the new visit, $2 the one that led to it, $3 actor, $4 role, $5 kind, $6 note, $7 new ids, $8 request
LINK = """
WITH linked AS (
    UPDATE appointment SET referred_from = $2 WHERE id = $1 RETURNING *
), noted AS (
    INSERT INTO referral (appointment_id, from_appointment_id, kind, doctor_id, from_doctor_id, note)
    SELECT id, $2, $5, doctor_id, $3, $6 FROM linked
), audited AS (
    INSERT INTO audit_event (actor_id, actor_role, action, subject_type, subject_id, patient_id, request_id)
    SELECT $3, $4, CASE $5 WHEN 'REFERRAL' THEN 'appointment.referred' ELSE 'appointment.followed_up' END,
        'appointment', $2::text, patient_id, $8 FROM linked
), emitted AS (
    INSERT INTO outbox_event (id, event_type, aggregate_id, data)
    SELECT ($7::uuid[])[1], 'appointment.referred', o.id, appointment_event(o)
        || jsonb_build_object('new_appointment_id', l.id, 'new_doctor_id', l.doctor_id)
    FROM linked l JOIN appointment o ON o.id = $2 WHERE $5 = 'REFERRAL'
)
INSERT INTO notification (id, account_id, kind, link)
SELECT ($7::uuid[])[1 + n], who, CASE n WHEN 1 THEN 'appointment.referred' ELSE 'appointment.referral_received' END,
    '/appointments/' || id
FROM linked, unnest(ARRAY[patient_id, doctor_id]) WITH ORDINALITY AS told (who, n) WHERE $5 = 'REFERRAL'
"""
