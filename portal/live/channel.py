"""One topic that somebody watches: gathers what changed, reads it once, and writes it to all its readers."""

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from contextvars import Context
from datetime import datetime
from typing import Any, Protocol

import msgspec

from portal import metrics
from portal.errors import Unavailable
from portal.live.frames import RESYNC, frame
from portal.live.reader import Frame, Reader
from portal.live.topics import Element, Notice, TopicKind
from portal.web.i18n import use_language

logger = logging.getLogger(__name__)

# A busy public topic is gathered for so long. A quiet one is shown at once, so a burst begins with a frame of its own: ticks
# of a fifth would put six frames into its first second. A little more keeps every second at five, also when a reading comes
# early or late, and leaves time to read and write before the 300 ms after which a change should have been shown.
TICK = 0.225
CHUNK = 64  # after so many writes other requests get their turn
READ_SECONDS = 5.0
RETRY_SECONDS = 1.0
SHARE_SECONDS = 10  # cursors within the same ten seconds share one reading
JSON = "json"


class Surroundings(Protocol):
    """What a channel needs of its hub."""

    reading: asyncio.Semaphore

    def cursor(self) -> str: ...

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]: ...


class Present:
    """Elements that were read, encoded once for each form in use."""

    def __init__(self, channel: "Channel", elements: Sequence[Element], cursor: str) -> None:
        self._channel = channel
        self._elements = elements
        self._cursor = cursor
        self._encoded: dict[str, bytes] = {}

    def encoded(self, form: str) -> bytes:
        if form not in self._encoded:
            encode = self._json if form == JSON else self._markup
            self._encoded[form] = encode(form) if self._elements else b""
        return self._encoded[form]

    def _json(self, _form: str) -> bytes:
        return b"".join(
            frame(_encode_json(element.data, self._channel.name), element.event, self._cursor)
            for element in self._elements
        )

    def _markup(self, locale: str) -> bytes:
        use_language(locale)
        render = self._channel.kind.render
        partials = [_partial(element, render(element, locale)) for element in self._elements]
        return frame("\n".join(partials), "", self._cursor)


class Channel:
    """Readers of one topic, grouped by form, and what they still have to be told."""

    def __init__(self, name: str, kind: TopicKind, hub: Surroundings) -> None:
        self.name = name
        self.kind = kind
        self.readers: dict[str, set[Reader]] = {}
        self._hub = hub
        self._loop = asyncio.get_running_loop()
        self._dirty: dict[str, str] = {}  # what changed, and the name of what happened to it last
        self._all_dirty = False
        self._notices: deque[bytes] = deque()
        self._turn: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._read_at = float("-inf")
        self._heard_at: float | None = None
        self._ends: dict[str, float] = {}
        self._end_timer: asyncio.TimerHandle | None = None
        self._waiting: dict[datetime | None, asyncio.Task[Present]] = {}

    def join(self, reader: Reader) -> None:
        self.readers.setdefault(reader.form, set()).add(reader)

    def leave(self, reader: Reader) -> None:
        group = self.readers.get(reader.form, set())
        group.discard(reader)
        if not group:
            self.readers.pop(reader.form, None)

    def close(self) -> None:
        """Nobody watches any more."""
        for timer in (self._timer, self._end_timer):
            if timer is not None:
                timer.cancel()

    # What happened

    def changed(self, ids: Iterable[str], event: str = "") -> None:
        """Some elements of a public topic are not what they were, by an event or (without a name) by time passing."""
        self._dirty |= dict.fromkeys(ids, event)
        self._kick()

    def notify(self, notice: Notice) -> None:
        """Something happened in a private topic."""
        self._notices.append(notice_frame(notice, self._hub.cursor()))
        self._kick()

    def resync(self) -> None:
        """Events may have been missed: show, or have fetched, the present state."""
        if self.kind.public:
            self._all_dirty = True
            self._kick()
        else:
            self.notify(Notice(RESYNC, {}))

    # One turn at a time, so that frames never overtake each other

    def _kick(self) -> None:
        if not self.readers:
            return
        self._heard_at = self._heard_at or self._loop.time()
        if self._turn is not None:
            return
        wait = 0.0 if self._notices else self._read_at + TICK - self._loop.time()
        if wait <= 0:
            self._cancel_timer()
            self._turn = self._hub.spawn(self._take_turn())
        elif self._timer is None:
            self._timer = self._loop.call_later(wait, self._wake, context=Context())

    def _wake(self) -> None:
        self._timer = None
        self._kick()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _take_turn(self) -> None:
        try:
            heard_at, self._heard_at = self._heard_at, None
            while self._notices:
                notice = self._notices.popleft()
                await self._spread(dict.fromkeys(self.readers, notice))
            if self._dirty or self._all_dirty:
                present = await self._read_dirty()
                await self._spread({form: present.encoded(form) for form in self.readers})
            if heard_at is not None:
                metrics.FAN_OUT.observe(self._loop.time() - heard_at)
        except Exception:
            logger.exception("live topic %s: could not tell its readers, trying again", self.name)
            self._read_at = self._loop.time() + RETRY_SECONDS
        finally:
            self._turn = None
            if self._dirty or self._all_dirty or self._notices:
                self._kick()

    async def _read_dirty(self) -> Present:
        async with self._hub.reading:
            self._read_at = self._loop.time()
            ids, everything = self._dirty, self._all_dirty
            self._dirty, self._all_dirty = {}, False
            cursor = self._hub.cursor()
            try:
                async with asyncio.timeout(READ_SECONDS):
                    kind = self.kind
                    elements = await (kind.snapshot(self.name, None) if everything else kind.read(self.name, ids))
            except BaseException:
                self._dirty = ids | self._dirty  # what has happened since then is the later
                self._all_dirty |= everything
                raise
        self._watch_ends(elements, ids)
        return Present(self, elements, cursor)

    async def _spread(self, frames: dict[str, bytes]) -> None:
        written = 0
        for form, content in frames.items():
            if not content:
                continue
            ready = Frame(content)
            for reader in tuple(self.readers.get(form, ())):
                reader.write(ready)
                written += 1
                if written % CHUNK == 0:
                    await asyncio.sleep(0)

    # The present state for a reader who has just come

    async def present(self, since: datetime | None) -> Present:
        """What changed since; readers who wait at the same moment share one reading that began after they joined."""
        if since is not None:
            since = since.replace(second=since.second // SHARE_SECONDS * SHARE_SECONDS, microsecond=0)
        reading = self._waiting.get(since)
        if reading is None or reading.done():
            reading = self._waiting[since] = self._hub.spawn(self._read_since(since))
        try:
            return await asyncio.shield(reading)
        except asyncio.CancelledError:
            if reading.cancelled():  # the hub is stopping, not this reader
                raise Unavailable from None
            raise

    async def _read_since(self, since: datetime | None) -> Present:
        async with self._hub.reading, asyncio.timeout(READ_SECONDS):
            self._waiting.pop(since, None)
            cursor = self._hub.cursor()
            elements = await self.kind.snapshot(self.name, since)
        self._watch_ends(elements, ())
        return Present(self, elements, cursor)

    # States that end by themselves

    def _watch_ends(self, elements: Sequence[Element], asked: Iterable[str]) -> None:
        """Keep when the elements just read run out; one timer serves them all."""
        for gone in asked:
            self._ends.pop(gone, None)
        now = self._loop.time()
        for element in elements:
            if element.expires_in is None:
                self._ends.pop(element.id, None)
            else:
                self._ends[element.id] = now + max(0.0, element.expires_in) + 0.02
        self._set_end_timer()

    def _set_end_timer(self) -> None:
        if self._end_timer is not None:
            self._end_timer.cancel()
            self._end_timer = None
        if self._ends and self.readers:
            self._end_timer = self._loop.call_at(min(self._ends.values()), self._ended, context=Context())

    def _ended(self) -> None:
        now = self._loop.time()
        over = {element for element, end in self._ends.items() if end <= now + 0.001}
        for element in over:
            del self._ends[element]
        self._set_end_timer()
        self.changed(over)


def notice_frame(notice: Notice, cursor: str) -> bytes:
    return frame(msgspec.json.encode(notice.ids).decode(), notice.event, cursor)


def _partial(element: Element, markup: str) -> str:
    target = element.target.replace("&", "&amp;").replace('"', "&quot;")
    return f'<hx-partial hx-target="{target}" hx-swap="{element.swap}">{markup}</hx-partial>'


def _encode_json(data: Any, topic: str) -> str:
    return msgspec.json.encode({"topic": topic, **msgspec.to_builtins(data)}).decode()
