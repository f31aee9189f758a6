"""What is not well on the stage, so that the screens that show it have something to show."""

# A time that is kept for somebody.
KEEP = "UPDATE slot SET held_by = $2, held_until = now() + interval '5 minutes' WHERE id = $1 RETURNING id"
# A visit whose session does not take place, and what its patient is offered instead.
BREAK = """
WITH broken AS (
    UPDATE appointment SET needs_attention = 'SCHEDULE_CHANGED'
    WHERE id = (SELECT a.id FROM appointment a JOIN account p ON p.id = a.patient_id AND p.email = 'patient@example.com'
        WHERE a.status = 'BOOKED' AND a.starts_at > now() + interval '1 day' ORDER BY a.starts_at DESC LIMIT 1)
    RETURNING *
), offered AS (
    INSERT INTO repair (id, appointment_id, patient_id, doctor_id, clinic_id, kind, expires_at, created_by)
    SELECT gen_random_uuid(), id, patient_id, doctor_id, clinic_id, 'VIDEO', now() + interval '1 day', doctor_id FROM broken
    ON CONFLICT DO NOTHING
)
SELECT id AS broken FROM broken
"""
# Somebody in the queue of a session that is running, and a screen that shows it.
QUEUE = """
WITH who AS (SELECT id FROM account WHERE email = $1), visit AS (
    SELECT a.id FROM appointment a JOIN account d ON d.id = a.doctor_id AND d.email = 'doctor@example.com', who
    WHERE a.session_id IS NOT NULL AND a.status IN ('BOOKED', 'CHECKED_IN') AND a.called_at IS NULL
        AND a.ends_at > now() ORDER BY a.patient_id = who.id AND a.status = 'CHECKED_IN' DESC, a.starts_at LIMIT 1
), screen AS (
    INSERT INTO wall_link (id, clinic_id, name, token_hash)
    SELECT gen_random_uuid(), clinic_id, 'Hall', sha256('a-screen') FROM clinic_admin LIMIT 1 ON CONFLICT DO NOTHING
)
UPDATE appointment a SET patient_id = who.id, status = 'CHECKED_IN', queue_rank = queue_position,
    checked_in_at = now(), appointment_type = 'IN_PERSON'
FROM who, visit WHERE a.id = visit.id RETURNING a.id AS queued, 'a-screen' AS wall
"""
# Something that a system admin should look at.
TROUBLE = """
WITH event AS (
    INSERT INTO outbox_event (id, event_type, aggregate_id, data, attempts, last_error, dead_at)
    SELECT gen_random_uuid(), 'user.verified', id, '{}', 12, 'DeliveryError: refused', now() FROM account
    WHERE email = 'doctor@example.com' AND NOT EXISTS (SELECT FROM outbox_event WHERE dead_at IS NOT NULL)
), task AS (
    INSERT INTO background_task (name, kind, last_started_at, last_failed_at, last_error, failures_in_row, runs, failures)
    VALUES ('mail', 'JOB', now(), now(), 'SMTPConnectError', 1, 1, 1)
    ON CONFLICT (name) DO UPDATE SET last_failed_at = now(), last_error = 'SMTPConnectError', failures_in_row = 1
)
INSERT INTO pgqueuer (priority, status, entrypoint, payload)
SELECT 0, 'failed', 'mail', '{}' WHERE NOT EXISTS (SELECT FROM pgqueuer WHERE status = 'failed') RETURNING id
"""


# A time that has become free, and is kept for the patient; or the one that the portal itself has offered meanwhile.
WAIT = """
WITH wish AS (
    INSERT INTO waitlist_entry (id, patient_id, doctor_id, first_date, last_date, service_type)
    SELECT gen_random_uuid(), $2, doctor_id, current_date, current_date + 56, 'BOTH' FROM slot WHERE id = $1
    ON CONFLICT (patient_id, doctor_id) WHERE status = 'WAITING' DO UPDATE SET last_date = excluded.last_date RETURNING id
), standing AS (
    UPDATE waitlist_offer o SET expires_at = now() + interval '10 minutes'
    FROM wish WHERE o.entry_id = wish.id AND o.status = 'OPEN' RETURNING o.id
), made AS (
    INSERT INTO waitlist_offer (id, entry_id, patient_id, slot_id, expires_at)
    SELECT gen_random_uuid(), wish.id, $2, $1, now() + interval '10 minutes' FROM wish WHERE NOT EXISTS (SELECT FROM standing)
    ON CONFLICT (entry_id, slot_id) DO UPDATE
    SET status = 'OPEN', ended_at = NULL, expires_at = excluded.expires_at RETURNING id
)
SELECT id FROM standing UNION ALL SELECT id FROM made
"""

# One tablet of the last that was sent to the counter, given out a moment ago.
GIVEN = """
WITH paper AS (
    SELECT r.id, r.patient_id, r.pharmacy_id, f.account_id FROM prescription r JOIN pharmacist f ON f.pharmacy_id = r.pharmacy_id
    JOIN account a ON a.id = f.account_id AND a.email = 'pharmacy@example.com'
    WHERE r.status = 'ACTIVE' AND EXISTS (
        SELECT FROM prescription_item i JOIN batch b ON b.item_id = i.catalog_item_id AND b.location_id = r.pharmacy_id
        WHERE i.prescription_id = r.id AND b.quantity >= 1 AND b.recalled_at IS NULL AND b.expiry_date > current_date)
    ORDER BY r.sent_at DESC, r.id LIMIT 1
), batch AS (
    SELECT b.*, i.id AS of FROM paper JOIN prescription_item i ON i.prescription_id = paper.id
    JOIN batch b ON b.item_id = i.catalog_item_id AND b.location_id = paper.pharmacy_id AND b.quantity >= 1
        AND b.recalled_at IS NULL AND b.expiry_date > current_date ORDER BY i.position, b.expiry_date LIMIT 1
), moved AS (
    INSERT INTO stock_transaction (item_id, batch_id, location_id, transaction_type, quantity, balance, actor_id)
    SELECT item_id, batch.id, location_id, 'DISPENSE', 1, 0, account_id FROM batch, paper RETURNING id
), given AS (
    INSERT INTO dispense (id, prescription_id, patient_id, pharmacy_id, pharmacist_id, identity_checked)
    SELECT gen_random_uuid(), id, patient_id, pharmacy_id, account_id, true FROM paper RETURNING id
), line AS (
    INSERT INTO dispense_line (dispense_id, prescription_item_id, item_id, batch_id, batch_number, expiry_date, quantity,
        unit_price, currency, transaction_id)
    SELECT given.id, batch.of, item_id, batch.id, batch_number, expiry_date, 1, selling_price, currency, moved.id
    FROM given, batch, moved
)
SELECT given.id AS dispense, batch.id AS given_batch, (SELECT r.id FROM prescription r JOIN account a ON a.id = r.patient_id
    WHERE a.email = 'patient@example.com' ORDER BY r.id LIMIT 1) AS own_paper FROM given, batch
"""
