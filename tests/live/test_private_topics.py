"""A stream carries only its owner's events, all of them, in order; and what happened while it was away."""

import asyncio
import random
from collections import defaultdict
from uuid import UUID

import pytest

from portal import live
from portal.live.bus import Message
from portal.live.hub import RECALL_EVENTS
from tests import catalogue
from tests.live import tiny
from tests.live.client import connect

pytestmark = pytest.mark.anyio

USERS = [UUID(int=1000 + n) for n in range(50)]
ME = USERS[0]
EVENTS = 10_000 if catalogue.FULL else 2_500


def tell(user: UUID, canary: object) -> None:
    live.current_hub().publish(Message(f"person:{user}", "person.told", {"note_id": canary}))


@pytest.mark.F1
async def test_events_reach_their_owners_and_nobody_else(port: int, store: tiny.Store) -> None:
    """F1: 200 streams of 50 users, each on its own topic, a shared one and a public one."""
    store.members.update(USERS[::2])
    mine = {user: f"person:{user},things:{UUID(int=1)}" + (",club" if user in store.members else "") for user in USERS}
    since = f"&since={live.cursor()}"
    streams = [(user, await connect(port, mine[user], user=user, query=since)) for user in USERS for _ in range(4)]
    chance, sent, clubs = random.Random(1), defaultdict(list), []
    for number in range(EVENTS):
        user = chance.choice(USERS)
        if number % 10:
            sent[user].append(f"canary-{user}-{number}")
            tell(user, sent[user][-1])
        else:
            clubs.append(f"club-{number}")
            live.current_hub().publish(Message("club", "club.told", {"note_id": clubs[-1]}))
        if number % 50 == 0:
            await asyncio.sleep(0.002)
    for user, stream in streams:
        expected = len(sent[user]) + (len(clubs) if user in store.members else 0)
        await stream.count(expected, 20)
        told = defaultdict(list)
        for event in stream.events:
            told[event.name].append(event.json["note_id"])
        assert told["person.told"] == sent[user]
        assert told["club.told"] == (clubs if user in store.members else [])
        assert set(told) <= {"person.told", "club.told"}
    assert live.stats()["dropped"] == 0


async def test_a_private_event_is_a_name_and_ids(port: int, store: tiny.Store) -> None:
    page = await connect(port, f"person:{ME}", user=ME, query=f"&since={live.cursor()}")
    client = await connect(port, f"person:{ME}", user=ME, api=True, query=f"&since={live.cursor()}")
    await client.until(lambda it: it.last_id)
    tell(ME, "n1")
    for stream in (page, client):
        (event,) = await stream.count(1)
        assert (event.name, event.data) == ("person.told", '{"note_id":"n1"}')
    assert store.renders == []


async def test_what_happened_between_the_page_and_its_stream_is_told(port: int, store: tiny.Store) -> None:
    written = live.cursor()
    tell(ME, "missed")
    tell(USERS[1], "foreign")
    stream = await connect(port, f"person:{ME}", user=ME, query=f"&since={written}")
    assert [event.json["note_id"] for event in await stream.count(1)] == ["missed"]
    await asyncio.sleep(0.05)
    assert len(stream.events) == 1


@pytest.mark.F2
async def test_cut_streams_lose_nothing(port: int, store: tiny.Store) -> None:
    """F2: every stream is cut at random; after merging by id each event is there, and no foreign one."""
    got: set[str] = set()
    last = live.cursor()
    sent = 0
    for turn in range(20):
        stream = await connect(port, f"person:{ME}", user=ME, headers={"Last-Event-ID": last})
        for _ in range(random.Random(turn).randint(1, 8)):
            tell(ME, f"n{sent}")
            sent += 1
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.002 * (turn % 3))
        await stream.close()
        got |= {event.json["note_id"] for event in stream.events}
        last = stream.last_id or last
        tell(ME, f"n{sent}")
        sent += 1
    stream = await connect(port, f"person:{ME}", user=ME, headers={"Last-Event-ID": last})
    await asyncio.sleep(0.1)
    got |= {event.json["note_id"] for event in stream.events}
    assert got == {f"n{number}" for number in range(sent)}


async def test_too_much_to_remember_is_a_resync(port: int, store: tiny.Store) -> None:
    written = live.cursor()
    for number in range(RECALL_EVENTS + 1):
        tell(ME, number)
    stream = await connect(port, f"person:{ME}", user=ME, query=f"&since={written}")
    assert [event.name for event in await stream.count(1)] == ["resync"]
