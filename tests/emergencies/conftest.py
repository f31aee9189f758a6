"""The whole portal in this process, a patient in need, and doctors near and far."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar

from portal import db
from tests import factories
from tests.clients import app, client
from tests.factories import Person

__all__ = ["app", "client"]

HERE = {"latitude": 52.52, "longitude": 13.405}  # Berlin


@dataclass
class Cast:
    specialty_id: UUID
    clinic_id: UUID
    patient: Person
    near: Person  # of the specialty, in Berlin
    far: Person  # of the specialty, in Hamburg
    other: Person  # of another specialty, in Berlin
    away: Person  # of the specialty, not available
    admin: Person
    stranger: Person


@pytest.fixture
async def cast(app: Litestar) -> Cast:
    """New people for each test; nobody else is available."""
    await db.execute("UPDATE doctor SET availability_status = 'UNAVAILABLE'")
    await db.execute("UPDATE emergency SET status = 'CANCELLED' WHERE status = 'OPEN'")
    berlin = await factories.clinic()
    hamburg = await factories.clinic(city="Hamburg", latitude=53.55, longitude=9.99)
    specialty_id = await factories.specialty()
    own = {"specialty_id": specialty_id}
    found = Cast(
        specialty_id=specialty_id,
        clinic_id=berlin,
        patient=await factories.patient(first_name="Paula", time_zone="Asia/Kolkata"),
        near=await factories.doctor(clinic_ids=[berlin], first_name="Nora", **own),
        far=await factories.doctor(clinic_ids=[hamburg], **own),
        other=await factories.doctor(clinic_ids=[berlin]),
        away=await factories.doctor(clinic_ids=[berlin], **own),
        admin=await factories.person(factories.Role.CLINIC_ADMIN, clinic_ids=[berlin]),
        stranger=await factories.patient(),
    )
    await available(found.near, found.far, found.other)
    return found


async def available(*doctors: Person, status: str = "AVAILABLE") -> None:
    for one in doctors:
        await db.execute("UPDATE doctor SET availability_status = $2 WHERE account_id = $1", one.id, status)


async def call(client: httpx.AsyncClient, cast: Cast, **more: Any) -> httpx.Response:
    """The patient calls for help from Berlin."""
    body = {"description": "chest pain", "specialty_id": str(cast.specialty_id), **HERE, **more}
    return await client.post("/api/emergencies", headers=cast.patient.bearer, json=body)


async def open_call(client: httpx.AsyncClient, cast: Cast, **more: Any) -> str:
    answer = await call(client, cast, **more)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def do(client: httpx.AsyncClient, who: Person, emergency: str, verb: str) -> httpx.Response:
    return await client.post(f"/api/emergencies/{emergency}/{verb}", headers=who.bearer)


async def listed(client: httpx.AsyncClient, who: Person) -> list[dict[str, Any]]:
    answer = await client.get("/api/emergencies", headers=who.bearer)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["emergencies"])


async def status_of(doctor: Person) -> str:
    return str(await db.fetch_value("SELECT availability_status FROM doctor WHERE account_id = $1", doctor.id))


async def history(emergency: str) -> list[tuple[str | None, str, UUID | None]]:
    sql = "SELECT from_status, to_status, actor_id FROM emergency_history WHERE emergency_id = $1 ORDER BY at"
    return [tuple(row.values()) for row in await db.fetch(sql, UUID(emergency))]


async def told(who: Person) -> list[str]:
    """What kinds of lines stand in somebody's list about calls for help."""
    sql = "SELECT kind FROM notification WHERE account_id = $1 AND kind LIKE 'emergency.%' ORDER BY created_at, id"
    return [row["kind"] for row in await db.fetch(sql, who.id)]
