"""The live topic of a clinic's screens, `wall:{clinic_id}:{seal}`: it says that something changed, and nothing else.

Whoever looks is nobody who is signed in. The seal can only be made by the portal, which writes it into the page of a
link that is valid; and the clinic must still have one. What the screen shows it reads with its link's secret.
"""

from hmac import compare_digest, digest
from uuid import UUID

from portal import live
from portal.accounts import tokens
from portal.accounts.schemas import Actor
from portal.walls import queries


def wall_topic(clinic_id: UUID) -> str:
    """The topic of all screens of a clinic."""
    return f"wall:{clinic_id}:{seal(clinic_id)}"


def seal(clinic_id: UUID) -> str:
    return digest(tokens.secret("walls"), clinic_id.bytes, "sha256").hex()[:32]


async def may_listen(_actor: Actor | None, topic: str) -> bool:
    """Whoever was shown the seal, while the clinic has a screen."""
    clinic_id, shown = live.topic_parts(topic)
    return compare_digest(shown, seal(clinic_id)) and await queries.has_screen(clinic_id)


def tell_walls(clinic_id: UUID | None) -> None:
    """After the commit, let the clinic's screens look again."""
    if clinic_id is not None:
        live.publish(wall_topic(clinic_id), "wall.changed")


def end_walls(clinic_id: UUID) -> None:
    """After the commit, a link is no longer good: its screens look again, and learn it."""
    live.publish(wall_topic(clinic_id), "wall.revoked")


live.register(
    live.TopicKind(prefix="wall", parts=(UUID, str), may_listen=may_listen, ends_grant=frozenset({"wall.revoked"}))
)
