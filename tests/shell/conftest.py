"""The portal's shell around a few known routes, on this module's own database."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
from litestar import Litestar

from portal import db
from portal.accounts import tokens
from portal.app import assemble
from portal.settings import Settings
from portal.web import limits
from tests import factories
from tests.factories import Person
from tests.owner import as_owner
from tests.shell import routes

ORIGIN = "http://testserver.local"


@pytest.fixture(scope="module")
async def app(settings: Settings) -> AsyncIterator[Litestar]:
    application = assemble(settings, pages=routes.PAGES, api=routes.API)
    async with application.lifespan():
        await as_owner(routes.SCHEMA)
        yield application


@asynccontextmanager
async def another_app(settings: Settings, **changed: Any) -> AsyncIterator[Litestar]:
    """The same routes with other settings, on the pool and with the keys of `app`."""
    changed_settings = replace(settings, **changed)
    application = assemble(changed_settings, pages=routes.PAGES, api=routes.API)
    async with limits.running(changed_settings):
        yield application
    tokens.use_keys(settings)


@asynccontextmanager
async def a_client(app: Litestar, person: Person | None = None, **more: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A browser, signed in as `person` where one is given."""
    transport = httpx.ASGITransport(app, client=more.pop("client", ("192.0.2.7", 1)))
    base = more.pop("base_url", ORIGIN)
    cookies = person.cookies if person else {}
    async with httpx.AsyncClient(transport=transport, base_url=base, cookies=cookies, **more) as one:
        yield one


@pytest.fixture
async def visitor(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(app) as one:
        yield one


@pytest.fixture
async def patient(app: Litestar) -> Person:
    return await factories.patient()


@pytest.fixture
async def browser(app: Litestar, patient: Person) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(app, patient) as one:
        yield one


@pytest.fixture
async def program(app: Litestar, patient: Person) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(app, headers=patient.bearer) as one:
        yield one


async def csrf_token(client: httpx.AsyncClient, path: str = "/form") -> str:
    """The token of a page, as its script reads it."""
    found = re.search(r'name="csrf-token" content="([^"]+)"', (await client.get(path)).text)
    assert found
    return found[1]


async def effects(name: str) -> int:
    return int(await db.fetch_value("SELECT count(*) FROM effect WHERE name = $1", name))
