"""The way into a room: what a provider gave outside of the transaction becomes a place in it, or is given back."""

from typing import Any

import msgspec

from portal import db
from portal.accounts.schemas import Actor, Role
from portal.audit.actions import record_in_tx
from portal.errors import DomainError
from portal.ids import uuid7
from portal.settings import Settings
from portal.video import events, rooms, statements
from portal.video.providers import Admitted, Asked, Meeting, MeetingGone, Provider, provider_of
from portal.video.schemas import Joined, JoinedAttendee, Joining, MediaPlacement, VideoSession


async def try_to_enter(
    actor: Actor, session: VideoSession, joining: Joining, settings: Settings, seconds: float
) -> Joined | None:
    """A place in the room. None: somebody else has made the meeting, or ended it, meanwhile; then it is tried again.

    Raises `Conflict` where nobody may come in, `Unavailable` where the provider says nothing in these seconds.
    """
    room: Any = await db.fetch_row(statements.DOOR, session.id, actor.id)
    rooms.refuse_closed(actor, room)
    asked, name = asked_of(actor, room, room["known"]), room["provider"] or settings.video
    provider = provider_of(settings, name)
    try:
        admitted = await provider.admit(asked, seconds)
    except MeetingGone:
        await _forget_meeting(asked)
        return None
    joined = None
    try:
        joined = await _enter(actor, session, joining, name, admitted)
    finally:
        if joined is None:
            await _give_back(provider, asked, admitted)
    return joined and msgspec.structs.replace(joined, ice_servers=provider.ice_servers(joined.attendee.attendee_id))


@db.retried
async def _enter(actor: Actor, session: VideoSession, joining: Joining, name: str, admitted: Admitted) -> Joined | None:
    async with db.transaction():
        room = await rooms.lock_in_tx(session.id)
        rooms.refuse_closed(actor, room)
        if not await keep_meeting_in_tx(room, name, admitted):
            return None
        came = await come_in_tx(actor, room, joining, admitted)
        if came is None:
            return None
        became = await rooms.meet_in_tx(actor, session)
        await record_in_tx(
            actor, "video.joined", subject_type="video_session", subject_id=session.id, patient_id=session.patient_id
        )
        tell = events.publish_widely if became else events.publish
        tell(session, "video.joined", attendee_id=came["id"], role=actor.role.value, device=came["joins"])
    attendee = JoinedAttendee(
        attendee_id=came["id"],
        role="DOCTOR" if actor.role is Role.DOCTOR else "PATIENT",
        attendee_token=admitted.token or rooms.device_token(session.id, actor.id, came["joins"]),
        joined_at=came["joined_at"],
    )
    return joined_of(session, name, admitted.meeting, attendee)


async def _give_back(provider: Provider, asked: Asked, admitted: Admitted) -> None:
    """What was made for nothing must not stay. A meeting that may still become the room's is left alone: where nobody
    comes, Chime ends it after some minutes."""
    kept: Any = await db.fetch_row(statements.KEPT, asked.session_id, asked.account_id)
    meeting = admitted.meeting.meeting_id
    try:
        if kept["meeting_id"] != meeting and (kept["meeting_id"] or not kept["open"]):
            await provider.close(meeting)
        elif kept["attendee_id"] not in (None, admitted.attendee_id) and admitted.attendee_id:
            await provider.expel(meeting, admitted.attendee_id)
    except DomainError:
        pass


async def _forget_meeting(asked: Asked) -> None:
    if asked.meeting is not None:
        async with db.as_portal(), db.transaction():  # the places of both in a meeting that is no more
            await db.execute(statements.FORGET_MEETING, asked.session_id, asked.meeting.meeting_id)


def asked_of(actor: Actor, room: Any, attendee_id: str | None) -> Asked:
    """What a provider is asked for somebody at the door."""
    return Asked(
        session_id=room["id"],
        number=room["meetings"],
        meeting=meeting_of(room),
        account_id=actor.id,
        attendee_id=attendee_id if room["meeting_id"] else None,
    )


def meeting_of(room: Any) -> Meeting | None:
    """The meeting that is stored, if there is one."""
    if room["meeting_id"] is None:
        return None
    placement = msgspec.convert(room["media_placement"] or {}, MediaPlacement)
    return Meeting(meeting_id=room["meeting_id"], media_region=room["media_region"], media_placement=placement)


def joined_of(session: VideoSession, provider: str, meeting: Meeting, attendee: JoinedAttendee) -> Joined:
    """The answer to whoever has come in."""
    return Joined(
        session_id=session.id,
        provider="chime" if provider == "chime" else "webrtc",
        meeting_id=meeting.meeting_id,
        external_meeting_id=str(session.id),
        media_region=meeting.media_region,
        media_placement=meeting.media_placement,
        attendee=attendee,
        ice_servers=None,
        scheduled_start_time=session.scheduled_start_time,
        scheduled_end_time=session.scheduled_end_time,
    )


async def keep_meeting_in_tx(room: Any, provider: str, admitted: Admitted) -> bool:
    """Whether what a provider gave is the meeting of this room: the first one to be stored is."""
    meeting = admitted.meeting
    if room["meeting_id"] is not None:
        return bool(room["meeting_id"] == meeting.meeting_id)
    placement = msgspec.to_builtins(meeting.media_placement)
    return bool(
        await db.execute(
            statements.KEEP_MEETING, room["id"], provider, meeting.meeting_id, meeting.media_region, placement
        )
    )


async def come_in_tx(actor: Actor, room: Any, joining: Joining, admitted: Admitted) -> Any | None:
    """The person's row after they came in; None when they have another place at the provider already."""
    if admitted.attendee_id is not None:
        known = await db.fetch_value(statements.KNOWN_ATTENDEE, room["id"], actor.id)
        if known not in (None, admitted.attendee_id):
            return None
    return await db.fetch_row(
        statements.COME_IN, uuid7(), room["id"], actor.id, actor.role.value, admitted.attendee_id,
        joining.device_type or "", joining.browser_info or "",
    )  # fmt: skip
