"""Guards whose absence changes nothing for the calls of the matrix, by a part of their name, and why.

Most are asked twice: where a thing is read through the actor, and where it is changed. Taking one away leaves the other.
"""

REASONS = {
    "the routes let in nobody else, and policy.toml keeps them so": ("refuse_others",),
    "the visit, session, prescription or offer has been read through the actor just before": (
        "LEFT JOIN appointment_history h",
        "visit_note_version v JOIN appointment a ON a.id = v.appointment_id WHERE a.id = $1 AND a.doctor_id",
        "LEFT JOIN visit_note n ON n.appointment_id = a.id WHERE t.id = $1 AND t.doctor_id",
        "WHERE d.prescription_id = $2 AND p.patient_id = $3",
        "WHERE d.prescription_id = $2 AND p.doctor_id = $3",
        "WHERE a.prescription_id = p.id AND m.account_id = $3",
        "answer = $4, new_prescription_id = $5, answered_at",
        "UPDATE waitlist_offer SET status = $3",
        "UPDATE video_session SET session_notes = $3",
        "LEFT JOIN video_attendee t ON t.video_session_id = l.id AND t.account_id",
        "WHERE video_session_id = $1 AND account_id = $2 AND left_at IS NULL RETURNING",
        "WHERE own.video_session_id = $1 AND own.account_id",
        "FROM video_attendee t WHERE t.video_session_id = $1 AND t.account_id = $2 FOR NO KEY UPDATE",
        "AS inside FROM video_attendee WHERE video_session_id = $1 AND account_id",
    ),
    "what it finds is read, or changed, through the actor just after": (
        "SELECT id FROM appointment WHERE session_id = $1 AND date = $2 AND patient_id",
        "FROM prescription p WHERE p.id = $1 AND p.patient_id = $2 FOR NO KEY UPDATE",
        "SELECT id FROM prescription WHERE doctor_id = $1 AND patient_id = $2 ORDER BY issued_at",
        "AND b.patient_id = o.patient_id WHERE o.patient_id = $1 AND o.status = 'OPEN'",
        "WHEN 'CLINIC_ADMIN' THEN w.clinic_id = ANY($3::uuid[]) ELSE false END ORDER BY opens",
    ),
    "asked twice: by the lock of a queue's day, and by what moves somebody in it": (
        "IS NOT NULL AND CASE $3 WHEN 'DOCTOR' THEN a.doctor_id = $2",
        "AS ( SELECT a.* FROM appointment a WHERE a.id = $1 AND CASE $3 WHEN 'DOCTOR'",
        "FOR NO KEY UPDATE ), others",
        "OM standing) AND CASE $3 WHEN 'DOCTOR'",
        "_PROGRESS')) AND CASE $3 WHEN 'DOCTOR'",
    ),
    "asked twice in one statement, which lends the doctor's name to what it has changed": (
        "FROM won, account c WHERE d.account_id = $2 AND c.id",
    ),
    "in the statement for a holder, and doctors hold nothing": ("WHEN 'DOCTOR' THEN s.doctor_id = $3",),
    "in the words of a refusal, after the booking has refused": ("WHEN 'DOCTOR' THEN w.doctor_id = $3",),
    "everybody's password is the same in the matrix; tests/credentials tries others": ("SELECT password_hash FROM account",),
    "whose mark goes forward, of the two who are let in by `$2 IN`; tests/chat looks at the marks of both": ("upto.",),
    "which of the two in a call is named to the other, and whether oneself is in it": (
        "CASE WHEN v.doctor_id = $1 THEN pa.first_name",
        "WHERE t.video_session_id = v.id AND t.account_id = $1 AND t.left_at IS NULL) AS inside",
    ),
    "wishes whose dates are over end, whoever looks": (
        "WHERE e.status = 'WAITING' AND ($1::uuid IS NULL OR e.patient_id = $1) AND (e.last_date",
    ),
    "names of clinics and their doctors are for everybody": (
        "SELECT id, name FROM clinic WHERE id = ANY",
        "JOIN account a ON a.id = cd.doctor_id WHERE cd.clinic_id = ANY",
    ),
    "a number without a person: a country's emergency number, how many call, a total": (
        "SELECT c.country FROM appointment a JOIN clinic c",
        "e.status = 'OPEN' WHERE l.doctor_id = $1",
        "SELECT count(*) FROM",
        "AND p.date = (clock_timestamp() AT TIME ZONE c.time_zone)::date WHERE c.id = ANY",
    ),
    "which pharmacy is offered first: their names are for everybody": (
        "AND f.active WHERE p.patient_id = $1 ORDER BY p.sent_at",
    ),
    # What the world of the matrix has no second one of, and others try.
    "a doctor of the world is available or not verified; tests/emergencies tells them apart": ("SELECT availability_status",),
    "free times are for everybody; whose they are, tests/referrals looks at": ("FROM slot s, aim WHERE s.doctor_id",),
    "every doctor of the world is in a call; tests/booking asks for the first who is free as other staff": (
        "WHEN 'DOCTOR' THEN d.account_id = $3",
        "WHERE cd.doctor_id = d.account_id AND cd.clinic_id = ANY($7",
    ),
}  # fmt: skip
REDUNDANT = {part: reason for reason, parts in REASONS.items() for part in parts}
