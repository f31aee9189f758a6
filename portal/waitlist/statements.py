"""Offers of the waitlist: a slot that is free goes to whoever has waited longest and can take it, as a hold."""

# A free time `t` that somebody can still come to: $2 seconds that an offer lasts.
_FREE = """
    t.appointment_id IS NULL AND NOT t.disabled AND NOT t.overflow
    AND t.starts_at > clock_timestamp() + make_interval(secs => $2)
    AND (t.held_by IS NULL OR t.held_until <= clock_timestamp())
    AND EXISTS (SELECT FROM account da WHERE da.id = t.doctor_id AND da.status = 'ACTIVE')
"""
# A wish `e` that it fulfils. It became free after the patient had begun to wait, was not offered to them before, and
# they may hold it: no other time of that doctor's day, and not more than two others at all, as with any hold.
_WISHED = """
    e.status = 'WAITING' AND t.date BETWEEN e.first_date AND e.last_date
    AND (e.service_type = 'BOTH' OR t.service_type IN ('BOTH', e.service_type))
    AND (e.doctor_id = t.doctor_id OR e.specialty_id = (SELECT d.specialty_id FROM doctor d WHERE d.account_id = t.doctor_id))
    AND greatest(t.changed_at, t.held_until) > e.created_at
"""
_POSSIBLE = """
    AND NOT EXISTS (SELECT FROM waitlist_offer o WHERE o.entry_id = e.id AND (o.slot_id = t.id OR o.status = 'OPEN'))
    AND EXISTS (SELECT FROM account pa WHERE pa.id = e.patient_id AND pa.status = 'ACTIVE')
    AND NOT EXISTS (SELECT FROM slot h WHERE h.held_by = e.patient_id AND h.held_until > clock_timestamp()
        AND h.appointment_id IS NULL AND h.doctor_id = t.doctor_id AND h.date = t.date)
    AND (SELECT count(*) FROM slot h WHERE h.held_by = e.patient_id AND h.held_until > clock_timestamp()
        AND h.appointment_id IS NULL) < 3
    AND NOT busy_times(e.patient_id) && t.during
"""

# Whose turn it is. A slot that somebody else has locked is being taken or offered, a wish is being fulfilled; nobody waits
# for them: what is left over, the sweep finds. $1 slot, $2 seconds
NEXT = "SELECT e.id, e.patient_id FROM slot t, waitlist_entry e WHERE t.id = $1 AND" + _FREE + "AND" + _WISHED + _POSSIBLE + """
ORDER BY e.created_at, e.id LIMIT 1 FOR NO KEY UPDATE OF t, e SKIP LOCKED
"""  # fmt: skip

# Made while the patient's holds are locked too, as for every hold (see slots.actions.ONE_AT_A_TIME), so that what was found
# is asked once more. When the offer ends, a job looks again.
# $1 slot, $2 seconds, $3 entry, $4 new ids (offer, notification)
OFFER = """
WITH target AS (
    SELECT * FROM slot WHERE id = $1 FOR NO KEY UPDATE
), chosen AS (
    SELECT e.id, e.patient_id FROM target t, waitlist_entry e WHERE e.id = $3 AND""" + _FREE + "AND" + _WISHED + _POSSIBLE + """
    FOR NO KEY UPDATE OF e
), held AS (
    UPDATE slot SET held_by = c.patient_id, held_until = clock_timestamp() + make_interval(secs => $2),
        changed_at = clock_timestamp()
    FROM chosen c WHERE slot.id = $1 RETURNING slot.*
), offered AS (
    INSERT INTO waitlist_offer (id, entry_id, patient_id, slot_id, expires_at)
    SELECT ($4::uuid[])[1], c.id, c.patient_id, h.id, h.held_until FROM held h, chosen c RETURNING *
), noticed AS (
    INSERT INTO notification (id, account_id, kind, link)
    SELECT ($4::uuid[])[2], patient_id, 'waitlist.offered', '/waitlist/offers/' || id FROM offered
), audited AS (
    INSERT INTO audit_event (action, subject_type, subject_id, patient_id)
    SELECT 'waitlist.offered', 'slot', slot_id::text, patient_id FROM offered
), later AS (
    INSERT INTO pgqueuer (priority, status, entrypoint, payload, execute_after)
    SELECT 0, 'queued', 'waitlist', convert_to(jsonb_build_object('slot_id', slot_id)::text, 'UTF8'),
        expires_at + interval '1 second' FROM offered
)
SELECT o.id, o.patient_id, o.expires_at, h.doctor_id, h.date, h.starts_at AS start_time, h.time_zone, c.name AS clinic_name,
    pa.email AS patient_email, pa.locale AS patient_locale
FROM offered o CROSS JOIN held h JOIN account pa ON pa.id = o.patient_id LEFT JOIN clinic c ON c.id = h.clinic_id
"""  # fmt: skip

# Offers that are over: booked by the patient, whichever way; run out; or given back with the hold. Three that were not
# answered end the wish. What somebody is just booking is looked at the next time. $1 slot, or null for all
CLOSE = """
WITH ended AS (
    SELECT o.id, CASE WHEN b.patient_id = o.patient_id THEN 'ACCEPTED' WHEN o.expires_at <= clock_timestamp() THEN 'EXPIRED'
                      ELSE 'DECLINED' END AS became
    FROM waitlist_offer o JOIN slot s ON s.id = o.slot_id LEFT JOIN appointment b ON b.id = s.appointment_id
    WHERE o.status = 'OPEN' AND ($1::uuid IS NULL OR o.slot_id = $1)
        AND (b.patient_id = o.patient_id OR o.expires_at <= clock_timestamp() OR s.held_by IS DISTINCT FROM o.patient_id)
    FOR NO KEY UPDATE OF o, s SKIP LOCKED
), closed AS (
    UPDATE waitlist_offer o SET status = became, ended_at = clock_timestamp()
    FROM ended WHERE o.id = ended.id RETURNING o.*
), over AS (
    UPDATE waitlist_entry e SET status = CASE WHEN c.status = 'ACCEPTED' THEN 'BOOKED' ELSE 'LAPSED' END
    FROM closed c WHERE c.entry_id = e.id AND e.status = 'WAITING' AND (c.status = 'ACCEPTED' OR c.status = 'EXPIRED'
        AND (SELECT count(*) FROM waitlist_offer p WHERE p.entry_id = e.id AND p.status = 'EXPIRED') >= 2)
    RETURNING e.*
), noticed AS (
    INSERT INTO notification (id, account_id, kind, link)
    SELECT new_id(), patient_id, 'waitlist.ended', '/waitlist' FROM over WHERE status = 'LAPSED'
)
SELECT id, patient_id, slot_id, status FROM closed
"""

# Wishes whose last date is over, wherever a doctor may be; for who joins anew, one for the same that is over on their own clock
# too: it must not be in the way. What is just being offered is looked at the next time.
# $1 patient, or null for all, $2 the patient's today, $3 doctor, $4 specialty
LAPSE = """
WITH over AS (
    SELECT e.id FROM waitlist_entry e
    WHERE e.status = 'WAITING' AND ($1::uuid IS NULL OR e.patient_id = $1)
        AND (e.last_date < (clock_timestamp() AT TIME ZONE 'Etc/GMT+12')::date
            OR e.last_date < $2::date AND (e.doctor_id = $3::uuid OR e.specialty_id = $4::uuid))
        AND NOT EXISTS (SELECT FROM waitlist_offer o WHERE o.entry_id = e.id AND o.status = 'OPEN')
    ORDER BY e.last_date, e.id LIMIT 500 FOR NO KEY UPDATE OF e SKIP LOCKED
), lapsed AS (
    UPDATE waitlist_entry e SET status = 'LAPSED' FROM over WHERE e.id = over.id AND e.status = 'WAITING' RETURNING e.*
), noticed AS (
    INSERT INTO notification (id, account_id, kind, link) SELECT new_id(), patient_id, 'waitlist.over', '/waitlist' FROM lapsed
), audited AS (
    INSERT INTO audit_event (action, subject_type, subject_id, patient_id)
    SELECT 'waitlist.over', 'waitlist', id::text, patient_id FROM lapsed
)
SELECT id, patient_id FROM lapsed
"""

# Free times that somebody waits for and that no job was told of: holds that ran out, times that were added. $1 is null
FREED = """
SELECT DISTINCT t.id FROM (SELECT * FROM waitlist_entry w WHERE w.status = 'WAITING' AND w.last_date >= current_date - 1
    AND NOT EXISTS (SELECT FROM waitlist_offer o WHERE o.entry_id = w.id AND o.status = 'OPEN')
    ORDER BY w.created_at LIMIT 1000) e
CROSS JOIN LATERAL (SELECT d.account_id FROM doctor d WHERE d.account_id = e.doctor_id OR d.specialty_id = e.specialty_id) d
CROSS JOIN LATERAL (SELECT t.* FROM slot t
    WHERE t.doctor_id = d.account_id AND $1::uuid IS NULL AND""" + _FREE + "AND" + _WISHED + """
    AND NOT EXISTS (SELECT FROM waitlist_offer o WHERE o.entry_id = e.id AND o.slot_id = t.id)
    ORDER BY t.starts_at LIMIT 5) t
LIMIT 200
"""  # fmt: skip

# The patient's answer: $1 offer, $2 patient, $3 what it becomes, $4 what becomes of the wish.
ANSWER = """
WITH answered AS (
    UPDATE waitlist_offer SET status = $3, ended_at = clock_timestamp()
    WHERE id = $1 AND patient_id = $2 AND status = 'OPEN' AND expires_at > clock_timestamp() RETURNING *
), wish AS (
    UPDATE waitlist_entry e SET status = $4 FROM answered a WHERE e.id = a.entry_id AND e.status = 'WAITING'
)
SELECT slot_id FROM answered
"""
GIVE_BACK = """
UPDATE slot SET held_by = NULL, held_until = NULL, changed_at = clock_timestamp()
WHERE id = $1 AND held_by = $2 AND appointment_id IS NULL RETURNING doctor_id, date
"""
JOIN = """
INSERT INTO waitlist_entry (id, patient_id, doctor_id, specialty_id, first_date, last_date, service_type)
SELECT $1, $2, $3, $4, $5, $6, $7
WHERE ($3::uuid IS NULL OR EXISTS (SELECT FROM account a WHERE a.id = $3 AND a.role = 'DOCTOR' AND a.status = 'ACTIVE'))
    AND ($4::uuid IS NULL OR EXISTS (SELECT FROM specialty s WHERE s.id = $4 AND s.active))
RETURNING id
"""
WAITING = "SELECT count(*) FROM waitlist_entry WHERE patient_id = $1 AND status = 'WAITING'"
LEAVE = """
UPDATE waitlist_entry SET status = 'LEFT' WHERE id = $1 AND patient_id = $2 AND status = 'WAITING'
RETURNING (SELECT o.id FROM waitlist_offer o WHERE o.entry_id = $1 AND o.status = 'OPEN') AS offer_id
"""
