"""First available now: the doctors take turns evenly, however many processes ask, and also over a restart."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import httpx
import pytest

from portal import db
from portal.accounts import tokens
from portal.settings import Settings
from tests import catalogue, factories
from tests.factories import Person
from tests.portal_server import served
from tests.services import free_port

pytestmark = [pytest.mark.anyio, pytest.mark.race, pytest.mark.A1]
DOCTORS, AT_ONCE, ROUNDS = 5, 3, 4  # the callers of a round never come out even with the doctors
Turn = Callable[[int], Awaitable[str]]


async def rounds(give: Turn, give_back: Turn, given: Counter[str]) -> None:
    """Some callers at once, then all of their visits end; and again."""
    for _ in range(ROUNDS):
        given.update(await asyncio.gather(*map(give, range(AT_ONCE))))
        await asyncio.gather(*map(give_back, range(AT_ONCE)))


def spread(given: Counter[str], doctors: list[str]) -> int:
    counts = [given[one] for one in doctors]
    return max(counts) - min(counts)


async def portal_rounds(urls: list[str], people: list[Person], specialty: UUID, given: Counter[str]) -> None:
    """The callers ask one process or the other."""
    visits: dict[int, str] = {}
    body = {"specialty_id": str(specialty), "mode": "FIRST_AVAILABLE", "appointment_type": "VIRTUAL"}

    async def ask(number: int, path: str, sent: dict[str, str]) -> httpx.Response:
        async with httpx.AsyncClient(base_url=f"{urls[number % 2]}/api", timeout=30) as client:
            return await client.post(path, json=sent, headers=people[number].bearer)

    async def give(number: int) -> str:
        answer = await ask(number, "/appointments", body)
        assert answer.status_code == 201, answer.text
        visits[number] = answer.json()["id"]
        return str(answer.json()["doctor_id"])

    async def give_back(number: int) -> str:
        answer = await ask(number, f"/appointments/{visits[number]}/cancel", {"reason": "x"})
        return str(answer.raise_for_status().status_code)

    await rounds(give, give_back, given)


async def test_turns_are_even_over_processes_and_a_restart(settings: Settings, pool: None, tmp_path: Path) -> None:
    tokens.use_keys(settings)
    specialty = await factories.specialty()
    doctors = [await factories.doctor(specialty_id=specialty) for _ in range(DOCTORS)]
    await db.execute("UPDATE doctor SET availability_status = 'AVAILABLE' WHERE specialty_id = $1", specialty)
    people, given = [await factories.patient() for _ in range(AT_ONCE)], Counter[str]()
    environment = {
        "DATABASE_URL": settings.database_url, "PORTAL_KEYS": str(settings.data / "keys.json"),
        "PORTAL_BASE_URL": settings.base_url, "PORTAL_ALLOWED_HOSTS": "127.0.0.1", "PORTAL_RATE_LIMIT": "100000",
    }  # fmt: skip
    for start in range(2):
        ports = [free_port(), free_port()]
        with (
            served(data=tmp_path / f"{start}a", port=ports[0], **environment) as one,
            served(data=tmp_path / f"{start}b", port=ports[1], **environment) as other,
        ):
            await portal_rounds([f"http://127.0.0.1:{port}" for port in ports], people, specialty, given)
            one.stop()
            other.stop()
    apart = spread(given, [str(one.id) for one in doctors])
    catalogue.figure(
        "A1", f"first free now: {given.total()} turns of {DOCTORS} doctors, 2 processes, 1 restart: {apart} apart"
    )
    assert given.total() == 2 * ROUNDS * AT_ONCE and apart <= 1


async def test_the_naive_twin_is_uneven() -> None:
    """Each process remembers whose turn it is; a restart forgets it."""
    doctors, given = [f"doctor {n}" for n in range(DOCTORS)], Counter[str]()
    for _start in range(2):
        processes, busy = [0, 0], dict[int, str]()

        async def give(number: int, processes: list[int] = processes, busy: dict[int, str] = busy) -> str:
            mine = number % 2
            while (doctor := doctors[processes[mine] % DOCTORS]) in busy.values():
                processes[mine] += 1
            processes[mine] += 1
            busy[number] = doctor
            return doctor

        async def give_back(number: int, busy: dict[int, str] = busy) -> str:
            return busy.pop(number)

        await rounds(give, give_back, given)
    apart = spread(given, doctors)
    catalogue.figure("A1", f"naive twin of the turns: {given.total()} turns, {apart} apart")
    assert apart > 1
