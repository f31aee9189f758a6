import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.clients import app, client  # noqa: F401


@pytest.fixture
async def only_logged() -> AsyncIterator[None]:
    """What a library's own task says when its connection ends is logged, as in any process, and no fault of the test."""
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(None)
    yield
    loop.set_exception_handler(before)
