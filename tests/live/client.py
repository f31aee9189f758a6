"""A small server-sent events client on a bare socket, and a real server to talk to."""

import asyncio
import contextlib
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from portal import live
from portal.web.protocol import Protocol


@dataclass
class Event:
    name: str = ""
    data: str = ""
    id: str = ""

    @property
    def json(self) -> Any:
        return json.loads(self.data)


@dataclass
class Stream:
    """An open stream; `events` grows as they come."""

    status: int
    headers: dict[str, str]
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    events: list[Event] = field(default_factory=list)
    comments: int = 0
    last_id: str = ""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    clean: bool = False
    body: str = ""
    task: asyncio.Task[None] | None = None

    async def listen(self) -> None:
        buffer = b""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while size := int(await self.reader.readline() or b"0", 16):
                buffer += (await self.reader.readexactly(size + 2))[:-2]
                *whole, buffer = buffer.split(b"\n\n")
                for block in whole:
                    self._take(block.decode())
            self.clean = (await self.reader.readline()) == b"\r\n"
        self.ended.set()

    def _take(self, block: str) -> None:
        event, data = Event(), []
        for line in block.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if not name:
                self.comments += 1
            elif name == "data":
                data.append(value)
            elif name == "event":
                event.name = value
            elif name == "id":
                self.last_id = event.id = value
        if data:
            event.data = "\n".join(data)
            self.events.append(event)

    async def until(self, found: Callable[["Stream"], Any], seconds: float = 5.0) -> None:
        async with asyncio.timeout(seconds):
            while not found(self):
                await asyncio.sleep(0.005)

    async def count(self, number: int, seconds: float = 5.0) -> list[Event]:
        await self.until(lambda stream: len(stream.events) >= number, seconds)
        return self.events

    async def close(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


OPEN: list[Stream] = []


async def close_all() -> None:
    """What a test left open."""
    while OPEN:
        await OPEN.pop().close()


async def connect(
    port: int, topics: str, *, user: Any = "", api: bool = False, listen: bool = True, method: str = "GET",
    query: str = "", headers: dict[str, str] | None = None,
) -> Stream:  # fmt: skip
    """Open a stream; any status comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = {"Host": "127.0.0.1", **({"X-User": str(user)} if user else {}), **(headers or {})}
    path = f"{'/api/live' if api else '/live'}?topics={topics}{query}"
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    writer.write(f"{head}\r\n".encode("utf-8", "surrogateescape"))
    status = int((await reader.readline()).split()[1])
    got: dict[str, str] = {}
    while (line := (await reader.readline()).decode().strip()) != "":
        name, _, value = line.partition(":")
        got[name.lower()] = value.strip()
    stream = Stream(status, got, reader, writer)
    OPEN.append(stream)
    if status != 200 and method != "HEAD":
        stream.body = (await reader.readexactly(int(got.get("content-length", "0")))).decode()
    elif status == 200 and listen:
        stream.task = asyncio.create_task(stream.listen())
    return stream


async def post(port: int, path: str, body: Any) -> Any:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
    answer = await reader.read()
    writer.close()
    assert answer.split()[1] in (b"200", b"201", b"204"), answer
    body = answer.partition(b"\r\n\r\n")[2]
    return json.loads(body) if body else None


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


def reset(stream: Stream) -> None:
    """Go away rudely: the other side gets an RST."""
    raw = stream.writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.writer.transport.abort()


@contextlib.asynccontextmanager
async def serving(app: Any) -> AsyncIterator[int]:
    """The application on a real server in this process; gives its port."""
    config = uvicorn.Config(app, port=free_port(), log_level="warning", http=Protocol, backlog=4096, lifespan="on")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())
    try:
        while not server.started:
            assert not running.done(), running
            await asyncio.sleep(0.005)
        yield config.port
    finally:
        live.end_streams()
        server.should_exit = True
        await asyncio.wait_for(running, 10)
