"""Inside a room, in the transaction of an action: who comes in, with which device, and what that makes of the visit."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID
from weakref import WeakValueDictionary

from portal import db
from portal.accounts import tokens
from portal.accounts.schemas import Actor
from portal.appointments.actions import follow_room_in_tx
from portal.errors import Conflict, Forbidden, TooMany
from portal.video import events, queries, statements
from portal.video.schemas import Ending, VideoSession
from portal.web.i18n import _
from portal.web.render import format_date, format_time


async def lock_in_tx(session_id: UUID) -> Any:
    """The room as it stands, until the commit: nobody else comes or goes, and its visit stays where it is."""
    await db.execute(statements.LOCK_VISIT, session_id)
    return await db.fetch_row(statements.LOCK_ROOM, session_id)


def refuse_closed(actor: Actor, room: Any) -> None:
    """Raises `Conflict` where nobody may come in: `too_early`, `too_late`, or `wrong_status` when the visit is over."""
    if room["open"]:
        return
    if room["status"] not in ("SCHEDULED", "WAITING", "ACTIVE"):
        raise wrong_status(room["status"])
    if not room["early"]:
        raise Conflict("too_late", _("The time of this video visit is over."), closed_at=room["closes_at"])
    opens, zone = room["opens_at"], actor.time_zone
    when = _("%(day)s at %(time)s", day=format_date(opens, zone), time=format_time(opens, zone))
    raise Conflict("too_early", _("The video room opens on %(when)s.", when=when), opens_at=opens)


def wrong_status(status: str) -> Conflict:
    """Why nothing was done with a session that is over, or not so far."""
    text = _("The video visit is no longer in a state that allows this.")
    return Conflict("wrong_status", text, current_status=status)


def not_inside() -> Conflict:
    """Why somebody who has not joined is not heard."""
    return Conflict("not_in_room", _("Join the video visit first."))


# One person's signals take turns before they reach the database, where each waits for the one before: a page that floods
# would else hold all connections of the process.

MOST_IN_LINE = 20


class _Line:
    """Who waits for their turn; forgotten when nobody does."""

    __slots__ = ("__weakref__", "length", "lock")

    def __init__(self) -> None:
        self.lock, self.length = asyncio.Lock(), 0


_lines: WeakValueDictionary[UUID, _Line] = WeakValueDictionary()


@asynccontextmanager
async def in_turn(account_id: UUID) -> AsyncIterator[None]:
    """One after the other of the same person. Raises `TooMany` where the line is long already."""
    line = _lines.get(account_id)
    if line is None:
        line = _lines[account_id] = _Line()
    if line.length >= MOST_IN_LINE:
        raise TooMany(1)
    line.length += 1
    try:
        async with line.lock:
            yield
    finally:
        line.length -= 1


# What a device proves itself by where the portal introduces the two: which room, whose, and which of their devices.


def device_token(session_id: UUID, account_id: UUID, device: int) -> str:
    """The token of one device; the number before the dot is the device."""
    told = session_id.bytes + account_id.bytes + device.to_bytes(4, "big")
    return f"{device}." + hmac.digest(tokens.secret("video"), told, sha256).hex()


def device_of(actor: Actor, session: VideoSession, token: str | None) -> int | None:
    """The device that a token of this room and this person belongs to; None where none is asked for.

    Raises `Forbidden` for the token of another room, of another person, or of nobody.
    """
    if token is None or session.provider != "webrtc":
        return None
    number = token.partition(".")[0]
    device = int(number) if number.isascii() and number.isdecimal() and len(number) < 8 else 0
    if not hmac.compare_digest(device_token(session.id, actor.id, device).encode(), token.encode()):
        raise Forbidden
    return device


def refuse_earlier(device: int | None, newest: int | None) -> None:
    """Raises `Conflict` (`taken_over`) when the person has joined with another device since."""
    if device is not None and newest is not None and device != newest:
        raise Conflict("taken_over", _("You have joined this visit on another device."))


async def check_newest(actor: Actor, session: VideoSession, device: int | None) -> None:
    """The same for a device by its number. Raises `Conflict`."""
    if device is not None:
        refuse_earlier(device, await db.fetch_value(statements.NEWEST, session.id, actor.id))


async def meet_in_tx(actor: Actor, session: VideoSession) -> str | None:
    """What the session becomes when somebody is there: the first one waits, with the second the visit begins."""
    became = await db.fetch_value(statements.MEET, session.id)
    if became == "ACTIVE" and session.appointment_id:
        await follow_room_in_tx(actor, session.appointment_id, "start")
    return became


async def part_in_tx(
    actor: Actor | None, session: VideoSession, ending: Ending | None = None, when: datetime | None = None
) -> VideoSession:
    """The visit is over, and its appointment with it; `when`, if that was before now. Raises `Conflict`."""
    told = ending or Ending()
    who = actor.id if actor else None
    done = await db.fetch_value(
        statements.COMPLETE, session.id, who, told.session_notes, told.connection_quality_rating, when
    )
    if done is None:
        raise wrong_status((await queries.found(session.id)).status)
    events.publish_widely(session, "video.ended")  # first: with the visit ends what let them listen to its queue
    if session.appointment_id:
        await follow_room_in_tx(actor, session.appointment_id, "complete")
    return await queries.found(session.id)


def spelled(row: dict[str, Any]) -> dict[str, Any]:
    """A stored signal as browsers spell it: the lines of a description end with CR LF, as its standard demands."""
    data = dict(row["data"])
    if data.get("sdp"):
        data["sdp"] = data["sdp"].replace("\n", "\r\n") + "\r\n"
    return {"number": row["number"], "type": row["kind"], "device": row["device"], "data": data}
