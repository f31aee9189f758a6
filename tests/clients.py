"""The whole application on a module's database, and the browsers and programs that talk to it without a network."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
import pytest
from litestar import Litestar

from portal import db, live, storage
from portal.accounts import tokens
from portal.settings import Settings
from portal.web.forms import CSRF_FIELD
from tests.factories import Person

ORIGIN = "http://testserver.local"
PASSWORD = "three quiet words"


@pytest.fixture(scope="module")
async def app(whole: Litestar, settings: Settings) -> AsyncIterator[Litestar]:
    tokens.use_keys(settings)
    storage.use(settings)
    whole.state.settings = settings
    async with whole.lifespan():
        yield whole


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody: a visitor's browser, or a program without a token."""
    async with a_client(app) as one:
        yield one


@asynccontextmanager
async def a_client(app: Litestar, person: Person | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A browser, signed in as `person` where one is given."""
    transport = httpx.ASGITransport(app)
    cookies = person.cookies if person else {}
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN, cookies=cookies) as one:
        yield one


async def submit(client: httpx.AsyncClient, page: str, values: dict[str, Any], action: str = "") -> httpx.Response:
    """Open a page and post a form with its CSRF token, as a browser without JavaScript does."""
    shown = await client.get(page)
    found = re.search(f'name="{CSRF_FIELD}" value="([^"]+)"', shown.text)
    assert found, f"{page} answered {shown.status_code} without a form"
    return await client.post(action or page, data={CSRF_FIELD: found[1], **values})


def registration(email: str, role: str = "PATIENT", **more: Any) -> dict[str, Any]:
    """The body of a registration with what every role needs."""
    given = {"email": email, "password": PASSWORD, "role": role, "first_name": "Ada", "last_name": "Obi"}
    return {**given, **more}


def bearer(body: dict[str, Any]) -> dict[str, str]:
    return {"Authorization": f"Bearer {body['access_token']}"}


async def audited(action: str, subject_id: object) -> int:
    """How often an action on a subject stands in the audit."""
    sql = "SELECT count(*) FROM audit_event WHERE action = $1 AND subject_id = $2"
    return int(await db.fetch_value(sql, action, str(subject_id)))


async def emitted(event_type: str, aggregate_id: object) -> list[Any]:
    """The events of one kind about one thing, as integrators get them."""
    sql = "SELECT data FROM outbox_event WHERE event_type = $1 AND aggregate_id = $2"
    return [row["data"] for row in await db.fetch(sql, event_type, aggregate_id)]


@contextmanager
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """The live events that leave after a commit: topic and name."""
    told: list[tuple[str, str]] = []
    with monkeypatch.context() as patch:
        patch.setattr(live, "_send", lambda message: told.append((message.topic, message.event)))
        yield told


async def mails_to(email: str) -> list[str]:
    """The texts of the mails that wait for an address, in order."""
    return [
        row["body"]
        for row in await db.fetch(
            "SELECT body FROM mail WHERE recipient = $1 AND body IS NOT NULL ORDER BY created_at, id", email
        )
    ]


async def token_mailed_to(email: str) -> str:
    """The token of the last link to choose a password."""
    found = re.findall(r"/reset-password/(\S+)", "\n".join(await mails_to(email)))
    return str(found[-1])


async def asked_many_times(
    client: httpx.AsyncClient, path: str, body: Any, headers: dict[str, str]
) -> tuple[list[httpx.Response], list[httpx.Response]]:
    """One POST with its key, 20 times at once and 5 times later: the answers of both."""
    at_once = await asyncio.gather(*(client.post(path, json=body, headers=headers) for _ in range(20)))
    return at_once, [await client.post(path, json=body, headers=headers) for _ in range(5)]
