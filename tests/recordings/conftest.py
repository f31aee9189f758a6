"""A video visit whose two people are in the room, and ways to record it."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.appointments.conftest import Cast, app, cast, client, get, post
from tests.factories import Person
from tests.video.conftest import Visit, make_visit

__all__ = ["app", "cast", "client"]

WEBM = b"\x1a\x45\xdf\xa3" + b"first piece"


class Recorded(Visit):
    """A visit with its recording."""

    async def step(self, who: Person, action: str) -> httpx.Response:
        return await post(self.client, who, f"{self.path}/recording", {"action": action})

    async def both_agree(self) -> None:
        for who in (self.cast.doctor, self.cast.patient):
            assert (await self.step(who, "CONSENT")).status_code == 200

    async def begun(self) -> str:
        """The id of a recording that runs."""
        await self.both_agree()
        answer = await self.step(self.cast.doctor, "START")
        assert answer.status_code == 200, answer.text
        return str(answer.json()["recordings"][-1]["id"])

    async def send(self, who: Person, recording: str, number: int, content: bytes) -> httpx.Response:
        path = f"/api{self.path}/recording/{recording}/pieces/{number}"
        return await self.client.post(path, headers=who.bearer, files={"file": ("piece", content)})

    async def fetch(self, who: Person, recording: str) -> httpx.Response:
        return await get(self.client, who, f"{self.path}/recording/{recording}")

    async def state(self, who: Person) -> dict[str, Any]:
        return await self.look(who, "/recording")


@pytest.fixture
async def visit(client: httpx.AsyncClient, cast: Cast) -> Recorded:
    made = await make_visit(client, cast)
    found = Recorded(client, cast, made.appointment_id, made.session_id)
    await found.both_in()
    return found


UNKNOWN = str(uuid4())
