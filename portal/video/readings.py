"""What the pages of a room show besides the session itself: the names at its door, and which room stands open."""

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Struct

from portal import db
from portal.accounts.schemas import Actor, Role
from portal.appointments.queries import parties_of
from portal.appointments.schemas import Appointment
from portal.video import queries, statements
from portal.video.schemas import OPEN, VideoSession
from portal.web.i18n import _

_DOOR = "SELECT l.opens_at, l.open, ceil(extract(epoch FROM l.opens_at - clock_timestamp()))::integer AS opens_in," + """
    nullif(ltrim(d.title || ' ' || da.first_name || ' ' || da.last_name), '') AS doctor_name,
    pa.first_name || ' ' || pa.last_name AS patient_name, c.phone_number
FROM (""" + statements.LOOK + """) l LEFT JOIN doctor d ON d.account_id = l.doctor_id
LEFT JOIN account da ON da.id = l.doctor_id LEFT JOIN account pa ON pa.id = l.patient_id LEFT JOIN clinic c ON c.id = l.clinic_id
"""  # fmt: skip
# The rooms of somebody in which a person is, or was when the network went: the one that goes on before one that waits.
_OPEN_ROOM = """
SELECT v.id AS session_id, v.status = 'ACTIVE' AS goes_on, EXISTS (SELECT FROM video_attendee t
        WHERE t.video_session_id = v.id AND t.account_id = $1 AND t.left_at IS NULL) AS inside,
    CASE WHEN v.doctor_id = $1 THEN pa.first_name || ' ' || pa.last_name
        ELSE ltrim(d.title || ' ' || da.first_name || ' ' || da.last_name) END AS other_name
FROM video_session v LEFT JOIN account pa ON pa.id = v.patient_id LEFT JOIN account da ON da.id = v.doctor_id
LEFT JOIN doctor d ON d.account_id = v.doctor_id
WHERE v.status IN ('WAITING', 'ACTIVE') AND v.scheduled_start_time > clock_timestamp() - interval '2 days'
"""
_FIRST = " ORDER BY goes_on DESC, v.scheduled_start_time LIMIT 1"
_STANDS_OPEN = {
    Role.DOCTOR: _OPEN_ROOM + " AND v.doctor_id = $1" + _FIRST,
    Role.PATIENT: _OPEN_ROOM + " AND v.patient_id = $1" + _FIRST,
}


class Door(Struct, frozen=True, kw_only=True):
    """A room as one of the two stands before it. `opens_in` is 0 once it is open, else the seconds until then."""

    session: VideoSession
    appointment: Appointment | None
    is_doctor: bool
    other_name: str
    phone_number: str | None
    opens_at: datetime
    opens_in: int
    is_open: bool
    is_over: bool


class OpenRoom(Struct, frozen=True, kw_only=True):
    """A room of somebody's in which the visit goes on, or the other one waits."""

    session_id: UUID
    goes_on: bool
    inside: bool
    other_name: str | None


async def stand_before(actor: Actor, session_id: UUID) -> Door:
    """A room for one of its two people, audited as a read of the session. Raises `NotFound`, `Forbidden`."""
    session = await queries.get_session(actor, session_id)
    row: Any = await db.fetch_row(_DOOR, session_id)
    is_doctor = actor.id == session.doctor_id
    return Door(
        session=session,
        appointment=await parties_of(actor, session.appointment_id) if session.appointment_id else None,
        is_doctor=is_doctor,
        other_name=(row["patient_name"] or _("the patient")) if is_doctor else (row["doctor_name"] or _("the doctor")),
        phone_number=row["phone_number"],
        opens_at=row["opens_at"],
        opens_in=0 if row["open"] else max(0, row["opens_in"]),
        is_open=row["open"],
        is_over=session.status not in OPEN,
    )


async def find_open_room(actor: Actor) -> OpenRoom | None:
    """Where this person is awaited at this moment, if anywhere."""
    row = await db.fetch_row(_STANDS_OPEN[actor.role], actor.id)
    return OpenRoom(**row) if row else None
