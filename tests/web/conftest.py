from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar

from tests.web import example


@pytest.fixture(scope="module")
def app() -> Litestar:
    return example.create_app()


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client
