"""Reading video sessions. Under /api/video/ a stranger is told so (403), as the contract says."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from portal import db
from portal.accounts.schemas import Actor, Role
from portal.audit.actions import record_read
from portal.errors import Forbidden, NotFound
from portal.slots.schemas import Slot
from portal.video import policy, statements
from portal.video.schemas import (
    Availability,
    AvailabilitySlot,
    BookingType,
    Room,
    VideoAttendee,
    VideoEvent,
    VideoEventList,
    VideoSession,
    VideoSessionList,
    VideoStatus,
)

_ONE = "SELECT " + statements.SESSION + " FROM video_session v WHERE v.id = $1"
_IS_SOMEBODY = "SELECT EXISTS (SELECT FROM account WHERE id = $1)"
_EXISTS = "SELECT is_video_session($1)"
_ATTENDEES = "SELECT t.video_session_id, " + statements.ATTENDEE + """ FROM video_attendee t
WHERE t.video_session_id = ANY($1) ORDER BY t.joined_at
"""  # fmt: skip
# $1 is the person, or none for all; $2 states, $3 type, $4 and $5 dates of the start in UTC.
_FILTER = """
    FROM video_session v WHERE ($1::uuid IS NULL OR v.patient_id = $1 OR v.doctor_id = $1)
    AND ($2::text[] IS NULL OR v.status = ANY($2)) AND ($3::text IS NULL OR v.booking_type = $3)
    AND ($4::date IS NULL OR v.scheduled_start_time >= $4::date::timestamp AT TIME ZONE 'UTC')
    AND ($5::date IS NULL OR v.scheduled_start_time < ($5::date + 1)::timestamp AT TIME ZONE 'UTC')
"""
_LIST = "SELECT " + statements.SESSION + ", count(*) OVER () AS total" + _FILTER + """
ORDER BY v.scheduled_start_time DESC, v.id LIMIT $6 OFFSET $7
"""  # fmt: skip
_COUNT = "SELECT count(*)" + _FILTER
_EVENTS = """
SELECT id, event_type, actor_id, at, count(*) OVER () AS total FROM video_event
WHERE video_session_id = $1 AND ($2::text IS NULL OR event_type = $2)
ORDER BY at, id LIMIT $3 OFFSET $4
"""
_COUNT_EVENTS = "SELECT count(*) FROM video_event WHERE video_session_id = $1 AND ($2::text IS NULL OR event_type = $2)"
OVER = [VideoStatus.COMPLETED, VideoStatus.CANCELLED, VideoStatus.NO_SHOW]


async def get_session(actor: Actor, session_id: UUID) -> VideoSession:
    """One session; a read by anybody but the patient is audited. Raises `NotFound`, and `Forbidden` for strangers."""
    session = await seen(actor, session_id)
    if actor.role is not Role.PATIENT:
        await record_read(
            actor, "video.read", subject_type="video_session", subject_id=session_id, patient_id=session.patient_id
        )
    return shown(actor, await with_people(session))


async def list_sessions(
    actor: Actor,
    *,
    statuses: list[VideoStatus] | None = None,
    booking_type: BookingType | None = None,
    first: date | None = None,
    last: date | None = None,
    skip: int = 0,
    limit: int = 10,
) -> VideoSessionList:
    """The actor's own sessions, latest first; those of everybody for system admins. Staff reads leave one audit row."""
    whose = None if actor.role is Role.SYSTEM_ADMIN else actor.id
    return await _listed(actor, whose, statuses, booking_type, first, last, skip, limit)


async def list_history(actor: Actor, user_id: UUID, skip: int = 0, limit: int = 10) -> VideoSessionList:
    """A person's sessions that are over, latest first.

    Raises `Forbidden` for anybody but them and system admins, and `NotFound` to those when there is no such account.
    """
    if actor.id != user_id:
        if actor.role is not Role.SYSTEM_ADMIN:
            raise Forbidden
        if not await db.fetch_value(_IS_SOMEBODY, user_id):
            raise NotFound
    return await _listed(actor, user_id, OVER, None, None, None, skip, limit)


async def _listed(
    actor: Actor,
    whose: UUID | None,
    statuses: list[VideoStatus] | None,
    booking_type: BookingType | None,
    first: date | None,
    last: date | None,
    skip: int,
    limit: int,
) -> VideoSessionList:
    chosen = [one.value for one in statuses] if statuses else None
    filters = (whose, chosen, booking_type.value if booking_type else None, first, last)
    rows = await db.fetch(_LIST, *filters, limit, skip)
    total = rows[0]["total"] if rows else await db.fetch_value(_COUNT, *filters) if skip else 0
    if actor.role is not Role.PATIENT:
        await record_read(actor, "video.listed", subject_type="video_sessions", subject_id=whose or actor.id)
    people = await _attendees([row["id"] for row in rows]) if rows else {}
    found = [shown(actor, session_of(row, people.get(row["id"], []))) for row in rows]
    return VideoSessionList(total=total, skip=skip, limit=limit, sessions=found)


async def list_events(
    actor: Actor, session_id: UUID, *, event_type: str | None = None, skip: int = 0, limit: int = 10
) -> VideoEventList:
    """The trail of a session, oldest first. Raises what `get_session` raises."""
    await seen(actor, session_id)
    rows = await db.fetch(_EVENTS, session_id, event_type, limit, skip)
    events = [VideoEvent(**{name: row[name] for name in VideoEvent.__struct_fields__}) for row in rows]
    total = rows[0]["total"] if rows else await db.fetch_value(_COUNT_EVENTS, session_id, event_type)
    return VideoEventList(total=total, skip=skip, limit=limit, events=events)


async def get_room(actor: Actor, session_id: UUID) -> Room:
    """Who is in the room now, for the two. Raises `NotFound`, `Forbidden`."""
    return await room_of(actor, await attended(actor, session_id))


async def room_of(actor: Actor, session: VideoSession) -> Room:
    """The same for a session that has been found to be the actor's."""
    people = (await _attendees([session.id])).get(session.id, [])
    own = next((one.device for one in people if one.user_id == actor.id), None)
    return Room(
        session_id=session.id,
        appointment_id=session.appointment_id,
        status=session.status,
        device=own,
        attendees=people,
    )


async def attended(actor: Actor, session_id: UUID) -> VideoSession:
    """A session for one of its two people; nothing of it is shown yet. Raises `NotFound`, `Forbidden`."""
    session = await seen(actor, session_id)
    if not policy.is_party(actor, session):
        raise Forbidden
    return session


async def seen(actor: Actor, session_id: UUID) -> VideoSession:
    """A session that the actor may see, only to decide what they may do. Raises `NotFound`, `Forbidden`."""
    session = await found(session_id)
    if not policy.may_see(actor, session):
        raise Forbidden
    return session


async def found(session_id: UUID) -> VideoSession:
    """A session as far as the second wall lets the actor look. Raises `NotFound`, `Forbidden`."""
    row = await db.fetch_row(_ONE, session_id)
    if row is None:
        raise Forbidden if await db.fetch_value(_EXISTS, session_id) else NotFound
    return session_of(row)


def session_of(row: Any, attendees: Iterable[VideoAttendee] = ()) -> VideoSession:
    """A row as a Struct."""
    values = {name: row[name] for name in VideoSession.__struct_fields__ if name != "attendees"}
    return msgspec.convert({**values, "attendees": list(attendees)}, VideoSession)


def shown(actor: Actor, session: VideoSession) -> VideoSession:
    """What this actor may read: notes are the doctor's, and system admins see nothing of anybody's health."""
    hidden: dict[str, str] = {} if actor.id == session.doctor_id else {"session_notes": ""}
    if actor.id not in (session.doctor_id, session.patient_id):
        hidden |= {"chief_complaint": "", "cancellation_reason": ""}
    return msgspec.structs.replace(session, **hidden)


async def with_people(session: VideoSession) -> VideoSession:
    """The session with those who are or were in its room."""
    people = await _attendees([session.id])
    return msgspec.structs.replace(session, attendees=people.get(session.id, []))


async def _attendees(sessions: list[UUID]) -> dict[UUID, list[VideoAttendee]]:
    people: dict[UUID, list[VideoAttendee]] = {}
    for row in await db.fetch(_ATTENDEES, sessions):
        values = {name: row[name] for name in VideoAttendee.__struct_fields__}
        people.setdefault(row["video_session_id"], []).append(msgspec.convert(values, VideoAttendee))
    return people


def availability_of(doctor_id: UUID, slots: list[Slot], day: date, time_zone: str) -> Availability:
    """The free times for video of one date on a clock, those that follow each other at one length taken together."""
    zone = ZoneInfo(time_zone)
    stretches: list[AvailabilitySlot] = []
    for slot in slots:
        start, end = slot.start.astimezone(zone), slot.end.astimezone(zone)
        if start.date() != day or slot.state != "OPEN" or slot.overflow or slot.service_type == "IN_PERSON":
            continue
        one = AvailabilitySlot(
            date=day,
            start_time=start.time(),
            end_time=end.time(),
            slot_duration_minutes=round((end - start).total_seconds() / 60),
            available_slots=1,
            consultation_fee=slot.fee,
            currency=slot.currency,
        )
        last = stretches[-1] if stretches else None
        if last and (last.end_time, last.slot_duration_minutes) == (one.start_time, one.slot_duration_minutes):
            joined = msgspec.structs.replace(last, end_time=one.end_time, available_slots=last.available_slots + 1)
            stretches[-1] = joined
        else:
            stretches.append(one)
    return Availability(doctor_id=doctor_id, availability_slots=stretches)
