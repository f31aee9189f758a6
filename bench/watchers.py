"""A thousand open live streams in one process, which notice when the last of them has heard of an event."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.client import request

READERS = 1000
AT_ONCE = 50
HEARTBEAT = 16  # bytes; whatever is shorter tells nothing
QUIET = 0.4  # seconds without a word: all first frames have come
PATIENCE = 10.0
CONNECT_SECONDS = 30.0


class Watcher(asyncio.Protocol):
    """One stream."""

    def __init__(self, watchers: "Watchers") -> None:
        self.watchers = watchers

    def data_received(self, data: bytes) -> None:
        if len(data) >= HEARTBEAT:
            self.watchers.heard(len(data))

    def connection_lost(self, exc: Exception | None) -> None:
        self.watchers.lost += 1


class Watchers:
    """All of them."""

    def __init__(self) -> None:
        self.lost = 0
        self.frames = 0
        self.size = 0  # of the frame heard last
        self.spoken = 0.0
        self._left = 0
        self._all: asyncio.Future[float] | None = None
        self._transports: list[asyncio.BaseTransport] = []

    def heard(self, size: int) -> None:
        self.frames += 1
        self._left -= 1
        if self._left == 0 and self._all is not None and not self._all.done():
            self._all.set_result(time.time())
            self.size = size

    def expect(self) -> "asyncio.Future[float]":
        """When the last of all has heard of what happens next, by `time.time()`."""
        self._left = len(self._transports)
        self._all = asyncio.get_running_loop().create_future()
        return self._all

    async def open(self, port: int, path: str, number: int) -> None:
        """Open so many streams, some at a time, until each knows the present state. Raises ConnectionError."""
        async with asyncio.timeout(CONNECT_SECONDS):
            while len(self._transports) < number:
                await self._open_some(port, request("GET", path), min(AT_ONCE, number - len(self._transports)))
        await self.quiet()

    async def _open_some(self, port: int, asked: bytes, several: int) -> None:
        loop = asyncio.get_running_loop()
        opening = [loop.create_connection(lambda: Watcher(self), "127.0.0.1", port) for _ in range(several)]
        for transport, _watcher in await asyncio.gather(*opening):
            transport.write(asked)
            self._transports.append(transport)
        while self.frames < len(self._transports):
            if self.lost:
                raise ConnectionError(f"{self.lost} of {len(self._transports)} streams ended")
            await asyncio.sleep(0.005)

    async def quiet(self) -> None:
        before = -1
        while before != self.frames:
            before = self.frames
            await asyncio.sleep(QUIET)

    def close(self) -> None:
        for transport in self._transports:
            transport.close()


@asynccontextmanager
async def watching(port: int, path: str, number: int = READERS) -> AsyncIterator[Watchers]:
    watchers = Watchers()
    try:
        await watchers.open(port, path, number)
        yield watchers
    finally:
        watchers.close()


def live_path(topic: str, face: str = "/live") -> str:
    """The address of a stream for a page that is shown now."""
    return f"{face}?topics={topic}&since=t{int(time.time() * 1000)}"
