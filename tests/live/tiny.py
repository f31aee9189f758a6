"""A tiny application around the real streams: invented topics, an in-memory store, callers named by a header."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from litestar import Litestar, Request, Response, post
from litestar.types import ASGIApp, Receive, Scope, Send

from portal import live
from portal.accounts.schemas import AccountStatus, Actor, Role
from portal.errors import DomainError
from portal.live.bus import Message
from portal.settings import Settings
from portal.web import auth, sse
from portal.web.guards import PUBLIC
from portal.web.i18n import LANGUAGES, use_language


class Store:
    """What domains would keep in the database."""

    def __init__(self) -> None:
        self.things: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
        self.members: set[UUID] = set()
        self.revoked: set[UUID] = set()
        self.reads: list[set[str]] = []
        self.read_at: list[float] = []
        self.snapshots: list[datetime | None] = []
        self.renders: list[tuple[str, str]] = []
        self.read_seconds = 0.0
        self.broken = False

    def put(self, topic: str, thing: str, text: str, ends: float | None = None) -> None:
        self.things[topic][thing] = {"text": text, "ends": ends, "changed": datetime.now(UTC)}


STORE = Store()


def element(thing: str, state: dict[str, Any]) -> live.Element:
    left = None if state["ends"] is None else state["ends"] - asyncio.get_running_loop().time()
    held = left is not None and left > 0
    return live.Element(
        id=thing,
        event="thing.held" if held else "thing.free",
        data={"thing_id": thing, "text": state["text"]},
        target=f"#thing-{thing}",
        expires_in=left if held else None,
    )


async def read(topic: str, ids: set[str]) -> Sequence[live.Element]:
    STORE.reads.append(set(ids))
    STORE.read_at.append(asyncio.get_running_loop().time())
    if STORE.broken:
        raise OSError("the database is away")
    await asyncio.sleep(STORE.read_seconds)
    return [element(thing, STORE.things[topic][thing]) for thing in sorted(ids) if thing in STORE.things[topic]]


async def snapshot(topic: str, since: datetime | None) -> Sequence[live.Element]:
    STORE.snapshots.append(since)
    await asyncio.sleep(STORE.read_seconds)
    things = STORE.things[topic].items()
    return [element(k, v) for k, v in things if since is None or v["changed"] > since or v["ends"]]


def render(thing: live.Element, locale: str) -> str:
    STORE.renders.append((thing.id, locale))
    return f'<p id="thing-{thing.id}" lang="{locale}">{thing.data["text"]}</p>'


async def anybody(_actor: Actor | None, _topic: str) -> bool:
    return True


async def only_oneself(actor: Actor | None, topic: str) -> bool:
    return actor is not None and [actor.id] == live.topic_parts(topic)


async def members(actor: Actor | None, _topic: str) -> bool:
    return actor is not None and actor.id in STORE.members


def register_topics() -> None:
    live.register(
        live.TopicKind(
            prefix="things", parts=(UUID,), public=True, may_listen=anybody, snapshot=snapshot, read=read, render=render
        )
    )
    live.register(live.TopicKind(prefix="person", parts=(UUID,), may_listen=only_oneself))
    live.register(live.TopicKind(prefix="club", may_listen=members, ends_grant=frozenset({"club.left"})))


def actor_of(name: str) -> Actor | None:
    if not name:
        return None
    user = UUID(name)
    if user in STORE.revoked:
        return None
    return Actor(
        id=user,
        role=Role.PATIENT,
        status=AccountStatus.ACTIVE,
        first_name="A",
        last_name="B",
        email="a@example.com",
        locale="en",
        time_zone="UTC",
        appearance="auto",
        login_id=user,
    )


async def identify(connection: Any) -> Actor | None:
    return actor_of(connection.headers.get("x-user", ""))


class Identify:
    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = {
                name: value.decode() for name, value in scope["headers"] if name.startswith((b"x-", b"accept-l"))
            }
            scope["user"] = actor_of(headers.get(b"x-user", ""))
            wanted = headers.get(b"accept-language", "en")
            use_language(wanted if wanted in LANGUAGES else "en")
        await self.app(scope, receive, send)


@post("/publish", access=PUBLIC, status_code=204)
async def publish(request: Request) -> None:
    """For processes of their own: publish what the test says."""
    for topic, event, ids in await request.json():
        if thing := ids.pop("put", None):
            STORE.put(topic, ids["thing_id"], thing)
        live.current_hub().publish(Message(topic, event, ids))


@post("/stats", access=PUBLIC)
async def stats() -> dict[str, Any]:
    return live.stats()


def problem(_request: Request, error: DomainError) -> Response:
    return Response({"code": error.code}, status_code=error.status)


async def database_now() -> datetime:
    return datetime.now(UTC)


def create_app(settings: Settings) -> Litestar:
    register_topics()
    auth.identify_page = auth.identify_api = identify

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        async with live.running(settings, database_now):
            yield

    app = Litestar(
        [sse.live_page, sse.live_api, publish, stats],
        lifespan=[lifespan],
        middleware=[Identify],
        exception_handlers={DomainError: problem},
        openapi_config=None,
    )
    app.state.settings = settings
    return app
