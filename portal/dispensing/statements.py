"""Guarded SQL of the counter: who may open, how much may still be given out, and what became of it."""

# Of one prescription everybody takes turns: whoever gives out or takes back has its row first, then the items, then the
# stock in the order of the ledger.

# Both counts in one order, so that nobody waits in a circle; a stretch of time begins with its first try.
# $1 whose (the pharmacy's, then the code's), $2 seconds that a stretch lasts
TRY = """
INSERT INTO code_try AS t (whose, tries) SELECT one, 1 FROM unnest($1::text[]) WITH ORDINALITY AS given (one, n) ORDER BY n
ON CONFLICT (whose) DO UPDATE SET
    tries = CASE WHEN t.since < clock_timestamp() - make_interval(secs => $2) THEN 1 ELSE t.tries + 1 END,
    since = CASE WHEN t.since < clock_timestamp() - make_interval(secs => $2) THEN clock_timestamp() ELSE t.since END
RETURNING whose, tries, ceil(extract(epoch FROM since + make_interval(secs => $2) - clock_timestamp()))::int AS seconds
"""

# The code and the date of birth must both fit; which of them does not is told to nobody but the audit, where the patient
# sees it. What fits is forgiven its try.
# $1 code, $2 date of birth, $3 pharmacy, $4 actor, $5 request, $6 whose tries
OPEN = """
WITH asked AS (
    SELECT p.id, p.patient_id, coalesce(p.date_of_birth, o.date_of_birth) = $2 AND f.active AS fits
    FROM prescription p JOIN patient o ON o.account_id = p.patient_id JOIN pharmacy f ON f.id = $3 WHERE p.code = $1
), opened AS (
    INSERT INTO prescription_access AS a (prescription_id, pharmacy_id, how, patient_id)
    SELECT id, $3, 'OPENED', patient_id FROM asked WHERE fits
    ON CONFLICT (prescription_id, pharmacy_id, how) DO UPDATE SET ended_at = NULL
    RETURNING prescription_id
), forgiven AS (
    UPDATE code_try SET tries = greatest(tries - 1, 0) WHERE whose = ANY($6) AND EXISTS (SELECT FROM opened)
), audited AS (
    INSERT INTO audit_event (actor_id, actor_role, action, outcome, subject_type, subject_id, patient_id, reason, request_id)
    SELECT $4, 'PHARMACY', 'prescription.opened', CASE WHEN asked.fits THEN 'OK' ELSE 'DENIED' END, 'prescription',
        coalesce(asked.id::text, 'unknown'), asked.patient_id, CASE WHEN asked.fits THEN NULL ELSE 'no_match' END, $5
    FROM (SELECT 1) one LEFT JOIN asked ON true
)
SELECT prescription_id FROM opened
"""

# A prescription that this pharmacy was sent or has opened, for us alone until the end; and a row for what is given out,
# if anything may be. Nothing else of it is decided here.
# $1 prescription, $2 pharmacy, $3 actor, $4 new id, $5 identity checked
BEGIN = """
WITH asked AS (
    SELECT p.* FROM prescription p WHERE p.id = $1 AND EXISTS (SELECT FROM prescription_access a
        WHERE a.prescription_id = p.id AND a.pharmacy_id = $2 AND a.ended_at IS NULL)
    FOR NO KEY UPDATE
), judged AS (
    SELECT a.*, f.active, CASE WHEN NOT f.active THEN 'pharmacy_suspended' WHEN a.status = 'CANCELLED' THEN 'cancelled'
        WHEN a.status = 'FILLED' THEN 'already_filled'
        WHEN a.status = 'EXPIRED' OR a.valid_until <= clock_timestamp() THEN 'expired'
        WHEN a.status NOT IN ('ACTIVE', 'PARTIALLY_FILLED') THEN 'wrong_status'
        WHEN NOT $5 THEN 'identity_not_checked' END AS refusal
    FROM asked a JOIN pharmacy f ON f.id = $2
), begun AS (
    INSERT INTO dispense (id, prescription_id, patient_id, pharmacy_id, pharmacist_id, identity_checked)
    SELECT $4, id, patient_id, $2, $3, $5 FROM judged WHERE refusal IS NULL
)
SELECT j.code, j.refusal, j.issued_at, j.valid_until, j.content, j.content_hash, j.signature, j.key_id, k.public_key
FROM judged j JOIN prescription_key k ON k.id = j.key_id
"""

# What is prescribed and what is asked for it, line by line, in the order in which stock is taken.
# The rest is of this moment: nobody else moves it while the prescription is ours.
# $1 prescription, $2 pharmacy, $3 items, $4 items of the catalogue or nulls, $5 batches or nulls
SAME_INGREDIENT = """
(c.ingredient_key = fold_text(coalesce(nullif(i.active_ingredient, ''), i.drug_name)) OR c.name_key = fold_text(i.drug_name))
"""
SAME_STRENGTH = "fold_text(c.strength) = fold_text(i.strength)"
SAME_FORM = "fold_text(c.form) = fold_text(i.form)"
LINES = """
SELECT w.n - 1 AS number, i.id, i.drug_name, i.quantity * (1 + i.refills_allowed) - i.dispensed AS rest, c.id AS item_id,
    w.batch_id IS NOT NULL AND (b.id IS NULL OR b.item_id <> c.id) AS strange_batch, c.id = i.catalog_item_id AS as_written,
    """ + SAME_INGREDIENT + " AS same_ingredient, " + SAME_STRENGTH + " AS same_strength, " + SAME_FORM + """ AS same_form,
    i.unit, c.unit_type
FROM unnest($3::uuid[], $4::uuid[], $5::uuid[]) WITH ORDINALITY AS w (prescription_item_id, item_id, batch_id, n)
LEFT JOIN prescription_item i ON i.id = w.prescription_item_id AND i.prescription_id = $1
LEFT JOIN batch b ON b.id = w.batch_id AND b.location_id = $2
LEFT JOIN catalog_item c ON c.id = coalesce(w.item_id, b.item_id, i.catalog_item_id)
ORDER BY c.id, w.n
"""  # fmt: skip

# Never beyond what was prescribed: the guard stands in the statement, and in the table once more.
# $1 prescription, $2 items, $3 quantities
FILL = """
UPDATE prescription_item i SET dispensed = i.dispensed + w.quantity
FROM unnest($2::uuid[], $3::numeric[]) AS w (id, quantity)
WHERE i.id = w.id AND i.prescription_id = $1 AND i.dispensed + w.quantity <= i.quantity * (1 + i.refills_allowed)
"""

# The rows of the ledger that this line has just made, each with its batch as it is now.
# $1 dispense, $2 item of the prescription, $3 reason of a substitute, $4 batches, $5 location, $6 document
GIVEN = """
INSERT INTO dispense_line (dispense_id, prescription_item_id, item_id, batch_id, batch_number, expiry_date, quantity,
    unit_price, currency, substitute_reason, transaction_id)
SELECT $1, $2, b.item_id, b.id, b.batch_number, b.expiry_date, t.quantity, b.selling_price, b.currency, $3, t.id
FROM stock_transaction t JOIN batch b ON b.id = t.batch_id
WHERE t.batch_id = ANY($4) AND t.created_at >= transaction_timestamp() AND t.location_id = $5 AND t.document = $6
    AND t.transaction_type = 'DISPENSE' AND NOT EXISTS (SELECT FROM dispense_line l WHERE l.transaction_id = t.id)
"""

# What follows every move of a prescription at the counter. $2 actor, $3 request, $4 two new ids, $5 what was done,
# $6 why, for the history
_TOLD = """
, told AS (
    INSERT INTO prescription_history (prescription_id, actor_id, from_status, to_status, reason)
    SELECT m.id, $2, was.status, m.status, $6 FROM moved m, was WHERE m.status <> was.status
), audited AS (
    INSERT INTO audit_event (actor_id, actor_role, action, subject_type, subject_id, patient_id, request_id)
    SELECT $2, 'PHARMACY', $5, 'prescription', id::text, patient_id, $3 FROM moved
), emitted AS (
    INSERT INTO outbox_event (id, event_type, aggregate_id, data)
    SELECT ($4::uuid[])[1], CASE status WHEN 'FILLED' THEN 'prescription.filled' ELSE 'prescription.partially_filled' END,
        id, jsonb_build_object('prescription_id', id, 'patient_id', patient_id, 'doctor_id', doctor_id,
        'appointment_id', appointment_id, 'status', status)
    FROM moved WHERE status IN ('ACTIVE', 'PARTIALLY_FILLED', 'FILLED')
), noticed AS (
    INSERT INTO notification (id, account_id, kind, link)
    SELECT ($4::uuid[])[2], patient_id, $5, '/prescriptions/' || id FROM moved
)
SELECT id, patient_id, doctor_id, appointment_id, status FROM moved
"""

# $1 prescription, then as above
GIVEN_OUT = """
WITH was AS (
    SELECT status FROM prescription WHERE id = $1
), moved AS (
    UPDATE prescription p SET status = CASE WHEN EXISTS (SELECT FROM prescription_item i WHERE i.prescription_id = p.id
        AND i.dispensed < i.quantity * (1 + i.refills_allowed)) THEN 'PARTIALLY_FILLED' ELSE 'FILLED' END
    WHERE p.id = $1 AND p.status IN ('ACTIVE', 'PARTIALLY_FILLED') RETURNING p.*
)""" + _TOLD  # fmt: skip

# $1 dispense, $2 pharmacy
LOCK_FOR_UNDO = """
SELECT p.id, p.code FROM dispense d JOIN prescription p ON p.id = d.prescription_id
WHERE d.id = $1 AND d.pharmacy_id = $2 FOR NO KEY UPDATE OF p
"""
# Once, in time, and where it was given out. $1 dispense, $2 pharmacy, $3 actor, $4 seconds
UNDO = """
WITH undone AS (
    UPDATE dispense SET undone_at = clock_timestamp(), undone_by = $3
    WHERE id = $1 AND pharmacy_id = $2 AND undone_at IS NULL AND at > clock_timestamp() - make_interval(secs => $4)
        AND EXISTS (SELECT FROM pharmacy f WHERE f.id = $2 AND f.active)
    RETURNING id
), back AS (
    UPDATE prescription_item i SET dispensed = i.dispensed - s.quantity
    FROM (SELECT l.prescription_item_id, sum(l.quantity) AS quantity FROM dispense_line l JOIN undone u ON u.id = l.dispense_id
          GROUP BY l.prescription_item_id) s
    WHERE i.id = s.prescription_item_id
)
SELECT l.batch_id, l.quantity FROM dispense_line l JOIN undone u ON u.id = l.dispense_id ORDER BY l.item_id, l.id
"""
# $1 dispense, $2 pharmacy
WHY_NOT_UNDONE = """
SELECT d.undone_at IS NOT NULL AS undone, f.active FROM dispense d JOIN pharmacy f ON f.id = d.pharmacy_id
WHERE d.id = $1 AND d.pharmacy_id = $2
"""

# What was over stays over; what was filled is open again. $1 prescription, then as above
TAKEN_BACK = """
WITH was AS (
    SELECT status FROM prescription WHERE id = $1
), moved AS (
    UPDATE prescription p SET status = CASE WHEN p.status IN ('CANCELLED', 'EXPIRED') THEN p.status
        WHEN EXISTS (SELECT FROM prescription_item i WHERE i.prescription_id = p.id AND i.dispensed > 0)
        THEN 'PARTIALLY_FILLED' ELSE 'ACTIVE' END
    WHERE p.id = $1 RETURNING p.*
)""" + _TOLD  # fmt: skip

# Where a prescription may be seen now. $1 prescription
COUNTERS = "SELECT DISTINCT pharmacy_id FROM prescription_access WHERE prescription_id = $1 AND ended_at IS NULL"

# A refusal is written when everything else has been undone. $1 actor, $2 role, $3 action, $4 prescription, $5 code, $6 request
REFUSED = """
INSERT INTO audit_event (actor_id, actor_role, action, outcome, subject_type, subject_id, patient_id, reason, request_id)
SELECT $1, $2, $3, 'DENIED', 'prescription', $4::uuid::text, (SELECT patient_id FROM prescription WHERE id = $4), $5, $6
"""
