"""The whole portal in this process, a cast with a free morning, and ways to look past it into the rows."""

from dataclasses import dataclass
from datetime import timedelta
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


@dataclass
class Cast:
    clinic_id: UUID
    specialty_id: UUID
    patient: Person
    doctor: Person
    admin: Person
    other_patient: Person
    other_doctor: Person
    other_admin: Person


@pytest.fixture
async def cast(app: Litestar) -> Cast:
    """New people for each test, so that no test meets the visits of another."""
    clinic_id, elsewhere = await factories.clinic(), await factories.clinic()
    specialty_id = await factories.specialty()
    role = factories.Role
    return Cast(
        clinic_id=clinic_id,
        specialty_id=specialty_id,
        patient=await factories.patient(first_name="Paula"),
        doctor=await factories.doctor(clinic_ids=[clinic_id], specialty_id=specialty_id, first_name="Dora"),
        admin=await factories.person(role.CLINIC_ADMIN, clinic_ids=[clinic_id]),
        other_patient=await factories.patient(first_name="Peter"),
        other_doctor=await factories.doctor(clinic_ids=[elsewhere], specialty_id=specialty_id),
        other_admin=await factories.person(role.CLINIC_ADMIN, clinic_ids=[elsewhere]),
    )


async def post(client: httpx.AsyncClient, who: Person, path: str, body: Any = None) -> httpx.Response:
    """A POST of the API; without a body when there is none."""
    extra = {"json": body} if body is not None else {}
    return await client.post(f"/api{path}", headers=who.bearer, **extra)


async def get(client: httpx.AsyncClient, who: Person, path: str, **query: Any) -> httpx.Response:
    return await client.get(f"/api{path}", headers=who.bearer, params=query)


async def book(client: httpx.AsyncClient, who: Person, slot_id: UUID, **more: Any) -> httpx.Response:
    body = {"slot_id": str(slot_id), "appointment_type": "IN_PERSON", **more}
    return await post(client, who, "/appointments", body)


async def booked(client: httpx.AsyncClient, cast: Cast, **more: Any) -> dict[str, Any]:
    """A visit of the cast's patient with its doctor at its clinic, tomorrow."""
    day = more.pop("day", 1)
    slot_id = await factories.slot(cast.doctor.id, factories.tomorrow_at(9, day), clinic_id=cast.clinic_id)
    answer = await book(client, cast.patient, slot_id, **more)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def near(appointment_id: UUID | str) -> None:
    """Let a visit begin in half an hour, so that its patient may check in."""
    sql = "UPDATE appointment SET starts_at = clock_timestamp() + $2, ends_at = clock_timestamp() + $3 WHERE id = $1"
    await db.execute(sql, appointment_id, timedelta(minutes=30), timedelta(minutes=45))


async def appointment_row(appointment_id: UUID | str) -> Any:
    return await db.fetch_row("SELECT * FROM appointment WHERE id = $1", appointment_id)


async def events_of(aggregate_id: UUID | str) -> list[tuple[str, dict[str, Any]]]:
    rows = await db.fetch(
        "SELECT event_type, data FROM outbox_event WHERE aggregate_id = $1 ORDER BY position", aggregate_id
    )
    return [(row["event_type"], row["data"]) for row in rows]


async def audit_of(subject_id: UUID | str) -> list[Any]:
    """What was done with a thing; refusals aside."""
    sql = "SELECT * FROM audit_event WHERE subject_id = $1 AND outcome = 'OK' ORDER BY at"
    return await db.fetch(sql, str(subject_id))
