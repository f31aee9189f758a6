"""The attacks of test_races.py on the naive twin over three processes: it must fail each of them."""

import asyncio
from collections.abc import AsyncIterator
from datetime import date, timedelta
from uuid import UUID

import pytest

from portal import db
from portal.accounts import tokens
from portal.settings import Settings
from tests import factories
from tests.booking import attacks
from tests.booking.attacks import PLACES
from tests.naive import SCHEMA, naive_server

pytestmark = [pytest.mark.anyio, pytest.mark.race]


@pytest.fixture(scope="module")
async def url(settings: Settings, pool: None) -> AsyncIterator[str]:
    tokens.use_keys(settings)
    await db.run_script(SCHEMA)
    with naive_server(settings.database_url) as twin:
        yield twin


async def doubled(slot_ids: list[UUID]) -> int:
    """How many slots were booked more than once."""
    sql = "SELECT count(*) FROM (SELECT FROM naive_booking WHERE slot_id = ANY($1) GROUP BY slot_id HAVING count(*) > 1) x"
    return int(await db.fetch_value(sql, list(map(str, slot_ids))))


async def test_it_doubles(url: str) -> None:
    slot_ids = [factories.uuid7() for _ in range(60)]
    await attacks.all_want_all(url, list(map(str, range(42))), slot_ids)
    doubles = await doubled(slot_ids)
    print(f"naive twin: {doubles} of 60 slots booked more than once")
    assert doubles > 0


async def test_it_gives_away_what_is_kept(url: str) -> None:
    owners, _ends = await attacks.kept(20, "1 hour")
    won, calls, _seconds = await attacks.steal(url, owners)
    print(f"naive twin: {won.count(False)} steals in {calls} calls")
    assert won.count(False) > 0


async def test_it_takes_holds_that_have_ended(url: str) -> None:
    owners, ends = await attacks.kept(100, "0.2 seconds")
    await db.execute("INSERT INTO naive_hold SELECT id::text, held_until FROM slot WHERE id = ANY($1)", list(owners))
    await asyncio.sleep(0.5)  # all of them have ended by now, on a quick machine too
    codes, _seconds = await attacks.use_all(url, owners)
    sql = "SELECT slot_id::uuid, made_at FROM naive_booking WHERE slot_id = ANY($1)"
    late = attacks.late(dict(await db.fetch(sql, list(map(str, owners)))), ends)
    print(f"naive twin: {dict(codes)}, {late} late")
    assert late > 0


async def test_it_gives_a_place_twice(url: str) -> None:
    numbers, others, _seconds = await attacks.join(url, factories.uuid7(), date.today() + timedelta(days=2))
    print(f"naive twin: {len(numbers)} joined {PLACES} places with {len(set(numbers))} numbers, {dict(others)}")
    assert len(numbers) > len(set(numbers))


async def test_it_has_more_effects_than_keys(url: str) -> None:
    slot_ids = [factories.uuid7() for _ in range(60)]
    await attacks.repeat(url, slot_ids)
    effects = await db.fetch_value(
        "SELECT count(*) FROM naive_booking WHERE slot_id = ANY($1)", list(map(str, slot_ids))
    )
    print(f"naive twin: 60 keys, {effects} effects")
    assert effects > 60
