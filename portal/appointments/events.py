"""What open pages are told, and who may listen. Private topics carry ids only; pages fetch again through the actor."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from uuid import UUID

from portal import live
from portal.accounts.schemas import Actor, Role
from portal.appointments import policy, queries
from portal.appointments.schemas import Appointment
from portal.errors import NotFound
from portal.slots.events import tell_slot
from portal.walls.events import tell_walls

OVER = ("COMPLETED", "CANCELLED", "NO_SHOW")


async def may_listen_to_appointment(actor: Actor | None, topic: str) -> bool:
    """The patient and the doctor alone: who writes, reads and joins is said there. Their clinic has a topic of its own."""
    if actor is None:
        return False
    (appointment_id,) = live.topic_parts(topic)
    try:
        return policy.may_listen(actor, await queries.parties_of(actor, appointment_id))
    except NotFound:
        return False


async def may_listen_to_user(actor: Actor | None, topic: str) -> bool:
    """Everybody to themselves alone."""
    return actor is not None and [actor.id] == live.topic_parts(topic)


async def may_listen_to_clinic(actor: Actor | None, topic: str) -> bool:
    """The admins of the clinic."""
    return actor is not None and actor.role is Role.CLINIC_ADMIN and live.topic_parts(topic)[0] in actor.clinic_ids


async def may_listen_to_queue(actor: Actor | None, topic: str) -> bool:
    """The doctor of the session, the admins of its clinic, and each patient until their own visit in it is over."""
    return actor is not None and await queries.stands_in_queue(actor, *live.topic_parts(topic))


APPOINTMENT = live.register(live.TopicKind(prefix="appointment", parts=(UUID,), may_listen=may_listen_to_appointment))
USER = live.register(live.TopicKind(prefix="user", parts=(UUID,), may_listen=may_listen_to_user))
# Told here, because every move of a visit moves its queue.
QUEUE = live.register(live.TopicKind(prefix="queue", parts=(UUID, date), may_listen=may_listen_to_queue))
CLINIC = live.register(live.TopicKind(prefix="clinic", parts=(UUID,), may_listen=may_listen_to_clinic))


def topics_for(actor: Actor, visit: Appointment) -> list[str]:
    """What a page about a visit listens to: the two hear all of it, the clinic what it is told of its visits."""
    if policy.may_listen(actor, visit):
        return [f"appointment:{visit.id}"]
    return [f"clinic:{visit.clinic_id}"] if visit.clinic_id in actor.clinic_ids else []


def topics_of(row: Any) -> list[str]:
    """The appointment itself, the pages of its two people, and the clinic's."""
    topics = [f"appointment:{row['id']}", f"user:{row['patient_id']}", f"user:{row['doctor_id']}"]
    return [*topics, f"clinic:{row['clinic_id']}"] if row["clinic_id"] else topics


def publish(row: Any, event: str, queue_event: str = "queue.changed") -> None:
    """Tell everybody concerned, after the commit of the open transaction; the queue that it stands in too."""
    for topic in topics_of(row):
        live.publish(topic, event, appointment_id=row["id"])
    if row["session_id"]:
        publish_queue(row["session_id"], row["date"], queue_event)
        tell_walls(row["clinic_id"])
        if row["status"] in OVER:  # what let the patient listen to the queue is over
            live.recheck_user(row["patient_id"])


def publish_closed_room(row: Any, room: UUID) -> None:
    """The video room of a visit is closed with it: tell whoever is in there, and all other pages of the two."""
    for topic in (f"appointment:{row['id']}", f"user:{row['patient_id']}", f"user:{row['doctor_id']}"):
        live.publish(topic, "video.ended", session_id=room)


def publish_queue(session_id: UUID, day: date, event: str) -> None:
    """Tell those who wait in a queue, and those who see to it, that it has moved: never who, and never how many."""
    live.publish(f"queue:{session_id}:{day}", event, session_id=session_id, date=day)


def publish_slots(row: Any, event: str, slot_ids: Iterable[UUID]) -> None:
    """Tell those who look at the doctor's day which times have changed."""
    for slot_id in slot_ids:
        tell_slot(row["doctor_id"], row["date"], event, slot_id)
