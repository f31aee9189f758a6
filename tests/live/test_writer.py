"""The writer of events: no text may begin a field of its own, end an event early, or change an id."""

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from portal import live
from portal.live.bus import Message
from portal.live.frames import frame, make_cursor, read_cursor
from portal.live.topics import make_notice
from tests import catalogue
from tests.live import tiny
from tests.live.client import Event, Stream, connect

THINGS = f"things:{UUID(int=1)}"
NASTY = ["\r", "\n", "\r\n", "\n\n", "\0", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "data: ", "id: t9",
         "event: x", "retry: 1", ":", "\ufeff", "\ud800", "</hx-partial>", "\x1b[31m"]  # fmt: skip


def parse(content: bytes) -> list[Event]:
    stream = Stream(200, {}, None, None)  # type: ignore[arg-type]
    text = content.decode().replace("\r\n", "\n").replace("\r", "\n")
    for block in text.split("\n\n"):
        stream._take(block)
    return stream.events


@pytest.mark.F4
def test_hostile_text_stays_text() -> None:
    chance = random.Random(4)
    for _ in range(5000):
        text = "".join(chance.choice(NASTY) for _ in range(chance.randint(1, 8)))
        events = parse(frame(text, "thing.held", "t1"))
        assert [(event.name, event.id) for event in events] == [("thing.held", "t1")]
        assert "\0" not in events[0].data
    catalogue.figure("F4", "5,000 hostile texts: 0 forged events, 0 changed ids")


@pytest.mark.parametrize("name", ["", "a b", "a\nb", "a\rdata: x", "A", "a\0", "é", "a" * 40, "a.b.c.d", ":"])
def test_only_our_names_are_events(name: str) -> None:
    with pytest.raises(ValueError):
        make_notice(name, {})


@pytest.mark.parametrize("cursor", ["1", "t", "t1\n", "t1\rdata: x", "x1"])
def test_only_our_cursors_are_ids(cursor: str) -> None:
    with pytest.raises(ValueError):
        frame("data", "", cursor)


@pytest.mark.parametrize("value", ["x" * 65, 1.5, None, ["a"], {"a": 1}, b"a"])
def test_events_carry_ids_and_never_content(value: object) -> None:
    with pytest.raises(TypeError):
        make_notice("thing.changed", {"thing_id": value})


def test_a_cursor_comes_back_as_its_instant() -> None:
    now = datetime(2026, 11, 20, 12, 0, 0, 123000, UTC)
    assert read_cursor(make_cursor(now), now) == now
    assert read_cursor(make_cursor(now - timedelta(days=1)), now) is None
    assert read_cursor(make_cursor(now + timedelta(hours=1)), now) is None


@pytest.mark.F4
@pytest.mark.anyio
async def test_hostile_text_forges_no_event_in_a_stream(port: int, store: tiny.Store) -> None:
    page, client = await connect(port, THINGS), await connect(port, THINGS, api=True)
    text = "".join(NASTY).replace("\ud800", "") + "\n\nevent: forged\ndata: forged\nid: t7\n\n"
    for _ in range(3):
        store.put(THINGS, "a", text)
        live.current_hub().publish(Message(THINGS, "thing.changed", {"thing_id": "a"}))
    await page.count(1)
    (event, *_) = await client.count(1)
    assert event.json["text"] == text
    assert {event.name for event in page.events} == {""}
    assert {event.name for event in client.events} == {"thing.free"}
    assert "t7" not in {event.id for event in page.events + client.events}
