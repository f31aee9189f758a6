"""Opening a stream: who may, what a client that comes back gets, and input that nobody should send."""

from datetime import UTC, datetime, timedelta
from itertools import product
from uuid import UUID, uuid4

import pytest

from portal import live
from portal.live.bus import Message
from portal.live.frames import make_cursor
from portal.live.hub import OVERLAP, RECALL
from portal.web import seats, sse
from tests import catalogue
from tests.live import tiny
from tests.live.client import connect

pytestmark = pytest.mark.anyio

THINGS = f"things:{UUID(int=1)}"
ME = UUID(int=7)


async def test_headers_forbid_storing_and_buffering(port: int) -> None:
    stream = await connect(port, THINGS)
    assert stream.status == 200
    assert stream.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert stream.headers["cache-control"] == "no-store"
    assert stream.headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in stream.headers
    await stream.close()


TOPICS = [
    ("", 400),
    ("UPPER", 400),
    ("things:", 400),
    ("things:..%2f..", 400),
    (f"{THINGS},", 400),
    ("a" * 5000, 400),
    ("%ff", 400),
    ("things:%00", 400),
    (f"{THINGS}%0d%0aevent:x", 400),
    (",".join(f"things:{UUID(int=n)}" for n in range(21)), 400),
    (f"{THINGS}&topics={THINGS}", 400),
    (f"{THINGS}&other=1", 400),
    ("unknown", 404),
    ("things", 404),
    (f"{THINGS}:{THINGS[-1]}", 404),
    ("things:not-a-uuid", 404),
    (f"things:{UUID(int=0xABC)}".upper().replace("THINGS", "things"), 404),
    (f"things:{uuid4().hex}", 404),
    (f"person:{ME}", 403),
    (f"{THINGS},person:{uuid4()}", 403),
    (",".join(f"things:{UUID(int=n)}" for n in range(20)), 200),
    (f"{THINGS},{THINGS}", 200),
]


async def test_topics_are_checked(port: int) -> None:
    for topics, status in TOPICS:
        stream = await connect(port, topics)
        assert stream.status == status, topics
        await stream.close()


async def test_api_asks_who_it_is_before_it_refuses(port: int) -> None:
    assert (await connect(port, f"person:{ME}", api=True)).status == 401
    assert (await connect(port, f"person:{uuid4()}", api=True, user=ME)).status == 403
    stream = await connect(port, f"person:{ME}", api=True, user=ME)
    assert stream.status == 200
    await stream.close()


async def test_only_get_opens_a_stream(port: int) -> None:
    for method in ("POST", "HEAD", "PUT", "DELETE"):
        stream = await connect(port, THINGS, method=method, listen=False)
        assert (stream.status, stream.headers["allow"]) == (405, "GET")
        stream.writer.close()


JUNK = ["", "-1", "0", str(2**63), "1e9", "text", "x" * 10_000, "t", "t-1", "t٣", "t" + "9" * 15, "t999999999999999999",
        "t0", "ünï", "\udcff\udcfe", "t1e5", "t1 t2", "null", "'; drop table slot; --"]  # fmt: skip


@pytest.mark.F3
async def test_junk_last_event_id_gets_the_whole_present_state(port: int, store: tiny.Store) -> None:
    store.put(THINGS, "a", "old news")
    for junk, api in product(JUNK, (False, True)):
        stream = await connect(port, f"{THINGS},person:{ME}", user=ME, api=api, headers={"Last-Event-ID": junk})
        assert stream.status == 200, junk
        events = await stream.count(2)
        assert "old news" in events[0].data, junk
        assert events[1].name == "resync", junk
        assert store.snapshots.pop() is None, junk
        await stream.close()
    catalogue.figure("F3", f"{len(JUNK)} junk ids at both faces: a resync each, 0 errors")


@pytest.mark.F3
async def test_line_ends_and_nul_in_a_header_never_reach_us(port: int) -> None:
    for junk in ("t1\0", "a\rdata: forged", "a\r\n\r\ndata: forged"):
        stream = await connect(port, THINGS, headers={"Last-Event-ID": junk})
        assert stream.status in (200, 400)
        assert not any("forged" in event.data for event in stream.events)
        await stream.close()


@pytest.mark.F3
async def test_somebody_elses_id_opens_nothing(port: int) -> None:
    """An id is a place in time and nobody's own: with another's, one gets one's own events since then."""
    other = uuid4()
    since = live.cursor()
    for user, secret in ((other, "theirs"), (ME, "mine")):
        live.current_hub().publish(Message(f"person:{user}", "person.told", {"note_id": secret}))
    theirs = await connect(port, f"person:{other}", user=other, query=f"&since={since}")
    await theirs.count(1)
    mine = await connect(port, f"person:{ME}", user=ME, headers={"Last-Event-ID": theirs.last_id})
    assert [event.json["note_id"] for event in await mine.count(1)] == ["mine"]
    assert (await connect(port, f"person:{other}", user=ME, headers={"Last-Event-ID": theirs.last_id})).status == 403


@pytest.mark.F3
async def test_an_id_from_before_what_is_remembered_is_a_resync(port: int) -> None:
    old = make_cursor(datetime.now(UTC) - RECALL - timedelta(seconds=5))
    stream = await connect(port, f"person:{ME}", user=ME, headers={"Last-Event-ID": old})
    assert [event.name for event in await stream.count(1)] == ["resync"]


@pytest.mark.F3
async def test_a_cursor_from_the_future_is_junk(port: int, store: tiny.Store) -> None:
    ahead = make_cursor(datetime.now(UTC) + timedelta(hours=1))
    stream = await connect(port, THINGS, headers={"Last-Event-ID": ahead})
    assert (stream.status, store.snapshots) == (200, [None])
    await stream.close()


async def test_a_page_that_has_just_been_written_gets_only_what_changed(port: int, store: tiny.Store) -> None:
    store.put(THINGS, "old", "old")
    store.things[THINGS]["old"]["changed"] -= timedelta(minutes=5)
    store.put(THINGS, "new", "new")
    stream = await connect(port, THINGS, api=True, query=f"&since={live.cursor()}")
    events = await stream.count(1)
    assert [event.json["thing_id"] for event in events] == ["new"]
    since = store.snapshots[0]
    assert since is not None
    assert since <= datetime.now(UTC) - OVERLAP  # a slow transaction's stamp is older than its commit
    await stream.close()


async def test_the_header_wins_over_the_address(port: int, store: tiny.Store) -> None:
    stream = await connect(port, THINGS, query=f"&since={live.cursor()}", headers={"Last-Event-ID": "junk"})
    await stream.until(lambda _: store.snapshots)
    assert store.snapshots == [None]
    await stream.close()


@pytest.mark.D6
async def test_streams_of_one_user_are_limited(limited_port: int) -> None:
    streams = [await connect(limited_port, THINGS, user=ME) for _ in range(sse.STREAMS_PER_USER)]
    refused = await connect(limited_port, THINGS, user=ME)
    assert refused.status == 429
    assert (await connect(limited_port, THINGS, user=uuid4())).status == 200
    await streams.pop().close()
    await refused.until(lambda _: len(seats._own[f"user {ME}"]) < sse.STREAMS_PER_USER)
    assert (await connect(limited_port, THINGS, user=ME)).status == 200


@pytest.mark.D6
async def test_streams_of_one_address_are_limited_for_visitors(limited_port: int) -> None:
    for _ in range(sse.STREAMS_PER_ADDRESS):
        assert (await connect(limited_port, THINGS)).status == 200
    assert (await connect(limited_port, THINGS)).status == 429
    assert (await connect(limited_port, THINGS, user=ME)).status == 200
