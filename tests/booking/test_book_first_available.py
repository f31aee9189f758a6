"""Book the first doctor who is free now."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from litestar import Litestar

from portal import clock, db
from tests import catalogue, factories
from tests.appointments.conftest import Cast, post
from tests.factories import Person
from tests.owner import as_owner
from tests.slots.conftest import row_of

pytestmark = pytest.mark.anyio


async def ask(client: httpx.AsyncClient, who: Person, cast: Cast, **more: Any) -> httpx.Response:
    body = {"specialty_id": str(cast.specialty_id), "mode": "FIRST_AVAILABLE", "appointment_type": "VIRTUAL", **more}
    return await post(client, who, "/appointments", body)


async def available(*doctors: Person) -> None:
    for one in doctors:
        await db.execute("UPDATE doctor SET availability_status = 'AVAILABLE' WHERE account_id = $1", one.id)


async def test_doctors_take_turns(client: httpx.AsyncClient, cast: Cast) -> None:
    await available(cast.doctor, cast.other_doctor)
    first = (await ask(client, cast.patient, cast)).json()
    second = (await ask(client, cast.other_patient, cast)).json()
    assert {first["doctor_id"], second["doctor_id"]} == {str(cast.doctor.id), str(cast.other_doctor.id)}
    assert first["video_session_id"] and first["queue_position"] is None and first["clinic_id"] is None
    none = await ask(client, await factories.patient(), cast)
    assert (none.status_code, none.json()["code"]) == (409, "no_doctor_available")
    await available(cast.doctor, cast.other_doctor)
    await db.execute(
        "UPDATE appointment SET status = 'CANCELLED' WHERE doctor_id = ANY($1)", [cast.doctor.id, cast.other_doctor.id]
    )
    third = (await ask(client, await factories.patient(), cast)).json()
    assert third["doctor_id"] == first["doctor_id"]


async def test_begins_now_and_the_doctor_is_busy_until_it_ends(client: httpx.AsyncClient, cast: Cast) -> None:
    await available(cast.doctor)
    before = await db.fetch_value("SELECT clock_timestamp()")
    found = (await ask(client, cast.patient, cast)).json()
    row = await row_of(found["slot_id"])
    assert timedelta(0) <= row["starts_at"] - before < timedelta(seconds=3)
    status = "SELECT availability_status FROM doctor WHERE account_id = $1"
    assert await db.fetch_value(status, cast.doctor.id) == "BUSY"
    assert (await post(client, cast.doctor, f"/appointments/{found['id']}/start")).status_code == 200
    assert await db.fetch_value(status, cast.doctor.id) == "BUSY"
    assert (await post(client, cast.doctor, f"/appointments/{found['id']}/complete")).status_code == 200
    assert await db.fetch_value(status, cast.doctor.id) == "AVAILABLE"


async def test_keeps_clear_of_booked_times_and_closes_free_ones(client: httpx.AsyncClient, cast: Cast) -> None:
    await available(cast.doctor)
    soon = clock.now() + timedelta(minutes=5)
    slot_id = await factories.slot(cast.doctor.id, soon)
    body = {"slot_id": str(slot_id), "appointment_type": "VIRTUAL"}
    visit = (await post(client, cast.other_patient, "/appointments", body)).json()
    assert (await ask(client, cast.patient, cast)).json()["code"] == "no_doctor_available"
    await post(client, cast.other_patient, f"/appointments/{visit['id']}/cancel", {"reason": "no time"})
    assert (await ask(client, cast.patient, cast)).status_code == 201
    assert (await row_of(slot_id))["disabled"]


async def test_refusals(client: httpx.AsyncClient, cast: Cast) -> None:
    spare = await factories.slot(cast.doctor.id, factories.tomorrow_at(9))
    nobody = await ask(client, cast.patient, cast)
    assert nobody.status_code == 409 and [one["slot_id"] for one in nobody.json()["alternatives"]] == [str(spare)]
    assert (await ask(client, cast.patient, cast, specialty_id=str(uuid4()))).status_code == 404
    await available(cast.doctor)
    assert (await ask(client, cast.other_admin, cast, patient_id=str(cast.patient.id))).status_code == 409
    assert (await ask(client, cast.other_doctor, cast, patient_id=str(cast.patient.id))).status_code == 409
    assert (await ask(client, cast.admin, cast, patient_id=str(cast.patient.id))).status_code == 201


@pytest.mark.A1
@pytest.mark.race
async def test_each_doctor_is_given_once(client: httpx.AsyncClient, cast: Cast) -> None:
    doctors = [await factories.doctor(specialty_id=cast.specialty_id) for _ in range(8)]
    await available(*doctors)
    people = [await factories.patient() for _ in range(40)]
    answers = await asyncio.gather(*(ask(client, one, cast) for one in people))
    given = [one.json()["doctor_id"] for one in answers if one.status_code == 201]
    catalogue.figure("A1", f"first free now: {len(given)} of 40 callers given {len(set(given))} doctors of 8")
    assert sorted(given) == sorted(str(one.id) for one in doctors)


NEXT_DOCTOR = "SELECT id FROM naive_doctor WHERE available ORDER BY id LIMIT 1"


@pytest.mark.A1
@pytest.mark.race
async def test_the_naive_twin_gives_a_doctor_twice(app: Litestar) -> None:
    """Look who is free, then make them busy: two statements, and others between them."""
    await as_owner("CREATE TABLE naive_doctor AS SELECT id, true AS available FROM generate_series(1, 8) AS id")

    async def naive() -> int | None:
        doctor: int | None = await db.fetch_value(NEXT_DOCTOR)
        await db.execute("UPDATE naive_doctor SET available = false WHERE id = $1", doctor)
        return doctor

    given = [one for one in await asyncio.gather(*(naive() for _ in range(40))) if one]
    catalogue.figure("A1", f"naive twin of first free now: {len(given)} callers given {len(set(given))} doctors")
    assert len(given) > len(set(given))
