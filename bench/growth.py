"""Growth: the same doctor-day costs the same however many doctors there are."""

import time
from contextlib import AsyncExitStack

import asyncpg

from bench.booking import book, hold
from bench.client import Caller, percentile, request
from bench.figures import Figure, Figures
from bench.servers import Servers, Stage

LOOKED_AT = 60  # different doctors, so that nothing is found in a cache because it was asked a moment ago
ROUNDS = 180
VISITS = 60

SOME_DOCTORS = """
SELECT doctor_id, min(date) AS first_day FROM slot WHERE doctor_id IN (
    SELECT account_id FROM doctor JOIN account ON id = account_id WHERE email LIKE 'd%@bench.example'
    ORDER BY account_id LIMIT $1)
GROUP BY doctor_id
"""


async def growth(stage: Stage, servers: dict[int, Servers]) -> Figures:
    """A doctor's week and a visit (hold and book) at each size, asked in turn so that all sizes meet the same machine."""
    pages: dict[int, list[float]] = {doctors: [] for doctors in servers}
    visits: dict[int, list[float]] = {doctors: [] for doctors in servers}
    asked = {doctors: await _weeks(stage.databases[doctors]) for doctors in servers}
    times = {doctors: (await stage.times(doctors, a_day=VISITS))[0] for doctors in servers}
    patients = {doctors: (await stage.patients(1, doctors))[0] for doctors in servers}
    rounds = ROUNDS // 3 if stage.quick else ROUNDS
    async with AsyncExitStack() as stack:
        callers = {doctors: await stack.enter_async_context(Caller(one.portal)) for doctors, one in servers.items()}
        for number in range(rounds):
            for doctors, caller in callers.items():
                several = asked[doctors]
                pages[doctors].append(await _timed(caller, several[number % len(several)]))
        for number in range(VISITS):
            for doctors, caller in callers.items():
                patient, slot = patients[doctors], times[doctors].slots[number]
                visits[doctors].append(await _timed(caller, hold(patient)(slot), book(patient)(slot)))
    return {**_compared("growth_page", pages), **_compared("growth_visit", visits)}


async def _weeks(url: str) -> list[bytes]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(SOME_DOCTORS, LOOKED_AT)
    await connection.close()
    return [request("GET", f"/doctors/{row['doctor_id']}?week={row['first_day']}") for row in rows]


async def _timed(caller: Caller, *requests: bytes) -> float:
    begun = time.perf_counter()
    for asked in requests:
        status, body = await caller.ask(asked)
        if status not in (200, 201):
            raise RuntimeError(f"answered {status}: {body[:300]!r}")
    return (time.perf_counter() - begun) * 1000


def _compared(name: str, took: dict[int, list[float]]) -> Figures:
    """The median at the largest size against the one at the smallest; all sizes in the note."""
    middle = {doctors: percentile(values, 0.5) for doctors, values in sorted(took.items())}
    smallest, largest = min(middle), max(middle)
    note = ", ".join(f"{value:.2f} ms at {doctors:,}" for doctors, value in middle.items())
    return {name: Figure(middle[largest], middle[smallest], note)}
