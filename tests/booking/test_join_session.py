"""Book the next place of a session on a date."""

import asyncio
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar

from portal import db
from tests import catalogue, factories
from tests.appointments.conftest import Cast, book, get, post
from tests.factories import Person
from tests.owner import as_owner
from tests.slots.conftest import in_parallel, row_of

pytestmark = pytest.mark.anyio
DAY = date.today() + timedelta(days=2)


async def join(
    client: httpx.AsyncClient, who: Person, session_id: UUID, day: date = DAY, **more: Any
) -> httpx.Response:
    body = {"session_id": str(session_id), "date": day.isoformat(), "appointment_type": "IN_PERSON", **more}
    return await post(client, who, "/appointments", body)


async def insist(client: httpx.AsyncClient, who: Person, session_id: UUID) -> httpx.Response:
    """Ask again where a busy machine says so, as a browser does."""
    for _try in range(20):
        answer = await join(client, who, session_id)
        if answer.status_code != 503:
            break
    return answer


@pytest.fixture
async def session_id(client: httpx.AsyncClient, cast: Cast) -> UUID:
    """09:00–10:00 with six places of 15 minutes: the last two come after hours."""
    made = await factories.session(cast.doctor.id, cast.clinic_id, day=DAY, start=time(9), end=time(10), places=6)
    await client.get(f"/api/doctors/{cast.doctor.id}/slots", params={"from": DAY.isoformat()})
    return made


async def places(session_id: UUID) -> list[UUID]:
    rows = await db.fetch("SELECT id FROM slot WHERE session_id = $1 AND date = $2 ORDER BY position", session_id, DAY)
    return [row["id"] for row in rows]


async def test_gives_the_lowest_free_place_and_later_the_one_given_back(
    client: httpx.AsyncClient, cast: Cast, session_id: UUID
) -> None:
    first, second, *_rest = await places(session_id)
    await post(client, cast.other_patient, f"/slots/{second}/hold")
    found = (await join(client, cast.patient, session_id)).json()
    assert (found["queue_position"], found["slot_id"], found["overflow"]) == (1, str(first), False)
    another = await factories.patient()
    assert (await join(client, another, session_id)).json()["queue_position"] == 3
    assert (await join(client, cast.other_patient, session_id)).json()["queue_position"] == 2
    assert (
        await post(client, cast.patient, f"/appointments/{found['id']}/cancel", {"reason": "ill"})
    ).status_code == 200
    assert (await join(client, await factories.patient(), session_id)).json()["queue_position"] == 1


async def test_places_after_hours_then_full_with_what_else_there_is(
    client: httpx.AsyncClient, cast: Cast, session_id: UUID
) -> None:
    answers = [(await join(client, await factories.patient(), session_id)).json() for _ in range(6)]
    assert [one["queue_position"] for one in answers] == [1, 2, 3, 4, 5, 6]
    assert [one["overflow"] for one in answers] == [False] * 4 + [True] * 2
    spare = await factories.slot(cast.other_doctor.id, factories.tomorrow_at(11))
    full = await join(client, cast.patient, session_id)
    assert (full.status_code, full.json()["code"]) == (409, "session_full")
    offered = full.json()["alternatives"]
    assert str(cast.doctor.id) == offered[0]["doctor_id"] and str(spare) == offered[-1]["slot_id"]


async def test_one_place_a_patient_and_none_where_they_are_elsewhere(
    client: httpx.AsyncClient, cast: Cast, session_id: UUID
) -> None:
    first = await row_of((await places(session_id))[0])
    elsewhere = await factories.slot(cast.other_doctor.id, first["starts_at"])
    assert (await book(client, cast.patient, elsewhere)).status_code == 201
    found = (await join(client, cast.patient, session_id)).json()
    assert found["queue_position"] == 2
    again = await join(client, cast.patient, session_id)
    assert (again.status_code, again.json()["code"], again.json()["appointment_id"]) == (
        409, "already_booked", found["id"],
    )  # fmt: skip


async def test_an_own_hold_that_has_ended_is_in_nobodys_way(
    client: httpx.AsyncClient, cast: Cast, session_id: UUID
) -> None:
    first = (await places(session_id))[0]
    await post(client, cast.patient, f"/slots/{first}/hold")
    await db.execute("UPDATE slot SET held_until = clock_timestamp() - interval '1 ms' WHERE id = $1", first)
    assert (await join(client, cast.patient, session_id)).json()["queue_position"] == 1


async def test_refusals(client: httpx.AsyncClient, cast: Cast, session_id: UUID) -> None:
    assert (await join(client, cast.patient, uuid4())).status_code == 404
    wrong = await join(client, cast.patient, session_id, DAY + timedelta(days=1))
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "date")
    assert (await join(client, cast.other_doctor, session_id, patient_id=str(cast.patient.id))).status_code == 404
    assert (await join(client, cast.admin, session_id, patient_id=str(cast.patient.id))).status_code == 201
    await db.execute("UPDATE slot SET service_type = 'VIRTUAL' WHERE session_id = $1", session_id)
    await db.execute("UPDATE weekly_session SET service_type = 'VIRTUAL' WHERE id = $1", session_id)
    assert (await join(client, cast.other_patient, session_id)).json()["code"] == "wrong_type"


async def test_a_day_that_nobody_has_looked_at_yet(client: httpx.AsyncClient, cast: Cast) -> None:
    fresh = await factories.session(cast.other_doctor.id, day=DAY, service_type="VIRTUAL")
    found = await join(client, cast.patient, fresh, appointment_type="VIRTUAL")
    assert (found.status_code, found.json()["queue_position"]) == (201, 1)


@pytest.mark.A9
@pytest.mark.race
async def test_many_join_at_once_without_gaps(client: httpx.AsyncClient, cast: Cast) -> None:
    made = await factories.session(cast.doctor.id, cast.clinic_id, day=DAY, start=time(13), end=time(20), places=40)
    await client.get(f"/api/doctors/{cast.doctor.id}/slots", params={"from": DAY.isoformat()})
    people = [await factories.patient() for _ in range(240)]
    answers = await in_parallel([lambda one=one: insist(client, one, made) for one in people], 24)
    numbers = sorted(one.json()["queue_position"] for one in answers if one.status_code == 201)
    codes = {one.json()["code"] for one in answers if one.status_code != 201}
    assert numbers == list(range(1, 41)) and codes == {"session_full"}
    listed = (await get(client, cast.doctor, "/appointments", limit=100)).json()
    assert listed["total"] == 40


@pytest.mark.A9
@pytest.mark.race
async def test_the_naive_twin_gives_numbers_twice(app: Litestar) -> None:
    """The last number, and one more: read, then written."""
    await as_owner("CREATE TABLE naive_place (position int)")

    async def naive() -> int | None:
        position = int(await db.fetch_value("SELECT coalesce(max(position), 0) + 1 FROM naive_place"))
        if position > 40:
            return None
        await db.execute("INSERT INTO naive_place VALUES ($1)", position)
        return position

    numbers = [one for one in await asyncio.gather(*(naive() for _ in range(240))) if one]
    catalogue.figure("A9", f"naive twin in one process: {len(numbers)} joined with {len(set(numbers))} numbers")
    assert len(numbers) > len(set(numbers))
