"""Meeting by video: coming in, leaving, ending, cancelling. What a session becomes, its appointment becomes with it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor, Role
from portal.appointments.actions import follow_room_in_tx
from portal.audit.actions import record_in_tx
from portal.errors import Forbidden, TooMany, Unavailable
from portal.ids import uuid7
from portal.settings import Settings
from portal.slots.actions import look_at_days
from portal.video import doors, events, making, policy, queries, rooms, statements
from portal.video.schemas import (
    Availability,
    Ending,
    Joined,
    Joining,
    NewSignal,
    NewVideoSession,
    Presence,
    Room,
    SentSignal,
    Signal,
    SignalList,
    VideoSession,
)

JOIN_SECONDS = 4.5  # whoever joins gets in, or hears that it does not work, within five seconds
JOIN_TURNS = 3  # when somebody else has made the meeting, or ended it, in the meantime
MOST_SIGNALS = 300  # of one side, that the other has not read


@db.retried
async def create(actor: Actor, new: NewVideoSession) -> VideoSession:
    """Arrange a visit by video, of a booked appointment or directly with a doctor.

    Raises `Forbidden`, `NotFound`, `Invalid`, or `Conflict`: `session_exists`, `wrong_status`, `not_by_video`, `time_taken`,
    `too_many_sessions`.
    """
    if not policy.may_create(actor, new):
        raise Forbidden
    async with _as_overseer(actor), db.transaction():
        session = await making.make_in_tx(actor, new)
        await _record_in_tx(actor, "created", session)
        events.publish_widely(session, "video.created")
        return queries.shown(actor, session)


async def join(actor: Actor, session_id: UUID, joining: Joining, settings: Settings) -> Joined:
    """Come into the room, or come back, with the same or another device, which takes over.

    The provider is asked outside of the transaction, by names of ours that it knows again. Raises `NotFound`,
    `Forbidden` for all but the two, `Conflict` (`too_early`, `too_late`, `wrong_status`), `Unavailable`.
    """
    session = await queries.attended(actor, session_id)
    until = asyncio.get_running_loop().time() + JOIN_SECONDS
    for _turn in range(JOIN_TURNS):
        seconds = max(0.1, until - asyncio.get_running_loop().time())
        joined = await doors.try_to_enter(actor, session, joining, settings, seconds)
        if joined is not None:
            return joined
    raise Unavailable


@db.retried
async def leave(actor: Actor, session_id: UUID, token: str | None = None) -> Room:
    """Leave on purpose; when the other one has left too, the visit is over. Leaving twice is leaving once.

    Raises `NotFound`, `Forbidden`, or `Conflict`: `wrong_status`, `not_in_room`, `taken_over` for an earlier device.
    """
    session = await queries.attended(actor, session_id)
    async with db.transaction():
        room = await rooms.lock_in_tx(session_id)
        if room["status"] not in ("WAITING", "ACTIVE"):
            raise rooms.wrong_status(room["status"])
        await rooms.check_newest(actor, session, rooms.device_of(actor, session, token))
        left = await db.fetch_row(statements.LEAVE, session_id, actor.id)
        if left is None:
            raise rooms.not_inside()
        if left["id"]:
            await _record_in_tx(actor, "left", session)
            events.publish(session, "video.left", attendee_id=left["id"], role=actor.role.value)
            if left["was_last"] and room["status"] == "ACTIVE":
                session = await rooms.part_in_tx(actor, session)
        return await queries.room_of(actor, await queries.found(session_id))


@db.retried
async def end(actor: Actor, session_id: UUID, ending: Ending) -> VideoSession:
    """End the visit for both; its appointment is completed in the same transaction.

    Raises `NotFound`, `Forbidden` for all but the doctor, `Conflict` (`wrong_status`).
    """
    session = await _own(actor, session_id)
    async with db.transaction():
        await rooms.lock_in_tx(session_id)
        ended = await rooms.part_in_tx(actor, session, ending)
        await _record_in_tx(actor, "completed", session)
    return await _with_people(actor, ended)


@db.retried
async def cancel(actor: Actor, session_id: UUID, reason: str) -> VideoSession:
    """Cancel a visit before the two have met, an admin also afterwards; its appointment is cancelled with it.

    Raises `NotFound`, `Forbidden`, `Conflict` (`wrong_status`).
    """
    session = await queries.found(session_id)
    if not policy.may_cancel(actor, session):
        raise Forbidden
    async with _as_overseer(actor), db.transaction():
        await rooms.lock_in_tx(session.id)
        states = list(policy.CANCELLABLE[actor.role])
        if await db.fetch_value(statements.CANCEL, session.id, actor.id, reason, states, uuid7()) is None:
            raise rooms.wrong_status((await queries.found(session.id)).status)
        events.publish_widely(session, "video.ended")
        if session.appointment_id:
            await follow_room_in_tx(actor, session.appointment_id, "cancel", reason)
        await _record_in_tx(actor, "cancelled", session)
        return await _with_people(actor, await queries.found(session.id))


@db.retried
async def keep_notes(actor: Actor, session_id: UUID, notes: str) -> VideoSession:
    """The doctor's notes of the visit, in place of those before.

    Raises `NotFound`, `Forbidden` for all but the doctor, `Conflict` (`wrong_status`) where no visit took place.
    """
    session = await _own(actor, session_id)
    async with db.transaction():
        if await db.fetch_value(statements.NOTE, session_id, actor.id, notes) is None:
            raise rooms.wrong_status((await queries.found(session_id)).status)
        await _record_in_tx(actor, "noted", session)
    return await _with_people(actor, await queries.found(session_id))


@db.retried
async def stay(actor: Actor, session_id: UUID, presence: Presence) -> Room:
    """A sign of life from a page in the room, with how its line is. Who is in the room, as the answer.

    Raises `NotFound`, `Forbidden`, or `Conflict`: `wrong_status`, `not_in_room`, `taken_over`.
    """
    session = await queries.attended(actor, session_id)
    if session.status not in ("WAITING", "ACTIVE"):
        raise rooms.wrong_status(session.status)
    await rooms.check_newest(actor, session, rooms.device_of(actor, session, presence.attendee_token))
    async with db.transaction():
        if session.status == "WAITING":
            await rooms.lock_in_tx(session_id)
        news = await db.fetch_value(statements.SEEN, session_id, actor.id, presence.quality, presence.mode)
        if news is None:
            raise rooms.not_inside()
        became = await rooms.meet_in_tx(actor, session) if session.status == "WAITING" else None
        if news or became:
            events.publish(session, "video.changed")
    return await queries.room_of(actor, await queries.attended(actor, session_id) if became else session)


@db.retried
async def send_signal(actor: Actor, session_id: UUID, new: NewSignal) -> SentSignal:
    """One step of setting up a call, for the other side of this room and nobody else; kept until they have read it.

    Raises `NotFound`, `Forbidden`, `TooMany`, or `Conflict`: `wrong_status`, `not_in_room`, `taken_over`.
    """
    session = await queries.attended(actor, session_id)
    if session.status not in ("WAITING", "ACTIVE"):
        raise rooms.wrong_status(session.status)
    device = rooms.device_of(actor, session, new.attendee_token)
    data = msgspec.to_builtins(new.data)
    async with rooms.in_turn(actor.id), db.transaction():
        own = await db.fetch_row(statements.LOCK_OWN, session_id, actor.id)
        if own is None or not own["inside"]:
            raise rooms.not_inside()
        rooms.refuse_earlier(device, own["joins"])
        number = await db.fetch_value(statements.SIGNAL, session_id, actor.id, new.type.value, data, MOST_SIGNALS)
        if number is None:
            raise TooMany(5)
        events.publish(session, "video.signal", sender=actor.role.value, number=number)
    return SentSignal(number=number)


@db.retried
async def take_signals(actor: Actor, session_id: UUID, after: int = 0, device: int | None = None) -> SignalList:
    """What the other side has sent after a number; what comes before it has been read, and is forgotten.

    Raises `NotFound`, `Forbidden`, or `Conflict` (`taken_over`) for an earlier device.
    """
    session = await queries.attended(actor, session_id)
    await rooms.check_newest(actor, session, device)
    if after:
        await db.execute(statements.FORGET_SIGNALS, session_id, actor.id, after)
    rows = await db.fetch(statements.SIGNALS, session_id, actor.id, after)
    return SignalList([msgspec.convert(rooms.spelled(dict(row)), Signal) for row in rows])


async def look_at_availability(
    viewer: Actor | None, doctor_id: UUID, day: date, time_zone: str, horizon_days: int
) -> Availability:
    """A doctor's free times for video on one date of a clock; times not made yet are made first. Raises `NotFound`."""
    first, last = making.dates_around(day)
    found = await look_at_days(viewer, doctor_id, first, last, horizon_days)
    return queries.availability_of(doctor_id, found.slots, day, time_zone)


@asynccontextmanager
async def _as_overseer(actor: Actor) -> AsyncIterator[None]:
    """System admins see all sessions and change none by themselves: what they may arrange or call off, the portal does."""
    if actor.role is not Role.SYSTEM_ADMIN:
        yield
        return
    async with db.as_portal():
        yield


async def _own(actor: Actor, session_id: UUID) -> VideoSession:
    """A session of the doctor's own. Raises `NotFound`, `Forbidden`."""
    session = await queries.seen(actor, session_id)
    if actor.id != session.doctor_id:
        raise Forbidden
    return session


async def _with_people(actor: Actor, session: VideoSession) -> VideoSession:
    return queries.shown(actor, await queries.with_people(session))


async def _record_in_tx(actor: Actor, what: str, session: VideoSession) -> None:
    await record_in_tx(
        actor, f"video.{what}", subject_type="video_session", subject_id=session.id, patient_id=session.patient_id
    )
