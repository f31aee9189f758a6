"""The load client: keep-alive connections on uvloop, each waiting for its answer before it asks again.

Ordinary clients cost more than the servers that they ask and would measure themselves. Requests are bytes made beforehand.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from time import perf_counter
from types import TracebackType
from typing import Self

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
APART = 0.01  # seconds between two connections: of those opened in one moment, one worker often gets nearly all


def request(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """One HTTP request; underscores in the names of headers stand for hyphens."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body or method != "GET":
        lines += [f"Content-Length: {len(body)}", "Content-Type: application/json"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


class Caller(asyncio.Protocol):
    """One connection: `await caller.ask(request)` gives status and body."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._received = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None
        self._transport: asyncio.WriteTransport | None = None

    async def __aenter__(self) -> Self:
        self._transport, _ = await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self._port)
        return self

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._transport is not None:
            self._transport.close()

    def ask(self, asked: bytes) -> "asyncio.Future[tuple[int, bytes]]":
        assert self._transport is not None
        self._received = b""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(asked)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(HEAD_END)
        if head < 0:
            return
        length = length_of(self._received[:head])
        begin = head + len(HEAD_END)
        if len(self._received) >= begin + length and self._answer is not None and not self._answer.done():
            self._answer.set_result((int(self._received[9:12]), self._received[begin : begin + length]))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("the server closed the connection"))


def length_of(head: bytes) -> int:
    begin = head.lower().find(LENGTH)
    return int(head[begin + len(LENGTH) :].split(b"\r\n", 1)[0]) if begin >= 0 else 0


async def callers(stack: AsyncExitStack, port: int, number: int) -> list[Caller]:
    """So many open connections, shared evenly by the workers; closed by the stack."""
    crowd = []
    for _ in range(number):
        crowd.append(await stack.enter_async_context(Caller(port)))
        await asyncio.sleep(APART)
    return crowd


async def ready(port: int, path: str, seconds: float = 60) -> None:
    """Wait until a server answers 200. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                async with Caller(port) as one:
                    status, _body = await one.ask(request("GET", path))
                    if status == 200:
                        return
            except OSError:
                pass
            await asyncio.sleep(0.05)


async def at_once(crowd: Sequence[Caller], requests: Sequence[bytes]) -> tuple[float, list[tuple[int, bytes]]]:
    """All requests in the same moment; milliseconds until the last answer, and the answers."""
    begun = perf_counter()
    answers = await asyncio.gather(*[one.ask(asked) for one, asked in zip(crowd, requests, strict=True)])
    return (perf_counter() - begun) * 1000, answers


async def press(
    port: int, clients: int, seconds: float, turn: Callable[[Caller, int, int], Awaitable[None]]
) -> tuple[float, list[float]]:
    """`clients` take one turn after the other; turns per second, and the milliseconds of each turn.

    A turn gets its connection, the number of its client, and how many turns that client has taken before.
    """
    took: list[float] = []
    async with AsyncExitStack() as stack:
        crowd = await callers(stack, port, clients)
        begun = perf_counter()

        async def client(number: int) -> None:
            done = 0
            while (before := perf_counter()) < begun + seconds:
                await turn(crowd[number], number, done)
                took.append((perf_counter() - before) * 1000)
                done += 1

        await asyncio.gather(*(client(number) for number in range(clients)))
        return len(took) / (perf_counter() - begun), took


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of all lie: 0.5 is the median."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
