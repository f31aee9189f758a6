"""A good call for each route, as somebody who may make it, to be spoilt in one place at a time."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec

from portal.accounts.schemas import AccountStatus
from tests.access.call import Answer, call, csrf_token
from tests.access.matrix import SAFE, Caller
from tests.access.policy import Row, fill, is_let_in, routes
from tests.access.rows import ROWS
from tests.access.stage import Stage
from tests.access.world import Side
from tests.badvalues import UUID
from tests.factories import Person


@dataclass
class Good:
    """A call that succeeds."""

    row: Row
    person: Person | None
    side: Side

    @property
    def url(self) -> str:
        return self.row.url(self.side)

    @property
    def body(self) -> dict[str, Any]:
        return fill(self.row.body or {}, self.side)  # type: ignore[no-any-return]


def goods(stage: Stage) -> dict[tuple[str, str], Good]:
    """The first row and actor of each route for which it succeeds."""
    found: dict[tuple[str, str], Good] = {}
    for good in variants(stage):
        found.setdefault((good.row.method, good.row.path), good)
    return found


def variants(stage: Stage) -> list[Good]:
    """The same once for each word in an address (`/record/allergies`, `/record/conditions`), which may mean another form."""
    caller = Caller(stage.app, stage.world, stage.sandbox, set())
    found: dict[tuple[str, ...], Good] = {}
    for row in ROWS:
        key = (row.method, row.path, *(word for word in row.ids.values() if word.startswith("=")))
        handler = routes(stage.app).get((row.method, row.path))
        if handler is None or key in found:
            continue
        for actor, side in caller.pairs(row, handler):
            person = stage.world.people[actor]
            active = person is None or person.actor.status is AccountStatus.ACTIVE
            if active and caller.wanted(row, handler, actor, side).allowed:
                found[key] = Good(row, person, side)
                break
    return list(found.values())


def somebody(stage: Stage, handler: Any) -> Person | None:
    """Anybody whom the declaration of a route lets in."""
    people = [person for person in stage.world.people.values() if is_let_in(handler.opt["access"], person)]
    return next((person for person in people if person is not None), None)


@asynccontextmanager
async def in_sandbox(
    stage: Stage, method: str, url: str, person: Person | None, body: bytes = b"", kind: str = ""
) -> AsyncIterator[Answer]:
    """A call with the right token; the block may look at what it did, afterwards it is taken back."""
    is_page = not url.startswith(("/api/", "/fhir/")) and method not in SAFE
    more = {"x-csrf-token": csrf_token(person)} if is_page else None
    async with stage.sandbox.rolled_back():
        yield await call(stage.app, method, url, person, body, kind, more)


async def sent(stage: Stage, method: str, url: str, person: Person | None, body: bytes = b"", kind: str = "") -> Answer:
    """The answer alone."""
    async with in_sandbox(stage, method, url, person, body, kind) as answer:
        return answer


def json_body(good: dict[str, Any], field: str, raw: bytes) -> bytes:
    pairs = {name: msgspec.json.encode(value) for name, value in good.items()} | {field: raw}
    return b"{" + b",".join(b'"%s":%s' % (name.encode(), value) for name, value in pairs.items()) + b"}"


def form_body(good: dict[str, Any], field: str, raw: bytes) -> bytes:
    kept = {name: value for name, value in good.items() if name != field}
    return (urlencode(kept, doseq=True).encode() + b"&" + field.encode() + b"=" + raw).strip(b"&")


def with_unknown_ids(path: str) -> str:
    return re.sub(r"\{[a-z_]+\}", UUID, path)
