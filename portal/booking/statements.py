"""Booking in one statement: take the slot, and write everything that follows from it, or nothing.

A slot is booked by one call of the database, `book_slot`, a transaction of its own or a part of a larger one; the other ways
are put together here. What follows from a slot that was taken is the same for all: `write_visit`. Both functions stand in
migration m0053.

A slot that somebody else has locked at this moment is skipped, so the losers of a race are answered at once; whoever
got the lock sees the row as it is after the last commit, by the database's clock. Parts common to all ways:

$1 appointment, $2 patient, $3 actor, $4 role, $5 appointment type, $6 complaint, $7 clinics of the actor,
$8 new ids (event, video session, its event, notification and mail, slot), $9 request; from $10 on what the way itself needs.

Staff book for people whom they cannot see before: the database itself tells who the patient is, or that there is none.
"""

from portal.appointments.statements import NEW_COLUMNS, OTHER_JOINS

_PATIENT = "pa AS MATERIALIZED (SELECT * FROM bookable_patient($2))"

# Staff book within their own clinic or for themselves as the doctor; patients anywhere.
_ALLOWED = """
    CASE $4 WHEN 'PATIENT' THEN true WHEN 'DOCTOR' THEN s.doctor_id = $3
            WHEN 'CLINIC_ADMIN' THEN s.clinic_id = ANY($7::uuid[]) ELSE false END
    AND EXISTS (SELECT FROM pa)
    AND EXISTS (SELECT FROM account c WHERE c.id = s.doctor_id AND c.status = 'ACTIVE')
"""

# A hold that has run out counts for nobody.
_FREE = """
    s.appointment_id IS NULL AND NOT s.disabled AND s.starts_at > clock_timestamp()
    AND s.service_type IN ('BOTH', $5)
    AND (s.held_by IS NULL OR s.held_by = $2 OR s.held_until <= clock_timestamp())
"""

# Whoever chose this very time and let their hold run out is told so instead of slipping in late.
_IN_TIME = """
    AND (s.held_by IS DISTINCT FROM $2 OR s.held_until > clock_timestamp() OR $3 <> $2)
"""

_TAKE = """
), taken AS (
    UPDATE slot SET appointment_id = $1, held_by = NULL, held_until = NULL, changed_at = clock_timestamp()
    FROM wanted WHERE slot.id = wanted.id
    RETURNING slot
)
"""

# `b` is what `write_visit` gives back, and who the patient is.
_TOLD = (
    """
SELECT b.let_go, b.video_session_id, """
    + NEW_COLUMNS
    + """
FROM {written} b CROSS JOIN LATERAL (SELECT (b.visit).*) a
CROSS JOIN LATERAL (SELECT b.patient_first_name AS first_name, b.patient_last_name AS last_name) pa
"""
    + OTHER_JOINS
)

_BOOK = _TOLD.replace("{written}", """(
    SELECT w.*, pa.first_name AS patient_first_name, pa.last_name AS patient_last_name
    FROM taken CROSS JOIN pa
    CROSS JOIN LATERAL write_visit(taken.slot, $1, $2, pa.email, $3, $4, $5, $6, $8, $9) w)""")  # fmt: skip

# $1 and $2 say who acts, then come $1 to $9 of above, and the slot.
BOOK_SLOT = _TOLD.replace("{written}", "book_slot($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")

# The same for a time that was kept for a repair: places after hours may be given too, since they were offered.
BOOK_KEPT = "WITH " + _PATIENT + """
, wanted AS (
    SELECT s.id FROM slot s WHERE s.id = $10 AND""" + _FREE + _IN_TIME + "AND" + _ALLOWED + """
    FOR NO KEY UPDATE OF s SKIP LOCKED
""" + _TAKE + _BOOK  # fmt: skip

# The holder of a slot waits for others who only look at it; nobody else can win. The guards come after the wait, since
# the hold may have ended meanwhile: PostgreSQL checks a condition again only where the row itself has changed.
BOOK_HELD = "WITH " + _PATIENT + """
, locked AS (
    SELECT * FROM slot WHERE id = $10 AND held_by = $2 FOR NO KEY UPDATE
), wanted AS (
    SELECT s.id FROM locked s WHERE NOT s.overflow AND""" + _FREE + _IN_TIME + "AND" + _ALLOWED + _TAKE + _BOOK  # fmt: skip

# The lowest free place of the session's day that the patient can be at: positions held, being taken, or at a time at
# which the patient is elsewhere are left to others, so that nobody has to give a place back and leave a gap. Numbers
# follow the order in which the places are locked: who asks later comes later, and of two who ask in the same moment either
# may be committed first. A place given back goes to whoever asks next.
JOIN_SESSION = "WITH " + _PATIENT + """
, elsewhere AS MATERIALIZED (SELECT busy_times($2) AS times), wanted AS (
    SELECT s.id FROM slot s
    WHERE s.session_id = $10 AND s.date = $11 AND""" + _FREE + "AND" + _ALLOWED + """
        AND NOT (SELECT times FROM elsewhere) && s.during
        AND NOT EXISTS (SELECT FROM appointment b WHERE b.patient_id = $2 AND b.status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS')
            AND b.session_id = s.session_id AND b.date = s.date)
    ORDER BY s.position LIMIT 1
    FOR NO KEY UPDATE OF s SKIP LOCKED
""" + _TAKE + _BOOK  # fmt: skip

# The AVAILABLE doctor who was assigned longest ago becomes BUSY and gets a slot made by hand that begins now. It stands
# outside the grid (overflow), and the free times that it runs into are closed until it is over. Times being booked or kept
# are waited for; a doctor of whom somebody else has kept one, or who is in a call of their own, is left alone. What was
# committed while the doctor and those times were being locked is looked at once more: `in_call` reads anew each time.
_KEPT = "{slot}.appointment_id IS NULL AND NOT {slot}.disabled AND {slot}.held_by <> $2 AND {slot}.held_until > clock_timestamp()"
FIRST_AVAILABLE = "WITH " + _PATIENT + """
, present AS MATERIALIZED (
    SELECT date_trunc('second', clock_timestamp()) + interval '1 second' AS at
), able AS (
    SELECT d.account_id, c.time_zone, present.at, present.at + make_interval(mins => coalesce(
        (SELECT w.estimated_consultation_minutes FROM weekly_session w WHERE w.doctor_id = d.account_id
         AND w.deleted_at IS NULL ORDER BY w.effective_from DESC, w.id DESC LIMIT 1), 15)::int) AS until
    FROM doctor d JOIN account c ON c.id = d.account_id, present
    WHERE d.specialty_id = $10 AND d.availability_status = 'AVAILABLE' AND c.status = 'ACTIVE'
        AND CASE $4 WHEN 'PATIENT' THEN true WHEN 'DOCTOR' THEN d.account_id = $3
            WHEN 'CLINIC_ADMIN' THEN EXISTS (SELECT FROM clinic_doctor cd
                WHERE cd.doctor_id = d.account_id AND cd.clinic_id = ANY($7::uuid[])) ELSE false END
        AND EXISTS (SELECT FROM pa)
), chosen AS (
    SELECT d.account_id, able.time_zone, able.at, able.until
    FROM doctor d JOIN able USING (account_id)
    WHERE d.availability_status = 'AVAILABLE' AND NOT EXISTS (
        SELECT FROM appointment b WHERE b.doctor_id = d.account_id AND b.status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS')
            AND b.date BETWEEN able.at::date - 1 AND able.at::date + 1 AND b.during && tstzrange(able.at, able.until))
        AND NOT EXISTS (SELECT FROM slot h WHERE h.doctor_id = d.account_id AND h.during && tstzrange(able.at, able.until)
            AND h.date BETWEEN able.at::date - 1 AND able.at::date + 1 AND """ + _KEPT.replace("{slot}", "h") + """)
        AND NOT in_call(d.account_id, tstzrange(able.at, able.until))
    ORDER BY d.last_assigned_at NULLS FIRST, d.account_id LIMIT 1
    FOR NO KEY UPDATE OF d SKIP LOCKED
), crossed AS (
    SELECT s.id, s.appointment_id, s.disabled, s.held_by, s.held_until FROM slot s JOIN chosen c ON s.doctor_id = c.account_id
    WHERE s.date BETWEEN c.at::date - 1 AND c.at::date + 1 AND s.during && tstzrange(c.at, c.until)
    FOR NO KEY UPDATE OF s
), closed AS (
    UPDATE slot SET disabled = true, closed_for = $1, held_by = NULL, held_until = NULL, changed_at = clock_timestamp()
    FROM crossed WHERE slot.id = crossed.id AND crossed.appointment_id IS NULL AND NOT crossed.disabled
    RETURNING slot.id, slot.date
), assigned AS (
    UPDATE doctor d SET availability_status = 'BUSY', last_assigned_at = clock_timestamp()
    FROM chosen c WHERE d.account_id = c.account_id
        AND NOT EXISTS (SELECT FROM crossed JOIN appointment b ON b.id = crossed.appointment_id
                        WHERE b.status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS'))
        AND NOT EXISTS (SELECT FROM crossed k WHERE """ + _KEPT.replace("{slot}", "k") + """)
        AND NOT in_call(c.account_id, tstzrange(c.at, c.until))
        AND (SELECT count(*) FROM closed) >= 0  -- closed first: what follows may change those times once more
    RETURNING c.*
), taken AS (
    INSERT INTO slot (id, doctor_id, date, starts_at, ends_at, local_start, time_zone, service_type, overflow, appointment_id)
    SELECT ($8::uuid[])[5], account_id, (at AT TIME ZONE time_zone)::date, at, until,
        (at AT TIME ZONE time_zone)::time, time_zone, 'VIRTUAL', true, $1
    FROM assigned
    RETURNING slot
)
""" + _BOOK.replace("SELECT ", """SELECT (SELECT array_agg(id ORDER BY id) FROM closed) AS closed,
    (SELECT array_agg(date ORDER BY id) FROM closed) AS closed_dates,
    in_call(a.patient_id, a.during) AS elsewhere, """, 1)  # fmt: skip
