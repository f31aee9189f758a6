"""Moving visits at random, many at once: none is lost, none is doubled, and a slot is free when nobody has it."""

import asyncio
import random

import httpx
import pytest

from portal import db
from tests import factories
from tests.appointments.conftest import Cast, book, post

pytestmark = [pytest.mark.anyio, pytest.mark.race]


async def test_random_moves_leave_one_visit_each(client: httpx.AsyncClient, cast: Cast) -> None:
    people = [await factories.patient() for _ in range(12)]
    slot_ids = await factories.slots(cast.doctor.id, 18, clinic_id=cast.clinic_id)
    visits = {one.id: (await book(client, one, slot)).json()["id"] for one, slot in zip(people, slot_ids, strict=False)}
    choose = random.Random(7)
    outcomes: dict[int, int] = {}

    async def move(who: factories.Person) -> None:
        body = {"slot_id": str(choose.choice(slot_ids))}
        answer = await post(client, who, f"/appointments/{visits[who.id]}/reschedule", body)
        outcomes[answer.status_code] = outcomes.get(answer.status_code, 0) + 1
        if answer.status_code == 201:
            visits[who.id] = answer.json()["id"]

    for _round in range(25):
        await asyncio.gather(*(move(who) for who in people))
    live = await db.fetch(
        "SELECT a.patient_id, a.slot_id, s.appointment_id = a.id AS agrees FROM appointment a JOIN slot s ON s.id = a.slot_id"
        " WHERE a.doctor_id = $1 AND a.status = 'BOOKED'", cast.doctor.id,
    )  # fmt: skip
    taken = await db.fetch_value(
        "SELECT count(*) FROM slot WHERE doctor_id = $1 AND appointment_id IS NOT NULL", cast.doctor.id
    )
    print(f"{sum(outcomes.values())} moves: {outcomes}, {len(live)} live visits, {taken} slots taken")
    assert len(live) == len({row["patient_id"] for row in live}) == len({row["slot_id"] for row in live}) == taken == 12
    assert all(row["agrees"] for row in live) and set(outcomes) <= {201, 409}
