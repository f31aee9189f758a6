"""The live topic of calls for help: for doctors who are available, ids only."""

from uuid import UUID

from portal import live
from portal.accounts.schemas import Actor, Role
from portal.emergencies import queries

TOPIC = "emergencies"


async def may_listen(actor: Actor | None, _topic: str) -> bool:
    """Doctors as long as they are available."""
    return actor is not None and actor.role is Role.DOCTOR and await queries.is_available(actor)


live.register(live.TopicKind(prefix=TOPIC, may_listen=may_listen))


def publish(event: str, emergency_id: UUID, *people: UUID | None) -> None:
    """After the commit, tell all available doctors, and the pages of those whom it concerns."""
    live.publish(TOPIC, event, emergency_id=emergency_id)
    for one in dict.fromkeys(people):
        if one is not None:
            live.publish(f"user:{one}", event, emergency_id=emergency_id)
