"""The whole portal, and a morning at a clinic that has just been cancelled."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar

from portal import db
from portal.repairs.schemas import NewRepair, RepairKind
from portal.schedules import actions as schedules
from portal.schedules.schemas import NewOverride, OverrideKind
from portal.slots.actions import make_missing
from tests import factories as make
from tests.clients import app, client
from tests.slots.conftest import book

__all__ = ["app", "client"]

HORIZON = 30
ALTERNATIVE, LATER, VIDEO, CANCEL = (NewRepair(kind=kind) for kind in RepairKind)


@dataclass
class Broken:
    """A doctor's morning of `day` with visits of `patients`; `colleague` has the same specialty at the same clinic."""

    clinic_id: UUID
    doctor: make.Person
    colleague: make.Person
    admin: make.Person
    far_admin: make.Person
    patients: list[make.Person]
    visits: list[UUID]
    session_id: UUID
    day: date

    async def cancel(self) -> None:
        """The morning does not take place."""
        off = NewOverride(date=self.day, kind=OverrideKind.CANCELLED)
        await schedules.add_override(self.doctor.actor, self.session_id, off, HORIZON)

    async def patients_hear_nothing_more(self) -> None:
        """The schedule changes once more, which concerns nobody whose visit was repaired."""
        off = NewOverride(date=self.day + timedelta(days=7), kind=OverrideKind.CANCELLED)
        await schedules.add_override(self.doctor.actor, self.session_id, off, HORIZON)


async def a_day(patients: int = 2, *, zone: str = "UTC", day: date | None = None, **more: Any) -> Broken:
    """People with visits on a morning that takes place: of 12 places the first are theirs, the 13th is after hours."""
    clinic_id, specialty = await make.clinic(zone), await make.specialty()
    on = day or date.today() + timedelta(days=3)
    doctor, colleague = [await make.doctor(clinic_ids=[clinic_id], specialty_id=specialty) for _ in range(2)]
    session_id = await make.session(doctor.id, clinic_id, day=on, places=13, **more)
    far = (on - date.today()).days + 15
    await make_missing(doctor.id, max(far, HORIZON))
    people = [await make.patient(first_name=f"Pat{n}") for n in range(patients)]
    slots = await db.fetch(
        "SELECT id FROM slot WHERE session_id = $1 AND date = $2 ORDER BY position LIMIT $3", session_id, on, patients
    )
    visits = [await book(slot["id"], who.id) for slot, who in zip(slots, people, strict=True)]
    for visit, who in zip(visits, people, strict=True):
        await db.execute(
            "INSERT INTO appointment_history (appointment_id, actor_id, to_status) VALUES ($1, $2, 'BOOKED')",
            visit,
            who.id,
        )
    role = make.Role.CLINIC_ADMIN
    return Broken(
        clinic_id=clinic_id, doctor=doctor, colleague=colleague, admin=await make.person(role, clinic_ids=[clinic_id]),
        far_admin=await make.person(role, clinic_ids=[await make.clinic()]), patients=people, visits=visits,
        session_id=session_id, day=on,
    )  # fmt: skip


@pytest.fixture
async def broken(app: Litestar) -> Broken:
    """Two visits on a morning that has been cancelled."""
    found = await a_day()
    await found.cancel()
    return found


async def colleague_at(broken: Broken, hour: int, days: int = 4, **more: Any) -> UUID:
    """A free time of the colleague at the clinic, so many days from now."""
    return await make.slot(
        broken.colleague.id, make.tomorrow_at(hour, days), clinic_id=broken.clinic_id, service_type="BOTH", **more
    )


async def visit_of(appointment_id: UUID) -> Any:
    return await db.fetch_row("SELECT * FROM appointment WHERE id = $1", appointment_id)


async def slot_row(slot_id: UUID | None) -> Any:
    return await db.fetch_row("SELECT *, held_until > clock_timestamp() AS held FROM slot WHERE id = $1", slot_id)
