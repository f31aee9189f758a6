"""A hundred callers on one slot have one winner; callers on different slots of one doctor are never refused. Two workers.

The naive twins are in test_race_twins.py and in tests/slots/test_hold_races.py.
"""

import random
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from portal import db
from portal.settings import Settings
from tests import catalogue, factories
from tests.booking.attacks import CALLERS, book_call, callers_at_once, hold_call, pressed, token_of
from tests.faults.stage import workers

pytestmark = [pytest.mark.anyio, pytest.mark.race, pytest.mark.A1]
RACES, BESIDE = (200, 240) if catalogue.FULL else (10, 60)


@pytest.fixture(scope="module")
async def url(settings: Settings, pool: None) -> AsyncIterator[str]:
    with workers(settings, 2) as portal:
        yield portal.url


async def people(number: int) -> list[str]:
    return [token_of(await factories.patient()) for _ in range(number)]


async def test_a_hundred_callers_book_one_slot(url: str) -> None:
    slot_ids = await factories.slots((await factories.doctor()).id, RACES)
    winners = await callers_at_once(url, book_call, await people(2 * CALLERS), slot_ids)
    catalogue.figure("A1", f"{RACES} races of {CALLERS} callers to book, 2 workers: {winners[1]} with one winner")
    assert winners == {1: RACES}


async def test_a_hundred_callers_hold_one_slot(url: str) -> None:
    """Of as many doctors as slots, since a second hold of a doctor's day would give the first back."""
    slot_ids = [await factories.slot((await factories.doctor()).id) for _ in range(RACES)]
    winners = await callers_at_once(url, hold_call, await people(2 * CALLERS), slot_ids)
    held = await db.fetch_value("SELECT count(*) FROM slot WHERE id = ANY($1) AND held_by IS NOT NULL", slot_ids)
    catalogue.figure("A1", f"{RACES} races of {CALLERS} callers to hold, 2 workers: {winners[1]} with one winner")
    assert winners == {1: RACES} and held == RACES


async def answers_beside(url: str, slot_ids: list[UUID], callers: list[str]) -> Counter[int]:
    """Everybody holds and books a slot of their own, or books it at once, all at the same time."""
    pairs = list(zip(callers, slot_ids, strict=True))
    random.Random(17).shuffle(pairs)
    held = await pressed(url, [hold_call(*pair) for pair in pairs[::2]])
    booked = await pressed(url, [book_call(*pair) for pair in pairs])
    return Counter(status for status, _body in [*held, *booked])


async def test_different_slots_of_one_doctor_refuse_nobody(url: str) -> None:
    slot_ids = await factories.slots((await factories.doctor()).id, BESIDE)
    statuses = await answers_beside(url, slot_ids, await people(BESIDE))
    catalogue.figure("A1", f"{BESIDE} patients on {BESIDE} slots of one doctor, 2 workers: {dict(statuses)}")
    assert statuses == {200: BESIDE // 2, 201: BESIDE}
