"""Two tabs save at the same moment: one wins, and the other is told; a naive twin loses a text each time."""

import asyncio
from uuid import UUID

import httpx
import pytest

from portal import db
from tests import catalogue
from tests.appointments.conftest import Cast
from tests.visits.conftest import begun, read, write

pytestmark = pytest.mark.anyio

ROUNDS, TABS = (100, 8) if catalogue.FULL else (12, 4)


async def test_of_those_who_save_at_once_one_wins(client: httpx.AsyncClient, cast: Cast) -> None:
    """From the first version on, each round with the version that all of them have read."""
    visit = await begun(client, cast)
    for number in range(ROUNDS):
        texts = [f"round {number}, tab {tab}" for tab in range(TABS)]
        answers = await asyncio.gather(
            *(write(client, cast.doctor, visit, number, private_notes=text) for text in texts)
        )
        assert sorted(one.status_code for one in answers) == [200] + [409] * (TABS - 1)
        won = next(one.json() for one in answers if one.status_code == 200)
        told = {one.json()["current"]["private_notes"] for one in answers if one.status_code == 409}
        assert told == {won["private_notes"]}
    kept = await read(client, cast.doctor, visit, "notes/history", limit=100)
    assert [one["version"] for one in kept["versions"]] == list(range(ROUNDS, 0, -1))
    assert len({one["private_notes"] for one in kept["versions"]}) == ROUNDS


async def naive_save(visit: UUID, version: int, text: str) -> bool:
    """Look at the version, and write if it is the one that was read: each step right, the whole wrong."""
    found = await db.fetch_value("SELECT version FROM visit_note WHERE appointment_id = $1", visit)
    if found != version:
        return False
    await db.execute(
        "UPDATE visit_note SET private_notes = $2, version = version + 1 WHERE appointment_id = $1", visit, text
    )
    return True


async def test_a_naive_twin_loses_texts(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await begun(client, cast)
    await write(client, cast.doctor, visit, 0, private_notes="first")
    overwritten = 0
    for number in range(ROUNDS):
        version = await db.fetch_value("SELECT version FROM visit_note WHERE appointment_id = $1::uuid", visit)
        saved = await asyncio.gather(*(naive_save(UUID(visit), version, f"{number} {tab}") for tab in range(TABS)))
        overwritten += sum(saved) - 1
    assert overwritten > 0
