"""The statements that read what the counter shows."""

from portal.accounts.schemas import Role
from portal.dispensing.statements import SAME_FORM, SAME_INGREDIENT, SAME_STRENGTH

SEEN_HERE = """
EXISTS (SELECT FROM prescription_access a WHERE a.prescription_id = p.id AND a.pharmacy_id = $1 AND a.ended_at IS NULL)
"""
IS_OPEN = "p.status IN ('ACTIVE', 'PARTIALLY_FILLED') AND p.valid_until > clock_timestamp()"
# First those that were sent here, in the order in which they came; then those that were opened here. $2 part of a name
OPEN = """
SELECT p.id, p.code, p.status, p.patient_name, p.date_of_birth, p.doctor_name, p.issued_at, p.valid_until,
    CASE WHEN p.pharmacy_id = $1 THEN p.sent_at END AS sent_at,
    (SELECT count(*) FROM prescription_item i WHERE i.prescription_id = p.id) AS item_count, count(*) OVER () AS total
FROM prescription p
WHERE """ + IS_OPEN + " AND " + SEEN_HERE + """
    AND ($2::text IS NULL OR position(fold_text($2) IN fold_text(p.patient_name)) > 0)
ORDER BY p.pharmacy_id IS DISTINCT FROM $1, p.sent_at, p.issued_at, p.id LIMIT $3 OFFSET $4
"""  # fmt: skip
COUNT_OPEN = (
    "SELECT count(*) FROM prescription p WHERE " + IS_OPEN + " AND " + SEEN_HERE
    + " AND ($2::text IS NULL OR position(fold_text($2) IN fold_text(p.patient_name)) > 0)"
)  # fmt: skip
KNOWN_CODE = "SELECT p.id FROM prescription p WHERE p.code = $2 AND " + SEEN_HERE

ONE = """
SELECT p.id, p.code, p.status, p.patient_id, p.patient_name, p.date_of_birth, p.doctor_name, p.clinic_name, p.issued_at,
    p.valid_until, p.notes, CASE WHEN NOT f.active THEN 'pharmacy_suspended' WHEN p.status = 'CANCELLED' THEN 'cancelled'
        WHEN p.status = 'FILLED' THEN 'already_filled'
        WHEN p.status = 'EXPIRED' OR p.valid_until <= clock_timestamp() THEN 'expired' END AS refusal
FROM prescription p JOIN pharmacy f ON f.id = $1 WHERE p.id = $2 AND """ + SEEN_HERE  # fmt: skip
# Of a fill that has begun what is missing, else the next whole one.
ITEMS = """
SELECT i.*, left_over AS remaining, least(left_over, i.quantity - i.dispensed % i.quantity) AS due
FROM prescription_item i CROSS JOIN LATERAL (SELECT i.quantity * (1 + i.refills_allowed) - i.dispensed AS left_over) x
WHERE i.prescription_id = $1 ORDER BY i.position
"""
# What was prescribed, also where there is none of it; and what else has the same ingredient, strength and form, if here.
SHELVES = """
WITH batches AS (
    SELECT b.item_id, jsonb_agg(jsonb_build_object('id', b.id, 'batch_number', b.batch_number, 'expiry_date', b.expiry_date,
        'quantity', trim_scale(b.quantity)::text, 'selling_price', b.selling_price::text, 'currency', b.currency)
        ORDER BY b.expiry_date, b.id) AS found
    FROM batch b WHERE b.location_id = $2 AND b.in_stock AND b.recalled_at IS NULL AND b.expiry_date >= stock_today($2)
        AND b.item_id = ANY (ARRAY(
            SELECT c.id FROM prescription_item i JOIN catalog_item c ON """ + SAME_INGREDIENT + """ WHERE i.prescription_id = $1
            UNION ALL SELECT i.catalog_item_id FROM prescription_item i WHERE i.prescription_id = $1))
    GROUP BY b.item_id
)
SELECT i.id AS of_item, c.id AS item_id, c.name, c.strength, c.form, c.unit_type, false AS is_substitute,
    coalesce(b.found, '[]') AS batches
FROM prescription_item i JOIN catalog_item c ON c.id = i.catalog_item_id LEFT JOIN batches b ON b.item_id = c.id
WHERE i.prescription_id = $1
UNION ALL
SELECT i.id, c.id, c.name, c.strength, c.form, c.unit_type, true, b.found
FROM prescription_item i JOIN catalog_item c ON """ + SAME_INGREDIENT + " AND " + SAME_STRENGTH + " AND " + SAME_FORM + """
    AND c.id IS DISTINCT FROM i.catalog_item_id AND c.is_active JOIN batches b ON b.item_id = c.id
WHERE i.prescription_id = $1
ORDER BY is_substitute, name, item_id
"""  # fmt: skip

DISPENSES = """
SELECT d.id, d.prescription_id, d.pharmacy_id, f.name AS pharmacy_name, d.pharmacist_id,
    name_of(d.pharmacist_id) AS pharmacist_name, d.at, d.undone_at, p.code, p.status AS prescription_status, p.patient_name,
    p.language, count(*) OVER () AS total,
    CASE WHEN d.undone_at IS NULL THEN greatest(0, floor(extract(epoch FROM
        d.at + make_interval(secs => $1) - clock_timestamp())))::int ELSE 0 END AS seconds_to_undo,
    (SELECT jsonb_agg(jsonb_build_object('prescription_item_id', l.prescription_item_id, 'item_id', l.item_id,
        'batch_id', l.batch_id, 'drug_name', i.drug_name, 'name', c.name, 'strength', c.strength, 'form', c.form,
        'dose', trim_scale(i.dose)::text, 'dose_unit', i.dose_unit, 'frequency', i.frequency, 'duration_days', i.duration_days,
        'instructions', i.instructions, 'batch_number', l.batch_number, 'expiry_date', l.expiry_date,
        'quantity', trim_scale(l.quantity)::text, 'unit_type', c.unit_type, 'unit_price', l.unit_price::text,
        'currency', l.currency, 'substitute_reason', l.substitute_reason, 'transaction_id', l.transaction_id)
        ORDER BY i.position, l.expiry_date, l.id)
     FROM dispense_line l JOIN prescription_item i ON i.id = l.prescription_item_id JOIN catalog_item c ON c.id = l.item_id
     WHERE l.dispense_id = d.id) AS lines
FROM dispense d JOIN prescription p ON p.id = d.prescription_id JOIN pharmacy f ON f.id = d.pharmacy_id
"""
OWN = (
    DISPENSES
    + " WHERE d.pharmacy_id = $2 AND ($3::uuid IS NULL OR d.id = $3) ORDER BY d.at DESC, d.id LIMIT $4 OFFSET $5"
)
COUNT_OWN = "SELECT count(*) FROM dispense WHERE pharmacy_id = $1"
MAY_SEE = {
    Role.PATIENT: "p.patient_id = $3",
    Role.DOCTOR: "p.doctor_id = $3",
    Role.PHARMACY: """EXISTS (SELECT FROM prescription_access a JOIN pharmacist m ON m.pharmacy_id = a.pharmacy_id
        WHERE a.prescription_id = p.id AND m.account_id = $3 AND a.ended_at IS NULL)""",
}
FILLS = {
    role: DISPENSES + " WHERE d.prescription_id = $2 AND " + who + " ORDER BY d.at, d.id"
    for role, who in MAY_SEE.items()
}
OWNER = {
    role: "SELECT p.patient_id FROM prescription p WHERE p.id = $1 AND " + who.replace("$3", "$2")
    for role, who in MAY_SEE.items()
}
PRESCRIPTION_OF = "SELECT prescription_id FROM dispense WHERE id = $1 AND pharmacy_id = $2"

BATCH = """
SELECT b.id AS batch_id, b.batch_number, b.expiry_date, c.name AS item_name FROM batch b JOIN catalog_item c ON c.id = b.item_id
WHERE b.id = $1 AND b.location_id = $2
"""
COUNT_RECEIVERS = """
SELECT count(DISTINCT d.id) FROM dispense_line l JOIN dispense d ON d.id = l.dispense_id AND d.pharmacy_id = $2
WHERE l.batch_id = $1
"""
RECEIVERS = """
SELECT d.id AS dispense_id, d.prescription_id, d.patient_id, p.patient_name, p.date_of_birth, d.at, d.undone_at,
    sum(l.quantity) AS quantity, count(*) OVER () AS total
FROM dispense_line l JOIN dispense d ON d.id = l.dispense_id AND d.pharmacy_id = $2
JOIN prescription p ON p.id = d.prescription_id WHERE l.batch_id = $1
GROUP BY d.id, p.id ORDER BY d.undone_at IS NOT NULL, d.at DESC, d.id LIMIT $3 OFFSET $4
"""
