"""A slot whose row somebody has locked at this moment: strangers are answered at once, its holder waits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import httpx
import pytest

from portal import db
from portal.settings import Settings
from tests import factories
from tests.appointments.conftest import Cast, book

pytestmark = [pytest.mark.anyio, pytest.mark.A4]
KEEP = "UPDATE slot SET held_by = $2, held_until = clock_timestamp() + make_interval(secs => $3) WHERE id = $1"


@asynccontextmanager
async def locked(settings: Settings, slot_id: UUID) -> AsyncIterator[None]:
    """As another process would have it that looks at the row and then leaves it as it was."""
    other = await asyncpg.connect(settings.database_url)
    try:
        async with other.transaction():
            await other.execute("SELECT FROM slot WHERE id = $1 FOR NO KEY UPDATE", slot_id)
            yield
    finally:
        await other.close()


async def test_strangers_are_answered_at_once(client: httpx.AsyncClient, cast: Cast, settings: Settings) -> None:
    slot_id = await factories.slot(cast.doctor.id, clinic_id=cast.clinic_id)
    async with locked(settings, slot_id), asyncio.timeout(5):
        answer = await book(client, cast.patient, slot_id)
    assert (answer.status_code, answer.json()["code"]) == (409, "slot_taken")


async def test_the_holder_waits_and_wins(client: httpx.AsyncClient, cast: Cast, settings: Settings) -> None:
    slot_id = await factories.slot(cast.doctor.id, clinic_id=cast.clinic_id)
    await db.execute(KEEP, slot_id, cast.patient.id, 60)
    async with locked(settings, slot_id):
        waiting = asyncio.create_task(book(client, cast.patient, slot_id))
        await asyncio.sleep(0.5)
        assert not waiting.done()
    assert (await waiting).status_code == 201


async def test_a_hold_that_ends_while_its_holder_waits_is_not_used(
    client: httpx.AsyncClient, cast: Cast, settings: Settings
) -> None:
    slot_id = await factories.slot(cast.doctor.id, clinic_id=cast.clinic_id)
    await db.execute(KEEP, slot_id, cast.patient.id, 2)
    async with locked(settings, slot_id):
        waiting = asyncio.create_task(book(client, cast.patient, slot_id))
        await asyncio.sleep(3)
    answer = await waiting
    assert (answer.status_code, answer.json()["code"]) == (409, "hold_expired")
