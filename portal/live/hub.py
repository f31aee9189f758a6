"""The hub: all open streams of this process, the topics that they watch, and what has just happened in them."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextvars import Context
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from portal import clock, metrics
from portal.errors import DomainError, NotFound, Unavailable
from portal.live.bus import EVERYTHING, MemoryBus, Message, RedisBus
from portal.live.channel import Channel, notice_frame
from portal.live.frames import RESYNC, cursor_frame, make_cursor
from portal.live.reader import Reader
from portal.live.topics import Notice, kind_of, make_notice

logger = logging.getLogger(__name__)

READINGS = 4  # of the pool's connections, how many the hub may use at once
OVERLAP = timedelta(seconds=30)  # a change is stamped inside a transaction that may commit this much later
NOTICE_OVERLAP = timedelta(seconds=5)  # a page reads its data a moment before it writes its cursor
RECALL = timedelta(seconds=60)  # how long private events are kept for a reader who was away
RECALL_EVENTS = 200

RECHECK_USER = "@"  # the topic by which streams of one user are authorised anew

Now = Callable[[], Awaitable[datetime]]


@dataclass
class Stats:
    """Counters for the health page and for tests."""

    readers: int = 0
    topics: int = 0
    published: int = 0
    dropped: int = 0
    revoked: int = 0
    connected: bool = True


class Hub:
    """One a process. Everything here runs on the event loop's thread."""

    def __init__(self, bus: MemoryBus | RedisBus) -> None:
        self.bus = bus
        self.readers: set[Reader] = set()
        self.channels: dict[str, Channel] = {}
        self.reading = asyncio.Semaphore(READINGS)
        self.closing = False
        self.recheck: Callable[[Iterable[Reader]], Coroutine[Any, Any, None]] = _nobody
        self._counts = Stats()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._complete_since = self._sure_at = self.now()
        self._recent: dict[str, deque[tuple[datetime, Notice]]] = {}

    # Time, by the database's clock

    def now(self) -> datetime:
        """What the database's clock shows, near enough for cursors."""
        return clock.now()

    async def set_clock(self, database_now: Now) -> None:
        """Keep our clock with the database's."""
        clock.follow(await database_now())

    def cursor(self) -> str:
        """Up to here nothing has been missed: while other processes cannot be heard, it stands still."""
        if self.bus.connected:
            self._sure_at = self.now()
        return make_cursor(self._sure_at)

    # Events in

    def publish(self, message: Message) -> None:
        """After a commit: this process at once, the others through the bus."""
        self._counts.published += 1
        self.take(message)
        self.bus.send(message)

    def take(self, message: Message) -> None:
        """An event from this process or another; never raises."""
        try:
            if message.topic == EVERYTHING:
                self.resync()
            elif message.topic == RECHECK_USER:
                self.spawn(self.recheck([r for r in self.readers if r.actor and str(r.actor.id) == message.event]))
            else:
                self._tell(message)
        except (DomainError, ValueError, TypeError):
            logger.warning("a live event for %r is not one of ours", message.topic[:100])
        except Exception:
            logger.exception("live event for %r could not be handled", message.topic[:100])

    def _tell(self, message: Message) -> None:
        kind = kind_of(message.topic)
        notice = make_notice(message.event, message.ids)
        if not kind.public:
            self._remember(message.topic, notice)
        channel = self.channels.get(message.topic)
        if channel is None:
            return
        if not kind.public:
            channel.notify(notice)
        elif message.ids:
            channel.changed((str(value) for value in message.ids.values()), message.event)
        else:
            channel.resync()
        if message.event in kind.ends_grant:
            self.spawn(self.recheck([reader for group in channel.readers.values() for reader in group]))

    def resync(self) -> None:
        """Events from other processes may have been lost."""
        self._complete_since = self.now()
        self._recent.clear()
        for channel in self.channels.values():
            channel.resync()

    # Private events of the last minute

    def _remember(self, topic: str, notice: Notice) -> None:
        self._recent.setdefault(topic, deque(maxlen=RECALL_EVENTS)).append((self.now(), notice))

    def forget_old(self) -> None:
        """Let go of private events that are too old to be told again."""
        oldest = self.now() - RECALL
        for topic, notices in list(self._recent.items()):
            if notices[-1][0] < oldest:
                del self._recent[topic]

    def _missed(self, topic: str, since: datetime | None) -> bytes:
        """The events of a private topic since then, or a `resync` when they are not all known any more."""
        kept = self._recent.get(topic, deque())
        known_from = max(self._complete_since, self.now() - RECALL)
        if len(kept) == RECALL_EVENTS:
            known_from = max(known_from, kept[0][0])
        if since is None or since < known_from:
            return notice_frame(Notice(RESYNC, {}), self.cursor())
        cursor = self.cursor()
        return b"".join(notice_frame(notice, cursor) for at, notice in kept if at >= since - NOTICE_OVERLAP)

    # Readers

    def join(self, reader: Reader) -> None:
        """Take a reader in; from now on it misses nothing."""
        if self.closing:
            raise Unavailable
        self.readers.add(reader)
        reader.on_drop = self._count_drop
        for topic in reader.topics:
            channel = self.channels.get(topic)
            if channel is None:
                channel = self.channels[topic] = Channel(topic, kind_of(topic), self)
            channel.join(reader)

    async def first_frames(self, reader: Reader, since: datetime | None) -> list[bytes]:
        """What a reader who was away, or has just come, must see first."""
        earlier = None if since is None else since - OVERLAP
        frames = [cursor_frame(self.cursor())]
        for topic in reader.topics:
            channel = self.channels.get(topic)
            if channel is None:
                raise NotFound
            if channel.kind.public:
                frames.append((await channel.present(earlier)).encoded(reader.form))
            else:
                frames.append(self._missed(topic, since))
        return [content for content in frames if content]

    def leave(self, reader: Reader) -> None:
        """Forget a reader, and the topics that nobody else watches."""
        self.readers.discard(reader)
        for topic in reader.topics:
            channel = self.channels.get(topic)
            if channel is None:
                continue
            channel.leave(reader)
            if not channel.readers:
                channel.close()
                del self.channels[topic]

    def _count_drop(self) -> None:
        self._counts.dropped += 1
        metrics.STREAMS_DROPPED.inc()

    def revoke(self, reader: Reader) -> None:
        """End a stream that has lost what allowed it."""
        if not reader.closed:
            self._counts.revoked += 1
            reader.close()

    # Life

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run in a context of its own: an action's transaction must not be seen from here."""
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.warning("live updates: a step failed (%s)", type(task.exception()).__name__)

    def end_streams(self) -> None:
        """The server is about to stop: let every client go, and take no new ones."""
        self.closing = True
        for reader in tuple(self.readers):
            reader.close()

    async def close(self) -> None:
        self.end_streams()
        await self.bus.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for channel in self.channels.values():
            channel.close()

    def stats(self) -> dict[str, Any]:
        now = Stats(**asdict(self._counts))
        now.readers, now.topics, now.connected = len(self.readers), len(self.channels), self.bus.connected
        return asdict(now)


async def _nobody(_readers: Iterable[Reader]) -> None:
    """Nothing is checked until the rounds have begun."""
