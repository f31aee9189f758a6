"""Nothing is told before the commit, nothing at all after a rollback, and telling never undoes the action."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from portal import db, live
from portal.live.bus import Message
from portal.live.hub import Hub
from portal.settings import Settings
from tests.live import tiny

pytestmark = pytest.mark.anyio

PERSON = f"person:{UUID(int=1)}"


@pytest.fixture
async def told(settings: Settings, pool: None, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[Message]]:
    tiny.register_topics()
    seen: list[Message] = []
    monkeypatch.setattr(Hub, "take", lambda _hub, message: seen.append(message))
    async with live.running(settings):
        yield seen


async def test_events_leave_after_the_commit(told: list[Message]) -> None:
    async with db.transaction():
        live.publish(PERSON, "thing.changed", thing_id=UUID(int=5), number=3)
        live.recheck_user(UUID(int=1))
        await db.execute("SELECT 1")
        assert told == []
    assert [(message.topic, message.event, message.ids) for message in told] == [
        (PERSON, "thing.changed", {"thing_id": str(UUID(int=5)), "number": 3}),
        ("@", str(UUID(int=1)), {}),
    ]


async def test_a_rollback_tells_nothing(told: list[Message]) -> None:
    with pytest.raises(ZeroDivisionError):
        async with db.transaction():
            live.publish(PERSON, "thing.changed")
            raise ZeroDivisionError
    assert told == []


async def test_outside_a_transaction_it_is_a_mistake(told: list[Message]) -> None:
    with pytest.raises(RuntimeError):
        live.publish(PERSON, "thing.changed")
    assert told == []


async def test_a_wrong_topic_or_name_is_found_at_once(told: list[Message]) -> None:
    async with db.transaction():
        with pytest.raises(ValueError):
            live.publish(PERSON, "Not a name")
        with pytest.raises(Exception, match="find"):
            live.publish("nothing:here", "thing.changed")
    assert told == []


async def test_a_hub_that_fails_does_not_undo_the_action(told: list[Message], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_hub: Hub, _message: Message) -> None:
        raise OSError("no hub today")

    monkeypatch.setattr(Hub, "publish", broken)
    async with db.transaction():
        live.publish(PERSON, "thing.changed")
    assert not db.in_transaction()


async def test_without_a_hub_nothing_is_told(pool: None) -> None:
    tiny.register_topics()
    async with db.transaction():
        live.publish(PERSON, "thing.changed")
    assert live.stats() == {}


async def test_the_hub_keeps_time_with_the_database(settings: Settings, pool: None) -> None:
    async with live.running(settings) as hub:
        await hub.set_clock(live._database_now)
        assert abs((hub.now() - await live._database_now()).total_seconds()) < 0.5
