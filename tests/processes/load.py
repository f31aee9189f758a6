"""Mixed load on several processes: people look at their pages, ask who they are, and book what others want too.

Every answer is judged as it comes: does the page name whom it should, and was it an answer that may be given.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import httpx

from tests import factories
from tests.factories import Person
from tests.processes.conftest import as_page, as_program

CALLERS = 8
PEOPLE = 60
FINE = {200, 201, 409, 429, 503}


def names_another(text: str, who: Person, people: list[Person]) -> bool:
    """Whether an answer belongs to somebody else: every one of them has a name that no other has."""
    return any(one.actor.last_name in text for one in people if one is not who)


@dataclass
class Seen:
    """What the load met."""

    codes: Counter[int] = field(default_factory=Counter)
    wrong: int = 0
    odd: list[str] = field(default_factory=list)
    broken: int = 0  # connections that ended without an answer
    slowest: float = 0.0


class Load:
    """Some callers, for as long as the block of `running` runs."""

    def __init__(self, urls: tuple[str, ...], people: list[Person], slot_ids: list[UUID]) -> None:
        self.urls, self.people, self.slot_ids = urls, people, slot_ids
        self.seen = Seen()
        self._stop = asyncio.Event()

    async def call_for_ever(self, seed: int) -> None:
        rng = random.Random(seed)
        async with httpx.AsyncClient(base_url=self.urls[seed % len(self.urls)], timeout=30) as client:
            while not self._stop.is_set():
                who = rng.choice(self.people)
                begun = time.monotonic()
                try:
                    await self._one(client, rng, who)
                except httpx.TransportError:
                    self.seen.broken += 1
                    await asyncio.sleep(0.05)
                self.seen.slowest = max(self.seen.slowest, time.monotonic() - begun)

    async def _one(self, client: httpx.AsyncClient, rng: random.Random, who: Person) -> None:
        kind = rng.random()
        if kind < 0.4:
            answer = await client.get("/settings", headers=as_page(who))
        elif kind < 0.7:
            answer = await client.get("/api/auth/me", headers=as_program(who))
        else:
            body = {"slot_id": str(rng.choice(self.slot_ids)), "appointment_type": "IN_PERSON"}
            answer = await client.post("/api/appointments", json=body, headers=as_program(who))
        self._judge(answer, who, personal=kind < 0.7)

    def _judge(self, answer: httpx.Response, who: Person, personal: bool) -> None:
        self.seen.codes[answer.status_code] += 1
        if answer.status_code not in FINE:
            self.seen.odd.append(f"{answer.request.method} {answer.request.url.path} {answer.status_code}")
        if answer.status_code == 503 and "retry-after" not in answer.headers:
            self.seen.odd.append(f"{answer.request.url.path} 503 without Retry-After")
        missing = personal and answer.status_code == 200 and who.actor.last_name not in answer.text
        self.seen.wrong += missing or names_another(answer.text, who, self.people)


@asynccontextmanager
async def running(urls: tuple[str, ...], people: list[Person], slot_ids: list[UUID]) -> AsyncIterator[Load]:
    load = Load(urls, people, slot_ids)
    callers = [asyncio.create_task(load.call_for_ever(number)) for number in range(CALLERS)]
    try:
        yield load
    finally:
        load._stop.set()
        await asyncio.gather(*callers)


async def a_crowd(number: int = PEOPLE) -> list[Person]:
    """Patients whose last names stand on their pages and in nobody else's."""
    return [await factories.patient(last_name=f"Zq{n:03}x") for n in range(number)]
