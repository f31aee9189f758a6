"""A clinic's day on one process: the boards of 40 doctors and the places of 800 patients are open while the next are called."""

import asyncio
import gzip
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from bench.cast import DOCTOR, HORIZON, PATIENT, Doctor, Patient, Person, sign_in
from bench.client import Caller, percentile, request
from bench.figures import Figure, Figures
from bench.machine import memory_of, seconds_of
from bench.servers import Servers, Stage
from bench.watchers import live_path
from portal.ids import uuid7

DOCTORS, QUICK_DOCTORS = 40, 12
PLACES, MINUTES = 20, 10
BEGAN = 30  # minutes ago
WEEKS = 3  # past ones, from which each doctor's practice is known
CALLS, QUICK_CALLS = 15, 4  # each by another doctor
APART = 0.2  # seconds between two calls
STANDING, QUICK_STANDING = 5.0, 1.0  # seconds in which nobody is called: of all streams once authorised anew
GATHERED = 0.06  # seconds for which a page gathers what it is told, see static/js/app.js
EVERY = 60.0  # seconds after which a patient's place is fetched again in any case
AT_ONCE = 40
PATIENCE = 10.0
SIGNS = (
    b"place-called",
    b"Being served",
    b"serving-no",
)  # of a call, on the pages of the called one, others, the doctor

ZONES = "UPDATE account SET time_zone = $2 WHERE id = ANY ($1)"
CLINIC = """
INSERT INTO clinic (id, name, city, country, latitude, longitude, time_zone)
VALUES ($1, 'Clinic of the boards', 'Berlin', 'DE', 52.52, 13.405, $2)
"""
MEMBERS = "INSERT INTO clinic_doctor (clinic_id, doctor_id) VALUES ($1, $2)"
# $1 sessions, $2 their doctors, $3 clinic, $4 begin and $5 end on the clock of the wall.
SESSIONS = """
INSERT INTO weekly_session (id, doctor_id, clinic_id, day_of_week, session_start_time, session_end_time, service_type,
    max_queue_size, estimated_consultation_minutes, effective_from)
SELECT s.id, s.doctor_id, $3, extract(isodow FROM $4::timestamp), $4::timestamp::time, $5::timestamp::time, 'BOTH', $6, $7,
    $4::date - 60
FROM unnest($1::uuid[], $2::uuid[]) AS s (id, doctor_id)
"""
# Today everybody is there; in the weeks before all were seen. $1 to $3 as above, $4 patients, $5 begin, $6 time zone, $7 places,
# $8 minutes, $9 weeks.
VISITS = """
WITH place AS MATERIALIZED (
    SELECT gen_random_uuid() AS slot_id, gen_random_uuid() AS id, s.id AS session_id, s.doctor_id, number, week = 0 AS is_today,
        ($4::uuid[])[(s.number_of - 1) * $7 + number] AS patient_id, at, at + make_interval(mins => $8) AS ends
    FROM unnest($1::uuid[], $2::uuid[]) WITH ORDINALITY AS s (id, doctor_id, number_of), generate_series(1, $7::int) AS number,
        generate_series(0, $9::int) AS week,
        LATERAL (SELECT $5::timestamptz + make_interval(days => -7 * week, mins => $8 * (number - 1))) AS t (at)
), slots AS (
    INSERT INTO slot (id, doctor_id, session_id, clinic_id, date, position, starts_at, ends_at, local_start, time_zone,
        service_type, appointment_id)
    SELECT slot_id, doctor_id, session_id, $3, (at AT TIME ZONE $6)::date, number, at, ends, (at AT TIME ZONE $6)::time, $6,
        'BOTH', id FROM place
), visits AS (
    INSERT INTO appointment (id, slot_id, patient_id, doctor_id, clinic_id, session_id, date, queue_position, starts_at, ends_at,
        time_zone, appointment_type, status, booked_by, queue_rank, checked_in_at, actual_start_time, actual_end_time)
    SELECT id, slot_id, patient_id, doctor_id, $3, session_id, (at AT TIME ZONE $6)::date, number, at, ends, $6, 'IN_PERSON',
        CASE WHEN is_today THEN 'CHECKED_IN' ELSE 'COMPLETED' END, patient_id, number,
        CASE WHEN is_today THEN $5 ELSE at - interval '10 minutes' END,
        CASE WHEN NOT is_today THEN at + interval '2 minutes' END, CASE WHEN NOT is_today THEN ends END
    FROM place
), told AS (
    INSERT INTO appointment_history (appointment_id, actor_id, from_status, to_status)
    SELECT p.id, p.patient_id, s.was, s.became
    FROM place p, (VALUES (NULL, 'BOOKED'), ('BOOKED', 'CHECKED_IN')) AS s (was, became)
)
SELECT id, session_id FROM place WHERE is_today ORDER BY number
"""


@dataclass
class Board:
    """One doctor's session that is going on, and who waits in it."""

    doctor: Doctor
    session_id: UUID
    day: date
    patients: Sequence[Patient]
    visits: Sequence[UUID]

    def call(self) -> bytes:
        path = f"/api/sessions/{self.session_id}/queue/call-next"
        return request("POST", path, b'{"date":"%s"}' % str(self.day).encode(), Authorization=self.doctor.bearer)

    def pages(self, port: int) -> list["Page"]:
        queue = f"queue:{self.session_id}:{self.day}"
        board = Page(port, self.doctor, f"user:{self.doctor.id},{queue}", f"/today?date={self.day}")
        waits = zip(self.patients, self.visits, strict=True)
        return [board, *(Page(port, who, f"appointment:{id},{queue}", f"/appointments/{id}/wait") for who, id in waits)]


class Page(asyncio.Protocol):
    """An open page with its stream: it fetches what it shows again once for whatever it is told in the same moment."""

    def __init__(self, port: int, who: Person, topics: str, path: str) -> None:
        cookie, loop = f"login={who.cookie}", asyncio.get_running_loop()
        self._port = port
        self._topics, self._cookie = topics, cookie
        self._again = request(
            "GET",
            path,
            Cookie=cookie,
            HX_Request="true",
            HX_Request_Type="full",
            Accept="text/html",
            Accept_Encoding="gzip",
        )
        self._transport: asyncio.WriteTransport | None = None
        self._gathering: asyncio.TimerHandle | None = None
        self._fetching: asyncio.Task[None] | None = None
        self.is_open: asyncio.Future[None] = loop.create_future()
        self.is_right: asyncio.Future[float] = loop.create_future()  # when, by `time.perf_counter()`
        self.told = 0.0

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_connection(lambda: self, "127.0.0.1", self._port)
        self._transport.write(request("GET", live_path(self._topics), Cookie=self._cookie))
        await self.is_open

    def close(self) -> None:
        for one in (self._gathering, self._fetching):
            if one is not None:
                one.cancel()
        if self._transport is not None:
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        if not self.is_open.done():
            if data.startswith(b"HTTP/1.1 200"):
                self.is_open.set_result(None)
            else:
                self.is_open.set_exception(RuntimeError(f"no stream: {data[:300]!r}"))
        elif b"event:" in data and self._gathering is None:
            self.told = time.perf_counter()
            self._gathering = asyncio.get_running_loop().call_later(GATHERED, self._fetch)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.is_right.done():
            self.is_right.cancel()

    def _fetch(self) -> None:
        self._gathering = None
        self._fetching = asyncio.get_running_loop().create_task(self.look())

    async def look(self) -> None:
        """Fetch what is shown, on a new connection: browsers close the last one before long."""
        async with Caller(self._port) as caller:
            status, body = await caller.ask(self._again)
        if status != 200:
            raise RuntimeError(f"answered {status}: {body[:300]!r}")
        shown = gzip.decompress(body)
        if not self.is_right.done() and any(sign in shown for sign in SIGNS):
            self.is_right.set_result(time.perf_counter())


async def make_boards(url: str, number: int) -> list[Board]:
    """Doctors who have begun half an hour ago, by the clock of a place where it is noon: no session runs into midnight."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    zone = f"Etc/GMT{now.hour - 12:+d}" if now.hour != 12 else "Etc/GMT"
    begin = now - timedelta(minutes=BEGAN)
    wall = begin.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    connection = await asyncpg.connect(url)
    clinic_id, sessions = uuid7(), [uuid7() for _ in range(number)]
    await connection.execute(CLINIC, clinic_id, zone)
    doctors = await sign_in(connection, Doctor, number)
    patients = await sign_in(connection, Patient, number * PLACES)
    ids = [one.id for one in doctors]
    await connection.executemany(DOCTOR, [(one,) for one in ids])
    await connection.executemany(HORIZON, [(one,) for one in ids])
    await connection.executemany(MEMBERS, [(clinic_id, one) for one in ids])
    await connection.executemany(PATIENT, [(one.id,) for one in patients])
    await connection.execute(ZONES, ids + [one.id for one in patients], zone)
    end = wall + timedelta(minutes=PLACES * MINUTES)
    await connection.execute(SESSIONS, sessions, ids, clinic_id, wall, end, PLACES, MINUTES)
    rows = await connection.fetch(
        VISITS, sessions, ids, clinic_id, [one.id for one in patients], begin, zone, PLACES, MINUTES, WEEKS
    )
    await connection.execute("ANALYZE appointment, slot, weekly_session, account, login")
    await connection.close()
    return [
        Board(
            doctor, session_id, wall.date(), patients[turn * PLACES :][:PLACES],
            [row["id"] for row in rows if row["session_id"] == session_id],
        )
        for turn, (doctor, session_id) in enumerate(zip(doctors, sessions, strict=True))
    ]  # fmt: skip


@asynccontextmanager
async def opened(pages: Sequence[Page]) -> AsyncIterator[None]:
    try:
        for first in range(0, len(pages), AT_ONCE):
            await asyncio.gather(*(page.open() for page in pages[first : first + AT_ONCE]))
        yield
    finally:
        for page in pages:
            page.close()


async def call_next(stage: Stage, servers: Servers) -> Figures:
    """A doctor calls the next patient: the board and its 20 patients among 840 open pages show it."""
    boards = await make_boards(stage.url, QUICK_DOCTORS if stage.quick else DOCTORS)
    crowds = [board.pages(servers.portal) for board in boards]
    rest = [page for crowd in crowds[:-1] for page in crowd]
    async with opened(crowds[-1]):
        await asyncio.gather(*(page.look() for page in crowds[-1]))  # what is loaded once is no memory of a page
        if any(page.is_right.done() for page in crowds[-1]):
            raise RuntimeError("pages show a call that has not been made")
        before = memory_of(servers.pid)
        async with opened(rest), asyncio.TaskGroup() as meanwhile:
            a_page = (memory_of(servers.pid) - before) / len(rest)
            looking = meanwhile.create_task(_each_minute([page for crowd in crowds for page in crowd[1:]]))
            standing = await _standing(servers, QUICK_STANDING if stage.quick else STANDING)
            calls = await _calls(servers, boards[: QUICK_CALLS if stage.quick else CALLS], crowds)
            looking.cancel()
    took, told, busy = zip(*calls, strict=True)
    size = f"{len(boards)} boards and {len(boards) * PLACES} patients, {len(calls)} calls"
    return {
        "call_p50": Figure(percentile(took, 0.5), note=f"{size}; all told after {percentile(told, 0.5):.0f} ms (p50)"),
        "call_p99": Figure(percentile(took, 0.99)),
        "call_cpu": Figure(percentile(busy, 0.5)),
        "boards_cpu": Figure(standing * 100),
        "memory_page": Figure(a_page),
    }


async def _each_minute(pages: Sequence[Page]) -> None:
    """What the pages of patients fetch without being told, spread over the minute."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    async with asyncio.TaskGroup() as group:
        for number, page in enumerate(pages * 2):
            await asyncio.sleep(max(0.0, begun + number * EVERY / len(pages) - loop.time()))
            group.create_task(page.look())


async def _standing(servers: Servers, seconds: float) -> float:
    """Seconds a second that the process is busy while nobody is called."""
    begun, before = time.perf_counter(), seconds_of(servers.pid)
    await asyncio.sleep(seconds)
    return (seconds_of(servers.pid) - before) / (time.perf_counter() - begun)


async def _calls(
    servers: Servers, boards: Sequence[Board], crowds: Sequence[Sequence[Page]]
) -> list[tuple[float, float, float]]:
    """Of each call the milliseconds until its last page is right, until the last is told, and those the process was busy."""
    calls = []
    async with Caller(servers.portal) as caller:
        for board, crowd in zip(boards, crowds, strict=False):
            begun, before = time.perf_counter(), seconds_of(servers.pid)
            status, body = await caller.ask(board.call())
            if status != 200:
                raise RuntimeError(f"answered {status}: {body[:300]!r}")
            ends = await asyncio.wait_for(asyncio.gather(*(page.is_right for page in crowd)), PATIENCE)
            took, told = max(ends) - begun, max(page.told for page in crowd) - begun
            calls.append((took * 1000, told * 1000, (seconds_of(servers.pid) - before) * 1000))
            await asyncio.sleep(APART)
    return calls
