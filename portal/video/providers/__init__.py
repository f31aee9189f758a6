"""Who carries a call: Amazon Chime, or nobody, because the two browsers talk directly.

A provider is asked outside of every transaction, and may be asked twice for the same: it answers with the same meeting
and the same attendee. What it gave is stored by the action that asked.
"""

from functools import cache
from typing import Protocol
from uuid import UUID

from msgspec import Struct

from portal.settings import Settings
from portal.video.schemas import IceServer, MediaPlacement


class Meeting(Struct, frozen=True, kw_only=True):
    """One meeting at a provider."""

    meeting_id: str
    media_region: str | None = None
    media_placement: MediaPlacement = MediaPlacement()


class Asked(Struct, frozen=True, kw_only=True):
    """Who wants to come in, and what is known of the meeting so far. `number` counts the meetings of a session: one that
    the provider has ended by itself cannot be entered any more."""

    session_id: UUID
    number: int
    meeting: Meeting | None
    account_id: UUID
    attendee_id: str | None


class Admitted(Struct, frozen=True, kw_only=True):
    """A place in a meeting; without `attendee_id` and `token` the portal's own are as good."""

    meeting: Meeting
    attendee_id: str | None = None
    token: str | None = None


class MeetingGone(Exception):
    """The provider does not know the meeting (any more)."""


class Provider(Protocol):
    """What a provider of calls can do. Each may raise `Unavailable`."""

    async def admit(self, asked: Asked, seconds: float) -> Admitted:
        """A place for one person, in the known meeting or a new one. Raises `MeetingGone`."""
        ...

    async def expel(self, meeting_id: str, attendee_id: str) -> None:
        """Put somebody out; who is not there needs no putting out."""
        ...

    async def close(self, meeting_id: str) -> None:
        """End a meeting for all who are in it; one that is over already is."""
        ...

    def make_ready(self) -> None:
        """Load at the start what the first to come in would otherwise wait for; may take a second, so in a thread."""
        ...

    def ice_servers(self, attendee_id: UUID) -> list[IceServer] | None:
        """Servers that help browsers to find each other, where they talk directly."""
        ...


def provider_of(settings: Settings, name: str) -> Provider:
    """The provider of this name."""
    if name == "chime":
        from portal.video.providers.chime import Chime  # the AWS library takes its time and memory

        return _only_one(Chime, settings.media_region)
    from portal.video.providers.webrtc import WebRtc

    return _only_one(WebRtc, settings.ice_servers, settings.turn_secret)


@cache
def _only_one(kind: type, *arguments: object) -> Provider:
    made: Provider = kind(*arguments)
    return made
