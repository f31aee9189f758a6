"""The attacks of test_races.py on the naive twin over three processes: it must fail each of them."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import date, timedelta
from uuid import UUID

import pytest

from portal import db
from portal.accounts import tokens
from portal.settings import Settings
from tests import catalogue, factories
from tests.booking import attacks
from tests.booking.attacks import CALLERS, PLACES
from tests.crowd import Call
from tests.naive import SCHEMA, naive_server
from tests.owner import as_owner

pytestmark = [pytest.mark.anyio, pytest.mark.race]


@pytest.fixture(scope="module")
async def url(settings: Settings, pool: None) -> AsyncIterator[str]:
    tokens.use_keys(settings)
    await as_owner(SCHEMA)
    with naive_server(settings.database_url) as twin:
        yield twin


async def doubled(slot_ids: list[UUID]) -> int:
    """How many slots were booked more than once."""
    sql = "SELECT count(*) FROM (SELECT FROM naive_booking WHERE slot_id = ANY($1) GROUP BY slot_id HAVING count(*) > 1) x"
    return int(await db.fetch_value(sql, list(map(str, slot_ids))))


@pytest.mark.A1
async def test_it_doubles(url: str) -> None:
    doubles, told = 0, Counter[int]()
    for _attack in range(3):  # its processes may all but take turns while the machine is busy with something else
        slot_ids = [factories.uuid7() for _ in range(60)]
        pressed = await attacks.all_want_all(url, list(map(str, range(42))), slot_ids)
        told = Counter(status for status, _body in pressed.answers)
        doubles = await doubled(slot_ids)
        if doubles:
            break
    catalogue.figure("A1", f"naive twin: {doubles} of 60 slots booked more than once")
    assert doubles > 0, told


@pytest.mark.A3
async def test_it_gives_away_what_is_kept(url: str) -> None:
    owners, _ends = await attacks.kept(20, "1 hour")
    won, calls = await attacks.steal(url, owners)
    catalogue.figure("A3", f"naive twin over 3 processes: {won.count(False)} steals in {calls} calls")
    assert won.count(False) > 0


@pytest.mark.A4
async def test_it_takes_holds_that_have_ended(url: str) -> None:
    owners, ends = await attacks.kept(100, "0.2 seconds")
    await db.execute("INSERT INTO naive_hold SELECT id::text, held_until FROM slot WHERE id = ANY($1)", list(owners))
    await asyncio.sleep(0.5)  # all of them have ended by now, on a quick machine too
    codes = await attacks.use_all(url, owners)
    sql = "SELECT slot_id::uuid, made_at FROM naive_booking WHERE slot_id = ANY($1)"
    late = attacks.late(dict(await db.fetch(sql, list(map(str, owners)))), ends)
    catalogue.figure("A4", f"naive twin: {late} of {codes.total()} used late")
    assert late > 0


@pytest.mark.A9
async def test_it_gives_a_place_twice(url: str) -> None:
    numbers, _others = await attacks.join(url, factories.uuid7(), date.today() + timedelta(days=2))
    catalogue.figure("A9", f"naive twin: {len(numbers)} joined {PLACES} places with {len(set(numbers))} numbers")
    assert len(numbers) > len(set(numbers))


@pytest.mark.B1
async def test_it_has_more_effects_than_keys(url: str) -> None:
    slot_ids = [factories.uuid7() for _ in range(60)]
    await attacks.repeat(url, await attacks.bookings_with_keys(slot_ids))
    effects = await db.fetch_value(
        "SELECT count(*) FROM naive_booking WHERE slot_id = ANY($1)", list(map(str, slot_ids))
    )
    catalogue.figure("B1", f"naive twin: 60 keys, {effects} effects")
    assert effects > 60


@pytest.mark.A1
@pytest.mark.parametrize("call", [attacks.hold_call, attacks.book_call])
async def test_a_hundred_callers_have_many_winners(url: str, call: Callable[[str, UUID], Call]) -> None:
    winners: Counter[int] = Counter()
    for _attack in range(3):  # see above
        slot_ids = [factories.uuid7() for _ in range(10)]
        winners = await attacks.callers_at_once(url, call, list(map(str, range(CALLERS))), slot_ids)
        if winners != {1: 10}:
            break
    catalogue.figure("A1", f"naive twin: {call.__name__} by {CALLERS} at once had {dict(winners)} winners")
    assert winners != {1: 10}


@pytest.mark.A6
async def test_it_confirms_twice(url: str) -> None:
    booked, confirmed = await attacks.two_confirm(url, [factories.uuid7() for _ in range(100)])
    catalogue.figure(
        "A6", f"naive twin: both booked {booked[2]} of 100 times, a visit confirmed twice {confirmed[2]} times"
    )
    assert booked[2] > 0 and confirmed[2] > 0


@pytest.mark.A8
async def test_it_ends_a_visit_twice(url: str) -> None:
    visits = [factories.uuid7().hex for _ in range(60)]
    await db.execute("INSERT INTO naive_booking (id) SELECT unnest($1::text[])", visits)
    tried = await attacks.lead(url, visits, {"DOCTOR": "d"}, 35)
    twice = sum(attacks.ends(one) > 1 for one in tried)
    catalogue.figure("A8", f"naive twin: {twice} of 60 visits ended more than once")
    assert twice > 0
