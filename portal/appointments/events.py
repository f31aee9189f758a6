"""What open pages are told, and who may listen. Private topics carry ids only; pages fetch again through the actor."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from portal import live
from portal.accounts.schemas import Actor, Role
from portal.appointments import policy, queries
from portal.errors import NotFound
from portal.slots.events import tell_slot


async def may_listen_to_appointment(actor: Actor | None, topic: str) -> bool:
    """The parties and the admins of its clinic."""
    if actor is None or actor.role is Role.SYSTEM_ADMIN:
        return False
    (appointment_id,) = live.topic_parts(topic)
    try:
        return policy.may_see(actor, await queries.parties_of(actor, appointment_id))
    except NotFound:
        return False


async def may_listen_to_user(actor: Actor | None, topic: str) -> bool:
    """Everybody to themselves alone."""
    return actor is not None and [actor.id] == live.topic_parts(topic)


async def may_listen_to_clinic(actor: Actor | None, topic: str) -> bool:
    """The admins of the clinic."""
    return actor is not None and actor.role is Role.CLINIC_ADMIN and live.topic_parts(topic)[0] in actor.clinic_ids


APPOINTMENT = live.register(live.TopicKind(prefix="appointment", parts=(UUID,), may_listen=may_listen_to_appointment))
USER = live.register(live.TopicKind(prefix="user", parts=(UUID,), may_listen=may_listen_to_user))
CLINIC = live.register(live.TopicKind(prefix="clinic", parts=(UUID,), may_listen=may_listen_to_clinic))


def topics_of(row: Any) -> list[str]:
    """The appointment itself, the pages of its two people, and the clinic's."""
    topics = [f"appointment:{row['id']}", f"user:{row['patient_id']}", f"user:{row['doctor_id']}"]
    return [*topics, f"clinic:{row['clinic_id']}"] if row["clinic_id"] else topics


def publish(row: Any, event: str) -> None:
    """Tell everybody concerned, after the commit of the open transaction."""
    for topic in topics_of(row):
        live.publish(topic, event, appointment_id=row["id"])


def publish_slots(row: Any, event: str, slot_ids: Iterable[UUID]) -> None:
    """Tell those who look at the doctor's day which times have changed."""
    for slot_id in slot_ids:
        tell_slot(row["doctor_id"], row["date"], event, slot_id)
