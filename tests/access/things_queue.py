"""A queue of today around one patient, and a screen in the waiting room of its clinic."""

from datetime import UTC, datetime, time, timedelta
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any
from uuid import UUID

from portal import db
from portal.ids import uuid7
from tests import factories
from tests.access.canaries import canary

PLACE = """
INSERT INTO slot (id, doctor_id, session_id, clinic_id, date, position, starts_at, ends_at, local_start, time_zone,
    service_type, appointment_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'UTC', 'BOTH', $10)
"""
VISIT = """
INSERT INTO appointment (id, slot_id, patient_id, doctor_id, clinic_id, session_id, date, starts_at, ends_at, time_zone,
    appointment_type, status, chief_complaint, booked_by, queue_position, queue_rank, checked_in_at, called_at)
SELECT $2, id, $3, doctor_id, clinic_id, session_id, date, starts_at, ends_at, time_zone, 'IN_PERSON', 'CHECKED_IN', $4, $3,
    position, position, clock_timestamp(), $5 FROM slot WHERE id = $1
"""

SHOWN = """
INSERT INTO visit_estimate (appointment_id, expected_start, expected_from, expected_to, how)
SELECT id, starts_at, starts_at, ends_at, 'PLACE' FROM appointment WHERE id = $1
"""


async def of_side(side: str, patient_id: UUID, doctor_id: UUID, clinic_id: UUID) -> dict[str, Any]:
    """A session of three quarters of an hour at the beginning of today: the patient waits in it, and is called as well.

    Just after midnight it is at the day's end, since the doctor has a video visit in a few minutes.
    """
    now = datetime.now(UTC)
    today, first = now.date(), time(0 if now.hour >= 2 else 22)
    session = await factories.session(
        doctor_id, clinic_id, day=today, start=first, end=first.replace(minute=45), places=3
    )
    found: dict[str, Any] = {"queue_session": session, "queue_day": str(today)}
    a_while_ago = datetime.now(UTC) - timedelta(minutes=1)  # calling again at once is a second press, and does nothing
    for position, name, called in ((1, "called", a_while_ago), (2, "queued", None)):
        start = datetime.combine(today, first, UTC) + timedelta(minutes=15 * (position - 1))
        found[name] = await visit(side, (session, start, position), patient_id, doctor_id, clinic_id, called)
    await db.execute("INSERT INTO queue_day (session_id, date) VALUES ($1, $2)", session, today)
    await db.execute(SHOWN, found["queued"])
    return found | await screen(side, clinic_id)


async def visit(
    side: str,
    at: tuple[UUID, datetime, int],
    patient_id: UUID,
    doctor_id: UUID,
    clinic_id: UUID,
    called: datetime | None,
) -> UUID:
    slot, appointment, (session, start, position) = uuid7(), uuid7(), at
    await db.execute(
        PLACE,
        slot,
        doctor_id,
        session,
        clinic_id,
        start.date(),
        position,
        start,
        start + timedelta(minutes=15),
        start.time(),
        None,
    )
    await db.execute(VISIT, slot, appointment, patient_id, canary(side, "visit"), called)
    await db.execute("UPDATE slot SET appointment_id = $2 WHERE id = $1", slot, appointment)
    for was, became in ((None, "BOOKED"), ("BOOKED", "CHECKED_IN")):
        await db.execute(
            "INSERT INTO appointment_history (appointment_id, actor_id, from_status, to_status, reason)"
            " VALUES ($1, $2, $3, $4, $5)",
            appointment, patient_id, was, became, canary(side, "record"),
        )  # fmt: skip
    return appointment


async def screen(side: str, clinic_id: UUID) -> dict[str, Any]:
    """A link to the numbers of the clinic."""
    wall, token = uuid7(), token_urlsafe(24)
    await db.execute(
        "INSERT INTO wall_link (id, clinic_id, name, token_hash) VALUES ($1, $2, $3, $4)",
        wall, clinic_id, canary(side, "planning"), sha256(token.encode()).digest(),
    )  # fmt: skip
    return {"wall": wall, "wall_token": token}
