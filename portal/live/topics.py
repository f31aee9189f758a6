"""What domains tell the hub at start: their kinds of topic, and how to read and render what stands in them."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

from portal.accounts.schemas import Actor
from portal.errors import Malformed, NotFound
from portal.live.frames import event_name
from portal.web.i18n import _

_NAME = re.compile(r"[a-z][a-z_]{0,31}(:[A-Za-z0-9-]{1,64}){0,3}")


class Element(msgspec.Struct, frozen=True, kw_only=True):
    """The whole present state of one small thing in a public topic, the same for everybody who watches."""

    id: str  # what `publish(topic, event, <key>=id)` named
    event: str  # what the JSON face calls this state: "slot.held"
    data: Any  # what the JSON face sends; the topic is added to it
    target: str  # CSS selector of its place in pages: "#slot-…"
    swap: str = "outerHTML"  # "delete" for a thing that is gone
    expires_in: float | None = None  # seconds, by the database's clock, until this state ends by itself


class Notice(msgspec.Struct, frozen=True):
    """One event of a private topic: a name and ids, never content."""

    event: str
    ids: dict[str, Any]


MayListen = Callable[[Actor | None, str], Awaitable[bool]]
Snapshot = Callable[[str, datetime | None], Awaitable[Sequence[Element]]]
Read = Callable[[str, Mapping[str, str]], Awaitable[Sequence[Element]]]
Render = Callable[[Element, str], str]


async def _nothing_since(_topic: str, _since: datetime | None) -> Sequence[Element]:
    return ()


async def _nothing(_topic: str, _ids: Mapping[str, str]) -> Sequence[Element]:
    return ()


def _no_markup(_element: Element, _locale: str) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class TopicKind:
    """One kind of topic.

    `parts` are the types of what follows the prefix (`slots:{UUID}:{date}`); a name of another shape is 404, so the
    callables only see well-formed names. `may_listen` decides for an actor, or None for an anonymous visitor.

    A public kind also gives:
    * `snapshot(topic, since)`: everything that changed after `since` (None: everything), by time passing too, and
      whatever will still expire: the hub sets its timers by it;
    * `read(topic, ids)`: one element for every id asked for, in one query; a thing that is gone is an element with
      `swap="delete"`. With each id comes the name of the event that was published last ("" when a state ended by itself):
      an element carries it where it fits the state that is read;
    * `render(element, locale)`: its HTML. Called once per element and language, whatever the audience.

    `ends_grant`: events after which every reader of the topic is authorised anew at once.
    """

    prefix: str
    may_listen: MayListen
    parts: tuple[type, ...] = ()
    public: bool = False
    snapshot: Snapshot = _nothing_since
    read: Read = _nothing
    render: Render = _no_markup
    ends_grant: frozenset[str] = frozenset()


_kinds: dict[str, TopicKind] = {}


def register(kind: TopicKind) -> TopicKind:
    """Make a kind known; each prefix belongs to one domain, and the last registration counts."""
    _kinds[kind.prefix] = kind
    kind_of.cache_clear()
    return kind


def kinds() -> dict[str, TopicKind]:
    """Every kind that is known, by its prefix."""
    return dict(_kinds)


@lru_cache(maxsize=4096)
def kind_of(topic: str) -> TopicKind:
    """The kind of a well-formed topic.

    Raises `Malformed` (400) for what can be no topic, `NotFound` (404) for an unknown kind or shape.
    """
    if not _NAME.fullmatch(topic):
        raise Malformed(_("This is not the name of a topic."))
    prefix, *rest = topic.split(":")
    kind = _kinds.get(prefix)
    if kind is None or len(rest) != len(kind.parts):
        raise NotFound
    for part, text in zip(kind.parts, rest, strict=True):
        _parse(part, text)
    return kind


def topic_parts(topic: str) -> list[Any]:
    """What stands behind the prefix, parsed: `slots:{doctor_id}:{day}` gives a UUID and a date."""
    return [_parse(part, text) for part, text in zip(kind_of(topic).parts, topic.split(":")[1:], strict=True)]


@lru_cache(maxsize=4096)
def _parse(part: type, text: str) -> Any:
    """Only the canonical spelling counts: two names for one topic would split its readers."""
    try:
        value = date.fromisoformat(text) if part is date else part(text)
    except ValueError:
        raise NotFound from None
    if str(value) != text:
        raise NotFound
    return value


def make_notice(event: str, ids: dict[str, Any]) -> Notice:
    """Check an event at the moment it is published, where the mistake is easy to find."""
    return Notice(event_name(event), {name: _plain(name, value) for name, value in ids.items()})


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, UUID | date):
        return str(value)
    if isinstance(value, bool | int) or (isinstance(value, str) and len(value) <= 64):
        return value
    raise TypeError(f"{name}: live events carry ids, not content")
