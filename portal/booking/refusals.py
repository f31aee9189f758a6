"""Why a booking was refused, and what could be booked instead: one statement, asked only after a refusal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.booking.schemas import FreeTime, NewAppointment
from portal.errors import Conflict, DomainError, FieldError, Invalid, NotFound
from portal.slots.rushes import Rush
from portal.web.i18n import N_, _

# Up to three next free times of a doctor and one each of three others of the specialty, from up to twenty of them;
# the statement before says which doctor or specialty in `of`, and for which kind of visit.
_TIMES = """
), others AS (
    SELECT d.account_id FROM of JOIN doctor d USING (specialty_id) JOIN account c ON c.id = d.account_id
    WHERE c.status = 'ACTIVE' AND d.account_id IS DISTINCT FROM of.doctor_id LIMIT 20
), found AS (
    (SELECT s.*, 0 AS rank FROM of JOIN slot s ON s.doctor_id = of.doctor_id
     WHERE s.appointment_id IS NULL AND NOT s.disabled AND NOT s.overflow AND s.starts_at > clock_timestamp()
        AND (s.held_until IS NULL OR s.held_until <= clock_timestamp()) AND s.service_type IN ('BOTH', of.kind)
     ORDER BY s.starts_at LIMIT 3)
    UNION ALL
    (SELECT n.*, 1 FROM of CROSS JOIN others o CROSS JOIN LATERAL (
        SELECT s.* FROM slot s WHERE s.doctor_id = o.account_id AND s.appointment_id IS NULL AND NOT s.disabled
            AND NOT s.overflow AND s.starts_at > clock_timestamp()
            AND (s.held_until IS NULL OR s.held_until <= clock_timestamp()) AND s.service_type IN ('BOTH', of.kind)
        ORDER BY s.starts_at LIMIT 1) n
     ORDER BY n.starts_at LIMIT 3)
), times AS (
    SELECT f.id AS slot_id, f.doctor_id, ltrim(d.title || ' ' || c.first_name || ' ' || c.last_name) AS doctor_name,
        f.starts_at AS start_time, f.ends_at AS end_time, f.time_zone, f.service_type
    FROM found f JOIN doctor d ON d.account_id = f.doctor_id JOIN account c ON c.id = f.doctor_id
    ORDER BY f.rank, f.starts_at
)
"""
_ALTERNATIVES = """
WITH of AS (
    SELECT $1::uuid AS doctor_id, coalesce($2, (SELECT specialty_id FROM doctor WHERE account_id = $1)) AS specialty_id,
        $3::text AS kind
""" + _TIMES + "SELECT * FROM times"  # fmt: skip
# In the order in which a person would want to know.
_SLOT = """
WITH of AS (
    SELECT s.doctor_id, d.specialty_id, $4 AS kind FROM slot s JOIN doctor d ON d.account_id = s.doctor_id WHERE s.id = $1
""" + _TIMES + """
SELECT (SELECT jsonb_agg(to_jsonb(times)) FROM times) AS times, b.id AS own_appointment_id,
    s.held_by = $2 AND s.held_until > clock_timestamp() AS own_hold,
    greatest(0, ceil(extract(epoch FROM s.held_until - clock_timestamp())))::int AS seconds_until_release,
    CASE WHEN s.appointment_id IS NOT NULL THEN 'slot_taken'
         WHEN s.starts_at <= clock_timestamp() THEN 'slot_past'
         WHEN s.disabled OR da.status <> 'ACTIVE' THEN 'slot_disabled'
         WHEN s.overflow THEN 'queue_only'
         WHEN s.held_by = $2 AND s.held_until <= clock_timestamp() AND $3 = $2 THEN 'hold_expired'
         WHEN s.held_by <> $2 AND s.held_until > clock_timestamp() THEN 'slot_held'
         WHEN s.service_type NOT IN ('BOTH', $4) THEN 'wrong_type' END AS code
FROM slot s JOIN account da ON da.id = s.doctor_id
LEFT JOIN appointment b ON b.id = s.appointment_id AND b.patient_id = $2
WHERE s.id = $1 AND CASE $5 WHEN 'PATIENT' THEN true WHEN 'DOCTOR' THEN s.doctor_id = $3
                            WHEN 'CLINIC_ADMIN' THEN s.clinic_id = ANY($6::uuid[]) ELSE false END
    AND EXISTS (SELECT FROM bookable_patient($2))
"""  # fmt: skip
_SESSION = """
WITH of AS (
    SELECT w.doctor_id, d.specialty_id, $4 AS kind
    FROM weekly_session w JOIN doctor d ON d.account_id = w.doctor_id WHERE w.id = $1
""" + _TIMES + """
SELECT (SELECT jsonb_agg(to_jsonb(times)) FROM times) AS times, w.doctor_id,
    w.service_type IN ('BOTH', $4) AS fits, w.day_of_week = extract(isodow FROM $7::date) AS weekday,
    count(s.id) AS places, count(s.id) FILTER (WHERE s.starts_at > clock_timestamp()) AS ahead,
    count(s.id) FILTER (WHERE s.appointment_id IS NULL AND NOT s.disabled AND s.starts_at > clock_timestamp()
        AND (s.held_by IS NULL OR s.held_by = $2 OR s.held_until <= clock_timestamp())) AS free,
    (SELECT b.id FROM appointment b WHERE b.patient_id = $2 AND b.session_id = $1 AND b.date = $7
     AND b.status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS') LIMIT 1) AS own_appointment_id
FROM weekly_session w LEFT JOIN slot s ON s.session_id = w.id AND s.date = $7
WHERE w.id = $1 AND w.deleted_at IS NULL
    AND CASE $5 WHEN 'PATIENT' THEN true WHEN 'DOCTOR' THEN w.doctor_id = $3
                WHEN 'CLINIC_ADMIN' THEN w.clinic_id = ANY($6::uuid[]) ELSE false END
    AND EXISTS (SELECT FROM bookable_patient($2))
GROUP BY w.id
"""  # fmt: skip
# Whether a slot is somebody else's, seen without a transaction and without looking for other times.
_GONE = """
SELECT CASE WHEN s.appointment_id IS NOT NULL THEN 'slot_taken' ELSE 'slot_held' END AS code,
    ceil(extract(epoch FROM s.held_until - clock_timestamp()))::int AS seconds_until_release
FROM slot s LEFT JOIN appointment b ON b.id = s.appointment_id
WHERE s.id = $1 AND s.starts_at > clock_timestamp()
    AND CASE WHEN s.appointment_id IS NOT NULL THEN b.patient_id IS DISTINCT FROM $2
    ELSE s.held_by <> $2 AND s.held_until > clock_timestamp() AND NOT s.disabled AND NOT s.overflow END
"""
TEXTS = {
    "slot_taken": N_("This time has just been taken."),
    "slot_past": N_("This time has passed."),
    "slot_disabled": N_("This time is not open for booking."),
    "queue_only": N_("This place comes after hours: join the queue of the session instead."),
    "hold_expired": N_("Your hold on this time has ended. Choose the time again."),
    "slot_held": N_("Somebody else is booking this time at the moment."),
    "wrong_type": N_("This time is not offered for this kind of visit."),
    "session_full": N_("No place is left in this session."),
    "patient_busy": N_("There is another visit at this time already."),
    "already_booked": N_("There is a place in this session already."),
    "no_doctor_available": N_("No doctor of this specialty is free at the moment."),
}


_rush: Rush[list[FreeTime]] = Rush()


async def why_not_slot(actor: Actor, patient_id: UUID, wanted: NewAppointment) -> tuple[DomainError, bool]:
    """The reason why a slot could not be booked, and whether it is the patient's by a hold, so that waiting is worth it.

    Where nothing stands against it, somebody is taking it in this moment.
    """
    row = await db.fetch_row(
        _SLOT,
        wanted.slot_id,
        patient_id,
        actor.id,
        wanted.appointment_type.value,
        actor.role.value,
        list(actor.clinic_ids),
    )
    if row is None:
        return NotFound(), False
    extra: dict[str, Any] = {}
    if row["code"] == "slot_held":
        extra["seconds_until_release"] = row["seconds_until_release"]
    if row["own_appointment_id"]:
        extra["appointment_id"] = row["own_appointment_id"]
    times = _times(row)
    if row["code"]:  # and not only locked by somebody else in this moment
        _rush.note((wanted.slot_id, wanted.appointment_type), times)
    return _conflict(row["code"] or "slot_taken", times, **extra), row["code"] is None and bool(row["own_hold"])


@asynccontextmanager
async def in_a_rush(patient_id: UUID, wanted: NewAppointment) -> AsyncIterator[None]:
    """Wait for whoever is trying to book the same slot, then try; or raise the `Conflict` of a slot that others were
    refused a moment ago, with the times that they were offered."""
    key = (wanted.slot_id, wanted.appointment_type)
    times = await _rush.lately(key)
    if times is not None and (gone := await db.fetch_row(_GONE, wanted.slot_id, patient_id)):
        held = gone["code"] == "slot_held"
        extra = {"seconds_until_release": gone["seconds_until_release"]} if held else {}
        raise _conflict(gone["code"], times, **extra)
    with _rush.trying(key) if times is None else nullcontext():
        yield


class NoPlace(NamedTuple):
    """Why no place of a session was given, and whether one may be there after another try."""

    error: DomainError
    are_being_taken: bool = False  # free places were there, but locked by others
    unmade_doctor: UUID | None = None  # the slots of this day may not have been made yet


async def why_not_session(actor: Actor, patient_id: UUID, wanted: NewAppointment) -> NoPlace:
    """The reason why no place of a session was given."""
    row = await db.fetch_row(
        _SESSION, wanted.session_id, patient_id, actor.id, wanted.appointment_type.value, actor.role.value,
        list(actor.clinic_ids), wanted.date,
    )  # fmt: skip
    if row is None:
        return NoPlace(NotFound())
    if not row["weekday"] or not row["places"]:
        no_day = Invalid([FieldError("date", _("The session does not take place on this day."))])
        return NoPlace(no_day, unmade_doctor=row["doctor_id"] if row["weekday"] else None)
    extra = {"appointment_id": row["own_appointment_id"]} if row["own_appointment_id"] else {}
    code = _session_code(row)
    return NoPlace(_conflict(code, _times(row), **extra), are_being_taken=code == "session_full" and row["free"] > 0)


def _session_code(row: Any) -> str:
    if row["own_appointment_id"]:
        return "already_booked"
    if not row["fits"]:
        return "wrong_type"
    return "session_full" if row["ahead"] else "slot_past"


async def conflict(code: str, wanted: NewAppointment, *, doctor_id: UUID | None = None, **extra: Any) -> Conflict:
    """A refusal with what to do instead: other times, other doctors, the waitlist."""
    times = await alternatives(doctor_id, wanted.specialty_id, wanted.appointment_type.value)
    return _conflict(code, times, **extra)


def _conflict(code: str, times: list[FreeTime], **extra: Any) -> Conflict:
    return Conflict(code, _(TEXTS[code]), alternatives=msgspec.to_builtins(times), **extra)


def _times(row: Any) -> list[FreeTime]:
    return msgspec.convert(row["times"] or [], list[FreeTime])


async def alternatives(doctor_id: UUID | None, specialty_id: UUID | None, appointment_type: str) -> list[FreeTime]:
    """The next free times of a doctor, then the first of others of the specialty."""
    rows = await db.fetch(_ALTERNATIVES, doctor_id, specialty_id, appointment_type, public=True)
    return [FreeTime(**row) for row in rows]


_NEXT = """
SELECT s.id AS slot_id, s.doctor_id, ltrim(d.title || ' ' || c.first_name || ' ' || c.last_name) AS doctor_name,
    s.starts_at AS start_time, s.ends_at AS end_time, s.time_zone, s.service_type
FROM slot s JOIN doctor d ON d.account_id = s.doctor_id JOIN account c ON c.id = s.doctor_id
WHERE s.doctor_id = $1 AND s.service_type IN ('BOTH', $2) AND s.clinic_id IS NOT DISTINCT FROM $3
    AND s.appointment_id IS NULL AND NOT s.disabled AND NOT s.overflow AND s.starts_at > clock_timestamp()
    AND (s.held_until IS NULL OR s.held_until <= clock_timestamp())
ORDER BY s.starts_at LIMIT 20
"""


async def next_times(doctor_id: UUID, appointment_type: str, clinic_id: UUID | None) -> list[FreeTime]:
    """A doctor's next free times at one place, to move a visit to."""
    return [FreeTime(**row) for row in await db.fetch(_NEXT, doctor_id, appointment_type, clinic_id, public=True)]


async def is_bookable(actor: Actor, patient_id: UUID, wanted: NewAppointment) -> bool:
    """Whether there is such a specialty and such a patient at all."""
    sql = "SELECT EXISTS (SELECT FROM specialty WHERE id = $1) AND EXISTS (SELECT FROM bookable_patient($2))"
    return bool(await db.fetch_value(sql, wanted.specialty_id, patient_id))
