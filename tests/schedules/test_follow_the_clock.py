"""A clinic or a doctor gets another time zone: the sessions stay at their hours on the wall, so their slots move."""

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import pytest

from portal import db
from portal.schedules import actions
from tests.appointments.conftest import Cast, app, appointment_row, book, cast, client
from tests.factories import Person
from tests.schedules.test_change_session import HORIZON, attention, new

__all__ = ["app", "cast", "client"]

pytestmark = pytest.mark.anyio
KOLKATA = "Asia/Kolkata"
COMING = "SELECT * FROM slot WHERE session_id = $1 ORDER BY starts_at"


async def session(who: Person, clinic_id: UUID | None, first: int, last: int) -> UUID:
    hours = {"session_start_time": datetime.min.time().replace(hour=first),
             "session_end_time": datetime.min.time().replace(hour=last)}  # fmt: skip
    made = new(who, clinic_id=clinic_id, max_queue_size=4 * (last - first), **hours)
    return (await actions.create_session(who.actor, made, HORIZON)).id


def walls(slots: list[Any], zone: str) -> list[str]:
    return sorted({f"{one['starts_at'].astimezone(ZoneInfo(zone)):%H:%M}" for one in slots})


async def change(client: httpx.AsyncClient, who: Person, path: str, zone: str) -> None:
    method = "PUT" if path.startswith("/profiles") else "PATCH"
    answer = await client.request(method, f"/api{path}", headers=who.bearer, json={"time_zone": zone})
    assert answer.status_code == 200, answer.text


async def test_the_slots_of_a_clinic_follow_its_clock(client: httpx.AsyncClient, cast: Cast) -> None:
    """Two sessions follow each other: neither is in the other's way while both move."""
    sessions = [await session(cast.doctor, cast.clinic_id, first, first + 3) for first in (9, 12)]
    own = await session(cast.doctor, None, 20, 21)
    before = [await db.fetch(COMING, one) for one in (*sessions, own)]
    zone = await db.fetch_value("SELECT time_zone FROM clinic WHERE id = $1", cast.clinic_id)
    near = "Africa/Lagos"  # an hour ahead, all year
    assert zone == "UTC"
    await change(client, cast.admin, f"/clinics/{cast.clinic_id}", near)
    after = [await db.fetch(COMING, one) for one in (*sessions, own)]
    assert [walls(one, near) for one in after[:2]] == [walls(one, zone) for one in before[:2]]
    assert [len(one) for one in after] == [len(one) for one in before]
    assert {row["time_zone"] for one in after[:2] for row in one} == {near}
    assert after[2] == before[2], "the doctor's own practice hangs by another clock"


@pytest.mark.parametrize("path", ["/auth/me", "/profiles/{id}"])
async def test_the_slots_of_a_practice_follow_its_doctor(client: httpx.AsyncClient, cast: Cast, path: str) -> None:
    own, at_clinic = await session(cast.doctor, None, 9, 12), await session(cast.doctor, cast.clinic_id, 14, 15)
    zone, clinics = cast.doctor.actor.time_zone, await db.fetch(COMING, at_clinic)
    before = await db.fetch(COMING, own)
    await change(client, cast.doctor, path.format(id=cast.doctor.id), KOLKATA)
    after = await db.fetch(COMING, own)
    assert walls(after, KOLKATA) == walls(before, zone) and len(after) == len(before)
    assert {row["starts_at"] for row in after}.isdisjoint({row["starts_at"] for row in before})
    assert await db.fetch(COMING, at_clinic) == clinics


async def test_a_zone_that_stays_remakes_nothing(client: httpx.AsyncClient, cast: Cast) -> None:
    own = await session(cast.doctor, None, 9, 12)
    before = await db.fetch(COMING, own)
    await change(client, cast.doctor, "/auth/me", cast.doctor.actor.time_zone)
    assert await db.fetch(COMING, own) == before


async def test_booked_visits_stay_and_their_patients_are_told(client: httpx.AsyncClient, cast: Cast) -> None:
    own = await session(cast.doctor, None, 9, 12)
    before = await db.fetch(COMING, own)
    slot = before[0]
    booking = await book(client, cast.patient, slot["id"], appointment_type="VIRTUAL")
    assert booking.status_code == 201, booking.text
    visit = UUID(booking.json()["id"])
    await change(client, cast.doctor, "/auth/me", KOLKATA)
    row = await appointment_row(visit)
    assert (row["status"], row["starts_at"], await attention(visit)) == (
        "BOOKED",
        slot["starts_at"],
        "SCHEDULE_CHANGED",
    )
    told = "SELECT count(*) FROM notification WHERE account_id = $1 AND kind = 'appointment.schedule_changed'"
    assert await db.fetch_value(told, cast.patient.id) == 1
    free = [one for one in await db.fetch(COMING, own) if one["appointment_id"] is None]
    assert walls(free, KOLKATA)[0] == "09:00" and len(free) == len(before) - 1
