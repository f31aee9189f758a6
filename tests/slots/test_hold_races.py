"""Many callers at once against the real database, each with a naive twin that must fail."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from portal import clock, db
from portal.accounts.schemas import AccountStatus, Actor, Role
from portal.errors import Conflict
from portal.ids import uuid7
from portal.settings import Settings
from portal.slots import actions
from tests import catalogue
from tests import factories as make
from tests.owner import as_owner
from tests.slots import naive
from tests.slots.conftest import in_parallel, row_of

pytestmark = [pytest.mark.anyio, pytest.mark.race, pytest.mark.usefixtures("pool")]

SLOTS, ATTEMPTS = 250 if catalogue.FULL else 60, 42
INSERTS = 10_500 if catalogue.FULL else 3_000
Hold = Callable[[Actor, UUID, float], Awaitable[Any]]
PATIENTS = """
WITH made AS (
    INSERT INTO account (id, email, role, status, first_name, last_name)
    SELECT id, id || '@crowd.example', 'PATIENT', 'ACTIVE', 'A', 'Crowd' FROM unnest($1::uuid[]) AS id RETURNING id
)
INSERT INTO patient (account_id) SELECT id FROM made
"""


async def crowd(number: int) -> list[Actor]:
    """Many patients in one statement."""
    ids = [uuid7() for _ in range(number)]
    await db.execute(PATIENTS, ids)
    return [
        Actor(
            id=one, role=Role.PATIENT, status=AccountStatus.ACTIVE, first_name="A", last_name="Crowd", email="",
            locale="en", time_zone="UTC", appearance="auto", login_id=one,
        )
        for one in ids
    ]  # fmt: skip


async def race(hold: Hold) -> tuple[int, int, float]:
    """42 attempts on each of 250 slots by different patients: how many won, on how many slots, in what time."""
    slots = [slot for _ in range(10) for slot in await make.slots((await make.doctor()).id, SLOTS // 10)]
    patients = await crowd(SLOTS * ATTEMPTS)
    asked = [(patients.pop(), slot) for slot in slots for _ in range(ATTEMPTS)]  # a slot's callers come together
    began = time.perf_counter()
    answers = await in_parallel(lambda pair=pair: hold(*pair, 300.0) for pair in asked)
    won = sum(not isinstance(one, Exception) for one in answers)
    held = await db.fetch_value(
        "SELECT count(*) FROM slot WHERE id = ANY($1) AND held_until > clock_timestamp()", slots
    )
    return won, held, time.perf_counter() - began


@pytest.mark.A1
async def test_a_slot_is_held_once() -> None:
    """The hold's part."""
    won, held, seconds = await race(actions.hold_slot)
    catalogue.figure("A1", f"{SLOTS * ATTEMPTS} holds of {SLOTS} slots: {won} won, {held} held, {seconds:.1f} s")
    assert (won, held) == (SLOTS, SLOTS)


@pytest.mark.A1
async def test_the_naive_twin_doubles() -> None:
    won, held, _seconds = await race(naive.look_then_hold)
    catalogue.figure("A1", f"naive twin of the hold: {won} won {held} slots")
    assert won > held == SLOTS


async def refused_beside_each_other(hold: Hold) -> int:
    """Ten times as many patients as there are slots of one day, each another slot: how many were refused."""
    doctor = await make.doctor()
    slots, patients = await make.slots(doctor.id, 56), await crowd(56)
    refused = 0
    for _ in range(10):
        pairs = list(zip(patients, slots, strict=True))
        answers = await in_parallel(lambda pair=pair: hold(*pair, 300.0) for pair in pairs)
        refused += sum(isinstance(one, Exception) for one in answers)
        random.shuffle(slots)
        await db.execute("UPDATE slot SET held_by = NULL, held_until = NULL WHERE doctor_id = $1", doctor.id)
    return refused


@pytest.mark.A1
async def test_different_slots_of_one_doctor_never_refuse_each_other() -> None:
    """Lock the slot, never the doctor."""
    refused, twin = [await refused_beside_each_other(hold) for hold in (actions.hold_slot, naive.lock_doctor_then_hold)]
    catalogue.figure("A1", f"560 holds of different slots: {refused} refused; with a lock of the doctor {twin}")
    assert refused == 0 and twin > 0


async def steals(hold: Hold, release: Callable[[Actor, UUID], Awaitable[Any]]) -> tuple[int, bool]:
    """A hundred others hold what is held, give it back and hold it again: how often it went, and is it still the holder's."""
    doctor, holder = await make.doctor(), await make.patient()
    slot, thieves = await make.slot(doctor.id), await crowd(100)
    await actions.hold_slot(holder.actor, slot, 300)
    steal = [lambda a=a: hold(a, slot, 300.0) for a in thieves]
    give_back = [lambda a=a: release(a, slot) for a in thieves]
    answers = await in_parallel((steal + give_back) * 15)
    return sum(not isinstance(one, Exception) for one in answers), (await row_of(slot))["held_by"] == holder.id


@pytest.mark.A3
async def test_a_hold_is_never_stolen() -> None:
    """Beside a twin where anybody may give it back."""
    stolen, kept = await steals(actions.hold_slot, actions.release_slot)
    twin, twin_kept = await steals(naive.look_then_hold, naive.release_anyones)
    catalogue.figure("A3", f"{stolen} of 3,000 steals by holding and giving back; naive twin {twin}")
    assert (stolen, kept) == (0, True) and twin > 0 and not twin_kept


async def wrong_answers(hold: Hold) -> list[str]:
    """Where a hold of two seconds is over at 1.9 s, or not over at 2.1 s, with the application's clock right and wrong."""
    doctor, other = await make.doctor(), (await make.patient()).actor
    present, wrong = datetime.now(UTC), []
    for minutes in (0, 10, -10):
        slot = await make.slot(doctor.id, make.tomorrow_at(9) + timedelta(hours=minutes / 5))
        with clock.freeze(present + timedelta(minutes=minutes)):
            hold_ends = (await actions.hold_slot((await make.patient()).actor, slot, 2.0)).expires_at
            for after, is_over in ((-0.1, False), (0.1, True)):
                await until(hold_ends + timedelta(seconds=after))
                [answer] = await in_parallel([lambda slot=slot: hold(other, slot, 2.0)])
                if isinstance(answer, Conflict) is is_over:
                    wrong.append(f"{minutes:+} min: over {after:+} s after its end is {not is_over}")
    return wrong


@pytest.mark.A4
async def test_a_hold_lives_as_long_as_the_databases_clock_says() -> None:
    """1.9 s in it is kept, 2.1 s in it is free; the application's clock does not matter."""
    wrong, twin = [await wrong_answers(hold) for hold in (actions.hold_slot, naive.hold_by_own_clock)]
    catalogue.figure("A4", f"{len(wrong)} of 6 uses wrong with the clock moved; twin with its own clock {len(twin)}")
    assert wrong == [] and "+10 min: over -0.1 s after its end is True" in twin


async def until(moment: datetime) -> None:
    await asyncio.sleep((moment - await db.fetch_value("SELECT clock_timestamp()")).total_seconds())


async def end_of_hold(patient: Actor, slot: UUID, seconds: float) -> datetime:
    return (await actions.hold_slot(patient, slot, seconds)).expires_at


async def overlapping_holds(hold: Hold) -> tuple[int, int]:
    """1,000 requests around the ends of short holds: how many were given, and how many before the last had ended."""
    doctor = await make.doctor()
    slots, patients = await make.slots(doctor.id, 20), await crowd(1000)
    ends: dict[UUID, list[datetime]] = {slot: [] for slot in slots}

    async def ask(patient: Actor, slot: UUID) -> None:
        await asyncio.sleep(random.uniform(0, 0.05))
        ends[slot].append(await hold(patient, slot, 0.2))

    await in_parallel([lambda p=p, n=n: ask(p, slots[n % 20]) for n, p in enumerate(patients)])
    gaps = [later - earlier for found in ends.values() for earlier, later in pairwise(sorted(found))]
    return sum(map(len, ends.values())), sum(gap < timedelta(seconds=0.2) for gap in gaps)


@pytest.mark.A4
async def test_no_hold_is_given_before_the_last_one_has_ended() -> None:
    """Every hold begins after the one before it."""
    given, early = await overlapping_holds(end_of_hold)
    _given, twin = await overlapping_holds(naive.look_then_hold)
    catalogue.figure("A4", f"{given} holds one after another, {early} too early; naive twin {twin}")
    assert early == 0 and given > 40 and twin > 0


async def free_again(hold: Hold) -> int:
    """How many of three times that one patient kept can be held by others after the end, with nobody sweeping."""
    patient = (await make.patient()).actor
    slots = [await make.slot((await make.doctor()).id) for _ in range(3)]
    for slot in slots:
        await actions.hold_slot(patient, slot, 0.3)
    await asyncio.sleep(0.4)
    asked = zip(await crowd(3), slots, strict=True)
    answers = await in_parallel([lambda pair=pair: hold(*pair, 300.0) for pair in asked])
    return sum(not isinstance(one, Exception) for one in answers)


@pytest.mark.A5
async def test_all_is_free_again_with_no_sweeper() -> None:
    """What one patient kept comes back by itself."""
    free, twin = [await free_again(hold) for hold in (actions.hold_slot, naive.hold_if_swept)]
    catalogue.figure("A5", f"{free} of 3 free again; where somebody must sweep {twin}")
    assert (free, twin) == (3, 0)


async def overlaps(table: str) -> int:
    pairs = (
        "SELECT count(*) FROM " + table + " a JOIN " + table + " b"
        " ON a.doctor_id = b.doctor_id AND a.id < b.id AND a.during && b.during"
    )
    found: int = await db.fetch_value(pairs)
    return found


@pytest.mark.A2
async def test_slots_of_a_doctor_never_overlap(settings: Settings) -> None:
    """Random starts and lengths over three doctors, straight at the constraint, beside a twin without it."""
    doctors = [(await make.doctor()).id for _ in range(3)]
    await as_owner("CREATE TABLE slot_naive (LIKE slot INCLUDING GENERATED)")
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=3)
    row = (
        "(id, doctor_id, date, starts_at, ends_at, local_start, time_zone, service_type, overflow, disabled, changed_at)"
        " SELECT $1, $2, $3::timestamptz::date, $3, $4, '09:00', 'UTC', 'BOTH', false, false, clock_timestamp()"
    )
    looked = "SELECT FROM slot_naive WHERE doctor_id = $1 AND during && tstzrange($2, $3)"
    pool = await asyncpg.create_pool(settings.database_url, min_size=24, max_size=24)

    async def insert(sql: str, look: str = "") -> str:
        start, doctor = day + timedelta(minutes=random.randrange(0, 3 * 1440)), random.choice(doctors)
        end = start + timedelta(minutes=random.randint(5, 30))
        async with pool.acquire() as connection:
            if look and await connection.fetchrow(look, doctor, start, end) is not None:
                return "INSERT 0 0"
            await asyncio.sleep(0.01 if look else 0)  # as long as a program takes to decide
            return await connection.execute(sql, uuid7(), doctor, start, end)

    answers = await in_parallel([lambda: insert("INSERT INTO slot " + row + " ON CONFLICT DO NOTHING")] * INSERTS, 24)
    await in_parallel([lambda: insert("INSERT INTO slot_naive " + row, looked)] * INSERTS, 24)
    await pool.close()
    made, found, twin = answers.count("INSERT 0 1"), await overlaps("slot"), await overlaps("slot_naive")
    catalogue.figure("A2", f"{INSERTS} inserts, {made} made, {found} overlapping pairs; look, then insert: {twin}")
    assert found == 0 and twin > 0
