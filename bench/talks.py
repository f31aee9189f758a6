"""Conversations at work: 500 at once, and how soon what one says is on the other's page.

The page is the portal's own: it has its live stream, hears that there is a message, and asks for what came after its last.
"""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg

from bench.cast import DOCTOR, PATIENT, Doctor, Patient, sign_in
from bench.client import Caller, percentile, request
from bench.figures import Figure, Figures
from bench.servers import Servers, Stage
from bench.watchers import live_path
from portal.ids import uuid7

TALKS, QUICK_TALKS = 500, 60
SECONDS, QUICK_SECONDS = 30.0, 6.0
APART = 12.0  # seconds between two messages of one conversation: both people type without a pause
DOCTORS = 25
AT_ONCE = 50
PATIENCE = 30
ZIPPED = b"\x1f\x8b"  # small answers are not
VISITS = """
INSERT INTO appointment (id, patient_id, doctor_id, date, starts_at, ends_at, time_zone, appointment_type, status, booked_by)
SELECT v, p, d, current_date, clock_timestamp(), clock_timestamp() + interval '15 minutes', 'UTC', 'VIRTUAL', 'IN_PROGRESS', p
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS u (v, p, d)
"""


class Page(asyncio.Protocol):
    """The doctor's page of one conversation: told of a message, it fetches what is new, one request after the other."""

    def __init__(self, port: int, visit: UUID, cookie: str) -> None:
        self._port, self._visit, self._cookie = port, visit, f"login={cookie}"
        self._transport: asyncio.WriteTransport | None = None
        self._fetching: asyncio.Task[None] | None = None
        self._told = False
        self._last = 0
        self.is_open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.shown: dict[str, float] = {}  # the words of a message → when they were there

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_connection(lambda: self, "127.0.0.1", self._port)
        self._transport.write(request("GET", live_path(f"appointment:{self._visit}"), Cookie=self._cookie))
        await self.is_open

    def close(self) -> None:
        if self._fetching is not None:
            self._fetching.cancel()
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if not self.is_open.done():
            if data.startswith(b"HTTP/1.1 200"):
                self.is_open.set_result(None)
            else:
                self.is_open.set_exception(RuntimeError(f"no stream: {data[:300]!r}"))
        elif b"chat.message" in data:
            self._told = True
            if self._fetching is None or self._fetching.done():
                self._fetching = asyncio.get_running_loop().create_task(self._fetch())

    async def _fetch(self) -> None:
        async with Caller(self._port) as caller:
            while self._told:
                self._told = False
                path = f"/appointments/{self._visit}/chat/news?after={self._last}"
                asked = request("GET", path, Cookie=self._cookie, Accept_Encoding="gzip")
                status, body = await caller.ask(asked)
                if status != 200:
                    raise RuntimeError(f"answered {status}: {body[:300]!r}")
                self._take((gzip.decompress(body) if body[:2] == ZIPPED else body).decode())

    def _take(self, shown: str) -> None:
        now = time.perf_counter()
        for part in shown.split("said ")[1:]:
            self.shown[part.split("<", 1)[0]] = now
        self._last = int(shown.partition('data-last="')[2].partition('"')[0])


async def make_talks(url: str, number: int) -> list[tuple[UUID, Patient, Doctor]]:
    """Visits that go on at this moment, each with a patient of its own."""
    connection = await asyncpg.connect(url)
    patients, doctors = await sign_in(connection, Patient, number), await sign_in(connection, Doctor, DOCTORS)
    await connection.executemany(PATIENT, [(one.id,) for one in patients])
    await connection.executemany(DOCTOR, [(one.id,) for one in doctors])
    made = [(uuid7(), one, doctors[at % DOCTORS]) for at, one in enumerate(patients)]
    visits, whose, whom = zip(*((visit, patient.id, doctor.id) for visit, patient, doctor in made), strict=True)
    await connection.execute(VISITS, visits, whose, whom)
    await connection.execute("ANALYZE appointment")
    await connection.close()
    return made


@asynccontextmanager
async def opened(pages: list[Page]) -> AsyncIterator[None]:
    try:
        for first in range(0, len(pages), AT_ONCE):
            await asyncio.gather(*(page.open() for page in pages[first : first + AT_ONCE]))
        yield
    finally:
        for page in pages:
            page.close()


async def chat(stage: Stage, servers: Servers) -> Figures:
    """A message from the POST to the other one's page, while all conversations go on at the pace of people who type."""
    seconds = QUICK_SECONDS if stage.quick else SECONDS
    talks = await make_talks(stage.url, QUICK_TALKS if stage.quick else TALKS)
    pages = [Page(servers.portal, visit, doctor.cookie) for visit, _patient, doctor in talks]
    said: list[dict[str, float]] = [{} for _ in talks]

    async def speak(at: int) -> None:
        visit, patient, _doctor = talks[at]
        await asyncio.sleep(APART * at / len(talks) % seconds)
        ends = time.perf_counter() + seconds
        async with Caller(servers.portal) as caller:
            while time.perf_counter() < ends:
                words, begun = uuid4().hex, time.perf_counter()
                body = json.dumps({"body": f"said {words}", "client_id": str(uuid4())}).encode()
                path = f"/api/appointments/{visit}/messages"
                status, answer = await caller.ask(request("POST", path, body, Authorization=patient.bearer))
                if status != 201:
                    raise RuntimeError(f"answered {status}: {answer[:300]!r}")
                said[at][words] = begun
                await asyncio.sleep(max(0.0, APART - (time.perf_counter() - begun)))

    async with opened(pages):
        await asyncio.gather(*(speak(at) for at in range(len(talks))))
        deadline = time.perf_counter() + PATIENCE
        while any(said[at].keys() - pages[at].shown.keys() for at in range(len(talks))):
            if time.perf_counter() > deadline:
                raise TimeoutError("a message is not on the other page")
            await asyncio.sleep(0.05)
    took = [(pages[at].shown[words] - begun) * 1000 for at, one in enumerate(said) for words, begun in one.items()]
    note = f"{len(talks)} conversations, {len(took)} messages, {len(took) / (seconds + APART):.0f} a second"
    return {
        "chat_p50": Figure(percentile(took, 0.5), note=note),
        "chat_p99": Figure(percentile(took, 0.99)),
    }
