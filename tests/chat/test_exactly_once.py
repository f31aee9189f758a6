"""F8: nothing that was said is lost or doubled and both hear it in one order, whatever devices and servers do."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID, uuid4

import asyncpg
import pytest

from portal import db
from portal.ids import uuid7
from portal.settings import Settings
from tests import catalogue, factories
from tests.booking.attacks import token_of
from tests.faults.load import Line
from tests.faults.stage import children, workers
from tests.portal_server import Served

pytestmark = [pytest.mark.anyio, pytest.mark.race, pytest.mark.F8]

MESSAGES, KILLS = (10_000, 5) if catalogue.FULL else (400, 1)
VISITS, DEVICES = 2, 2  # two devices for each of the two people of a visit
TWICE = 5  # every so many messages go out from both devices of a person at the same moment
VISIT = """
INSERT INTO appointment (id, patient_id, doctor_id, date, starts_at, ends_at, time_zone, appointment_type, status, booked_by)
VALUES ($1, $2, $3, current_date, clock_timestamp(), clock_timestamp() + interval '15 minutes', 'UTC', 'VIRTUAL', 'BOOKED', $2)
"""
Heard = tuple[int, str]  # number and body


class Device(Protocol):
    """What one browser or program does in one conversation."""

    async def say(self, client_id: str, body: str) -> None: ...
    async def after(self, number: int) -> list[Heard]: ...


@dataclass
class OfPortal:
    """A device that asks again until it has an answer, as the outbox of a page does."""

    line: Line
    path: str
    token: str
    at_once: asyncio.Lock = field(default_factory=asyncio.Lock)  # one request after the other on its connection

    async def say(self, client_id: str, body: str) -> None:
        content = {"client_id": client_id, "body": body}
        async with self.at_once:
            status, answer = await self.line.insist(("POST", self.path, self.token, content, ""), pause=0.05)
        assert status == 201, answer

    async def after(self, number: int) -> list[Heard]:
        path = f"{self.path}?after={number}&limit=100"
        status, answer = await self.line.insist(("GET", path, self.token, None, ""), pause=0.05)
        assert status == 200, answer
        return [(one["number"], one["body"]) for one in answer["messages"]]


@dataclass
class Naive:
    """The twin: it looks whether a message is there and which number comes next, and then writes."""

    pool: asyncpg.Pool
    visit: UUID

    async def say(self, client_id: str, body: str) -> None:
        known = "SELECT count(*) FROM naive_message WHERE visit = $1 AND client_id = $2"
        if await self.pool.fetchval(known, self.visit, client_id):
            return
        number = await self.pool.fetchval(
            "SELECT coalesce(max(number), 0) + 1 FROM naive_message WHERE visit = $1", self.visit
        )
        await self.pool.execute(
            "INSERT INTO naive_message VALUES ($1, $2, $3, $4)", self.visit, number, client_id, body
        )

    async def after(self, number: int) -> list[Heard]:
        rows = await self.pool.fetch(
            "SELECT number, body FROM naive_message WHERE visit = $1 AND number > $2 ORDER BY number, body",
            self.visit, number,
        )  # fmt: skip
        return [(row["number"], row["body"]) for row in rows]


@dataclass
class Talk:
    """One conversation: the devices of both people say their share, and each of the two follows it by `after` alone."""

    patient: list[Device]
    doctor: list[Device]
    ears: list[Device]
    each: int
    said: list[str] = field(default_factory=list)
    heard: list[list[Heard]] = field(default_factory=list)

    async def run(self) -> None:
        done = asyncio.Event()
        following = [asyncio.create_task(self.follow(one, done)) for one in self.ears]
        people = {"patient": self.patient, "doctor": self.doctor}
        async with asyncio.TaskGroup() as group:
            for name, devices in people.items():
                for at, device in enumerate(devices):
                    other = devices[at - 1]
                    group.create_task(self.speak(f"{name}'s device {at}", device, other))
        done.set()
        self.heard = list(await asyncio.gather(*following))

    async def speak(self, name: str, device: Device, other: Device) -> None:
        for number in range(self.each):
            once, body = str(uuid4()), f"{name}: {number}"
            self.said.append(body)
            both = [device.say(once, body)] + ([other.say(once, body)] if number % TWICE == 0 else [])
            await asyncio.gather(*both)
            if number % 7 == 0:
                await device.say(once, body)  # the answer was lost

    async def follow(self, ear: Device, done: asyncio.Event) -> list[Heard]:
        heard: list[Heard] = []
        while True:
            last_look = done.is_set()
            new = await ear.after(heard[-1][0] if heard else 0)
            heard += new
            if last_look and not new:
                return heard
            await asyncio.sleep(0.02)

    def faults(self) -> tuple[int, int, int]:
        """How many messages were lost and doubled, and how many places differ in what the two have heard."""
        first, second = self.heard
        lost = sum(len(set(self.said) - {body for _number, body in one}) for one in self.heard)
        doubled = sum(len(one) - len({body for _number, body in one}) for one in self.heard)
        differing = sum(a != b for a, b in zip(first, second, strict=False)) + abs(len(first) - len(second))
        for device in {body.partition(":")[0] for body in self.said}:
            own = [int(body.rpartition(" ")[2]) for _number, body in first if body.startswith(device + ":")]
            differing += own != sorted(own)
        return lost, doubled, differing


def total(talks: list[Talk]) -> tuple[int, int, int]:
    lost, doubled, differing = zip(*(talk.faults() for talk in talks), strict=True)
    return sum(lost), sum(doubled), sum(differing)


@pytest.fixture(scope="module")
async def portal(settings: Settings, pool: None) -> AsyncIterator[Served]:
    with workers(settings, 3) as running:
        yield running


async def talk_on(portal: Served, each: int) -> Talk:
    patient, doctor, visit = await factories.patient(), await factories.doctor(), uuid7()
    await db.execute(VISIT, visit, patient.id, doctor.id)
    path = f"/api/appointments/{visit}/messages"

    def device(who: Any) -> Device:
        return OfPortal(Line([portal.url], []), path, token_of(who))

    mine, theirs = ([device(who) for _ in range(DEVICES + 1)] for who in (patient, doctor))
    return Talk(mine[:-1], theirs[:-1], [mine[-1], theirs[-1]], each)


async def kill_some(portal: Served, talking: asyncio.Task[Any]) -> int:
    """Kill a worker now and then while they talk; how often."""
    kills = 0
    while not talking.done() and kills < KILLS:
        await asyncio.wait([talking], timeout=1.0)
        if not talking.done() and len(alive := children(portal)) == 3:
            os.kill(random.choice(alive).pid, signal.SIGKILL)
            kills += 1
    return kills


async def test_exactly_once_and_in_one_order(portal: Served) -> None:
    talks = [await talk_on(portal, MESSAGES // VISITS // DEVICES // 2) for _ in range(VISITS)]
    talking = asyncio.ensure_future(asyncio.gather(*(talk.run() for talk in talks)))
    kills = await kill_some(portal, talking)  # type: ignore[arg-type]
    await talking
    said = sum(len(talk.said) for talk in talks)
    lost, doubled, differing = total(talks)
    numbers = [[number for number, _body in talk.heard[0]] for talk in talks]
    catalogue.figure(
        "F8", f"{said} messages from {VISITS * DEVICES * 2} devices, {kills} workers killed:"
        f" {lost} lost, {doubled} doubled, {differing} out of order",
    )  # fmt: skip
    assert said == MESSAGES and kills
    assert (lost, doubled, differing) == (0, 0, 0)
    assert all(found == list(range(1, len(found) + 1)) for found in numbers)
    unread = await db.fetch("SELECT last_number, patient_unread, doctor_unread FROM conversation")
    assert {row["patient_unread"] + row["doctor_unread"] - row["last_number"] for row in unread} == {0}


async def test_the_naive_twin_is_caught(settings: Settings, pool: None) -> None:
    twin = await asyncpg.create_pool(settings.database_url, min_size=8, max_size=8)
    try:
        await twin.execute("CREATE TABLE naive_message (visit uuid, number int, client_id text, body text)")

        def of(visit: UUID, count: int) -> list[Device]:
            return [Naive(twin, visit) for _ in range(count)]

        visits = [uuid7() for _ in range(VISITS)]
        talks = [Talk(of(one, DEVICES), of(one, DEVICES), of(one, 2), 50) for one in visits]
        await asyncio.gather(*(talk.run() for talk in talks))
        lost, doubled, differing = total(talks)
        catalogue.figure("F8", f"naive twin: {lost} lost, {doubled} doubled, {differing} out of order (must not be 0)")
        assert doubled and lost + differing, "these attacks catch nothing"
    finally:
        await twin.execute("DROP TABLE naive_message")
        await twin.close()
