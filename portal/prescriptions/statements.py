"""What every statement that gives a prescription back selects, and the guarded steps of its life."""

# A prescription whose validity is over counts as expired, whether or not a job has said so yet.
STATUS = """
CASE WHEN p.status IN ('ACTIVE', 'PARTIALLY_FILLED') AND p.valid_until <= clock_timestamp() THEN 'EXPIRED' ELSE p.status END
"""
COLUMNS = """
    p.id, p.code, """ + STATUS + """ AS status, p.doctor_id, p.doctor_name, p.patient_id, p.patient_name, p.date_of_birth,
    p.appointment_id, p.clinic_id, p.clinic_name, p.pharmacy_id, f.name AS pharmacy_name, p.sent_at, p.issued_at,
    p.valid_until, p.time_zone, p.language, p.notes, p.warnings, p.replaces_id,
    (SELECT r.id FROM prescription r WHERE r.replaces_id = p.id) AS replaced_by, p.content_hash, p.signature, p.key_id,
    (SELECT jsonb_agg(jsonb_build_object(
        'id', i.id, 'position', i.position, 'catalog_item_id', i.catalog_item_id, 'drug_name', i.drug_name,
        'active_ingredient', i.active_ingredient, 'strength', i.strength, 'form', i.form,
        'dose', trim_scale(i.dose)::text, 'dose_unit', i.dose_unit, 'frequency', i.frequency,
        'duration_days', i.duration_days, 'quantity', trim_scale(i.quantity)::text, 'unit', i.unit,
        'instructions', i.instructions, 'refills_allowed', i.refills_allowed,
        'dispensed', trim_scale(i.dispensed)::text,
        'remaining', trim_scale(i.quantity * (1 + i.refills_allowed) - i.dispensed)::text) ORDER BY i.position)
     FROM prescription_item i WHERE i.prescription_id = p.id) AS items
"""  # fmt: skip
FROM = " FROM prescription p LEFT JOIN pharmacy f ON f.id = p.pharmacy_id"

# The doctor's own visit, with all that goes onto the paper; locked, so that two steps in one visit take turns, and the
# patient's row too, so that what is being prescribed elsewhere is seen. $1 appointment, $2 doctor
VISIT = """
SELECT a.id, a.status, a.patient_id, a.doctor_id, a.clinic_id, a.time_zone,
    c.first_name || ' ' || c.last_name AS patient_name, c.locale AS language, t.date_of_birth, t.allergies,
    ltrim(d.title || ' ' || da.first_name || ' ' || da.last_name) AS doctor_name,
    d.licence_number, d.qualifications, coalesce(k.name, '') AS clinic_name, concat_ws(', ', nullif(k.address_line, ''),
        nullif(concat_ws(' ', nullif(k.postal_code, ''), nullif(k.city, '')), ''), nullif(k.country, '')) AS clinic_address,
    coalesce(k.phone_number, '') AS clinic_phone, date_trunc('second', clock_timestamp()) AS now
FROM appointment a JOIN account c ON c.id = a.patient_id JOIN patient t ON t.account_id = a.patient_id
JOIN account da ON da.id = a.doctor_id AND da.status = 'ACTIVE' JOIN doctor d ON d.account_id = a.doctor_id
LEFT JOIN clinic k ON k.id = a.clinic_id
WHERE a.id = $1 AND a.doctor_id = $2 FOR NO KEY UPDATE OF a, t
"""
TAKEN = "SELECT drug_name, active_ingredient FROM active_medicines($1) WHERE prescription_id IS DISTINCT FROM $2"

KEY = "INSERT INTO prescription_key (id, public_key) VALUES ($1, $2) ON CONFLICT DO NOTHING"
INSERT = """
INSERT INTO prescription (id, code, doctor_id, patient_id, appointment_id, clinic_id, issued_at, valid_until, time_zone,
    language, patient_name, date_of_birth, doctor_name, clinic_name, notes, warnings, replaces_id, content, content_hash,
    signature, key_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)
ON CONFLICT ON CONSTRAINT prescription_code_once DO NOTHING RETURNING id
"""
# The items as they stand in what was signed. $1 prescription
INSERT_ITEMS = """
INSERT INTO prescription_item (id, prescription_id, position, catalog_item_id, drug_name, active_ingredient, strength, form,
    dose, dose_unit, frequency, duration_days, quantity, unit, instructions, refills_allowed)
SELECT i.id, p.id, i.position, i.catalog_item_id, i.drug_name, i.active_ingredient, i.strength, i.form, i.dose, i.dose_unit,
    i.frequency, i.duration_days, i.quantity, i.unit, i.instructions, i.refills_allowed
FROM prescription p CROSS JOIN LATERAL ROWS FROM (jsonb_to_recordset(p.content::jsonb -> 'items') AS (
    id uuid, catalog_item_id uuid, drug_name text, active_ingredient text, strength text, form text, dose numeric,
    dose_unit text, frequency text, duration_days smallint, quantity numeric, unit text, instructions text,
    refills_allowed smallint)) WITH ORDINALITY AS i (id, catalog_item_id, drug_name, active_ingredient, strength, form, dose,
    dose_unit, frequency, duration_days, quantity, unit, instructions, refills_allowed, position)
WHERE p.id = $1
"""

# What follows from every step: history, audit, event; and a line for the patient where it was not their own doing.
# $1 prescription, $2 actor, $3 role, $4 from, $5 to, $6 reason, $7 event or action, $8 new ids, $9 request
FOLLOW = """
WITH p AS (
    SELECT id, patient_id, doctor_id, appointment_id, status FROM prescription WHERE id = $1
), told AS (
    INSERT INTO prescription_history (prescription_id, actor_id, from_status, to_status, reason)
    SELECT id, $2, $4, $5, $6 FROM p
), audited AS (
    INSERT INTO audit_event (actor_id, actor_role, action, subject_type, subject_id, patient_id, request_id)
    SELECT $2, $3, $7, 'prescription', id::text, patient_id, $9 FROM p
), emitted AS (
    INSERT INTO outbox_event (id, event_type, aggregate_id, data)
    SELECT ($8::uuid[])[1], $7, id, jsonb_build_object('prescription_id', id, 'patient_id', patient_id,
        'doctor_id', doctor_id, 'appointment_id', appointment_id, 'status', $5::text) FROM p
)
INSERT INTO notification (id, account_id, kind, link) SELECT ($8::uuid[])[2], patient_id, $7, '/prescriptions/' || id FROM p
"""

# $1 prescription, $2 doctor
CANCEL = """
WITH old AS (
    SELECT id, status FROM prescription WHERE id = $1 AND doctor_id = $2 FOR NO KEY UPDATE
), done AS (
    UPDATE prescription p SET status = 'CANCELLED' FROM old
    WHERE p.id = old.id AND p.status IN ('ACTIVE', 'PARTIALLY_FILLED') AND p.valid_until > clock_timestamp() RETURNING p.*
)
SELECT old.status AS was, done.id IS NOT NULL AS done, p.patient_id, p.doctor_id, p.appointment_id, p.pharmacy_id, p.valid_until
FROM old JOIN prescription p ON p.id = old.id LEFT JOIN done ON true
"""

# Whose it is, and whether it can still be filled. $1 prescription, $2 patient
LOCK_OWN = """
SELECT p.id, p.doctor_id, p.patient_id, p.pharmacy_id, """ + STATUS + """ AS status
FROM prescription p WHERE p.id = $1 AND p.patient_id = $2 FOR NO KEY UPDATE
"""  # fmt: skip
SEND = """
UPDATE prescription SET pharmacy_id = $2, sent_at = clock_timestamp()
WHERE id = $1 AND status IN ('ACTIVE', 'PARTIALLY_FILLED') AND valid_until > clock_timestamp()
    AND EXISTS (SELECT FROM pharmacy f WHERE f.id = $2 AND f.active) RETURNING id
"""
END_SENT = """
UPDATE prescription_access SET ended_at = clock_timestamp()
WHERE prescription_id = $1 AND how = 'SENT' AND pharmacy_id <> $2 AND ended_at IS NULL
"""
GRANT = """
INSERT INTO prescription_access (prescription_id, pharmacy_id, how, patient_id) VALUES ($1, $2, 'SENT', $3)
ON CONFLICT (prescription_id, pharmacy_id, how) DO UPDATE SET granted_at = clock_timestamp(), ended_at = NULL
"""

# What nobody may fill any more, a batch at a time; a row that somebody works with is looked at the next time. $1 how many
EXPIRE = """
WITH due AS (
    SELECT id, status FROM prescription WHERE status IN ('ACTIVE', 'PARTIALLY_FILLED') AND valid_until <= clock_timestamp()
    ORDER BY valid_until LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
), ended AS (
    UPDATE prescription p SET status = 'EXPIRED' FROM due WHERE p.id = due.id
    RETURNING p.id, p.patient_id, p.doctor_id, p.pharmacy_id, due.status AS was
), told AS (
    INSERT INTO prescription_history (prescription_id, from_status, to_status) SELECT id, was, 'EXPIRED' FROM ended
), audited AS (
    INSERT INTO audit_event (action, subject_type, subject_id, patient_id)
    SELECT 'prescription.expired', 'prescription', id::text, patient_id FROM ended
)
SELECT id, patient_id, doctor_id, pharmacy_id FROM ended
"""
