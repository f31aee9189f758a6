"""A visit that has begun, a catalogue, two pharmacies, and what a doctor prescribes in it."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import pytest

from portal import db
from portal.ids import uuid7
from tests import factories
from tests.appointments.conftest import Cast, app, cast, client, get, post
from tests.factories import Person

_numbers = count(1)

__all__ = ["app", "cast", "client"]


@dataclass
class Stage:
    """The cast with a visit under way, and pharmacists of two pharmacies."""

    cast: Cast
    visit: UUID
    pharmacy: UUID
    other_pharmacy: UUID
    pharmacist: Person
    other_pharmacist: Person
    medicine: UUID

    @property
    def doctor(self) -> Person:
        return self.cast.doctor

    @property
    def patient(self) -> Person:
        return self.cast.patient


@pytest.fixture
async def stage(cast: Cast) -> Stage:
    return await stage_of(cast)


async def stage_of(cast: Cast) -> Stage:
    here, there = await pharmacy(), await pharmacy()
    role = factories.Role.PHARMACY
    return Stage(
        cast=cast,
        visit=await visit(cast.patient.id, cast.doctor.id, cast.clinic_id),
        pharmacy=here,
        other_pharmacy=there,
        pharmacist=await factories.person(role, pharmacy_id=here),
        other_pharmacist=await factories.person(role, pharmacy_id=there),
        medicine=await medicine(),
    )


async def pharmacy(name: str = "", **more: Any) -> UUID:
    pharmacy_id = uuid7()
    await db.execute(
        "INSERT INTO pharmacy (id, name, city, time_zone, latitude, longitude) VALUES ($1, $2, 'Berlin', 'UTC', $3, $4)",
        pharmacy_id, name or f"Pharmacy {pharmacy_id.hex[-6:]}", more.get("latitude", 52.51), more.get("longitude", 13.4),
    )  # fmt: skip
    return pharmacy_id


async def medicine(name: str = "Amoxil", ingredient: str = "amoxicillin", **more: Any) -> UUID:
    item_id = uuid7()
    await db.execute(
        "INSERT INTO catalog_item (id, name, active_ingredient, form, strength, unit_type, max_daily)"
        " VALUES ($1, $2, $3, 'tablets', $4, $6, $5)",
        item_id, f"{name} {item_id.hex[-6:]}", ingredient, more.get("strength", "500 mg"), more.get("max_daily"),
        more.get("unit_type", "TABLETS"),
    )  # fmt: skip
    return item_id


async def visit(patient_id: UUID, doctor_id: UUID, clinic_id: UUID | None, status: str = "IN_PROGRESS") -> UUID:
    appointment_id = uuid7()
    start = factories.tomorrow_at(0) - timedelta(minutes=20 * next(_numbers))  # no two at the same time
    await db.execute(
        "INSERT INTO appointment (id, patient_id, doctor_id, clinic_id, date, starts_at, ends_at, time_zone,"
        " appointment_type, status, booked_by) VALUES ($1, $2, $3, $4, $5, $6, $7, 'UTC', 'IN_PERSON', $8, $2)",
        appointment_id, patient_id, doctor_id, clinic_id, start.date(), start, start + timedelta(minutes=15), status,
    )  # fmt: skip
    return appointment_id


def item(**more: Any) -> dict[str, Any]:
    """One medicine in words: 1 tablet three times a day for a week."""
    given: dict[str, Any] = {
        "drug_name": "Paracetamol", "strength": "500 mg", "form": "tablets", "dose": 1, "dose_unit": "TABLETS",
        "frequency": "THREE_TIMES_DAILY", "duration_days": 7, "quantity": 21, "unit": "TABLETS",
        "instructions": "With water.", "refills_allowed": 0,
    }  # fmt: skip
    return {name: value for name, value in {**given, **more}.items() if value is not None}


def order(stage: Stage, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"appointment_id": str(stage.visit), "items": list(items) or [item()], **more}


async def issued(client: httpx.AsyncClient, stage: Stage, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = await post(client, stage.doctor, "/prescriptions", order(stage, *items, **more))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def row_of(prescription_id: UUID | str) -> Any:
    return await db.fetch_row("SELECT * FROM prescription WHERE id = $1", prescription_id)


async def dispense(prescription_id: UUID | str, amount: Decimal | int, status: str) -> None:
    """As a counter leaves it: so much of the first item was given out."""
    await db.execute(
        "UPDATE prescription_item SET dispensed = $2 WHERE prescription_id = $1 AND position = 1",
        prescription_id, Decimal(amount),
    )  # fmt: skip
    await db.execute("UPDATE prescription SET status = $2 WHERE id = $1", prescription_id, status)


async def allergic(patient_id: UUID, *substances: str) -> None:
    found = [{"substance": one, "severity": "SEVERE"} for one in substances]
    await db.execute("UPDATE patient SET allergies = $2 WHERE account_id = $1", patient_id, found)


__all__ += ["get", "post"]
