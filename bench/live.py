"""Live updates to a thousand readers: how soon the last one knows, what it costs, and what else is answered meanwhile."""

import asyncio
import json
import time
from collections.abc import Callable
from uuid import UUID

import asyncpg

from bench.booking import book, hold
from bench.cast import Times
from bench.client import Caller, percentile, press, request
from bench.figures import Figure, Figures
from bench.machine import memory_of
from bench.servers import Servers, Stage
from bench.watchers import PATIENCE, READERS, Watchers, live_path, watching

EVENTS = 60
COMMITS = 30
APART = 0.25  # seconds between two events; the portal gathers what happens within 0.225
CHANGES = 20  # a second
BOOKINGS = 100  # a second
BURST_SECONDS = 4
CHEAP_SECONDS = 6.0
CHEAP_PAUSE = 0.004
READER_FORM = "/api/live"


def topic_of(times: Times) -> str:
    return f"slots:{times.doctor_id}:{times.first_day}"


def events_of(stage: Stage, number: int) -> int:
    return number // 3 if stage.quick else number


async def fan_out(stage: Stage, servers: Servers) -> Figures:
    """One publication in the process itself until the last of 1,000 readers has it; the floor writes as many bytes."""
    times = (await stage.times(a_day=12))[0]
    topic = topic_of(times)
    number = events_of(stage, EVENTS)
    async with watching(servers.portal, live_path(topic), 20):
        pass  # what the first readers load is not counted as the memory of the others
    before = memory_of(servers.pid)
    async with watching(servers.portal, live_path(topic)) as watchers:
        a_reader = (memory_of(servers.pid) - before) / READERS
        publish = [request("POST", f"/publish/{topic}/{slot}") for slot in times.slots]
        ours = await _publications(servers.portal, watchers, lambda n: publish[n % len(publish)], number, APART)
    async with watching(servers.twin, "/live") as raw:
        floor = request("POST", f"/publish/{watchers.size}")
        bare = await _publications(servers.twin, raw, lambda _n: floor, number, APART / 2)
    return {
        "fan_out_p50": Figure(percentile(ours, 0.5), percentile(bare, 0.5)),
        "fan_out_p99": Figure(percentile(ours, 0.99), percentile(bare, 0.99)),
        "memory_reader": Figure(a_reader),
    }


async def _publications(
    port: int, watchers: Watchers, asked: Callable[[int], bytes], number: int, apart: float
) -> list[float]:
    """Milliseconds from asking for a publication until the last reader has it."""
    took = []
    async with Caller(port) as caller:
        for turn in range(number + 3):
            last, begun = watchers.expect(), time.time()
            await caller.ask(asked(turn))
            took.append((await asyncio.wait_for(last, PATIENCE) - begun) * 1000)
            await asyncio.sleep(max(0.0, apart - took[-1] / 1000))
    return took[3:]


async def commit_to_last(stage: Stage, servers: Servers) -> Figures:
    """A patient holds a slot through one of two workers until the last of 1,000 pages at both shows it."""
    number = events_of(stage, COMMITS)
    times = (await stage.times(a_day=number + 2))[0]
    patients = await stage.patients(number + 2)
    holds = [hold(patient)(slot) for patient, slot in zip(patients, times.slots, strict=True)]
    twins = [request("POST", f"/hold/{slot}/{patients[0].id}") for slot in times.slots]
    async with watching(servers.portal, live_path(topic_of(times))) as watchers:
        ours = await _commits(servers.portal, watchers, holds)
    async with watching(servers.live_twin, "/live") as watchers:
        bare = await _commits(servers.live_twin, watchers, twins)
    mine = await _since_change(stage.url, "SELECT id, held_until FROM slot WHERE id = ANY ($1)", times.slots, ours)
    theirs = await _since_change(
        stage.url, "SELECT id, held_until FROM bare.slot WHERE id = ANY ($1)", times.slots, bare
    )
    note = f"p99 {percentile(mine, 0.99):.1f} against {percentile(theirs, 0.99):.1f} ms"
    return {"commit_to_last": Figure(percentile(mine, 0.5), percentile(theirs, 0.5), note)}


async def _commits(port: int, watchers: Watchers, requests: list[bytes]) -> list[float]:
    """When the last reader knew of each change."""
    ends = []
    for asked in requests:
        async with Caller(port) as caller:  # a new connection each time: either worker may get it
            last = watchers.expect()
            status, body = await caller.ask(asked)
            if status != 200:
                raise RuntimeError(f"answered {status}: {body[:300]!r}")
            ends.append(await asyncio.wait_for(last, PATIENCE))
        await asyncio.sleep(APART)
    return ends


async def _since_change(url: str, sql: str, slots: list[UUID], ends: list[float]) -> list[float]:
    """Milliseconds since the statement that changed the row, by the database's clock: five minutes before the hold ends."""
    connection = await asyncpg.connect(url)
    until = {row["id"]: row["held_until"].timestamp() for row in await connection.fetch(sql, slots)}
    await connection.close()
    return [(end - (until[slot] - 300)) * 1000 for slot, end in zip(slots, ends, strict=True)][2:]


async def cheap_requests(stage: Stage, servers: Servers) -> Figures:
    """`GET /health` of the process that tells 1,000 readers of 20 changes a second."""
    seconds = 2.0 if stage.quick else CHEAP_SECONDS
    times = (await stage.times(a_day=40))[0]
    topic = topic_of(times)
    publish = [request("POST", f"/publish/{topic}/{slot}") for slot in times.slots]
    cheap, took = request("GET", "/health"), []

    async def turn(caller: Caller, _number: int, _done: int) -> None:
        begun = time.perf_counter()
        await caller.ask(cheap)
        took.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(CHEAP_PAUSE)

    async with watching(servers.portal, live_path(topic)) as watchers, Caller(servers.portal) as changer:
        before = watchers.frames
        changing = asyncio.create_task(_steadily(CHANGES, seconds, lambda n: changer.ask(publish[n % len(publish)])))
        await press(servers.portal, 1, seconds, turn)
        await changing
        told = (watchers.frames - before) / READERS / seconds
    note = f"{len(took)} requests; {told:.1f} frames a second to each reader"
    return {"cheap_p99": Figure(percentile(took, 0.99), note=note)}


async def _steadily(a_second: int, seconds: float, act: Callable[[int], "asyncio.Future[tuple[int, bytes]]"]) -> None:
    """Do something at an even pace, however long each takes."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    for number in range(int(a_second * seconds)):
        await asyncio.sleep(max(0.0, begun + number / a_second - loop.time()))
        await act(number)


class Listener(asyncio.Protocol):
    """One API client that notes when it hears of each booked slot."""

    def __init__(self) -> None:
        self.heard: dict[str, float] = {}
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        now = time.time()
        *whole, self._rest = (self._rest + data).split(b"\n\n")
        for event in whole:
            line = event[event.find(b"data: ") + 6 :]
            if b"slot.booked" in event:
                self.heard.setdefault(json.loads(line)["slot_id"], now)


async def burst(stage: Stage, servers: Servers) -> Figures:
    """100 bookings a second on one day that 1,000 readers watch: frames to each, and how late the last booking was shown."""
    seconds = 2 if stage.quick else BURST_SECONDS
    times = (await stage.times(a_day=BOOKINGS * seconds, minutes=2))[0]
    path = live_path(topic_of(times))
    ask = book((await stage.patients(1))[0])
    loop = asyncio.get_running_loop()
    async with watching(servers.portal, path) as watchers:
        _, listener = await loop.create_connection(Listener, "127.0.0.1", servers.portal)
        _.write(request("GET", path.replace("/live", READER_FORM)))
        await watchers.quiet()
        before, begun = watchers.frames, loop.time()
        await _book_all(servers.portal, [ask(slot) for slot in times.slots])
        elapsed = loop.time() - begun
        await asyncio.sleep(0.5)
        frames = (watchers.frames - before) / READERS / elapsed
        _.close()
    late = await _lateness(stage.url, times.slots, listener.heard)
    note = f"{len(times.slots) / elapsed:.0f} bookings a second; {len(late)} of {len(times.slots)} shown"
    if len(late) < len(times.slots):
        raise RuntimeError(note)
    return {"burst_frames": Figure(frames, note=note), "burst_late": Figure(max(late))}


async def _book_all(port: int, requests: list[bytes]) -> None:
    """100 a second over a few connections, as booking takes longer than the time between two."""
    waiting: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def booker() -> None:
        async with Caller(port) as caller:
            while (asked := await waiting.get()) is not None:
                status, body = await caller.ask(asked)
                if status != 201:
                    raise RuntimeError(f"answered {status}: {body[:300]!r}")

    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as group:
        bookers = [group.create_task(booker()) for _ in range(8)]
        begun = loop.time()
        for number, asked in enumerate(requests):
            await asyncio.sleep(max(0.0, begun + number / BOOKINGS - loop.time()))
            waiting.put_nowait(asked)
        for _ in bookers:
            waiting.put_nowait(None)


async def _lateness(url: str, slots: list[UUID], heard: dict[str, float]) -> list[float]:
    """Milliseconds from the statement that booked a slot until the listener heard of it."""
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT id, changed_at FROM slot WHERE id = ANY ($1)", slots)
    await connection.close()
    return [(heard[str(row["id"])] - row["changed_at"].timestamp()) * 1000 for row in rows if str(row["id"]) in heard]


async def idle_memory(_stage: Stage, servers: Servers) -> Figures:
    """All processes of `portal serve --workers 2` before anybody has come."""
    return {"memory_idle": Figure(memory_of(servers.pid) / 1024)}
