"""The two browsers talk directly; the portal only introduces them, and TURN servers of the clinic relay where they must."""

import base64
import hmac
from hashlib import sha1
from uuid import UUID

from portal import clock
from portal.ids import uuid7
from portal.video.providers import Admitted, Asked, Meeting
from portal.video.schemas import IceServer

TURN_SECONDS = 4 * 3600  # a call begins with new credentials each time; one that lasts goes on when they end


class WebRtc:
    """Peer to peer, with the ICE servers of the settings."""

    def __init__(self, ice_servers: tuple[str, ...], turn_secret: str) -> None:
        self._stun = [url for url in ice_servers if url.startswith("stun")]
        self._turn = [url for url in ice_servers if url.startswith("turn")]
        self._secret = turn_secret.encode()

    async def admit(self, asked: Asked, seconds: float) -> Admitted:  # nobody is asked who could be slow
        return Admitted(meeting=asked.meeting or Meeting(meeting_id=str(uuid7())))

    async def expel(self, meeting_id: str, attendee_id: str) -> None:
        """Nothing to do: no signal of theirs is passed on, and the other side's page hangs up."""

    async def close(self, meeting_id: str) -> None:
        """Nothing to do: both pages hang up."""

    def make_ready(self) -> None:
        """Nothing to load."""

    def ice_servers(self, attendee_id: UUID) -> list[IceServer]:
        """STUN as it is; TURN with a name that says until when, and the proof that we wrote it (coturn's REST scheme)."""
        found = [IceServer(urls=self._stun)] if self._stun else []
        if self._turn:
            name = f"{int(clock.now().timestamp()) + TURN_SECONDS}:{attendee_id}"
            proof = base64.b64encode(hmac.digest(self._secret, name.encode(), sha1)).decode()
            found.append(IceServer(urls=self._turn, username=name, credential=proof))
        return found
