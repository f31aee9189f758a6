"""Guards that nothing in the matrix notices, whatever else is taken away with them, by a part of their name, and why."""

REASONS = {
    "the visit, session or request has been read through the actor just before": (
        "answer = $4, new_prescription_id = $5, answered_at",
        "UPDATE video_session SET session_notes = $3",
    ),
    "which of the two in a call it is about: who else asks has been sent away before": (
        "LEFT JOIN video_attendee t ON t.video_session_id = l.id AND t.account_id",
        "WHERE own.video_session_id = $1 AND own.account_id",
        "FROM video_attendee t WHERE t.video_session_id = $1 AND t.account_id = $2 FOR NO KEY UPDATE",
        "AS inside FROM video_attendee WHERE video_session_id = $1 AND account_id",
        "WHERE t.video_session_id = v.id AND t.account_id = $1 AND t.left_at IS NULL) AS inside",
    ),
    "what it finds is read through the actor just after": (
        "SELECT id FROM prescription WHERE doctor_id = $1 AND patient_id = $2 ORDER BY issued_at",
        "WHEN 'CLINIC_ADMIN' THEN w.clinic_id = ANY($3::uuid[]) ELSE false END ORDER BY opens",
    ),
    "asked twice in one statement, which lends the doctor's name to what it has changed": (
        "FROM won, account c WHERE d.account_id = $2 AND c.id",
    ),
    "in the statement for a holder, and doctors hold nothing": ("WHEN 'DOCTOR' THEN s.doctor_id = $3",),
    "in the words of a refusal, after the booking has refused": ("WHEN 'DOCTOR' THEN w.doctor_id = $3",),
    "everybody's password is the same in the matrix; tests/credentials tries others": ("SELECT password_hash FROM account",),
    "wishes whose dates are over end, whoever looks": (
        "WHERE e.status = 'WAITING' AND ($1::uuid IS NULL OR e.patient_id = $1) AND (e.last_date",
    ),
    "names of a clinic's doctors are for everybody": ("JOIN account a ON a.id = cd.doctor_id WHERE cd.clinic_id = ANY",),
    "a number without a person; tests/records, tests/pads and tests/video count beside somebody else's": (
        "SELECT count(*) FROM",
    ),
    # What the world of the matrix has no second one of, and others try.
    "all clinics of the world are in one country; tests/emergencies goes to others": (
        "SELECT c.country FROM appointment a JOIN clinic c",
    ),
    "a doctor of the world is available or not verified; tests/emergencies tells them apart": ("SELECT availability_status",),
    "free times are for everybody; whose they are, tests/referrals looks at": ("FROM slot s, aim WHERE s.doctor_id",),
    "every doctor of the world is in a call; tests/booking asks for the first who is free as other staff": (
        "WHEN 'DOCTOR' THEN d.account_id = $3",
        "WHERE cd.doctor_id = d.account_id AND cd.clinic_id = ANY($7",
    ),
}  # fmt: skip
REDUNDANT = {part: reason for reason, parts in REASONS.items() for part in parts}
