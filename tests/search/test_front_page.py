"""What the front page offers before anybody has typed a word."""

from datetime import timedelta

import httpx
import pytest

from portal import db
from portal.search import queries
from tests import factories as make

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]


async def test_a_specialty_stays_popular_when_its_next_free_time_begins(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the hint is raised to the time after that, or for good where no worker does it."""
    monkeypatch.setattr(queries, "REMEMBERED_SECONDS", -1.0)
    specialty = await make.specialty()
    doctor = await make.doctor(specialty_id=specialty)
    await make.slot(doctor.id)
    for begun in (timedelta(hours=-1), timedelta(minutes=1)):
        await db.execute(
            "UPDATE doctor_next_free SET not_before = now() - $2::interval WHERE doctor_id = $1", doctor.id, begun
        )
        assert f"/doctors?specialty_id={specialty}" in (await client.get("/")).text
