"""The cast and the portal of the appointment tests, and a video visit that begins in five minutes."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from portal import db
from tests.appointments.conftest import Cast, app, booked, cast, client, get, post
from tests.factories import Person

__all__ = ["app", "cast", "client", "visit"]

SDP = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
OFFER = {"type": "offer", "data": {"sdp": SDP}}
CANDIDATE = {"type": "ice-candidate", "data": {"candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host", "sdpMid": "0"}}


@dataclass
class Visit:
    """One video visit of the cast."""

    client: httpx.AsyncClient
    cast: Cast
    appointment_id: UUID
    session_id: UUID

    @property
    def path(self) -> str:
        return f"/video/sessions/{self.session_id}"

    async def act(self, who: Person, action: str, body: Any = None) -> httpx.Response:
        return await post(self.client, who, f"{self.path}/{action}", body)

    async def join(self, who: Person, **body: Any) -> dict[str, Any]:
        answer = await self.act(who, "join", body or None)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def look(self, who: Person, what: str = "", **query: Any) -> Any:
        answer = await get(self.client, who, self.path + what, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def both_in(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return await self.join(self.cast.patient), await self.join(self.cast.doctor)

    async def states(self) -> tuple[str, str]:
        """Of the session and of its appointment."""
        sql = "SELECT v.status, a.status FROM video_session v JOIN appointment a ON a.id = v.appointment_id WHERE v.id = $1"
        row = await db.fetch_row(sql, self.session_id)
        return row[0], row[1]

    async def row(self) -> Any:
        return await db.fetch_row("SELECT * FROM video_session WHERE id = $1", self.session_id)

    async def trail(self) -> list[str]:
        sql = "SELECT event_type FROM video_event WHERE video_session_id = $1 ORDER BY at, id"
        return [row["event_type"] for row in await db.fetch(sql, self.session_id)]

    async def begin_in(self, minutes: float, lasts: float = 15) -> None:
        """Move visit and session to so many minutes from now."""
        begin, end = timedelta(minutes=minutes), timedelta(minutes=minutes + lasts)
        for sql in (
            "UPDATE appointment SET starts_at = clock_timestamp() + $2, ends_at = clock_timestamp() + $3 WHERE id = $1",
            "UPDATE video_session SET scheduled_start_time = clock_timestamp() + $2,"
            " scheduled_end_time = clock_timestamp() + $3 WHERE appointment_id = $1",
        ):
            await db.execute(sql, self.appointment_id, begin, end)

    async def silent_for(self, who: Person, seconds: float) -> None:
        """As if nothing had been heard of somebody for so long."""
        sql = (
            "UPDATE video_attendee SET last_seen_at = clock_timestamp() - $3::interval"
            " WHERE video_session_id = $1 AND account_id = $2"
        )
        await db.execute(sql, self.session_id, who.id, timedelta(seconds=seconds))


async def make_visit(client: httpx.AsyncClient, cast: Cast, **more: Any) -> Visit:
    made = await booked(client, cast, appointment_type="VIRTUAL", **more)
    visit = Visit(client, cast, UUID(made["id"]), UUID(made["video_session_id"]))
    await visit.begin_in(5)
    return visit


@pytest.fixture
async def visit(client: httpx.AsyncClient, cast: Cast) -> Visit:
    return await make_visit(client, cast)
