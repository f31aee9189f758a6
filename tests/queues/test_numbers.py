"""A9: numbers and turns while everything happens at once: walk-ins, check-ins, no-shows, and two boards that call."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from litestar import Litestar

from portal import db
from tests import catalogue
from tests.appointments.conftest import Cast, post
from tests.owner import as_owner
from tests.queues.conftest import Morning, begun

pytestmark = [pytest.mark.anyio, pytest.mark.A9, pytest.mark.race]
PLACES, JOINERS = (60, 200) if catalogue.FULL else (24, 30)
DESKS = 5  # that take in walk-ins; with all others fewer than the pool has connections, so that nobody is put off
TWICE = """
SELECT queue_position FROM appointment WHERE session_id = $1 AND status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS', 'COMPLETED')
GROUP BY 1 HAVING count(*) > 1
"""
CALLS = """
SELECT h.appointment_id, count(*) FILTER (WHERE h.to_status = 'IN_PROGRESS') AS served,
    count(*) FILTER (WHERE h.reason = 'CALLED') - count(*) FILTER (WHERE h.reason = 'MISSED_CALL') AS calls
FROM appointment_history h JOIN appointment a ON a.id = h.appointment_id WHERE a.session_id = $1 GROUP BY 1
"""


async def arrive(morning: Morning, numbers: list[int], codes: Counter[Any]) -> None:
    """Those who have booked check in, or are noted as missing."""
    for number in numbers:
        action = "no-show" if number % 5 == 0 else "check-in"
        codes[action, (await morning.act(morning.cast.admin, number, action)).status_code] += 1


async def walk_in(morning: Morning, codes: Counter[Any], names: Iterator[int]) -> None:
    for nth in names:
        answer = await morning.queue(morning.cast.admin, "walk-ins", first_name="Walk", last_name=f"In{nth}")
        codes["walk-in", answer.status_code] += 1


async def call(morning: Morning, who: Any, closed: asyncio.Event, served: list[str]) -> None:
    """One board: call, and whoever stands there is seen, or now and then does not hear it."""
    luck = random.Random(1)
    while not (closed.is_set() and await morning.call(who) == "queue_empty"):
        answer = await morning.queue(who, "call-next")
        if answer.status_code != 200:
            await asyncio.sleep(0.02)
            continue
        visit = answer.json()["id"]
        if luck.random() < 0.15:
            await post(morning.client, who, f"/appointments/{visit}/missed-call")
        elif (await post(morning.client, morning.cast.doctor, f"/appointments/{visit}/start")).status_code == 200:
            served.append(visit)
            await post(morning.client, morning.cast.doctor, f"/appointments/{visit}/complete")


async def test_numbers_and_turns_are_one_persons(client: httpx.AsyncClient, cast: Cast) -> None:
    morning = await begun(client, cast, ago=5, places=PLACES, minutes=5)
    booked = list(range(1, PLACES // 2 + 1))
    for number in booked:
        await morning.book(number)
    codes, served, closed = Counter[Any](), list[str](), asyncio.Event()
    boards = [asyncio.create_task(call(morning, who, closed, served)) for who in (cast.doctor, cast.admin)]
    parts, names = [booked[nth::2] for nth in range(2)], iter(range(JOINERS))
    await asyncio.gather(*(arrive(morning, part, codes) for part in parts),
                         *(walk_in(morning, codes, names) for _desk in range(DESKS)))  # fmt: skip
    closed.set()
    await asyncio.gather(*boards)
    twice = await db.fetch(TWICE, morning.session_id)
    rows = await db.fetch(CALLS, morning.session_id)
    numbers = await db.fetch("SELECT position FROM slot WHERE session_id = $1 ORDER BY 1", morning.session_id)
    catalogue.figure(
        "A9",
        f"{JOINERS} walk-ins on {PLACES // 2} places beside {len(booked)} arrivals and two boards:"
        f" {len(twice)} numbers double, {max(row['served'] for row in rows)} turn each",
    )
    assert not twice and all(row["served"] <= 1 and row["calls"] <= 1 for row in rows)
    assert len(served) == len(set(served)) and codes["walk-in", 201] == JOINERS, codes
    assert [row["position"] for row in numbers] == list(range(1, len(numbers) + 1)), "no number is left out"
    assert not [code for code in codes if code[1] >= 500]


async def test_the_naive_twin_gives_numbers_and_turns_twice(app: Litestar) -> None:
    """Read the highest number and add one; read who is next and mark them."""
    await as_owner("CREATE TABLE naive_queue (id bigserial, number int, called int DEFAULT 0)")

    async def join() -> None:
        highest = await db.fetch_value("SELECT coalesce(max(number), 0) FROM naive_queue")
        await db.execute("INSERT INTO naive_queue (number) VALUES ($1)", highest + 1)

    async def call_one() -> None:
        first = await db.fetch_value("SELECT id FROM naive_queue WHERE called = 0 ORDER BY number, id LIMIT 1")
        await db.execute("UPDATE naive_queue SET called = called + 1 WHERE id = $1", first)

    await asyncio.gather(*(join() for _nth in range(60)))
    for _turn in range(20):
        await asyncio.gather(call_one(), call_one())
    double = await db.fetch_value("SELECT count(*) - count(DISTINCT number) FROM naive_queue")
    twice = await db.fetch_value("SELECT count(*) FROM naive_queue WHERE called > 1")
    catalogue.figure("A9", f"naive twin: {double} of 60 numbers given twice, {twice} patients called twice")
    assert double > 0 and twice > 0
