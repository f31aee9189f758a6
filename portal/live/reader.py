"""One open stream: it takes frames without ever making the hub wait, and keeps a bounded backlog."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from contextvars import Context
from typing import Any, Protocol

from litestar.types import Receive, Send

from portal.accounts.schemas import Actor
from portal.errors import Unavailable

logger = logging.getLogger(__name__)

BACKLOG_BYTES = 128 * 1024
BACKLOG_FRAMES = 512
STUCK_SECONDS = 30.0
GOODBYE_SECONDS = 1.0


class Frame:
    """One frame for all readers of a form: as it is, and as the chunk that goes over the wire."""

    __slots__ = ("chunk", "content")

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.chunk = b"%x\r\n%b\r\n" % (len(content), content)  # RFC 9112, section 7.1


class Connection(Protocol):
    """What the server lets a stream do with its connection; another server than ours offers nothing of it."""

    def write_at_once(self, chunk: bytes) -> bool:
        """Write one chunk; False, and nothing, while the client has not taken what was written."""

    def abort(self) -> None:
        """Drop the client and whatever it has not taken."""


Identify = Callable[[], Awaitable[Actor | None]]

HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class Reader:
    """A stream of one page (`form` is its language) or of one API client (`form` is "json")."""

    __slots__ = (
        "_backlog", "_backlog_bytes", "_connection", "_drain", "_listening", "_send", "_task", "actor", "busy_since",
        "closed", "ends_at", "form", "identify", "on_drop", "topics",
    )  # fmt: skip

    def __init__(
        self,
        *,
        form: str,
        actor: Actor | None,
        topics: tuple[str, ...],
        identify: Identify,
        send: Send,
        connection: Connection | None = None,
    ) -> None:
        self.form = form
        self.actor = actor
        self.topics = topics
        self.identify = identify
        self.ends_at = float("inf")
        self.closed = False
        self.busy_since: float | None = time.monotonic()  # until it has caught up, frames wait in the backlog
        self.on_drop: Callable[[], None] = _nothing
        self._send = send
        self._connection = connection
        self._backlog: deque[bytes] | None = None  # most readers never need one
        self._backlog_bytes = 0
        self._drain: asyncio.Task[None] | None = None
        self._task: asyncio.Task[Any] | None = None
        self._listening = False

    async def run(self, receive: Receive, first: Iterable[bytes]) -> None:
        """Answer with the present state, then stay until the client goes or the stream is closed.

        Raises `Unavailable` when it has been closed before it began.
        """
        if self.closed:
            raise Unavailable
        self._task = asyncio.current_task()
        self._listening = True
        try:
            await self._catch_up(first)
            del first  # a stream lives for minutes, and these frames would live as long
            while (await receive())["type"] != "http.disconnect":
                pass
            self.closed = True
        except asyncio.CancelledError:
            if not self.closed:
                raise
            asyncio.current_task().uncancel()  # type: ignore[union-attr]  # close() ended the wait, not the server
            await self._say_goodbye(receive)
        finally:
            self._listening = False
            self.closed = True
            self._backlog = None
            if self._drain is not None:
                self._drain.cancel()

    async def _catch_up(self, first: Iterable[bytes]) -> None:
        await self._send({"type": "http.response.start", "status": 200, "headers": [*HEADERS]})
        for frame in first:
            await self._send_now(frame)
        await self._send_backlog()

    def write(self, frame: Frame) -> None:
        """Hand over one frame; never waits. A reader that does not keep up is dropped."""
        if self.closed:
            return
        if self.busy_since is None and self._connection is not None and self._connection.write_at_once(frame.chunk):
            return
        self._keep(frame.content)
        if self.busy_since is None and not self.closed:
            self.busy_since = time.monotonic()
            self._drain = asyncio.get_running_loop().create_task(self._catch_up_later(), context=Context())

    def _keep(self, frame: bytes) -> None:
        if self._backlog is None:
            self._backlog = deque()
        self._backlog.append(frame)
        self._backlog_bytes += len(frame)
        if self._backlog_bytes > BACKLOG_BYTES or len(self._backlog) > BACKLOG_FRAMES:
            self.drop()

    async def _catch_up_later(self) -> None:
        try:
            await self._send_backlog()
        except Exception:
            logger.debug("a live stream could not be written", exc_info=True)
            self.close()

    async def _send_backlog(self) -> None:
        while self._backlog:
            frame = self._backlog.popleft()
            self._backlog_bytes -= len(frame)
            await self._send_now(frame)
        self._backlog = None
        self.busy_since = None

    async def _send_now(self, frame: bytes) -> None:
        self.busy_since = time.monotonic()
        await self._send(_body(frame))

    def is_stuck(self, now: float) -> bool:
        """Whether the client has taken nothing for too long."""
        return self.busy_since is not None and now - self.busy_since > STUCK_SECONDS

    def drop(self) -> None:
        """Give up a client that does not read: its socket may hold what was sent for hours otherwise."""
        if not self.closed:
            self.on_drop()
            self.close()

    def close(self) -> None:
        """End the stream; the client comes back if it may."""
        if self.closed:
            return
        self.closed = True
        if self._listening and self._task is not None:
            self._task.cancel()

    async def _say_goodbye(self, receive: Receive) -> None:
        if self.busy_since is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await self._send({"type": "http.response.body", "body": b"", "more_body": False})
                return
        if self._connection is not None:
            self._connection.abort()
            await receive()  # the connection is gone; the server must see that before it misses our last byte


def _nothing() -> None:
    """Nobody counts this reader."""


def _body(frame: bytes) -> Any:
    return {"type": "http.response.body", "body": frame, "more_body": True}
