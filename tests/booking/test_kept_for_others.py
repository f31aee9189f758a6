"""The first doctor who is free now is nobody of whom others have kept a time, and nobody who is in a call."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from portal import clock, db
from portal.booking import statements
from portal.settings import Settings
from portal.video.statements import LOCK_DOCTOR
from tests import catalogue, factories
from tests.appointments.conftest import Cast, book, post
from tests.booking.test_book_first_available import ask, available
from tests.clients import published
from tests.slots.conftest import end_hold, row_of

pytestmark = pytest.mark.anyio

HOLD = "UPDATE slot SET held_by = $2, held_until = clock_timestamp() + interval '5 minutes' WHERE id = $1"
AGAIN = "AND NOT EXISTS (SELECT FROM crossed k WHERE " + statements._KEPT.replace("{slot}", "k") + ")"
CALL = """
INSERT INTO video_session (id, booking_type, doctor_id, patient_id, scheduled_start_time, scheduled_end_time, status)
SELECT gen_random_uuid(), 'DIRECT_DOCTOR', $1, $2, t, t + interval '30 minutes', $4 FROM (SELECT clock_timestamp() + $3 AS t) n
"""


async def soon(cast: Cast, minutes: int = 5) -> UUID:
    await available(cast.doctor)
    return await factories.slot(cast.doctor.id, clock.now() + timedelta(minutes=minutes), clinic_id=cast.clinic_id)


async def code(client: httpx.AsyncClient, who: factories.Person, cast: Cast) -> str:
    answer = await ask(client, who, cast)
    return str(answer.json()["code"]) if answer.status_code != 201 else "booked"


async def test_a_kept_time_stays_its_holders(client: httpx.AsyncClient, cast: Cast) -> None:
    slot = await soon(cast)
    assert (await post(client, cast.other_patient, f"/slots/{slot}/hold")).is_success
    assert await code(client, cast.patient, cast) == "no_doctor_available"
    assert not (await row_of(slot))["disabled"]
    await available(cast.other_doctor)  # whose times nobody has kept
    assert (await ask(client, cast.patient, cast)).json()["doctor_id"] == str(cast.other_doctor.id)
    assert (await book(client, cast.other_patient, slot)).status_code == 201


async def test_what_is_kept_for_a_repair_stays_too(client: httpx.AsyncClient, cast: Cast) -> None:
    slot = await soon(cast)
    await db.execute(HOLD, slot, cast.doctor.id)  # the doctor's own, as repairs keep it
    assert await code(client, cast.patient, cast) == "no_doctor_available"


async def test_a_hold_of_ones_own_or_one_that_is_over_is_not_in_the_way(
    client: httpx.AsyncClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot, later = await soon(cast), await soon(cast, 10 + 15)
    assert (await post(client, cast.other_patient, f"/slots/{slot}/hold")).is_success
    await end_hold(slot)
    with published(monkeypatch) as told:
        visit = (await ask(client, cast.patient, cast)).json()
    row = await row_of(slot)
    assert (row["disabled"], row["held_by"], row["closed_for"]) == (True, None, UUID(visit["id"]))
    assert (f"slots:{cast.doctor.id}:{row['date']}", "slot.disabled") in told
    assert (await row_of(later))["closed_for"] is None
    await post(client, cast.patient, f"/appointments/{visit['id']}/cancel", {"reason": "x"})
    assert (await post(client, cast.patient, f"/slots/{slot}/hold")).is_success  # it is open again
    assert await code(client, cast.patient, cast) == "booked"


@asynccontextmanager
async def being_held(settings: Settings, slot: UUID, holder: UUID) -> AsyncIterator[None]:
    """Somebody is just keeping a time, and has it when this is left."""
    other = await asyncpg.connect(settings.database_url)
    try:
        async with other.transaction():
            await other.execute(HOLD, slot, holder)
            yield
    finally:
        await other.close()


async def meets(settings: Settings, cast: Cast, slot: UUID, asked: Callable[[], Awaitable[Any]]) -> Any:
    """Asks while the hold is being written, so that the answer waits for it."""
    async with being_held(settings, slot, cast.other_patient.id):
        waiting = asyncio.ensure_future(asked())
        await asyncio.sleep(0.7)
        assert not waiting.done()
    return await waiting


@pytest.mark.race
async def test_a_hold_that_comes_while_it_waits_stays(
    client: httpx.AsyncClient, cast: Cast, settings: Settings
) -> None:
    slot = await soon(cast)
    answer = await meets(settings, cast, slot, lambda: code(client, cast.patient, cast))
    row = await row_of(slot)
    assert (answer, row["held_by"], row["disabled"]) == ("no_doctor_available", cast.other_patient.id, False)


@pytest.mark.race
async def test_the_naive_twin_closes_it(
    client: httpx.AsyncClient, cast: Cast, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks for holds once, before it waits."""
    assert AGAIN in statements.FIRST_AVAILABLE
    monkeypatch.setattr(statements, "FIRST_AVAILABLE", statements.FIRST_AVAILABLE.replace(AGAIN, ""))
    slot = await soon(cast)
    answer = await meets(settings, cast, slot, lambda: code(client, cast.patient, cast))
    catalogue.figure("A1", f"naive twin of first free now, looking for holds once: {answer}, the kept time is closed")
    assert (answer, (await row_of(slot))["disabled"]) == ("booked", True)


async def test_who_is_in_a_call_or_will_be_is_not_given(client: httpx.AsyncClient, cast: Cast) -> None:
    await available(cast.doctor)
    for start, status in ((8, "SCHEDULED"), (-5, "WAITING"), (-45, "ACTIVE"), (13, "ACTIVE")):
        await db.execute("UPDATE video_session SET status = 'CANCELLED' WHERE doctor_id = $1", cast.doctor.id)
        await db.execute(CALL, cast.doctor.id, cast.other_patient.id, timedelta(minutes=start), status)
        assert await code(client, cast.patient, cast) == "no_doctor_available", (start, status)
    await db.execute("UPDATE video_session SET status = 'COMPLETED' WHERE doctor_id = $1", cast.doctor.id)
    await db.execute(CALL, cast.doctor.id, cast.other_patient.id, timedelta(minutes=40), "SCHEDULED")
    assert await code(client, cast.patient, cast) == "booked"


@pytest.mark.race
@pytest.mark.parametrize(("lock", "answer"), [(LOCK_DOCTOR, "no_doctor_available"), ("SELECT $1::uuid", "booked")])
async def test_a_call_that_is_just_arranged(
    client: httpx.AsyncClient, cast: Cast, settings: Settings, lock: str, answer: str
) -> None:
    """Whoever arranges it has the doctor's row; the naive twin, who has not, is not seen before it is too late."""
    await available(cast.doctor)
    other = await asyncpg.connect(settings.database_url)
    try:
        async with other.transaction():
            await other.execute("SELECT set_config('app.role', 'PORTAL', true)")
            await other.execute(lock, cast.doctor.id)
            await other.execute(CALL, cast.doctor.id, cast.other_patient.id, timedelta(minutes=5), "SCHEDULED")
            assert await code(client, cast.patient, cast) == answer
    finally:
        await other.close()


async def test_a_patient_in_a_call_of_their_own_is_busy(client: httpx.AsyncClient, cast: Cast) -> None:
    await available(cast.doctor)
    await db.execute(CALL, cast.other_doctor.id, cast.patient.id, timedelta(minutes=8), "SCHEDULED")
    spare = await factories.slot(cast.doctor.id, factories.tomorrow_at(9))
    answer = await ask(client, cast.patient, cast)
    assert (answer.status_code, answer.json()["code"]) == (409, "patient_busy")
    assert [one["slot_id"] for one in answer.json()["alternatives"]] == [str(spare)]
    status = "SELECT availability_status FROM doctor WHERE account_id = $1"
    assert await db.fetch_value(status, cast.doctor.id) == "AVAILABLE"
    busy = "SELECT busy_times($1) @> clock_timestamp() + interval '20 minutes'"
    assert await db.fetch_value(busy, cast.patient.id)
