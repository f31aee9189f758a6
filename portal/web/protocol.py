"""uvicorn's HTTP protocol with what it lacks: a deadline and a size for heads, a limit of connections, and an end.

* A request that does not come is not waited for: `HEAD_SECONDS` for its head, `BODY_SECONDS` for its body, else 408.
* A head has a size: `HEAD_BYTES` in `HEADERS` fields, else 431, or 400 where all of it came at once.
* A process takes fewer connections than it may have files, so that one is always left for the database.
* A stream gets its connection itself, `scope["extensions"]["portal.connection"]`, and may give it up by `abort()`. ASGI
  knows no way to drop a client that does not read. Closing waits until it has read everything, which may be never, and its
  socket's buffer stays with us for so long; this ends both at once.
* `begin_stream()` lets the kernel keep `STREAM_BUFFER` for its client: left to itself, the kernel keeps megabytes for one
  that does not read, and we should not notice for minutes.
* `write_at_once()` sends a piece that is ready as bytes, without a coroutine for each of a thousand readers.
* An open connection takes as little memory as it can, since live streams are thousands of them.
"""

import asyncio
import resource
import socket
import struct
from typing import Any

from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

CONNECTION = "portal.connection"
STREAM_BUFFER = 32 * 1024  # bytes; Linux takes twice as much, for its own book-keeping
HEAD_SECONDS = 10.0
BODY_SECONDS = 60.0
HEAD_BYTES = 32 * 1024  # an address, a token, some cookies
HEADERS = 100
SPARE_FILES = 200  # for the database, Redis, templates and the log
_AT_ONCE = struct.pack("ii", 1, 0)  # no lingering: the kernel drops what it has not been able to send
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
TOO_MANY = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 5\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class Few(list[Any]):
    """What is nearly always empty, for uvicorn's deques: each takes 0.6 KiB, empty or not, and a stream would keep three."""

    __slots__ = ()

    def appendleft(self, item: Any) -> None:
        self.insert(0, item)


class Event(asyncio.Event):
    """An event for which one waits, or nobody."""

    def __init__(self) -> None:
        super().__init__()
        self._waiters = Few()  # type: ignore[assignment]  # it appends, removes and walks through


class Flow(FlowControl):
    def __init__(self, transport: asyncio.Transport) -> None:
        super().__init__(transport)
        self._is_writable_event = Event()
        self._is_writable_event.set()


class Protocol(HttpToolsProtocol):
    """For `uvicorn.Config(http=Protocol)`."""

    # Beyond thirty names Python no longer shares them between objects: a kilobyte more for each connection.
    __slots__ = ("_deadline", "_head", "_unfinished")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None
        self._unfinished: int | None = None  # bytes that came since a head began which has not ended
        self._head = 0  # bytes of the fields that are complete
        self.pipeline = Few()  # type: ignore[assignment]  # requests that came before the last one was answered

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = Flow(transport)
        if len(self.connections) > resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_FILES:
            transport.write(TOO_MANY)
            transport.close()
        else:
            self._expect_within(HEAD_SECONDS)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._unfinished is not None:
            self._unfinished += len(data)
            if self._unfinished > HEAD_BYTES:
                self.transport.write(TOO_LARGE)
                self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._unfinished = self._head = 0
        self.scope["extensions"] = {CONNECTION: self}  # type: ignore[dict-item]  # an extension may be anything
        if self._deadline is None:  # the first one runs since the connection was made
            self._expect_within(HEAD_SECONDS)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._head += len(name) + len(value)
        if self._head > HEAD_BYTES or len(self.headers) > HEADERS:
            raise ValueError("the head is too large")  # uvicorn answers 400 and closes

    def on_headers_complete(self) -> None:
        self._unfinished = None
        self._expect_within(BODY_SECONDS)
        super().on_headers_complete()
        if self.cycle is not None:
            self.cycle.message_event = Event()  # the request's task has not begun yet

    def on_message_complete(self) -> None:
        self._expect_nothing()
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    def _expect_within(self, seconds: float) -> None:
        self._expect_nothing()
        self._deadline = self.loop.call_later(seconds, self._too_slow)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(TOO_SLOW)
        self.transport.close()

    def begin_stream(self) -> None:
        connection = self.transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, STREAM_BUFFER)

    def write_at_once(self, chunk: bytes) -> bool:
        """Write one chunk of a streamed answer; False, and nothing, while the client has not taken what was written."""
        if self.flow.write_paused:
            return False
        if not self.transport.is_closing():
            self.transport.write(chunk)
        return True

    def abort(self) -> None:
        connection = self.transport.get_extra_info("socket")
        if connection is not None and not self.transport.is_closing():
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
        self.transport.abort()
