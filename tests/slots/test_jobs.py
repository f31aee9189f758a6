"""The worker's part: days come within the horizon, past times go, booked ones stay."""

from datetime import UTC, datetime, timedelta

import pytest

from portal import db
from portal.settings import Settings
from portal.slots import jobs
from tests import factories as make
from tests.slots.conftest import book, row_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]


async def test_all_doctors_with_weekly_hours_reach_the_horizon(settings: Settings) -> None:
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    doctors = [await make.doctor() for _ in range(3)]
    for doctor in doctors:
        await make.session(doctor.id, day=tomorrow)
    waiting = await make.doctor(status="PENDING_VERIFICATION")
    await make.session(waiting.id, day=tomorrow)
    for _ in range(2):
        await jobs.extend_horizons(settings)
        assert await db.fetch_value("SELECT count(*) FROM slot") == 3 * 9 * 12  # both ends of the eight weeks count
    assert await db.fetch_value("SELECT count(*) FROM slot WHERE doctor_id = $1", waiting.id) == 0


async def test_past_times_go_unless_somebody_was_seen_then(settings: Settings) -> None:
    doctor, patient = await make.doctor(), await make.patient()
    free, booked, cancelled, coming = await make.slots(doctor.id, 4)
    await book(booked, patient.id)
    appointment = await book(cancelled, patient.id)
    await db.execute("UPDATE appointment SET status = 'CANCELLED' WHERE id = $1", appointment)
    past = "UPDATE slot SET starts_at = starts_at - interval '5 days', ends_at = ends_at - interval '5 days' WHERE id = ANY($1)"
    await db.execute(past, [free, booked, cancelled])
    await jobs.delete_past_slots(settings)
    assert await row_of(free) is None
    for slot in (booked, cancelled, coming):
        assert await row_of(slot) is not None
