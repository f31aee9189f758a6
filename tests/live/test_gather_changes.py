"""Public topics: what is read, rendered and sent when elements change, and when a state ends by itself."""

import asyncio
import re
import time
from uuid import UUID

import pytest

from portal import live
from portal.live.bus import Message
from tests.live import tiny
from tests.live.client import Stream, connect

pytestmark = pytest.mark.anyio

THINGS = f"things:{UUID(int=1)}"


def change(store: tiny.Store, thing: str, text: str, ends: float | None = None) -> None:
    store.put(THINGS, thing, text, ends)
    live.current_hub().publish(Message(THINGS, "thing.changed", {"thing_id": thing}))


async def opened(port: int, **how: object) -> Stream:
    stream = await connect(port, THINGS, query=f"&since={live.cursor()}", **how)
    await stream.until(lambda it: it.last_id)
    return stream


async def test_page_gets_a_partial_and_client_gets_json(port: int, store: tiny.Store) -> None:
    page, client = await opened(port), await opened(port, api=True)
    change(store, "a", "Ada & <b>")
    (event,) = await page.count(1)
    assert event.name == ""
    assert event.data == (
        '<hx-partial hx-target="#thing-a" hx-swap="outerHTML"><p id="thing-a" lang="en">Ada & <b></p></hx-partial>'
    )
    (event,) = await client.count(1)
    assert (event.name, event.json) == ("thing.free", {"topic": THINGS, "thing_id": "a", "text": "Ada & <b>"})
    assert re.fullmatch(r"t\d{13}", event.id)


async def test_the_first_change_goes_out_at_once_and_the_next_are_gathered(port: int, store: tiny.Store) -> None:
    stream = await opened(port, api=True)
    began, number = time.monotonic(), 0
    while time.monotonic() < began + 1.3:
        change(store, f"thing{number % 10}", str(number))
        number += 1
        await asyncio.sleep(0.003)
    await stream.until(lambda it: any(event.json["text"] == str(number - 1) for event in it.events))
    assert store.reads[0] == {"thing0"}
    assert store.read_at[0] - began < 0.1
    assert max(sum(one <= other < one + 1 for other in store.read_at) for one in store.read_at) <= 5
    last = {event.json["thing_id"]: event.json["text"] for event in stream.events}
    assert set(last.values()) == {str(n) for n in range(number - 10, number)}


async def test_a_thousand_watchers_cost_one_rendering_a_language(port: int, store: tiny.Store) -> None:
    streams = [await opened(port, headers={"Accept-Language": "en" if n % 2 else "es"}) for n in range(40)]
    store.renders.clear()
    change(store, "a", "new")
    await asyncio.gather(*(stream.count(1) for stream in streams))
    assert sorted(store.renders) == [("a", "en"), ("a", "es")]
    assert len(store.reads) == 1
    assert {stream.events[0].data.count('lang="es"') for stream in streams[::2]} == {1}


async def test_nobody_watching_costs_nothing(port: int, store: tiny.Store) -> None:
    change(store, "a", "new")
    await asyncio.sleep(0.05)
    assert (store.reads, store.renders) == ([], [])


async def test_an_event_without_ids_shows_the_whole_topic(port: int, store: tiny.Store) -> None:
    stream = await opened(port, api=True)
    store.put(THINGS, "a", "one")
    store.put(THINGS, "b", "two")
    live.current_hub().publish(Message(THINGS, "thing.added"))
    assert {event.json["text"] for event in await stream.count(2)} == {"one", "two"}


async def test_a_hold_that_runs_out_is_shown_without_any_event(port: int, store: tiny.Store) -> None:
    stream = await opened(port, api=True)
    ends = asyncio.get_running_loop().time() + 0.5
    change(store, "a", "held", ends)
    await stream.until(lambda it: [event.name for event in it.events] == ["thing.held", "thing.free"])
    assert asyncio.get_running_loop().time() - ends < 1


async def test_a_hold_from_before_the_first_watcher_runs_out_too(port: int, store: tiny.Store) -> None:
    store.put(THINGS, "a", "held", asyncio.get_running_loop().time() + 0.4)
    stream = await opened(port, api=True)
    await stream.until(lambda it: [event.name for event in it.events] == ["thing.held", "thing.free"])


async def test_a_hold_that_is_extended_or_ended_moves_its_timer(port: int, store: tiny.Store) -> None:
    stream = await opened(port, api=True)
    now = asyncio.get_running_loop().time()
    change(store, "a", "held", now + 0.4)
    change(store, "b", "held", now + 0.4)
    await stream.count(2)
    change(store, "a", "held longer", now + 1.0)
    change(store, "b", "booked", None)
    await stream.count(4)
    await asyncio.sleep(0.7)
    assert [event.json["text"] for event in stream.events] == ["held", "held", "held longer", "booked"]
    assert (await stream.count(5))[-1].name == "thing.free"


@pytest.mark.F2
async def test_state_that_changes_while_a_reader_joins_ends_right(port: int, store: tiny.Store) -> None:
    """The snapshot is read slowly, a change is read meanwhile: the older state must never be shown last."""
    store.read_seconds = 0.05
    store.put(THINGS, "a", "0")
    streams = []
    for number in range(1, 25):
        opening = asyncio.create_task(connect(port, THINGS, api=True))
        await asyncio.sleep(0.01 * (number % 6))
        change(store, "a", str(number))
        streams.append(await opening)
    for stream in streams:
        await stream.until(lambda it: it.events and it.events[-1].json["text"] == "24")


async def test_a_failed_reading_is_made_up_for(port: int, store: tiny.Store) -> None:
    stream = await opened(port, api=True)
    store.broken = True
    change(store, "a", "kept")
    await stream.until(lambda _: store.reads)
    store.broken = False
    assert (await stream.count(1))[0].json["text"] == "kept"


async def test_readers_who_come_together_share_one_reading(port: int, store: tiny.Store) -> None:
    store.read_seconds = 0.1
    await asyncio.gather(*(connect(port, THINGS, headers={"Last-Event-ID": "junk"}) for _ in range(100)))
    assert len(store.snapshots) <= 10
