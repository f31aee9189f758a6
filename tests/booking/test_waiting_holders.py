"""A hold that ends while its holder's booking waits for the row is not used, whatever the application's clock says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import pytest
from litestar import Litestar

from portal import clock, db
from portal.accounts.schemas import Actor
from portal.appointments.schemas import AppointmentType
from portal.booking import actions
from portal.booking.schemas import NewAppointment
from portal.errors import Conflict
from portal.settings import Settings
from portal.slots.actions import hold_slot
from tests import catalogue, factories
from tests.owner import as_owner

pytestmark = [pytest.mark.anyio, pytest.mark.race, pytest.mark.A4, pytest.mark.usefixtures("app")]
HOLDS, HOLD_SECONDS, LOCK_SECONDS = 8, 1.0, 1.6
TAKE = "INSERT INTO naive_booking SELECT id FROM slot WHERE id = $1 AND held_by = $2 FOR NO KEY UPDATE"
Book = Callable[[Actor, UUID], Awaitable[bool]]


@pytest.fixture(scope="module", autouse=True)
async def naive_table(app: Litestar) -> None:
    await as_owner("CREATE TABLE naive_booking (slot_id uuid, at timestamptz DEFAULT clock_timestamp())")


async def book(actor: Actor, slot_id: UUID) -> bool:
    try:
        await actions.book(actor, NewAppointment(slot_id=slot_id, appointment_type=AppointmentType.IN_PERSON), 56)
    except Conflict as conflict:
        assert conflict.code == "hold_expired"
        return False
    return True


async def wait_then_ask_own_clock(actor: Actor, slot_id: UUID) -> bool:
    """Locks the row as it should, and then asks the application what time it is."""
    async with db.transaction():
        until: datetime = await db.fetch_value("SELECT held_until FROM slot WHERE id = $1 FOR NO KEY UPDATE", slot_id)
        return until > clock.now() and bool(await db.execute(TAKE, slot_id, actor.id))


async def look_then_wait(actor: Actor, slot_id: UUID) -> bool:
    """Asks the database's clock, and then waits for the row."""
    live = await db.fetch_value("SELECT held_until > clock_timestamp() FROM slot WHERE id = $1", slot_id)
    return live and bool(await db.execute(TAKE, slot_id, actor.id))


@asynccontextmanager
async def locked(settings: Settings, slot_ids: list[UUID]) -> AsyncIterator[None]:
    """As another process would have them that looks at the rows and leaves them as they were."""
    other = await asyncpg.connect(settings.database_url)
    try:
        async with other.transaction():
            await other.execute("SELECT FROM slot WHERE id = ANY($1) FOR NO KEY UPDATE", slot_ids)
            yield
    finally:
        await other.close()


async def used_late(settings: Settings, book: Book, skew: timedelta, hold: float = HOLD_SECONDS) -> int:
    """Holders book in time and wait longer than their holds last: how many get through."""
    people = [(await factories.patient()).actor for _ in range(HOLDS)]
    slot_ids = [await factories.slot((await factories.doctor()).id) for _ in people]
    moment = clock.now() + skew
    for actor, slot_id in zip(people, slot_ids, strict=True):
        await hold_slot(actor, slot_id, hold)
    with clock.freeze(moment):
        async with locked(settings, slot_ids):
            pairs = zip(people, slot_ids, strict=True)
            waiting = asyncio.gather(*(book(*pair) for pair in pairs))
            await asyncio.sleep(LOCK_SECONDS)
        return sum(await waiting)


@pytest.mark.parametrize("minutes", [0, -10, 10])
async def test_a_hold_that_ends_while_waiting_is_not_used(settings: Settings, minutes: int) -> None:
    used = await used_late(settings, book, timedelta(minutes=minutes))
    catalogue.figure("A4", f"clock {minutes:+} min: {used} of {HOLDS} holds used after waiting past their end")
    assert used == 0


async def test_a_hold_that_still_lives_after_the_wait_is_used(settings: Settings) -> None:
    """A clock that is ten minutes fast takes nothing from anybody."""
    assert await used_late(settings, book, timedelta(minutes=10), hold=60) == HOLDS


@pytest.mark.parametrize(
    ("naive", "minutes"), [(wait_then_ask_own_clock, -10), (look_then_wait, 0)], ids=["own clock", "look, then wait"]
)
async def test_the_naive_twins_use_it_late(settings: Settings, naive: Book, minutes: int) -> None:
    used = await used_late(settings, naive, timedelta(minutes=minutes))
    catalogue.figure("A4", f"naive twin {naive.__name__}: {used} of {HOLDS} used late")
    assert used > 0
