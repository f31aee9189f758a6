"""On whose behalf the database is asked: nobody, a person, or the portal itself. Row-level security goes by it.

A request begins as nobody and becomes the person whose login it carries. Nobody and a person see what the policies of
migration m0050 let them see, whatever the statement asks for. The portal itself sees everything: its jobs, and the few
steps of a request that come before anybody is known or that concern people who are not known to the one who asks.
"""

from contextvars import ContextVar
from typing import NamedTuple
from uuid import UUID

from portal.accounts.schemas import Actor


class Acting(NamedTuple):
    """Who acts. The role is one of `Role`, `PORTAL`, or empty for nobody."""

    actor_id: UUID | None
    role: str

    @property
    def statements(self) -> str:
        """What tells the open transaction, and only that one: nothing stays in the session for whoever comes next.

        An id and a word of ours: never text that anybody has typed.
        """
        who = self.actor_id.hex if self.actor_id else ""
        return "SET LOCAL app.actor = '" + who + "'; SET LOCAL app.role = '" + self.role + "'"


NOBODY = Acting(None, "")
PORTAL = Acting(None, "PORTAL")

_now: ContextVar[Acting] = ContextVar("acting", default=NOBODY)


def now() -> Acting:
    """Who acts at this moment."""
    return _now.get()


def person(actor: Actor | None) -> Acting:
    """Somebody who is signed in, or nobody."""
    return NOBODY if actor is None else Acting(actor.id, actor.role.value)


def become(whom: Acting) -> None:
    """Act as somebody for the rest of the request."""
    _now.set(whom)


class acting:
    """Act as somebody inside the block, and afterwards as whoever it was before, whoever one has become inside.

    A class, because every open stream keeps one, and a generator would be several times as large.
    """

    __slots__ = ("_token", "_whom")

    def __init__(self, whom: Acting) -> None:
        self._whom = whom

    def __enter__(self) -> None:
        self._token = _now.set(self._whom)

    def __exit__(self, *_error: object) -> None:
        _now.reset(self._token)
