"""F5: clients that never read, or a byte a second, beside those that do: they hold little, end soon, and delay nobody."""

import asyncio
import socket
import statistics
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest

from tests import catalogue
from tests.live.client import Stream, connect, post
from tests.live.processes import Server, server

pytestmark = [pytest.mark.anyio, pytest.mark.F5]

READING, SILENT, SLOW = (300, 100, 100) if catalogue.FULL else (20, 5, 5)
TEXT = 20_000  # characters of each change: about five pages of a busy day a second
LONGEST = 60.0  # seconds until the last of them is gone
THINGS = f"things:{UUID(int=1)}"


@pytest.fixture
async def running() -> AsyncIterator[Server]:
    async with server() as one:
        yield one


async def silent(port: int) -> socket.socket:
    """A client with a tiny receive window."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    raw.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, ("127.0.0.1", port))
    await loop.sock_sendall(raw, f"GET /live?topics={THINGS} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    return raw


async def read_slowly(sockets: list[socket.socket]) -> None:
    """One byte a second from each."""
    while True:
        for one in sockets:
            try:
                one.recv(1)
            except OSError:
                continue
        await asyncio.sleep(1)


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) * 1024


def in_the_kernel(port: int) -> dict[int, int]:
    """Bytes that the kernel keeps for clients that have not taken them, by the client's port."""
    found = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _number, here, there, state, queues, *_rest = line.split()
        if int(here.split(":")[1], 16) == port and state == "01":
            found[int(there.split(":")[1], 16)] = int(queues.split(":")[0], 16)
    return found


class Delays:
    """Changes, each with the moment in it at which it was published; how long until each reader has it."""

    def __init__(self, port: int) -> None:
        self.port, self.number, self.all = port, 0, list[float]()

    async def one(self, streams: list[Stream]) -> None:
        self.number += 1
        mark, begun = f"change-{self.number} ", time.monotonic()
        await post(self.port, "/publish", [[THINGS, "thing.changed", {"thing_id": "a", "put": mark + "x" * TEXT}]])

        async def until_seen(stream: Stream) -> None:
            await stream.until(lambda it: it.events and mark in it.events[-1].data, 10)
            self.all.append(time.monotonic() - begun)
            stream.events.clear()

        await asyncio.gather(*(until_seen(one) for one in streams))


async def test_slow_and_silent_readers(running: Server) -> None:
    streams = [await connect(running.port, THINGS) for _ in range(READING)]
    delays = Delays(running.port)
    await delays.one(streams)
    before = resident(running.process.pid)
    stuck = [await silent(running.port) for _ in range(SILENT + SLOW)]
    slowly = asyncio.create_task(read_slowly(stuck[SILENT:]))
    theirs = {one.getsockname()[1] for one in stuck}
    begun, most, kernel = time.monotonic(), 0, 0
    async with asyncio.timeout(LONGEST):
        while (await post(running.port, "/stats", {}))["readers"] > READING:
            await delays.one(streams)
            most = max(most, resident(running.process.pid) - before)
            queued = in_the_kernel(running.port)
            kernel = max([kernel, *(bytes_ for port, bytes_ in queued.items() if port in theirs)])
            await asyncio.sleep(0.1)
    seconds = time.monotonic() - begun
    slowly.cancel()
    dropped = (await post(running.port, "/stats", {}))["dropped"]
    p99 = statistics.quantiles(delays.all, n=100)[-1]
    each = most / len(stuck)
    catalogue.figure(
        "F5",
        f"{READING} read, {SILENT} never, {SLOW} a byte a second: {each / 1024:.0f} KiB and at most {kernel / 1024:.0f}"
        f" KiB in the kernel for each, {dropped} dropped after {seconds:.0f} s, others' delay p99 {p99 * 1000:.0f} ms",
    )
    for one in stuck:
        one.close()
    assert dropped == len(stuck) and each + kernel <= 256 * 1024 and p99 < 2
