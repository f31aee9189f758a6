"""How streams end: a lost right, a client that does not read or vanishes, their time, the end of the server."""

import asyncio
import contextlib
import signal
import socket
import time
from uuid import UUID

import pytest

from portal import live
from portal.live import reader as live_reader
from portal.live import rounds
from portal.live.bus import Message
from portal.live.hub import RECHECK_USER
from portal.web import seats
from tests import catalogue
from tests.live import tiny
from tests.live.client import Stream, connect, post, reset
from tests.live.processes import server

pytestmark = pytest.mark.anyio

ME, OTHER = UUID(int=7), UUID(int=8)
THINGS = f"things:{UUID(int=1)}"


async def gone(stream: Stream, seconds: float) -> float:
    began = time.monotonic()
    await asyncio.wait_for(stream.ended.wait(), seconds)
    return time.monotonic() - began


@pytest.mark.C6
async def test_a_lost_login_and_a_lost_relation_end_streams_within_five_seconds(port: int, store: tiny.Store) -> None:
    mine = [await connect(port, f"person:{ME},{THINGS}", user=ME, api=bool(n % 2)) for n in range(4)]
    others = [await connect(port, THINGS, user=OTHER), await connect(port, THINGS)]
    store.members.add(OTHER)
    member = await connect(port, "club", user=OTHER)
    store.revoked.add(ME)
    store.members.discard(OTHER)
    for stream in [*mine, member]:
        await gone(stream, 5)
        assert stream.clean
    assert not any(stream.ended.is_set() for stream in others)
    assert live.stats()["revoked"] == 5


@pytest.mark.C6
async def test_a_right_that_is_asked_for_once_goes_on_for_ever(
    quick_rounds: None, port: int, store: tiny.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The naive twin of the tests above: a stream that was authorised when it opened, and never again."""

    async def never(_rounds: object, _readers: object) -> None:
        """Nobody asks."""

    ended = []
    for naive in (False, True):
        store.revoked.clear()
        stream = await connect(port, f"person:{ME}", user=ME)
        if naive:
            monkeypatch.setattr(rounds.Rounds, "check", never)
        store.revoked.add(ME)
        with contextlib.suppress(TimeoutError):
            await gone(stream, 1)
        live.current_hub().publish(Message(f"person:{ME}", "secret.told"))
        with contextlib.suppress(TimeoutError):
            await stream.until(lambda it: any(event.name == "secret.told" for event in it.events), 0.5)
        ended.append((stream.ended.is_set(), any(event.name == "secret.told" for event in stream.events)))
    catalogue.figure("C6", f"naive twin: (ended, hears on) is {ended[1]}, ours {ended[0]}")
    assert ended == [(True, False), (False, True)]


@pytest.mark.C6
async def test_the_event_that_ends_a_grant_ends_the_stream_at_once(port: int, store: tiny.Store) -> None:
    store.members.update((ME, OTHER))
    mine, other = await connect(port, "club", user=ME), await connect(port, "club", user=OTHER)
    store.members.discard(ME)
    live.current_hub().publish(Message("club", "club.left"))
    assert await gone(mine, 4) < 2  # not with the next round
    assert mine.events[-1].name == "club.left"
    assert not other.ended.is_set()


@pytest.mark.C6
async def test_a_logout_ends_every_stream_of_the_user_at_once(port: int, store: tiny.Store) -> None:
    mine, other = await connect(port, THINGS, user=ME), await connect(port, THINGS, user=OTHER)
    store.revoked.add(ME)
    live.current_hub().publish(Message(RECHECK_USER, str(ME)))
    assert await gone(mine, 4) < 2  # not with the next round
    assert not other.ended.is_set()


@pytest.fixture
def quick_hearts(monkeypatch: pytest.MonkeyPatch) -> None:
    assert rounds.HEARTBEAT_SECONDS == 15
    monkeypatch.setattr(rounds, "HEARTBEAT_SECONDS", 0.1)


async def test_comments_keep_the_connection_open(quick_hearts: None, port: int) -> None:
    stream = await connect(port, THINGS)
    await stream.until(lambda it: it.comments >= 3, 2)
    assert stream.events == []


@pytest.fixture
def quick_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "CHECK_SECONDS", 0.1)


async def test_a_stream_ends_after_its_time(quick_rounds: None, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = {rounds.stream_end() - time.monotonic() for _ in range(100)}
    assert 12 * 60 < min(ends) < max(ends) < 18 * 60
    monkeypatch.setattr(rounds, "STREAM_SECONDS", 0.1)
    stream = await connect(port, THINGS)
    await gone(stream, 6)
    assert stream.clean


async def silent(port: int, topics: str) -> socket.socket:
    """A client with a tiny receive window that never reads."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    raw.setblocking(False)
    await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
    raw.send(f"GET /live?topics={topics} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    return raw


async def press_on(port: int, store: tiny.Store, stuck: int, changes: int) -> tuple[int, float]:
    """Change something large until those who do not read are gone: the most that one held, and the longest wait of others."""
    quick = await connect(port, THINGS, query=f"&since={live.cursor()}")
    await quick.until(lambda _: live.stats()["readers"] == stuck + 1)
    waits, most = [], 0
    for number in range(changes):
        store.put(THINGS, "a", f"{number} " + "x" * 100_000)
        for channel in live.current_hub().channels.values():
            channel._read_at = 0  # no tick: as much as can be in a short time
        began = time.monotonic()
        live.current_hub().publish(Message(THINGS, "thing.changed", {"thing_id": "a"}))
        await quick.count(number + 1)
        waits.append(time.monotonic() - began)
        most = max([most, *(reader._backlog_bytes for reader in live.current_hub().readers)])
        if live.stats()["readers"] == 1:
            break
    return most, max(waits)


@pytest.mark.F5
async def test_a_slow_reader_is_dropped_and_holds_little(port: int, store: tiny.Store) -> None:
    stuck = [await silent(port, THINGS) for _ in range(20)]
    most, longest = await press_on(port, store, 20, 400)
    assert (live.stats()["dropped"], live.stats()["readers"]) == (20, 1)
    assert most <= live_reader.BACKLOG_BYTES and longest < 2
    for raw in stuck:
        with pytest.raises(ConnectionResetError):  # the connection itself is gone, with its buffers
            while raw.recv(1 << 20):
                await asyncio.sleep(0)
        raw.close()


@pytest.mark.F5
async def test_a_writer_without_a_bound_grows(port: int, store: tiny.Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The naive twin of the test above: whatever a client does not take is kept for it."""
    bound = live_reader.BACKLOG_BYTES
    monkeypatch.setattr(live_reader, "BACKLOG_BYTES", 1 << 40)
    monkeypatch.setattr(live_reader, "BACKLOG_FRAMES", 1 << 40)
    stuck = [await silent(port, THINGS) for _ in range(3)]
    most, _longest = await press_on(port, store, 3, 30)
    catalogue.figure("F5", f"naive twin: {live.stats()['dropped']} dropped, {most // 1024} KiB kept for one client")
    assert live.stats()["dropped"] == 0 and most > 10 * bound
    for raw in stuck:
        raw.close()


@pytest.mark.F5
async def test_a_client_that_takes_nothing_is_dropped_after_a_while(
    quick_rounds: None, port: int, store: tiny.Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert live_reader.STUCK_SECONDS <= 50
    monkeypatch.setattr(live_reader, "STUCK_SECONDS", 0.2)
    store.put(THINGS, "a", "x" * 5_000_000)
    raw = await silent(port, f"{THINGS},things:{UUID(int=2)}")
    store.put(f"things:{UUID(int=2)}", "b", "second")
    async with asyncio.timeout(8):
        while not live.stats()["dropped"]:
            await asyncio.sleep(0.05)
        while live.stats()["readers"]:
            await asyncio.sleep(0.01)
    raw.close()


@pytest.mark.F6
async def test_clients_that_vanish_leave_nothing_behind(port: int, store: tiny.Store) -> None:
    """F6: 2,000 connects with an immediate RST, and 500 that stay a moment."""
    await (await connect(port, THINGS)).close()
    await asyncio.sleep(0.1)
    tasks = len(asyncio.all_tasks())
    for turn in range(40):
        opened = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(50)))
        for number, (incoming, outgoing) in enumerate(opened):
            path = f"/live?topics={THINGS},person:{ME}"
            outgoing.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nX-User: {ME}\r\n\r\n".encode())
            if (turn + number) % 2:
                await asyncio.sleep(0)
            reset(Stream(0, {}, incoming, outgoing))
    for _ in range(10):
        streams = [await connect(port, THINGS, user=ME) for _ in range(50)]
        assert live.stats()["readers"] >= 50
        for stream in streams:
            reset(stream)
    async with asyncio.timeout(10):
        while live.stats()["readers"] or live.stats()["topics"] or seats._own or len(asyncio.all_tasks()) > tasks:
            await asyncio.sleep(0.05)


@pytest.mark.F7
@pytest.mark.parametrize(("workers", "number"), [(1, signal.SIGTERM), (1, signal.SIGINT), (3, signal.SIGTERM)])
async def test_the_server_stops_with_a_hundred_open_streams(store: tiny.Store, workers: int, number: int) -> None:
    """F7: all processes gone within 10 s, exit code 0, every stream ended in order."""
    async with server(workers) as running:
        streams = [await connect(running.port, THINGS) for _ in range(100)]
        stuck = await silent(running.port, THINGS)
        for _ in range(40):
            await post(running.port, "/publish", [[THINGS, "thing.changed", {"thing_id": "a", "put": "x" * 200_000}]])
        began = time.monotonic()
        code = await running.stop(number)
        assert time.monotonic() - began < 10
        if number == signal.SIGTERM:
            assert code == 0
        for stream in streams:
            await gone(stream, 2)
            assert stream.clean
        stuck.close()
