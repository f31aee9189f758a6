"""What stands around one patient, with a canary in every free text: sessions, slots, visits in each status, video, mail."""

from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any
from uuid import UUID

from portal import db
from portal.ids import uuid7
from tests import factories
from tests.access.canaries import canary
from tests.access.things_recordings import recording_of
from tests.factories import Person

STATUSES = ("BOOKED", "CHECKED_IN", "IN_PROGRESS", "COMPLETED", "CANCELLED", "NO_SHOW")
TOMORROW = date.today() + timedelta(days=1)
SESSION_DAY = TOMORROW + timedelta(days=2)
APPOINTMENT = """
INSERT INTO appointment (id, slot_id, patient_id, doctor_id, clinic_id, session_id, date, starts_at, ends_at, time_zone,
    appointment_type, status, chief_complaint, booked_by, queue_position, needs_attention)
SELECT $1, id, $3, doctor_id, clinic_id, session_id, date, starts_at, ends_at, time_zone,
    $4, $5, $6, $3, position, $7 FROM slot WHERE id = $2
"""
NOTE = """
INSERT INTO visit_note (appointment_id, private_notes, patient_summary, diagnosis, share_diagnosis)
VALUES ($1, $2, $3, $3, true)
"""


async def of_side(side: str, cast: dict[str, Person], clinic_id: UUID) -> dict[str, Any]:
    """All things of one side, by the names that policy rows use."""
    patient, doctor = cast["patient"], cast["doctor"]
    found: dict[str, Any] = {
        "day": str(TOMORROW),
        "session_day": str(SESSION_DAY),
        "next_session_day": str(SESSION_DAY + timedelta(days=7)),
        "weekday": SESSION_DAY.strftime("%A").upper(),
    }
    found |= await plan(side, doctor.id, clinic_id) | await slots(patient.id, doctor.id, clinic_id)
    found |= await visits(side, patient.id, doctor.id, clinic_id)
    found |= await emergencies(side, patient.id, doctor.id, found["video"])
    await db.execute("INSERT INTO reminder (appointment_id, kind) VALUES ($1, 'DAY_BEFORE')", found["booked"])
    found |= {f"{token}_login": await spare_login(person.id, side) for token, person in cast.items()}
    found["reset_token"] = await reset_token(patient.id)
    found["parked_event"] = await parked_event(patient.id, canary(side, "nobody"))
    return found


async def plan(side: str, doctor_id: UUID, clinic_id: UUID) -> dict[str, Any]:
    """A session with a booked place and an exception, and one that nobody has looked at."""
    session = await factories.session(doctor_id, clinic_id, day=SESSION_DAY)
    spare = await factories.session(doctor_id, clinic_id, day=SESSION_DAY, start=time(14), end=time(16), places=8)
    override = uuid7()
    await db.execute(
        "INSERT INTO session_override (id, session_id, date, kind, reason) VALUES ($1, $2, $3, 'CANCELLED', $4)",
        override, spare, SESSION_DAY + timedelta(days=14), canary(side, "planning"),
    )  # fmt: skip
    return {"session": session, "spare_session": spare, "override": override}


async def slots(patient_id: UUID, doctor_id: UUID, clinic_id: UUID) -> dict[str, Any]:
    """One slot in each state; all by hand, on the day after tomorrow."""
    begin = datetime.combine(TOMORROW + timedelta(days=1), time(9), UTC)
    names = ("open", "held", "disabled", "second_open")
    found = {
        f"{name}_slot": await factories.slot(doctor_id, begin + timedelta(minutes=15 * n), clinic_id=clinic_id)
        for n, name in enumerate(names)
    }
    await db.execute(
        "UPDATE slot SET held_by = $2, held_until = clock_timestamp() + interval '1 hour' WHERE id = $1",
        found["held_slot"], patient_id,
    )  # fmt: skip
    await db.execute("UPDATE slot SET disabled = true WHERE id = $1", found["disabled_slot"])
    # After the visit by video: an emergency, for which the patient has time then, closes it, and nobody else's.
    await factories.slot(doctor_id, this_minute() + timedelta(minutes=20), clinic_id=clinic_id)
    return found | await waiting(patient_id, doctor_id, found["held_slot"])


def this_minute() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


async def waiting(patient_id: UUID, doctor_id: UUID, held_slot: UUID) -> dict[str, Any]:
    """A place on a waitlist, and what is kept for it."""
    wish, offer = uuid7(), uuid7()
    await db.execute(
        "INSERT INTO waitlist_entry (id, patient_id, doctor_id, first_date, last_date, service_type)"
        " VALUES ($1, $2, $3, $4, $5, 'BOTH')",
        wish, patient_id, doctor_id, TOMORROW, SESSION_DAY,
    )  # fmt: skip
    await db.execute(
        "INSERT INTO waitlist_offer (id, entry_id, patient_id, slot_id, expires_at)"
        " SELECT $1, $2, $3, id, held_until FROM slot WHERE id = $4",
        offer, wish, patient_id, held_slot,
    )  # fmt: skip
    return {"wish": wish, "offer": offer}


async def visits(side: str, patient_id: UUID, doctor_id: UUID, clinic_id: UUID) -> dict[str, Any]:
    """A visit in each status, tomorrow from nine; and one by video in a few minutes."""
    found: dict[str, Any] = {}
    begin = datetime.combine(TOMORROW, time(9), UTC)
    for number, status in enumerate(STATUSES):
        start = begin + timedelta(minutes=15 * number)
        found |= await visit(side, status.lower(), status, start, patient_id, doctor_id, clinic_id)
    found["repair"] = await repair(found["booked"])
    soon = this_minute() + timedelta(minutes=5)
    found |= await visit(side, "video", "BOOKED", soon, patient_id, doctor_id, clinic_id)
    await db.execute(
        "INSERT INTO referral (appointment_id, from_appointment_id, kind, doctor_id, from_doctor_id, note)"
        " VALUES ($1, $2, 'REFERRAL', $3, $3, $4)",
        found["booked"], found["completed"], doctor_id, canary(side, "notes"),
    )  # fmt: skip
    return found | await video(side, found["video"], found["video_start"])


async def visit(
    side: str, name: str, status: str, start: datetime, patient_id: UUID, doctor_id: UUID, clinic_id: UUID
) -> dict[str, Any]:
    """An appointment under its name, and the slot under `<name>_slot`."""
    appointment, kind = uuid7(), "VIRTUAL" if name == "video" else "IN_PERSON"
    slot = await factories.slot(doctor_id, start, clinic_id=clinic_id)
    attention = "schedule_changed" if name == "booked" else None
    what = (kind, status, canary(side, "visit"), attention)
    await db.execute(APPOINTMENT, appointment, slot, patient_id, *what)
    await db.execute(NOTE, appointment, canary(side, "consulting"), canary(side, "notes"))
    if status not in ("CANCELLED", "NO_SHOW"):
        await db.execute("UPDATE slot SET appointment_id = $2 WHERE id = $1", slot, appointment)
    for was, became in ((None, "BOOKED"), ("BOOKED", status)):
        await db.execute(
            "INSERT INTO appointment_history (appointment_id, actor_id, from_status, to_status, reason)"
            " VALUES ($1, $2, $3, $4, $5)",
            appointment, patient_id, was, became, canary(side, "record"),
        )  # fmt: skip
    return {name: appointment, f"{name}_slot_taken": slot, f"{name}_start": start}


async def repair(appointment: UUID) -> UUID:
    """An open offer to have a visit by video."""
    offer = uuid7()
    await db.execute(
        "INSERT INTO repair (id, appointment_id, patient_id, doctor_id, clinic_id, kind, expires_at, created_by)"
        " SELECT $1, id, patient_id, doctor_id, clinic_id, 'VIDEO', clock_timestamp() + interval '1 day', doctor_id"
        " FROM appointment WHERE id = $2",
        offer, appointment,
    )  # fmt: skip
    return offer


async def video(side: str, appointment: UUID, start: datetime) -> dict[str, Any]:
    """The session of a visit in a few minutes, and one without a visit in which the two are talking.

    The call elsewhere was planned before the others: whoever looks for the next call without asking whose meets that one.
    """
    session, call = uuid7(), uuid7()
    for one, visit, status in ((session, appointment, "SCHEDULED"), (call, None, "ACTIVE")):
        await db.execute(
            "INSERT INTO video_session (id, appointment_id, booking_type, doctor_id, patient_id, clinic_id, status,"
            " scheduled_start_time, scheduled_end_time, chief_complaint, session_notes, cancellation_reason,"
            " actual_start_time) SELECT $1, $2, $4, doctor_id, patient_id, clinic_id, $5,"
            " starts_at - $9::interval, ends_at - $9::interval, $6, $7, $8, CASE $5 WHEN 'ACTIVE' THEN clock_timestamp() END"
            " FROM appointment WHERE id = $3",
            one, visit, appointment, "CLINIC_BASED" if visit else "DIRECT_DOCTOR", status, canary(side, "visit"),
            canary(side, "notes"), canary(side, "visit"), timedelta(hours=1 if side == "elsewhere" and not visit else 0),
        )  # fmt: skip
        await db.execute(
            "INSERT INTO video_event (video_session_id, event_type, actor_id)"
            " SELECT id, 'SESSION_CREATED', patient_id FROM video_session WHERE id = $1",
            one,
        )
    await people_in(side, call)
    free = datetime.combine(TOMORROW + timedelta(days=20), time(10), UTC)
    return {
        "video_session": session,
        "call": call,
        "recording": await recording_of(call),
        "video_start": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "free_start": free.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


async def people_in(side: str, call: UUID) -> None:
    """The two in a call, and a signal from each that the other has not read."""
    for role in ("DOCTOR", "PATIENT"):
        await db.execute(
            "INSERT INTO video_attendee (id, video_session_id, account_id, role, sent, browser_info) SELECT $1, id,"
            " CASE $3 WHEN 'DOCTOR' THEN doctor_id ELSE patient_id END, $3, 1, $4 FROM video_session WHERE id = $2",
            uuid7(), call, role, canary(side, "nobody"),
        )  # fmt: skip
    await db.execute(
        "INSERT INTO video_signal (video_session_id, sender_id, number, receiver_id, device, kind, data)"
        " SELECT v.id, t.account_id, 1, CASE t.role WHEN 'DOCTOR' THEN v.patient_id ELSE v.doctor_id END, 1, 'ice-candidate', $2"
        " FROM video_session v JOIN video_attendee t ON t.video_session_id = v.id WHERE v.id = $1",
        call, {"candidate": canary(side, "notes")},
    )  # fmt: skip


async def emergencies(side: str, patient_id: UUID, doctor_id: UUID, visit_id: UUID) -> dict[str, Any]:
    """A call for help that waits for the doctor, who is available, and one that they accepted."""
    found = {}
    for status, helper, visit_of in (("OPEN", None, None), ("ACCEPTED", doctor_id, visit_id)):
        emergency = found[f"{status.lower()}_emergency"] = uuid7()
        await db.execute(
            "INSERT INTO emergency (id, patient_id, description, status, alerted, doctor_id, appointment_id, accepted_at)"
            " VALUES ($1, $2, $3, $4, 1, $5, $6, CASE WHEN $4 = 'ACCEPTED' THEN clock_timestamp() END)",
            emergency, patient_id, canary(side, "notes"), status, helper, visit_of,
        )  # fmt: skip
        await db.execute(
            "INSERT INTO emergency_alert (emergency_id, doctor_id, position) VALUES ($1, $2, 1)", emergency, doctor_id
        )
        await db.execute(
            "INSERT INTO emergency_history (emergency_id, actor_id, to_status) VALUES ($1, $2, 'OPEN')",
            emergency, patient_id,
        )  # fmt: skip
    await db.execute("UPDATE doctor SET availability_status = 'AVAILABLE' WHERE account_id = $1", doctor_id)
    return found


async def private_texts(account_id: UUID, side: str) -> None:
    """The free texts of a person, whatever their role: profile, logins, letters, what the audit says."""
    record, own = canary(side, "record"), canary(side, "self")
    lists = (
        [{"substance": record, "reaction": record, "severity": "MILD"}],
        [{"name": record, "since": 2001, "note": record}],
        [{"name": record, "relationship": record, "phone_number": "+14155550123"}],
    )
    await db.execute(
        "UPDATE patient SET address = $2, medical_history = $2, allergies = $3, conditions = $4, emergency_contacts = $5"
        " WHERE account_id = $1",
        account_id, record, *lists,
    )  # fmt: skip
    await db.execute("UPDATE doctor SET licence_number = $2 WHERE account_id = $1", account_id, canary(side, "staff"))
    await db.execute(
        "UPDATE pharmacist SET licence_number = $2 WHERE account_id = $1", account_id, canary(side, "staff")
    )
    await db.execute("UPDATE login SET user_agent = $2 WHERE account_id = $1", account_id, own)
    await db.execute("UPDATE account SET status_reason = $2 WHERE id = $1", account_id, canary(side, "system"))
    await letters(account_id, side)


async def letters(account_id: UUID, side: str) -> None:
    """What was sent to somebody, what waits to be told elsewhere, and what the audit keeps."""
    inner = canary(side, "nobody")
    await db.execute(
        "INSERT INTO mail (id, account_id, recipient, subject, body) VALUES ($1, $2, $3, $4, $4)",
        uuid7(), account_id, canary(side, "nobody"), inner,
    )  # fmt: skip
    await db.execute(
        "INSERT INTO notification (id, account_id, kind, link) VALUES ($1, $2, 'appointment.booked', $3)",
        uuid7(), account_id, f"/appointments/{canary(side, 'self')}",
    )  # fmt: skip
    await db.execute(
        "INSERT INTO outbox_event (id, event_type, aggregate_id, data, last_error) VALUES ($1, 'user.note', $2, $3, $4)",
        uuid7(), account_id, {"text": inner}, inner,
    )  # fmt: skip
    await db.execute("INSERT INTO inbox_event (id, event_type) VALUES ($1, 'appointment.booked')", uuid7())
    await db.execute(
        "INSERT INTO audit_event (actor_id, action, subject_type, subject_id, patient_id, reason)"
        " VALUES ($1, 'note', 'account', $2, $1, $3)",
        account_id, str(account_id), canary(side, "trace"),
    )  # fmt: skip
    await db.execute(
        "INSERT INTO idempotency_key (scope, key, request_hash, claim) VALUES ($1, $2, '\\x00', $3)",
        account_id, inner, uuid7(),
    )  # fmt: skip


async def parked_event(account_id: UUID, inner: str) -> UUID:
    """An event that the broker refused too often."""
    event = uuid7()
    await db.execute(
        "INSERT INTO outbox_event (id, event_type, aggregate_id, data, attempts, last_error, dead_at)"
        " VALUES ($1, 'user.verified', $2, $3, 12, $4, clock_timestamp())",
        event, account_id, {"text": inner}, f"ValueError: {inner}",
    )  # fmt: skip
    return event


async def spare_login(account_id: UUID, side: str) -> UUID:
    """One more login of a person, to be ended."""
    login = uuid7()
    await db.execute(
        "INSERT INTO login (id, account_id, kind, secret_hash, user_agent, expires_at, revoked_reason)"
        " VALUES ($1, $2, 'PAGE', $3, $4, clock_timestamp() + interval '1 day', $5)",
        login, account_id, sha256(login.bytes).digest(), canary(side, "self"), canary(side, "nobody"),
    )  # fmt: skip
    return login


async def reset_token(account_id: UUID) -> str:
    token = token_urlsafe(32)
    await db.execute(
        "INSERT INTO password_reset (token_hash, account_id, expires_at)"
        " VALUES ($1, $2, clock_timestamp() + interval '1 hour')",
        sha256(token.encode()).digest(), account_id,
    )  # fmt: skip
    return token
