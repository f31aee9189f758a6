"""An open connection takes little: live streams are thousands of them, and what uvicorn keeps for nothing was a sixth of each."""

import asyncio
from collections import deque
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from portal.web.protocol import Protocol

pytestmark = pytest.mark.anyio

SHARED = 30  # attributes: of objects with more, Python keeps the names of all for each object (CPython's dictobject.c)


class Transport(asyncio.Transport):
    """Whatever is written to it is lost."""

    def write(self, data: Any) -> None: ...

    def close(self) -> None: ...

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def is_closing(self) -> bool:
        return False


async def connection(kind: type[HttpToolsProtocol]) -> HttpToolsProtocol:
    """A connection whose request is being answered, and not to the end."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await receive()
        await asyncio.Event().wait()

    config = uvicorn.Config(app, http=kind, log_config=None)
    config.load()
    made = kind(config=config, server_state=ServerState(), app_state={})
    made.connection_made(Transport())
    made.data_received(b"GET /live HTTP/1.1\r\nHost: a\r\n\r\n")
    await asyncio.sleep(0)
    return made


def deques(of: HttpToolsProtocol) -> int:
    parts = [of, of.flow, of.cycle, of.cycle.message_event, of.flow._is_writable_event]
    return sum(isinstance(value, deque) for part in parts for value in vars(part).values())


async def test_an_open_connection_keeps_no_deque_and_shares_its_names() -> None:
    ours, theirs = await connection(Protocol), await connection(HttpToolsProtocol)
    try:
        assert len(vars(ours)) <= SHARED
        assert (deques(ours), deques(theirs)) == (0, 3)  # else there is nothing left to save here
    finally:
        for one in (ours, theirs):
            for task in one.tasks:
                task.cancel()


async def test_requests_that_come_too_early_are_answered_in_their_order() -> None:
    """Three in one piece: two wait in the line that stands for uvicorn's."""
    answered: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        answered.append(scope["path"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    config = uvicorn.Config(app, http=Protocol, log_config=None)
    config.load()
    made = Protocol(config=config, server_state=ServerState(), app_state={})
    made.connection_made(Transport())
    made.data_received(b"".join(b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number for number in range(3)))
    async with asyncio.timeout(5):
        while len(answered) < 3:
            await asyncio.sleep(0)
    assert answered == ["/0", "/1", "/2"]
