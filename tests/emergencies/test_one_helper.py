"""Forty doctors accept one call at once, over several processes: one gets it. The naive twin gives it to several."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from portal import db
from portal.settings import Settings
from tests import catalogue, factories
from tests.emergencies.conftest import available
from tests.faults.stage import workers
from tests.invariants import broken
from tests.owner import as_owner
from tests.portal_server import Served

pytestmark = [pytest.mark.anyio, pytest.mark.A8, pytest.mark.race]

DOCTORS, ROUNDS = 40, 25 if catalogue.FULL else 3


@pytest.fixture(scope="module")
async def portal(settings: Settings, pool: None) -> AsyncIterator[Served]:
    with workers(settings, 3) as running:
        yield running


async def test_one_of_forty_gets_it(portal: Served, settings: Settings) -> None:
    doctors = [await factories.doctor() for _ in range(DOCTORS)]
    winners = []
    limits = httpx.Limits(max_connections=DOCTORS)
    async with httpx.AsyncClient(base_url=portal.url, timeout=60, limits=limits) as client:
        for _ in range(ROUNDS):
            await available(*doctors)
            patient = await factories.patient()
            made = await client.post("/api/emergencies", headers=patient.bearer, json={"description": "help"})
            assert made.status_code == 201 and made.json()["alerted"] == DOCTORS, made.text
            path = f"/api/emergencies/{made.json()['id']}/accept"
            answers = await asyncio.gather(*(client.post(path, headers=one.bearer) for one in doctors))
            winners.append([answer.status_code for answer in answers].count(200))
            refused = {answer.json()["code"] for answer in answers if answer.status_code == 409}
            assert {answer.status_code for answer in answers} == {200, 409} and refused == {"already_accepted"}
            assert await db.fetch_value("SELECT count(*) FROM appointment WHERE patient_id = $1", patient.id) == 1
            assert await db.fetch_value("SELECT count(*) FROM doctor WHERE availability_status = 'BUSY'") == 1
    catalogue.figure(
        "A8", f"{ROUNDS} calls for help, {DOCTORS} doctors accept each at once over 3 processes: {winners} won"
    )
    assert set(winners) == {1} and not await broken(settings.database_url)


async def test_the_naive_twin_sends_several(pool: None) -> None:
    """Look whether it is open, then take it: two statements, and others between them."""
    await as_owner("CREATE TABLE naive_call (doctor int); INSERT INTO naive_call VALUES (NULL)")

    async def accept(doctor: int) -> bool:
        if await db.fetch_value("SELECT doctor FROM naive_call") is not None:
            return False
        return await db.execute("UPDATE naive_call SET doctor = $1", doctor) == 1

    won = (await asyncio.gather(*(accept(number) for number in range(DOCTORS)))).count(True)
    catalogue.figure("A8", f"naive twin of accepting: {won} of {DOCTORS} doctors won the same call")
    assert won > 1
