"""What the worker does for visits by the clock: reminders, and visits to which nobody came."""

from typing import Any

from portal import db, live
from portal.appointments import events, mails
from portal.faults import fault
from portal.outbox import Loop, Schedule
from portal.settings import Settings

BATCH = 100

# A visit whose session does not take place any more is nothing to be reminded of, and nobody has missed it.
# Which reminders there are: so long before a visit, and not when it begins sooner than that (a worker that was away says
# nothing that the next reminder says better). Whoever booked later than that knows it without.
REMINDERS = (("DAY_BEFORE", 24.0, 2.0), ("HOUR_BEFORE", 1.0, 0.0))

# The row in `reminder`, the mail and the line in the list stand together or not at all, and the row stands once: two
# workers, or one after another that was killed, can try as often as they like.
# $1 kind, $2 hours before, $3 at least so many hours before, $4 how many
REMIND = """
WITH due AS (
    SELECT a.id FROM appointment a
    WHERE a.status = 'BOOKED' AND a.starts_at > clock_timestamp() + make_interval(secs => $3 * 3600)
        AND a.starts_at <= clock_timestamp() + make_interval(secs => $2 * 3600)
        AND a.created_at < a.starts_at - make_interval(secs => $2 * 3600)
        AND a.needs_attention IS DISTINCT FROM 'SCHEDULE_CHANGED'
        AND NOT EXISTS (SELECT FROM reminder r WHERE r.appointment_id = a.id AND r.kind = $1)
    ORDER BY a.starts_at LIMIT $4 FOR NO KEY UPDATE OF a SKIP LOCKED
), reminded AS (
    INSERT INTO reminder (appointment_id, kind) SELECT id, $1 FROM due ON CONFLICT DO NOTHING RETURNING appointment_id
), noticed AS (
    INSERT INTO notification (id, account_id, kind, link)
    SELECT new_id(), a.patient_id, 'appointment.reminder', '/appointments/' || a.id
    FROM reminded r JOIN appointment a ON a.id = r.appointment_id
)
SELECT a.id, a.patient_id, a.starts_at AS start_time, a.time_zone, a.appointment_type, c.name AS clinic_name,
    p.email AS patient_email, p.locale AS patient_locale
FROM reminded r JOIN appointment a ON a.id = r.appointment_id JOIN account p ON p.id = a.patient_id
LEFT JOIN clinic c ON c.id = a.clinic_id
"""

# Half an hour after its end. Nobody has missed anything while the two are in the video room, or while the doctor is
# behind: then an earlier visit of the day is under way, or ended a moment ago. Whoever sits in the waiting room of a queue
# has come, whatever the clock says, until the day is over; and an announced delay is everybody's.
NO_SHOW = """
WITH missed AS (
    SELECT a.id, a.status AS was FROM appointment a
    WHERE a.status IN ('BOOKED', 'CHECKED_IN') AND a.starts_at < clock_timestamp() - interval '30 minutes'
        AND a.ends_at < clock_timestamp() - interval '30 minutes'
        AND a.needs_attention IS DISTINCT FROM 'SCHEDULE_CHANGED'
        AND NOT EXISTS (SELECT FROM video_session v WHERE v.appointment_id = a.id AND v.status = 'ACTIVE')
        AND NOT EXISTS (
            SELECT FROM appointment o WHERE o.doctor_id = a.doctor_id AND o.date = a.date AND o.starts_at < a.starts_at
                AND (o.status = 'IN_PROGRESS' AND o.actual_start_time > clock_timestamp() - interval '4 hours'
                    OR o.status = 'COMPLETED' AND o.actual_end_time > clock_timestamp() - interval '30 minutes'))
        AND NOT (a.status = 'CHECKED_IN' AND a.session_id IS NOT NULL
            AND a.date >= (clock_timestamp() AT TIME ZONE a.time_zone)::date)
        AND NOT EXISTS (
            SELECT FROM queue_day q WHERE q.session_id = a.session_id AND q.date = a.date
                AND a.ends_at + make_interval(mins => q.delay_minutes) >= clock_timestamp() - interval '30 minutes')
    ORDER BY a.starts_at LIMIT $1 FOR NO KEY UPDATE OF a SKIP LOCKED
), moved AS (
    UPDATE appointment a SET status = 'NO_SHOW', needs_attention = NULL
    FROM missed WHERE a.id = missed.id AND a.status = missed.was
    RETURNING a.*, missed.was, appointment_event(a) AS event
), told AS (
    INSERT INTO appointment_history (appointment_id, from_status, to_status) SELECT id, was, status FROM moved
), audited AS (
    INSERT INTO audit_event (action, subject_type, subject_id, patient_id)
    SELECT 'appointment.no_show', 'appointment', id::text, patient_id FROM moved
), film AS (
    UPDATE video_session v SET status = 'NO_SHOW'
    FROM moved WHERE v.appointment_id = moved.id AND v.status IN ('SCHEDULED', 'WAITING')
    RETURNING v.id, v.appointment_id
), filmed AS (
    INSERT INTO video_event (video_session_id, event_type) SELECT id, 'SESSION_NO_SHOW' FROM film
), emitted AS (
    INSERT INTO outbox_event (id, event_type, aggregate_id, data)
    SELECT new_id(), 'appointment.no_show', id, event FROM moved
), noticed AS (
    INSERT INTO notification (id, account_id, kind, link)
    SELECT new_id(), patient_id, 'appointment.no_show', '/appointments/' || id FROM moved
)
SELECT moved.id, patient_id, doctor_id, clinic_id, session_id, slot_id, date, status, film.id AS closed_room
FROM moved LEFT JOIN film ON film.appointment_id = moved.id
"""


async def remind(_settings: Settings) -> None:
    """Remind everybody whose visit is a day, or an hour, away: each once."""
    for kind, hours, least in REMINDERS:
        while await _remind_batch(kind, hours, least) == BATCH:
            await fault("between_reminders")


async def _remind_batch(kind: str, hours: float, least: float) -> int:
    async with db.transaction():
        rows = await db.fetch(REMIND, kind, hours, least, BATCH)
        for row in rows:
            await mails.mail_reminder_in_tx(row)
            live.publish(f"user:{row['patient_id']}", "appointment.reminder", appointment_id=row["id"])
        await fault("in_reminders")
    return len(rows)


async def mark_no_shows(_settings: Settings) -> None:
    """Close the visits to which the patient never came."""
    while await _no_show_batch() == BATCH:
        pass


async def _no_show_batch() -> int:
    async with db.transaction():
        rows: list[Any] = await db.fetch(NO_SHOW, BATCH)
        await fault("in_no_shows")
        for row in rows:
            if row["closed_room"]:
                events.publish_closed_room(row, row["closed_room"])
            events.publish(row, "appointment.changed")
            if row["slot_id"]:
                events.publish_slots(row, "slot.freed", [row["slot_id"]])
    return len(rows)


LOOPS = [Loop("mail_words", mails.find_words)]
SCHEDULES = [
    Schedule("remind", "* * * * *", remind),
    Schedule("mark_no_shows", "*/2 * * * *", mark_no_shows),
]
