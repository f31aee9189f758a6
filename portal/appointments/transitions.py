"""The life of an appointment as one table: it makes the guarded statement, the buttons, the tests and the documents."""

from msgspec import Struct

from portal.accounts.schemas import Role
from portal.appointments.schemas import AppointmentStatus
from portal.appointments.statements import COLUMNS, JOINS, SUMMARY

BOOKED, CHECKED_IN, IN_PROGRESS, COMPLETED, CANCELLED, NO_SHOW = AppointmentStatus
PATIENT, DOCTOR, CLINIC_ADMIN = Role.PATIENT, Role.DOCTOR, Role.CLINIC_ADMIN


class Move(Struct, frozen=True):
    """One legal change: where it leads, and from where each role may make it; other roles never may."""

    target: AppointmentStatus
    sources: dict[Role, tuple[AppointmentStatus, ...]]
    event: str  # the integration event that tells of it

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(self.sources)

    @property
    def queue_event(self) -> str:
        """What the pages of its queue are told."""
        return "queue." + self.event.removeprefix("appointment.")


MOVES = {
    "confirm": Move(BOOKED, dict.fromkeys((PATIENT, DOCTOR, CLINIC_ADMIN), (BOOKED,)), "appointment.confirmed"),
    "check-in": Move(CHECKED_IN, dict.fromkeys((PATIENT, DOCTOR, CLINIC_ADMIN), (BOOKED,)), "appointment.checked_in"),
    "start": Move(IN_PROGRESS, {DOCTOR: (BOOKED, CHECKED_IN)}, "appointment.started"),
    "complete": Move(COMPLETED, {DOCTOR: (IN_PROGRESS,)}, "appointment.completed"),
    "cancel": Move(
        CANCELLED,
        {
            PATIENT: (BOOKED, CHECKED_IN),
            DOCTOR: (BOOKED, CHECKED_IN, IN_PROGRESS),
            CLINIC_ADMIN: (BOOKED, CHECKED_IN, IN_PROGRESS),
        },
        "appointment.cancelled",
    ),
    "no-show": Move(NO_SHOW, dict.fromkeys((DOCTOR, CLINIC_ADMIN), (BOOKED, CHECKED_IN)), "appointment.no_show"),
    "reschedule": Move(
        CANCELLED, dict.fromkeys((PATIENT, DOCTOR, CLINIC_ADMIN), (BOOKED, CHECKED_IN)), "appointment.rescheduled"
    ),
}  # fmt: skip

# One statement for all of them.
# One row comes back when the appointment is the actor's: with the new state, or with `done` false and the old one.
# $1 appointment, $2 actor, $3 role, $4 clinics, $5 allowed sources, $6 target, $7 reason, $8 name of the move,
# $9 integration event, $10 new ids (2 events, 2 notifications), $11 request, $12 actual start, $13 actual end,
# $14 what is said to the patient at the end (the database puts it into the notes of the visit), $15 more data for the event.
# System admins and the portal itself (a role of its own, without an actor) come by way of a video room only (see
# `actions.follow_room_in_tx`). What the portal completes took place at a video service elsewhere, or in a room that is closed
# already: no consultation was cancelled, whatever becomes of the session here.
# Patients check in from an hour before their time, the front desk at any time of that day, on the clinic's clock.
# The times that a doctor gives are held against the row and the database's clock: `impossible` names what cannot be. Whoever
# gives none can always end a visit; one that nobody ended is said to have lasted a day.
MOVE = (
    """
WITH own AS (
    SELECT a.*, CASE WHEN $8 = 'check-in' THEN least(a.starts_at - interval '1 hour',
        CASE WHEN $3 <> 'PATIENT' THEN a.date::timestamp AT TIME ZONE a.time_zone END) END AS opens_at,
        CASE WHEN $12 > clock_timestamp() THEN 'begun_later' WHEN $13 > clock_timestamp() THEN 'ended_later'
            WHEN coalesce($12, $13) IS NULL THEN NULL
            WHEN coalesce($13, clock_timestamp()) <= coalesce($12, a.actual_start_time, a.created_at) THEN 'ended_first'
            WHEN coalesce($13, clock_timestamp()) > coalesce($12, a.actual_start_time) + interval '24 hours'
            THEN CASE WHEN $13 IS NULL THEN 'begun_long_ago' ELSE 'too_long' END END AS impossible
    FROM appointment a
    WHERE a.id = $1 AND CASE $3 WHEN 'PATIENT' THEN a.patient_id = $2 WHEN 'DOCTOR' THEN a.doctor_id = $2
                                WHEN 'CLINIC_ADMIN' THEN a.clinic_id = ANY($4::uuid[])
                                WHEN 'SYSTEM_ADMIN' THEN $8 = 'cancel' WHEN 'PORTAL' THEN $8 IN ('start', 'complete')
                                ELSE false END
    FOR NO KEY UPDATE
), moved AS (
    UPDATE appointment a SET status = $6,
        confirmed_at = CASE WHEN $8 = 'confirm' THEN clock_timestamp() ELSE a.confirmed_at END,
        checked_in_at = CASE WHEN $8 = 'check-in' THEN clock_timestamp() ELSE a.checked_in_at END,
        queue_rank = CASE WHEN $8 = 'check-in' AND NOT a.urgent THEN rank_at_check_in(a) ELSE a.queue_rank END,
        actual_start_time = CASE WHEN $8 = 'start' THEN clock_timestamp() ELSE coalesce($12, a.actual_start_time) END,
        actual_end_time = CASE WHEN $8 = 'complete' THEN coalesce($13, least(clock_timestamp(),
            coalesce($12, a.actual_start_time) + interval '24 hours')) ELSE a.actual_end_time END,
        doctor_notes = coalesce($14, a.doctor_notes),
        needs_attention = CASE WHEN $6 IN ('CANCELLED', 'NO_SHOW', 'COMPLETED') THEN NULL ELSE a.needs_attention END
    FROM own WHERE a.id = own.id AND own.status = ANY($5::text[]) AND NOT ($8 = 'confirm' AND own.confirmed_at IS NOT NULL)
        AND (own.opens_at IS NULL OR own.opens_at <= clock_timestamp()) AND own.impossible IS NULL
    RETURNING a.*, own.status AS was, appointment_event(a) AS event
), told AS (
    INSERT INTO appointment_history (appointment_id, actor_id, from_status, to_status, reason)
    SELECT id, $2, was, status, coalesce($7, '') FROM moved
), audited AS (
    INSERT INTO audit_event (actor_id, actor_role, action, subject_type, subject_id, patient_id, request_id)
    SELECT $2, nullif($3, 'PORTAL'), $9, 'appointment', id::text, patient_id, $11 FROM moved
), film AS (
    UPDATE video_session v SET status = CASE
            WHEN $6 = 'NO_SHOW' THEN 'NO_SHOW'
            WHEN v.status = 'ACTIVE' AND NOT ($6 = 'CANCELLED' AND $3 = 'CLINIC_ADMIN') THEN 'COMPLETED'
            ELSE 'CANCELLED' END
    FROM moved WHERE v.appointment_id = moved.id AND $6 IN ('CANCELLED', 'NO_SHOW', 'COMPLETED')
        AND v.status IN ('SCHEDULED', 'WAITING', 'ACTIVE')
    RETURNING v.*
), filmed AS (
    INSERT INTO video_event (video_session_id, event_type, actor_id) SELECT id, 'SESSION_' || status, $2 FROM film
), emitted AS (
    INSERT INTO outbox_event (id, event_type, aggregate_id, data)
    SELECT ($10::uuid[])[1], $9, m.id, m.event || $15::jsonb || CASE WHEN $8 <> 'complete' THEN '{}' ELSE jsonb_build_object(
        'consultation_date', m.date, 'video_session_id', (SELECT id FROM video_session WHERE appointment_id = m.id),
        'consultation_duration_minutes',
            greatest(0, round(extract(epoch FROM m.actual_end_time - m.actual_start_time) / 60))) END
    FROM moved m
    UNION ALL
    SELECT ($10::uuid[])[2], 'video.consultation.cancelled', id, jsonb_build_object('session_id', id,
        'appointment_id', appointment_id, 'doctor_id', doctor_id, 'patient_id', patient_id)
    FROM film WHERE status = 'CANCELLED' AND $3 <> 'PORTAL'
), noticed AS (
    INSERT INTO notification (id, account_id, kind, link)
    SELECT ($10::uuid[])[2 + n], who, $9, '/appointments/' || id
    FROM moved, unnest(ARRAY[patient_id, doctor_id]) WITH ORDINALITY AS other (who, n) WHERE $8 = 'cancel' AND who <> $2
)
SELECT a.id IS NOT NULL AS done, own.status AS was, own.needs_attention AS needed, own.opens_at, own.impossible,
    own.time_zone AS own_zone, pa.email AS patient_email, pa.locale AS patient_locale,
    v.id AS video_session_id, (SELECT id FROM film) AS closed_room, """
    + COLUMNS.replace(SUMMARY, "summed_up(coalesce(" + SUMMARY + ", ''), $14)")
    + """
FROM own LEFT JOIN moved a ON true LEFT JOIN video_session v ON v.appointment_id = own.id
"""
    + JOINS
)
