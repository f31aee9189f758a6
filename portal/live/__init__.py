"""Live updates of open pages: tell what happened after the commit, and a hub of readers in every process.

An action says `live.publish(topic, event, some_id=…)` inside its transaction; nothing leaves before the commit and
nothing at all after a rollback. Domains `register()` their kinds of topic at start; `web/sse.py` opens the streams.
"""

import asyncio
import contextlib
import logging
import signal
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from types import FrameType
from typing import Any, cast
from uuid import UUID

from portal import clock, db
from portal.errors import Unavailable
from portal.live.bus import MemoryBus, Message, RedisBus
from portal.live.frames import make_cursor
from portal.live.hub import RECHECK_USER, Hub, Now
from portal.live.rounds import Rounds
from portal.live.topics import Element, TopicKind, kind_of, make_notice, register, topic_parts
from portal.settings import Settings

__all__ = [
    "Element", "Hub", "TopicKind", "current_hub", "cursor", "end_streams", "kind_of", "publish", "recheck_user",
    "register", "running", "stats", "topic_parts",
]  # fmt: skip

logger = logging.getLogger(__name__)

_hub: Hub | None = None


def publish(topic: str, event: str, **ids: Any) -> None:
    """Tell the readers of a topic after the open transaction has been committed.

    In a public topic the values of `ids` name the elements that changed (none: all of them may have); in a private
    one they are sent with the event's name. Raises RuntimeError outside a transaction.
    """
    kind_of(topic)
    notice = make_notice(event, ids)
    _after_commit(Message(topic, notice.event, notice.ids))


def recheck_user(user_id: UUID) -> None:
    """After the commit, authorise all streams of a user anew at once: logout, suspension, another role."""
    _after_commit(Message(RECHECK_USER, str(user_id)))


def _after_commit(message: Message) -> None:
    db.after_commit(lambda: _send(message))


def _send(message: Message) -> None:
    if _hub is not None:
        _hub.publish(message)


def current_hub() -> Hub:
    """The running hub. Raises `Unavailable` when there is none, or it is stopping."""
    if _hub is None or _hub.closing:
        raise Unavailable
    return _hub


def cursor() -> str:
    """Where a page that is written now stands: it goes into the stream's URL as `since`."""
    return make_cursor(clock.now()) if _hub is None else _hub.cursor()


def stats() -> dict[str, Any]:
    """Readers, topics, published, dropped, revoked, and whether the other processes can be heard."""
    return {} if _hub is None else _hub.stats()


def end_streams() -> None:
    """End every stream now and take no new ones; for servers that are stopped other than by a signal."""
    if _hub is not None:
        _hub.end_streams()


@contextlib.asynccontextmanager
async def running(settings: Settings, database_now: Now | None = None) -> AsyncIterator[Hub]:
    """The hub of this process, for the application's and the worker's lifespan."""
    global _hub
    hub = Hub(RedisBus(settings.redis_url) if settings.redis_url else MemoryBus())
    rounds = Rounds(hub, database_now or _database_now)
    before, _hub = _hub, hub
    await hub.bus.start(hub.take)
    hub.spawn(rounds.heartbeats())
    hub.spawn(rounds.checks())
    try:
        with _told_of_signals(hub.end_streams):
            yield hub
    finally:
        await hub.close()
        _hub = before


async def _database_now() -> datetime:
    return cast(datetime, await db.fetch_value("SELECT clock_timestamp()"))


@contextlib.contextmanager
def _told_of_signals(tell: Callable[[], None]) -> Iterator[None]:
    """Hear of SIGTERM before the server acts on it: it waits for open streams before it ends the lifespan."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def heard(number: int, where: FrameType | None) -> None:
        loop.call_soon_threadsafe(tell)
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, where)

    wrapped = [number for number, handler in before.items() if callable(handler)]
    for number in wrapped:
        signal.signal(number, heard)
    try:
        yield
    finally:
        for number in wrapped:
            if signal.getsignal(number) is heard:
                signal.signal(number, before[number])
