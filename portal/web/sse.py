"""`GET /live` (fragments for pages) and `GET /api/live` (JSON): one stream each, over the topics of its URL.

Raw ASGI, because a stream lives for minutes: it holds neither a request object nor a database connection.
"""

import math
from datetime import datetime
from functools import partial
from typing import Any, cast

from litestar import asgi
from litestar.connection import ASGIConnection
from litestar.exceptions import MethodNotAllowedException
from litestar.types import HTTPScope, Receive, Scope, Send

from portal import live
from portal.accounts.schemas import Actor
from portal.errors import Forbidden, Malformed, Unauthorized
from portal.live.channel import JSON
from portal.live.frames import read_cursor
from portal.live.reader import Reader
from portal.live.rounds import stream_end
from portal.web import auth, seats
from portal.web.guards import PUBLIC
from portal.web.i18n import _, language
from portal.web.protocol import CONNECTION
from portal.web.urlencoded import parse_pairs

TOPICS = 20
PARAMETERS = 4
STREAMS_PER_USER = 12
STREAMS_PER_ADDRESS = 100  # visitors only: a whole clinic may share one address


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
    hub = live.current_hub()
    async with seats.taken(*_seat(scope)):
        reader = await _opened(scope, send, form, identify)
        try:
            hub.join(reader)
            await reader.run(receive, await hub.first_frames(reader, _seen(scope, hub)))
        finally:
            hub.leave(reader)


async def _opened(scope: HTTPScope, send: Send, form: str, identify: Any) -> Reader:
    """A reader who may listen to all topics of the address."""
    topics = _topics(_query(scope).get("topics", ""))
    actor: Actor | None = scope["user"]
    await _authorise(actor, topics, form)
    connection = cast(dict[str, Any], scope.get("extensions") or {}).get(CONNECTION)
    if connection is not None:
        connection.begin_stream()
    reader = Reader(
        form=form,
        actor=actor,
        topics=topics,
        identify=partial(_identified, identify, scope),
        send=send,
        connection=connection,
    )
    reader.ends_at = stream_end()
    return reader


def _identified(identify: Any, scope: HTTPScope) -> Any:
    return identify(ASGIConnection(scope))


async def _authorise(actor: Actor | None, topics: tuple[str, ...], form: str) -> None:
    kinds = [live.kind_of(topic) for topic in topics]
    for kind, topic in zip(kinds, topics, strict=True):
        if not await kind.may_listen(actor, topic):
            raise Unauthorized if actor is None and form == JSON else Forbidden


def _query(scope: HTTPScope) -> dict[str, str]:
    pairs = parse_pairs(scope["query_string"], PARAMETERS)
    query = dict(pairs)
    if len(query) != len(pairs) or not query.keys() <= {"topics", "since"}:
        raise Malformed(_("This address cannot be read."))
    return query


def _topics(text: str) -> tuple[str, ...]:
    topics = tuple(dict.fromkeys(text.split(",")))
    if len(topics) > TOPICS:
        raise Malformed(_("These are too many topics for one stream."))
    return topics


def _seen(scope: HTTPScope, hub: live.Hub) -> datetime | None:
    """What the client saw last; on its first connection, where its page stood."""
    sent = [value.decode("latin-1") for name, value in scope["headers"] if name == b"last-event-id"]
    return read_cursor(sent[0] if sent else _query(scope).get("since", ""), hub.now())


def _seat(scope: HTTPScope) -> tuple[str, float]:
    """Whose seat a stream takes, and how many they may have."""
    limited = scope["litestar_app"].state.settings.rate_limit
    if scope["user"] is not None:
        return f"user {scope['user'].id}", STREAMS_PER_USER if limited else math.inf
    client = scope["client"]
    return f"address {client[0] if client else ''}", STREAMS_PER_ADDRESS if limited else math.inf
