"""A doctor's session that is going on at this moment, at noon on the clinic's clock, and people with numbers in it."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest

from portal import db
from portal.ids import uuid7
from tests import factories
from tests.appointments.conftest import Cast, app, cast, client, get, post
from tests.factories import Person

__all__ = ["app", "cast", "client", "morning"]

SLOT = """
INSERT INTO slot (id, doctor_id, session_id, clinic_id, date, position, starts_at, ends_at, local_start, time_zone,
    service_type, overflow, appointment_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'BOTH', $11, $12)
"""
VISIT = """
INSERT INTO appointment (id, slot_id, patient_id, doctor_id, clinic_id, session_id, date, starts_at, ends_at, time_zone,
    appointment_type, status, booked_by, queue_position, overflow, checked_in_at, queue_rank, actual_start_time, actual_end_time)
SELECT $2, id, $3, doctor_id, clinic_id, session_id, date, starts_at, ends_at, time_zone, 'IN_PERSON', $4, $3, position,
    overflow, $5, CASE WHEN $4 <> 'BOOKED' THEN position END, $6, $7 FROM slot WHERE id = $1
"""


def noon_zone() -> str:
    """A zone in which it is about noon now, so that no test of today runs into midnight."""
    ahead = 12 - datetime.now(UTC).hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


@dataclass
class Morning:
    """A session of today: `visits` and `people` by number."""

    client: httpx.AsyncClient
    cast: Cast
    session_id: UUID
    day: date
    begin: datetime
    zone: str
    people: dict[int, Person] = field(default_factory=dict)
    visits: dict[int, UUID] = field(default_factory=dict)

    async def book(self, number: int, status: str = "BOOKED", **more: Any) -> UUID:
        """A visit at a number, made by plain SQL."""
        person = more.get("who") or await factories.patient(first_name=more.get("name", f"Number{number}"))
        visit_id = uuid7()
        wanted = "SELECT id FROM slot WHERE session_id = $1 AND position = $2"
        slot_id = await db.fetch_value(wanted, self.session_id, number)
        now = datetime.now(UTC)
        there = None if status == "BOOKED" else more.get("checked_in_at", now - timedelta(minutes=5))
        began = more.get("began", now - timedelta(minutes=5)) if status in ("IN_PROGRESS", "COMPLETED") else None
        ended = more.get("ended", now - timedelta(minutes=1)) if status == "COMPLETED" else None
        await db.execute(VISIT, slot_id, visit_id, person.id, status, there, began, ended)
        await db.execute("UPDATE slot SET appointment_id = $2 WHERE id = $1", slot_id, visit_id)
        for was, became in ((None, "BOOKED"), *((("BOOKED", status),) if status != "BOOKED" else ())):
            await db.execute(
                "INSERT INTO appointment_history (appointment_id, actor_id, from_status, to_status) VALUES ($1, $2, $3, $4)",
                visit_id, person.id, was, became,
            )  # fmt: skip
        self.people[number], self.visits[number] = person, visit_id
        return visit_id

    async def act(self, who: Person, number: int, action: str, body: Any = None) -> httpx.Response:
        return await post(self.client, who, f"/appointments/{self.visits[number]}/{action}", body)

    async def queue(self, who: Person, action: str, **body: Any) -> httpx.Response:
        return await post(
            self.client, who, f"/sessions/{self.session_id}/queue/{action}", {"date": str(self.day), **body}
        )

    async def call(self, who: Person | None = None) -> int | str:
        """The number that is called, or the code of the refusal."""
        answer = await self.queue(who or self.cast.doctor, "call-next")
        return answer.json()["queue_position"] if answer.status_code == 200 else answer.json()["code"]

    async def board(self, who: Person | None = None) -> dict[str, Any]:
        path = f"/sessions/{self.session_id}/queue"
        answer = await get(self.client, who or self.cast.admin, path, date=str(self.day))
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def place(self, number: int, **query: Any) -> dict[str, Any]:
        answer = await get(self.client, self.people[number], f"/appointments/{self.visits[number]}/queue", **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def row(self, number: int) -> Any:
        return await db.fetch_row("SELECT * FROM appointment WHERE id = $1", self.visits[number])

    async def waiting(self) -> list[int]:
        return [one["queue_position"] for one in (await self.board())["waiting"]]


async def begun(
    client: httpx.AsyncClient, cast: Cast, *, ago: int = 30, places: int = 8, minutes: int = 15, overflow: int = 0
) -> Morning:
    """A session that began so many minutes ago; its last `overflow` places come after hours."""
    zone = noon_zone()
    await db.execute("UPDATE clinic SET time_zone = $2 WHERE id = $1", cast.clinic_id, zone)
    begin = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=ago)
    local = begin.astimezone(ZoneInfo(zone))
    end = local + timedelta(minutes=minutes * (places - overflow))
    session_id = await factories.session(
        cast.doctor.id,
        cast.clinic_id,
        day=local.date(),
        start=local.time(),
        end=end.time(),
        places=places,
        minutes=minutes,
    )
    for number in range(places):
        start = begin + timedelta(minutes=minutes * number)
        await db.execute(
            SLOT, uuid7(), cast.doctor.id, session_id, cast.clinic_id, local.date(), number + 1, start,
            start + timedelta(minutes=minutes), start.astimezone(ZoneInfo(zone)).time(), zone, number >= places - overflow, None,
        )  # fmt: skip
    return Morning(client, cast, session_id, local.date(), begin, zone)


@pytest.fixture
async def morning(client: httpx.AsyncClient, cast: Cast) -> Morning:
    """Eight places of a quarter of an hour, the third just beginning; nobody has booked yet."""
    return await begun(client, cast)
