"""Many callers at once against the real database, each with a naive twin that must fail."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
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
from tests import factories as make
from tests.slots.conftest import in_parallel, row_of

pytestmark = [pytest.mark.anyio, pytest.mark.race, pytest.mark.usefixtures("pool")]

SLOTS, ATTEMPTS = 250, 42
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


async def naive_hold(actor: Actor, slot_id: UUID, seconds: float) -> str:
    """Look first, then write: what one would do without a second thought."""
    held = await db.fetch_value("SELECT held_until > clock_timestamp() FROM slot WHERE id = $1", slot_id)
    if held:
        raise Conflict("slot_held", "")
    await db.execute(
        "UPDATE slot SET held_by = $2, held_until = clock_timestamp() + make_interval(secs => $3) WHERE id = $1",
        slot_id, actor.id, seconds,
    )  # fmt: skip
    return "held"


async def race(hold: Callable[[Actor, UUID, float], Awaitable[Any]]) -> tuple[int, int, float]:
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


async def test_a_slot_is_held_once() -> None:
    """A1, the hold's part."""
    won, held, seconds = await race(actions.hold_slot)
    print(f"\nA1: {SLOTS * ATTEMPTS} holds of {SLOTS} slots: {won} won, {held} held, {seconds:.1f} s")
    assert (won, held) == (SLOTS, SLOTS)


async def test_the_naive_twin_doubles() -> None:
    won, held, seconds = await race(naive_hold)
    print(f"\nA1 naive twin: {won} won {held} slots, {seconds:.1f} s")
    assert won > held == SLOTS


async def test_different_slots_of_one_doctor_never_refuse_each_other() -> None:
    """Lock the slot, never the doctor: N patients on N slots of one day."""
    doctor = await make.doctor()
    slots, patients = await make.slots(doctor.id, 56), await crowd(56)
    for _ in range(10):
        pairs = list(zip(patients, slots, strict=True))
        answers = await in_parallel(lambda pair=pair: actions.hold_slot(*pair, 300.0) for pair in pairs)
        assert not [one for one in answers if isinstance(one, Exception)]
        random.shuffle(slots)
        await db.execute("UPDATE slot SET held_by = NULL, held_until = NULL WHERE doctor_id = $1", doctor.id)


async def test_a_hold_is_never_stolen() -> None:
    """A3: others hold it, give it back and hold it again; it stays with its holder."""
    doctor, holder = await make.doctor(), await make.patient()
    slot, thieves = await make.slot(doctor.id), await crowd(100)
    await actions.hold_slot(holder.actor, slot, 300)
    steal = [lambda a=a: actions.hold_slot(a, slot, 300.0) for a in thieves]
    give_back = [lambda a=a: actions.release_slot(a, slot) for a in thieves]
    answers = await in_parallel((steal + give_back) * 15)
    stolen = sum(not isinstance(one, Exception) for one in answers)
    print(f"\nA3: {stolen} of {len(answers)} steals")
    assert (stolen, (await row_of(slot))["held_by"]) == (0, holder.id)


async def test_a_hold_lives_as_long_as_the_databases_clock_says() -> None:
    """A4: 1.9 s in it is kept, 2.1 s in it is free; the application's clock does not matter."""
    doctor, other = await make.doctor(), (await make.patient()).actor
    slot, skewed = await make.slot(doctor.id), datetime.now(UTC)
    for minutes in (0, 10, -10):
        with clock.freeze(skewed + timedelta(minutes=minutes)):
            hold = await actions.hold_slot((await make.patient()).actor, slot, 2.0)
            await until(hold.expires_at - timedelta(seconds=0.1))
            with pytest.raises(Conflict):
                await actions.hold_slot(other, slot, 2.0)
            await until(hold.expires_at + timedelta(seconds=0.1))
            await actions.hold_slot(other, slot, 2.0)
        await actions.release_slot(other, slot)


async def until(moment: datetime) -> None:
    await asyncio.sleep((moment - await db.fetch_value("SELECT clock_timestamp()")).total_seconds())


async def test_no_hold_is_given_before_the_last_one_has_ended() -> None:
    """A4: 1,000 requests around the ends of short holds; every hold begins after the one before it."""
    doctor = await make.doctor()
    slots, patients = await make.slots(doctor.id, 20), await crowd(1000)
    kept: dict[UUID, list[datetime]] = {slot: [] for slot in slots}

    async def ask(patient: Actor, slot: UUID) -> None:
        await asyncio.sleep(random.uniform(0, 0.05))
        kept[slot].append((await actions.hold_slot(patient, slot, 0.2)).expires_at)

    await in_parallel([lambda p=p, n=n: ask(p, slots[n % 20]) for n, p in enumerate(patients)])
    gaps = [later - earlier for ends in kept.values() for earlier, later in zip(sorted(ends), sorted(ends)[1:])]  # noqa: B905
    early = sum(gap < timedelta(seconds=0.2) for gap in gaps)
    print(f"\nA4: {sum(map(len, kept.values()))} holds one after another, {early} before the end of the last")
    assert early == 0 and len(gaps) > 20


async def test_all_is_free_again_with_no_sweeper() -> None:
    """A5: what one patient kept comes back by itself."""
    patient = (await make.patient()).actor
    slots = [await make.slot((await make.doctor()).id) for _ in range(3)]
    for slot in slots:
        await actions.hold_slot(patient, slot, 0.3)
    await asyncio.sleep(0.4)
    for slot, other in zip(slots, await crowd(3), strict=True):
        await actions.hold_slot(other, slot, 300.0)


async def overlaps(table: str) -> int:
    pairs = (
        "SELECT count(*) FROM " + table + " a JOIN " + table + " b"
        " ON a.doctor_id = b.doctor_id AND a.id < b.id AND a.during && b.during"
    )
    found: int = await db.fetch_value(pairs)
    return found


async def test_slots_of_a_doctor_never_overlap(settings: Settings) -> None:
    """A2: random starts and lengths over three doctors, straight at the constraint, beside a twin without it."""
    doctors = [(await make.doctor()).id for _ in range(3)]
    await db.execute("CREATE TABLE slot_naive (LIKE slot INCLUDING GENERATED)")
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=3)
    row = (
        "(id, doctor_id, date, starts_at, ends_at, local_start, time_zone, service_type, overflow, disabled, changed_at)"
        " SELECT $1, $2, $3::timestamptz::date, $3, $4, '09:00', 'UTC', 'BOTH', false, false, clock_timestamp()"
    )
    looked = (
        " WHERE NOT EXISTS (SELECT FROM slot_naive s WHERE s.doctor_id = $2 AND s.during && tstzrange($3, $4, '[)'))"
    )
    pool = await asyncpg.create_pool(settings.database_url, min_size=24, max_size=24)

    async def insert(sql: str) -> str:
        start = day + timedelta(minutes=random.randrange(0, 3 * 1440))
        end = start + timedelta(minutes=random.randint(5, 30))
        async with pool.acquire() as connection:
            return await connection.execute(sql, uuid7(), random.choice(doctors), start, end)

    answers = await in_parallel([lambda: insert("INSERT INTO slot " + row + " ON CONFLICT DO NOTHING")] * 10_500, 24)
    await in_parallel([lambda: insert("INSERT INTO slot_naive " + row + looked)] * 10_500, 24)
    await pool.close()
    made, found, naive = answers.count("INSERT 0 1"), await overlaps("slot"), await overlaps("slot_naive")
    print(f"\nA2: 10,500 inserts, {made} made, overlapping pairs {found}; without the constraint {naive}")
    assert found == 0 and naive > 0
