"""`GET /live` (fragments for pages) and `GET /api/live` (JSON): one stream each, over the topics of its URL.

Raw ASGI, because a stream lives for minutes: it holds neither a request object nor a database connection.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import parse_qsl

from litestar import asgi
from litestar.connection import ASGIConnection
from litestar.exceptions import MethodNotAllowedException
from litestar.types import HTTPScope, Receive, Scope, Send

from portal import live
from portal.accounts.schemas import Actor
from portal.errors import Forbidden, Malformed, TooMany, Unauthorized, Unavailable
from portal.live.channel import JSON
from portal.live.frames import read_cursor
from portal.live.reader import Reader
from portal.live.rounds import stream_end
from portal.web import auth
from portal.web.guards import PUBLIC
from portal.web.i18n import _, language
from portal.web.protocol import ABORT

TOPICS = 20
STREAMS_PER_USER = 12
STREAMS_PER_ADDRESS = 100  # visitors only: a whole clinic may share one address
RETRY_SECONDS = 10

_seats: Counter[str] = Counter()


@asgi("/live", access=PUBLIC, copy_scope=False)
async def live_page(scope: Scope, receive: Receive, send: Send) -> None:
    """Each topic is authorised below: who may listen is the topic's matter, not the route's."""
    await _stream(_get_request(scope), receive, send, language(), auth.identify_page)


@asgi("/api/live", access=PUBLIC, copy_scope=False)
async def live_api(scope: Scope, receive: Receive, send: Send) -> None:
    """The same events as JSON."""
    await _stream(_get_request(scope), receive, send, JSON, auth.identify_api)


def _get_request(scope: Scope) -> HTTPScope:
    request = cast(HTTPScope, scope)
    if request["method"] != "GET":
        raise MethodNotAllowedException(headers={"Allow": "GET"})
    return request


async def _stream(scope: HTTPScope, receive: Receive, send: Send, form: str, identify: Any) -> None:
    query = _query(scope)
    topics = _topics(query.get("topics", ""))
    actor: Actor | None = scope["user"]
    hub = live.current_hub()
    with _seat(scope, actor):
        await _authorise(actor, topics, form)
        reader = Reader(
            form=form,
            actor=actor,
            topics=topics,
            identify=lambda: identify(ASGIConnection(scope)),
            send=send,
            abort=cast(dict[str, Any], scope.get("extensions") or {}).get(ABORT),
        )
        reader.ends_at = stream_end()
        try:
            hub.join(reader)
            first = await hub.first_frames(reader, read_cursor(_last_event_id(scope, query), hub.now()))
            if reader.closed:
                raise Unavailable
            await reader.run(receive, first)
        finally:
            hub.leave(reader)


async def _authorise(actor: Actor | None, topics: tuple[str, ...], form: str) -> None:
    kinds = [live.kind_of(topic) for topic in topics]
    for kind, topic in zip(kinds, topics, strict=True):
        if not await kind.may_listen(actor, topic):
            raise Unauthorized if actor is None and form == JSON else Forbidden


def _query(scope: HTTPScope) -> dict[str, str]:
    try:
        text = scope["query_string"].decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=4)
    except ValueError:
        raise Malformed(_("This address cannot be read.")) from None
    query = dict(pairs)
    if len(query) != len(pairs) or not query.keys() <= {"topics", "since"}:
        raise Malformed(_("This address cannot be read."))
    return query


def _topics(text: str) -> tuple[str, ...]:
    topics = tuple(dict.fromkeys(text.split(",")))
    if len(topics) > TOPICS:
        raise Malformed(_("These are too many topics for one stream."))
    return topics


def _last_event_id(scope: HTTPScope, query: dict[str, str]) -> str:
    """What the client saw last; on its first connection, where its page stood."""
    for name, value in scope["headers"]:
        if name == b"last-event-id":
            return value.decode("latin-1")
    return query.get("since", "")


@contextmanager
def _seat(scope: HTTPScope, actor: Actor | None) -> Iterator[None]:
    """Count the stream from its first moment; too many of one user or address are refused."""
    key, limit = _limit(scope, actor)
    if _seats[key] >= limit and scope["litestar_app"].state.settings.rate_limit:
        raise TooMany(RETRY_SECONDS)
    _seats[key] += 1
    try:
        yield
    finally:
        _seats[key] -= 1
        if not _seats[key]:
            del _seats[key]


def _limit(scope: HTTPScope, actor: Actor | None) -> tuple[str, int]:
    if actor is not None:
        return f"user {actor.id}", STREAMS_PER_USER
    client = scope["client"]
    return f"address {client[0] if client else ''}", STREAMS_PER_ADDRESS
