"""Processes that a test starts, and ends by their own id: servers of `served`, and a private Redis."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

from tests.live.client import close_all, free_port
from tests.services import program

ROOT = Path(__file__).parent.parent.parent


class Server:
    """One server process, perhaps with several workers."""

    def __init__(self, port: int, process: asyncio.subprocess.Process) -> None:
        self.port = port
        self.process = process

    async def stop(self, number: int = signal.SIGTERM, seconds: float = 10) -> int:
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), seconds)


@contextlib.asynccontextmanager
async def server(workers: int = 1, redis_url: str = "", naive: bool = False) -> AsyncIterator[Server]:
    """The tiny application; its naive twin lets anybody listen to everything."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.live.served", str(port), str(workers),
        cwd=ROOT, env={**os.environ, "REDIS_URL": redis_url, "NAIVE": "1" if naive else ""},
    )  # fmt: skip
    running = Server(port, process)
    try:
        await answering(port)
        yield running
    finally:
        await close_all()
        with contextlib.suppress(TimeoutError):
            await running.stop()
        if process.returncode is None:
            process.kill()
            await process.wait()


async def answering(port: int, seconds: float = 60) -> None:
    """Wait until something listens on the port."""
    async with asyncio.timeout(seconds):
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.2):
                return
            await asyncio.sleep(0.05)


class PrivateRedis:
    """A Redis of this test alone, on a random port, with its data in a folder of the test."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            program("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
            "--dir", str(self._folder), stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        await answering(self.port)

    def freeze(self, still: bool = True) -> None:
        """Stop answering without closing anything, or go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP if still else signal.SIGCONT)

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None
