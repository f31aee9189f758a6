from collections.abc import AsyncIterator

import httpx
import pytest
from litestar import Litestar

from portal.web import i18n
from tests.web import example


@pytest.fixture(scope="module")
def app() -> Litestar:
    return example.create_app()


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    i18n.use_language("en")  # the application of these tests chooses none, and others may have
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        yield client
