"""G9: callers that send half a request, drop by drop or not at all, or are gone before their answer comes."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import uvicorn
from litestar import Litestar
from PIL import Image
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from portal import db, faults, storage
from portal.serving import open_all_files
from portal.settings import Settings
from portal.web import protocol
from portal.web.protocol import Protocol
from tests import catalogue, factories
from tests.booking.attacks import booking, token_of
from tests.crowd import request_of
from tests.faults.load import Line
from tests.invariants import broken
from tests.services import free_port

pytestmark = [pytest.mark.anyio, pytest.mark.G9]

CROWD = 2000 if catalogue.FULL else 200
HEAD, BODY = (protocol.HEAD_SECONDS, 15.0) if catalogue.FULL else (0.6, 0.6)
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(scope="module", autouse=True)
def files() -> None:
    """Both ends of every connection are in this process."""
    open_all_files()


@asynccontextmanager
async def serving(app: Litestar, kind: type[asyncio.Protocol]) -> AsyncIterator[int]:
    """The portal on a port of its own, inside this process."""
    config = uvicorn.Config(app, http=kind, port=free_port(), lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield config.port
    server.should_exit = True
    await running


@pytest.fixture
async def port(app: Litestar, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", HEAD)
    monkeypatch.setattr(protocol, "BODY_SECONDS", BODY)
    async with serving(app, Protocol) as number:
        yield number


async def drip(port: int, begin: bytes, drop: bytes, seconds: float) -> bytes:
    """Send the beginning, then a drop now and then; what was answered before the end, or b"" when it stayed open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(begin)
    answer = asyncio.create_task(reader.read(500))
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not answer.done() and loop.time() < end:
        if drop:
            writer.write(drop)
        await asyncio.wait([answer], timeout=0.1)
    writer.close()
    if not answer.done():
        answer.cancel()
        return b"open"
    return answer.result()


HALF_HEAD = b"GET /doctors HTTP/1.1\r\nHost: testserver.local\r\nX-Slow: "


@pytest.mark.parametrize(("begin", "drop"), [(HALF_HEAD, b"a"), (b"", b""), (HALF_HEAD, b"")])
async def test_slow_heads_are_not_waited_for(port: int, begin: bytes, drop: bytes) -> None:
    """A crowd that never comes to the point is let go, and others are served meanwhile."""
    slow = [asyncio.create_task(drip(port, begin, drop, HEAD + 5)) for _ in range(CROWD)]
    await asyncio.sleep(HEAD / 2)
    assert b" 200 " in await drip(port, b"GET /health HTTP/1.1\r\nHost: testserver.local\r\n\r\n", b"", 5)
    answers = await asyncio.gather(*slow)
    told = sum(answer.startswith(b"HTTP/1.1 408") for answer in answers)
    catalogue.figure("G9", f"{CROWD} slow heads: {told} told 408 after {HEAD} s, {answers.count(b'open')} left open")
    assert told == CROWD


async def test_without_deadlines_they_stay(app: Litestar) -> None:
    """The naive twin: the server as it comes."""
    async with serving(app, HttpToolsProtocol) as port:
        answers = await asyncio.gather(*(drip(port, HALF_HEAD, b"a", 1.5) for _ in range(20)))
    assert answers == [b"open"] * 20


async def half_booking(key: str) -> tuple[bytes, Any]:
    """A whole booking as bytes, and its slot."""
    slot, patient = await factories.slot((await factories.doctor()).id), await factories.patient()
    call = ("POST", "/api/appointments", token_of(patient), booking(slot, chief_complaint=key), key)
    return request_of(call, "testserver.local"), slot


async def nothing_left(key: str) -> bool:
    """Neither a visit nor a key nor a connection in somebody's hands."""
    async with asyncio.timeout(5):
        while db.DB.pool.get_idle_size() < db.DB.pool.get_size():
            await asyncio.sleep(0.02)
    sql = """SELECT (SELECT count(*) FROM idempotency_key WHERE key = $1)
        + (SELECT count(*) FROM appointment WHERE chief_complaint = $1)
        + (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%')"""
    return await db.fetch_value(sql, key) == 0


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged as an error; lines of requests may be there too, where a test before this one asked for them."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_slow_body_is_not_waited_for(port: int) -> None:
    whole, _slot = await half_booking("slow-body")
    answer = await drip(port, whole[:-40], b"", BODY + 5)
    assert answer.startswith(b"HTTP/1.1 408") and await nothing_left("slow-body")


async def test_cut_bodies_leave_nothing(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """The connection ends after each share of the body, with and without an end that was announced."""
    with caplog.at_level(logging.ERROR):
        for share in range(10):
            whole, _slot = await half_booking(f"cut-{share}")
            body = whole.index(b"\r\n\r\n") + 4
            _reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(whole[: body + (len(whole) - body) * share // 10])
            await writer.drain()
            writer.close() if share % 2 else writer.transport.abort()
        await asyncio.sleep(0.3)
    assert all([await nothing_left(f"cut-{share}") for share in range(10)])
    assert not errors(caplog)


async def half_upload(visit: UUID, token: str) -> bytes:
    """A whole picture for a conversation as bytes."""
    made = BytesIO()
    Image.effect_noise((400, 400), 80).save(made, "PNG")
    files = {"file": ("x-ray.png", made.getvalue(), "image/png")}
    url = f"http://testserver.local/api/appointments/{visit}/files"
    request = httpx.Request("POST", url, files=files, headers={"Authorization": f"Bearer {token}"})
    head = [f"POST {request.url.path} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items())]
    return "\r\n".join([*head, "", ""]).encode() + request.read()


async def kept_files(settings: Settings) -> tuple[int, int, int]:
    """Rows of files, files on the disk, and messages."""
    rows = await db.fetch_row("SELECT (SELECT count(*) FROM chat_file), (SELECT count(*) FROM message)")
    folder = settings.data / storage.FOLDER
    return rows[0], sum(one.is_file() for one in folder.rglob("*")), rows[1]


async def test_cut_uploads_leave_nothing(port: int, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """As above with a file; sent whole it is there once."""
    slot, patient = await factories.slot((await factories.doctor()).id), await factories.patient()
    call = ("POST", "/api/appointments", token_of(patient), booking(slot), "conversation")
    await drip(port, request_of(call, "testserver.local"), b"", 10)
    visit = await db.fetch_value("SELECT id FROM appointment WHERE slot_id = $1", slot)
    whole = await half_upload(visit, token_of(patient))
    body = whole.index(b"\r\n\r\n") + 4
    with caplog.at_level(logging.ERROR):
        for share in range(10):
            _reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(whole[: body + (len(whole) - body) * share // 10])
            await writer.drain()
            writer.close() if share % 2 else writer.transport.abort()
        await asyncio.sleep(0.3)
    left = await kept_files(settings)
    assert await nothing_left("no key") and not errors(caplog)
    answer = await drip(port, whole, b"", 10)
    there = await kept_files(settings)
    catalogue.figure("G9", f"10 uploads cut: {left[0]} rows and {left[1]} files left; whole: {there[0]} and {there[1]}")
    assert left == (0, 0, 0) and b" 201 " in answer and there == (1, 1, 1)


async def test_gone_before_the_answer(port: int, tmp_path: Path, settings: Settings) -> None:
    """The caller goes away after the commit: the visit stands once, and asking again gives the answer that was lost."""
    whole, slot = await half_booking("gone")
    faults.arm("after_commit:sleep:0.3", str(tmp_path))
    (tmp_path / "after_commit.1").touch()
    try:
        _reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(whole)
        while not await db.fetch_value("SELECT appointment_id FROM slot WHERE id = $1", slot):
            await asyncio.sleep(0.02)
        writer.transport.abort()
        await asyncio.sleep(0.5)
    finally:
        faults.arm("", "")
    answer = await drip(port, whole, b"", 5)
    assert b" 201 " in answer and b"idempotent-replayed" in answer.lower()
    assert await db.fetch_value("SELECT count(*) FROM appointment WHERE chief_complaint = 'gone'") == 1
    assert not await broken(settings.database_url)


async def test_a_second_request_has_its_own_deadline(port: int) -> None:
    whole = b"GET /health HTTP/1.1\r\nHost: testserver.local\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(whole)
    assert b" 200 " in await reader.readuntil(b"}")
    await asyncio.sleep(HEAD + 0.3 if HEAD < 5 else 1)  # between two requests it may wait for longer
    writer.write(whole)
    assert b" 200 " in await reader.readuntil(b"}")
    writer.write(whole[:30])
    assert (await asyncio.wait_for(reader.read(), HEAD + 5)).startswith(b"HTTP/1.1 408")
    writer.close()


async def test_connections_over_the_limit_are_refused(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process keeps files for the database: more connections than that are told to come back."""
    import resource

    monkeypatch.setattr(protocol, "SPARE_FILES", resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 30)
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 30)
    opened: list[Stream] = [await asyncio.open_connection("127.0.0.1", port) for _ in range(50)]
    await asyncio.sleep(0.2)
    answers = [await asyncio.wait_for(reader.read(), 5) for reader, _writer in opened[30:]]
    for _reader, writer in opened:
        writer.close()
    assert all(answer.startswith(b"HTTP/1.1 503") and b"retry-after: 5" in answer for answer in answers)
    await asyncio.sleep(0.2)
    status, body = await Line([f"http://127.0.0.1:{port}"], []).ask(("GET", "/health", "", None, ""))
    assert (status, body) == (200, {"status": "ok"})
