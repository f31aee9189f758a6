"""A real server on a random port around the invented topics of `tiny`."""

from collections.abc import AsyncIterator

import pytest

from portal.settings import Settings
from portal.web import auth, seats
from tests.live import tiny
from tests.live.client import close_all, serving


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> tiny.Store:
    monkeypatch.setattr(auth, "identify_page", auth.identify_page)  # create_app replaces both: put them back
    monkeypatch.setattr(auth, "identify_api", auth.identify_api)
    tiny.STORE = tiny.Store()
    return tiny.STORE


@pytest.fixture
async def port(store: tiny.Store) -> AsyncIterator[int]:
    """A server without limits on the number of streams."""
    async with serving(tiny.create_app(Settings(rate_limit=0))) as number:
        yield number
        await close_all()
    assert not seats._own


@pytest.fixture
async def limited_port(store: tiny.Store) -> AsyncIterator[int]:
    """A server with the usual limits."""
    async with serving(tiny.create_app(Settings())) as number:
        yield number
        await close_all()
