"""From when to when a visit really was: times that the doctor gives are held against the visit and the database's clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from portal import db
from portal.errors import Conflict
from tests.appointments.conftest import Cast, appointment_row, booked, near, post

pytestmark = pytest.mark.anyio
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
STARTED = "UPDATE appointment SET actual_start_time = clock_timestamp() - $2::interval WHERE id = $1"


async def started(client: httpx.AsyncClient, cast: Cast, ago: timedelta) -> dict[str, Any]:
    visit = await booked(client, cast)
    await near(visit["id"])
    assert (await post(client, cast.doctor, f"/appointments/{visit['id']}/start")).status_code == 200
    await db.execute(STARTED, visit["id"], ago)
    return visit


async def complete(client: httpx.AsyncClient, cast: Cast, visit: dict[str, Any], **times: datetime) -> httpx.Response:
    body = {name: moment.isoformat() for name, moment in times.items()}
    return await post(client, cast.doctor, f"/appointments/{visit['id']}/complete", body)


@pytest.mark.parametrize(
    ("field", "times"),
    [
        ("actual_start_time", {"actual_start_time": NOW + DAY}),
        ("actual_start_time", {"actual_start_time": NOW - 40 * 365 * DAY}),
        ("actual_start_time", {"actual_start_time": NOW - DAY - timedelta(minutes=1)}),
        ("actual_end_time", {"actual_end_time": NOW + DAY}),
        ("actual_end_time", {"actual_end_time": NOW - DAY}),
        ("actual_end_time", {"actual_start_time": NOW - 6 * 365 * DAY, "actual_end_time": NOW - DAY}),
        ("actual_end_time", {"actual_start_time": NOW - DAY, "actual_end_time": NOW - DAY}),
    ],
)
async def test_times_that_cannot_be(
    client: httpx.AsyncClient, cast: Cast, field: str, times: dict[str, datetime]
) -> None:
    visit = await started(client, cast, timedelta(minutes=10))
    before = await appointment_row(visit["id"])
    answer = await complete(client, cast, visit, **times)
    assert answer.status_code == 422, answer.text
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert await appointment_row(visit["id"]) == before
    assert (await complete(client, cast, visit)).status_code == 200


async def test_times_that_can_be_are_kept(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await started(client, cast, timedelta(minutes=10))
    times = {"actual_start_time": NOW - timedelta(hours=3), "actual_end_time": NOW - timedelta(hours=2)}
    assert (await complete(client, cast, visit, **times)).status_code == 200
    row = await appointment_row(visit["id"])
    assert {name: row[name] for name in times} == times


async def test_a_state_that_is_over_says_so_first(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    answer = await complete(client, cast, visit, actual_start_time=NOW + DAY)
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_status")


async def test_a_visit_that_was_forgotten_can_still_be_ended(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await started(client, cast, 3 * DAY)
    assert (await complete(client, cast, visit)).status_code == 200
    row = await appointment_row(visit["id"])
    assert row["actual_end_time"] - row["actual_start_time"] == DAY


@pytest.mark.parametrize("last", [-timedelta(minutes=1), timedelta(0), DAY + timedelta(seconds=1)])
async def test_the_database_keeps_it(client: httpx.AsyncClient, cast: Cast, last: timedelta) -> None:
    visit = await booked(client, cast)
    sql = "UPDATE appointment SET actual_start_time = now(), actual_end_time = now() + $2::interval WHERE id = $1"
    with pytest.raises(Conflict) as refused:
        await db.execute(sql, visit["id"], last)
    assert refused.value.code == "impossible_times"
