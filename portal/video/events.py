"""What open pages are told of a video visit: a name and ids, never a signal or a name of a person.

A room of an appointment speaks on the appointment's topic, one without on a topic of its own.
"""

from typing import Any
from uuid import UUID

from portal import live
from portal.accounts.schemas import Actor
from portal.errors import DomainError
from portal.video import queries
from portal.video.schemas import VideoSession


async def may_listen(actor: Actor | None, topic: str) -> bool:
    """The two who meet."""
    if actor is None:
        return False
    (session_id,) = live.topic_parts(topic)
    try:
        return bool(await queries.attended(actor, session_id))
    except DomainError:
        return False


VIDEO = live.register(live.TopicKind(prefix="video", parts=(UUID,), may_listen=may_listen))


def topic_of(session: VideoSession) -> str:
    """Where the two hear of each other."""
    return f"appointment:{session.appointment_id}" if session.appointment_id else f"video:{session.id}"


def publish(session: VideoSession, event: str, **ids: Any) -> None:
    """After the commit, tell the room."""
    live.publish(topic_of(session), event, session_id=session.id, **ids)


def publish_widely(session: VideoSession, event: str, **ids: Any) -> None:
    """The same, and all other pages of the two: somebody waits, or the visit is over."""
    publish(session, event, **ids)
    for one in (session.patient_id, session.doctor_id):
        live.publish(f"user:{one}", event, session_id=session.id, **ids)
