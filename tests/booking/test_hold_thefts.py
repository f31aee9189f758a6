"""Over both faces: while A keeps a time, B books it without a hold, with a hold of another time, and with an ended one."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

import httpx
import pytest
from litestar import Litestar

from portal import db
from portal.slots.actions import hold_slot
from portal.web.forms import CSRF_FIELD
from tests import catalogue, factories
from tests.appointments.conftest import book
from tests.appointments.test_pages import see
from tests.factories import Person
from tests.owner import as_owner
from tests.slots.conftest import in_parallel

pytestmark = [pytest.mark.anyio, pytest.mark.race, pytest.mark.A3]
EACH = 5  # times that each of three thieves tries each slot, alternately by page and API
SLOTS = 200 if catalogue.FULL else 20  # 3,000 attempts, or 300
Book = Callable[[httpx.AsyncClient, Person, UUID, str], Awaitable[bool]]


@dataclass
class Kept:
    """A slot, its holder, and three who want it: without a hold, with one of another time, with one that ended."""

    slot_id: UUID
    holder: Person
    thieves: list[Person]
    tokens: dict[UUID, str] = field(default_factory=dict)


async def keep(client: httpx.AsyncClient) -> Kept:
    slot_id = await factories.slot((await factories.doctor()).id)
    elsewhere = await factories.slot((await factories.doctor()).id)
    holder, *thieves = [await factories.patient() for _ in range(4)]
    await hold_slot(thieves[1].actor, elsewhere, 300)
    await hold_slot(thieves[2].actor, slot_id, 0.05)
    await asyncio.sleep(0.06)
    await hold_slot(holder.actor, slot_id, 300)
    return Kept(slot_id, holder, thieves, {one.id: await token_of(client, one) for one in (holder, *thieves)})


async def token_of(client: httpx.AsyncClient, who: Person) -> str:
    page = (await see(client, who, "/settings")).text
    return page.partition('name="csrf-token" content="')[2].partition('"')[0]


async def by_api(client: httpx.AsyncClient, who: Person, slot_id: UUID, _token: str) -> bool:
    answer = await book(client, who, slot_id)
    assert answer.status_code in (201, 409), answer.text
    return answer.status_code == 201


async def by_page(client: httpx.AsyncClient, who: Person, slot_id: UUID, token: str) -> bool:
    headers = {"Cookie": f"login={who.secret}", "Origin": "http://testserver.local"}
    form = {CSRF_FIELD: token, "appointment_type": "IN_PERSON", "chief_complaint": ""}
    answer = await client.post(f"/slots/{slot_id}/book", headers=headers, data=form)
    assert answer.status_code in (303, 409), answer.text
    return answer.status_code == 303


async def naively(_client: httpx.AsyncClient, who: Person, slot_id: UUID, _token: str) -> bool:
    """The time is kept and not yet booked: whoever comes must be the one who keeps it."""
    kept = await db.fetch_value("SELECT held_until > clock_timestamp() FROM slot WHERE id = $1", slot_id)
    if not kept or await db.fetch_value("SELECT count(*) FROM naive_booking WHERE slot_id = $1", slot_id):
        return False
    await db.execute("INSERT INTO naive_booking VALUES ($1, $2)", slot_id, who.id)
    return True


async def attack(client: httpx.AsyncClient, number: int, faces: tuple[Book, Book]) -> tuple[list[Kept], int, int, int]:
    """Everybody at once, the holder in the middle: attempts, how many stole, how many holders booked."""
    everything = [await keep(client) for _ in range(number)]
    tries = []
    for turn, kept in enumerate(everything):
        mine = [(who, kept, faces[(turn + n) % 2]) for n in range(EACH) for who in kept.thieves]
        mine.insert(len(mine) // 2, (kept.holder, kept, faces[turn % 2]))
        tries += mine

    async def one(who: Person, kept: Kept, face: Book) -> tuple[bool, bool]:
        return await face(client, who, kept.slot_id, kept.tokens[who.id]), who is kept.holder

    answers = await in_parallel([lambda t=t: one(*t) for t in tries], 24)
    stolen = sum(won and not own for won, own in answers)
    return everything, len(answers) - number, stolen, sum(won and own for won, own in answers)


async def test_nobody_steals_by_page_or_api(client: httpx.AsyncClient) -> None:
    everything, tried, stolen, own = await attack(client, SLOTS, (by_api, by_page))
    sql = "SELECT slot_id, patient_id FROM appointment WHERE slot_id = ANY($1)"
    booked = {row["slot_id"]: row["patient_id"] for row in await db.fetch(sql, [one.slot_id for one in everything])}
    catalogue.figure("A3", f"{stolen} of {tried} steals by page and API; {own} of {SLOTS} booked by the holder")
    assert (stolen, own, tried) == (0, SLOTS, SLOTS * 3 * EACH)
    assert booked == {one.slot_id: one.holder.id for one in everything}


async def test_the_naive_twin_is_robbed(app: Litestar, client: httpx.AsyncClient) -> None:
    await as_owner("CREATE TABLE naive_booking (slot_id uuid, patient_id uuid)")
    _everything, tried, stolen, _own = await attack(client, 10, (naively, naively))
    catalogue.figure("A3", f"naive twin: {stolen} of {tried} steals")
    assert stolen > 0
