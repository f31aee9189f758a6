"""Moving visits at random, over three processes of which some are killed: none is lost, none is doubled, none half moved."""

import asyncio
import random
from collections import Counter
from pathlib import Path
from uuid import UUID

import pytest

from portal import db
from portal.appointments.actions import move
from portal.appointments.schemas import AppointmentType
from portal.booking.actions import book
from portal.booking.schemas import NewAppointment
from portal.errors import Conflict
from portal.settings import Settings
from tests import catalogue, factories
from tests.booking.attacks import token_of
from tests.factories import Person
from tests.faults import fixtures
from tests.faults.load import CUT, Line
from tests.invariants import broken
from tests.slots.conftest import in_parallel

pytestmark = [pytest.mark.anyio, pytest.mark.race, pytest.mark.A7]
PEOPLE, SLOTS, EACH = 30, 45, 100 if catalogue.FULL else 10
KILLS = ["before_booking", "after_booking", "before_commit"] * (3 if catalogue.FULL else 1)
charges, url = fixtures.charges, fixtures.armed_url
CURRENT = "SELECT id FROM appointment WHERE patient_id = $1 AND status = 'BOOKED'"


async def booked() -> tuple[list[Person], list[UUID]]:
    """A doctor's day with more times than patients, each of whom has one."""
    people = [await factories.patient() for _ in range(PEOPLE)]
    slot_ids = await factories.slots((await factories.doctor()).id, SLOTS)
    for who, slot in zip(people, slot_ids, strict=False):
        await book(who.actor, NewAppointment(slot_id=slot, appointment_type=AppointmentType.IN_PERSON), 56)
    return people, slot_ids


async def wander(url: str, who: Person, slot_ids: list[UUID], moves: int, outcomes: Counter[int]) -> None:
    line, token, choose = Line([url], []), token_of(who), random.Random(who.id.int)
    for _ in range(moves):
        visit = await db.fetch_value(CURRENT, who.id)
        body = {"slot_id": str(choose.choice(slot_ids))}
        status, _answer = await line.ask(("POST", f"/api/appointments/{visit}/reschedule", token, body, ""))
        outcomes[status] += 1
    line.hang_up()


async def half_moved(people: list[Person], slot_ids: list[UUID]) -> tuple[int, int]:
    """Patients without exactly one visit, and slots that are taken by nobody's visit or not taken by somebody's."""
    visits = {row["slot_id"]: row["id"] for row in await db.fetch(
        "SELECT id, slot_id FROM appointment WHERE slot_id = ANY($1) AND status = 'BOOKED'", slot_ids)}  # fmt: skip
    single = await db.fetch(
        "SELECT patient_id FROM appointment WHERE patient_id = ANY($1) AND status = 'BOOKED' GROUP BY 1 HAVING count(*) = 1",
        [who.id for who in people],
    )
    rows = await db.fetch("SELECT id, appointment_id FROM slot WHERE id = ANY($1)", slot_ids)
    return len(people) - len(single), sum(row["appointment_id"] != visits.get(row["id"]) for row in rows)


async def test_each_move_is_whole_or_not_at_all(settings: Settings, url: str, charges: Path) -> None:
    people, slot_ids = await booked()
    outcomes: Counter[int] = Counter()

    async def kill() -> None:
        for number, point in enumerate(KILLS):
            due = PEOPLE * EACH * (number + 1) // (len(KILLS) + 1)
            while outcomes.total() < due:
                await asyncio.sleep(0.01)
            (charges / f"{point}.{number}").touch()

    await asyncio.gather(kill(), *(wander(url, who, slot_ids, EACH, outcomes) for who in people))
    lost, apart = await half_moved(people, slot_ids)
    catalogue.figure(
        "A7", f"{outcomes.total()} moves, {len(KILLS)} kills: {outcomes[201]} moved, {lost + apart} half moves"
    )
    assert (lost, apart) == (0, 0) and set(outcomes) <= {201, 409, CUT} and not list(charges.iterdir())
    assert outcomes[CUT] >= len(KILLS) and outcomes[201] > PEOPLE
    assert not await broken(settings.database_url)


async def test_two_transactions_move_by_halves(pool: None) -> None:
    """The naive twin: give the old time back, then take the new one, which may be gone."""
    people, slot_ids = await booked()
    choose = random.Random(7)

    async def naive(who: Person) -> None:
        visit = await db.fetch_value(CURRENT, who.id)
        wanted = NewAppointment(slot_id=choose.choice(slot_ids), appointment_type=AppointmentType.IN_PERSON)
        await move(who.actor, visit, "cancel", reason="another time")
        await book(who.actor, wanted, 56)

    answers = await in_parallel([lambda who=who: naive(who) for who in people])
    lost, apart = await half_moved(people, slot_ids)
    catalogue.figure("A7", f"naive twin: {len(people)} moves, {lost + apart} half moves")
    assert lost > 0 and any(isinstance(one, Conflict) for one in answers)
