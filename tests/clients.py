"""The whole application on this module's database, and browsers and programs that talk to it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from litestar import Litestar

from portal.app import create_app
from portal.settings import Settings

PASSWORD = "three quiet words"


@pytest.fixture(scope="module")
async def app(settings: Settings) -> AsyncIterator[Litestar]:
    application = create_app(settings)
    async with application.lifespan():
        yield application


@asynccontextmanager
async def a_client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver.local") as one:
        yield one


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    async with a_client(app) as one:
        yield one


async def submit(client: httpx.AsyncClient, page: str, values: dict[str, str], action: str = "") -> httpx.Response:
    """Open a page and post a form of it with its CSRF token, as a browser without JavaScript does."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', (await client.get(page)).text)
    assert found, page
    return await client.post(action or page, data={"csrf_token": found[1], **values})


def registration(email: str, role: str = "PATIENT", **more: object) -> dict[str, object]:
    return {
        "email": email, "password": PASSWORD, "role": role, "first_name": "Ada", "last_name": "Obi", **more
    }  # fmt: skip
