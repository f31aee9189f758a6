"""Fixtures that several modules take by name: `charges, url = fixtures.charges, fixtures.armed_url`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from portal.migrations import migrate
from portal.settings import Settings
from tests.faults.postgres import Server, postgres
from tests.faults.stage import armed, workers


@pytest.fixture(scope="module")
async def charges(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a test lays charges: a file named after a fault point."""
    return tmp_path_factory.mktemp("charges")


@pytest.fixture(scope="module")
async def armed_url(settings: Settings, pool: None, charges: Path) -> AsyncIterator[str]:
    """Three workers that end at once wherever a charge lies."""
    with workers(settings, 3, **armed(charges)) as portal:
        yield portal.url


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[Server]:
    """A migrated PostgreSQL that the module may restart as it likes."""
    with postgres() as running:
        await migrate(Settings(database_url=running.url))
        yield running


@pytest.fixture(scope="module")
def own_database_url(server: Server) -> str:
    """As a module's `database_url`: its portal and its pool are on that server."""
    return server.url
