"""What every statement that gives an appointment back selects."""

# What was written for the patient, once the visit is over: the database gives it to the two who were there alone.
SUMMARY = "CASE WHEN a.status = 'COMPLETED' THEN (SELECT s.patient_summary FROM visit_summary(a.id) s) END"
# `a` is an appointment, or a row of the same shape that a statement has just written.
_SHOWN = """
    a.id, a.slot_id, a.patient_id, pa.first_name || ' ' || pa.last_name AS patient_name, a.doctor_id,
    ltrim(d.title || ' ' || da.first_name || ' ' || da.last_name) AS doctor_name, sp.name AS specialty,
    a.clinic_id, c.name AS clinic_name, nullif(concat_ws(', ', nullif(c.address_line, ''), nullif(c.city, '')), '')
    AS clinic_address, a.session_id, a.date, a.queue_position, a.walk_in, a.starts_at AS start_time, a.ends_at AS end_time,
    a.time_zone, a.overflow, a.appointment_type, a.status, a.chief_complaint, a.consultation_fee,
    a.currency, a.referred_from, a.needs_attention, a.confirmed_at, a.checked_in_at,
    a.called_at, a.missed_calls, a.actual_start_time, a.actual_end_time, a.created_at"""
COLUMNS = (
    _SHOWN
    + """, coalesce((SELECT CASE app_actor()
    WHEN a.patient_id THEN t.patient_unread WHEN a.doctor_id THEN t.doctor_unread END FROM conversation t
    WHERE t.appointment_id = a.id), 0) AS unread_messages, coalesce("""
    + SUMMARY
    + ", '') AS doctor_notes"
)
# Of a visit that was booked this moment: nobody has written anything yet, so nobody looks for it.
NEW_COLUMNS = _SHOWN + ", 0 AS unread_messages, '' AS doctor_notes"
OTHER_JOINS = """
    LEFT JOIN account da ON da.id = a.doctor_id
    LEFT JOIN doctor d ON d.account_id = a.doctor_id
    LEFT JOIN specialty sp ON sp.id = d.specialty_id
    LEFT JOIN clinic c ON c.id = a.clinic_id
"""
JOINS = " LEFT JOIN account pa ON pa.id = a.patient_id" + OTHER_JOINS
