"""The portal with its world on a database of its own, and the matrix, which is run once for all test files."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from argon2 import PasswordHasher
from litestar import Litestar

from portal.accounts import passwords
from portal.credentials import actions as credentials
from portal.settings import Settings
from tests.access import matrix, world
from tests.access.call import BASE_URL
from tests.access.rows import ROWS
from tests.access.sandbox import Sandbox, sandboxed

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
_finished: list[matrix.Matrix | Exception] = []


@dataclass
class Stage:
    app: Litestar
    world: world.World
    sandbox: Sandbox


@asynccontextmanager
async def staged(settings: Settings) -> AsyncIterator[Stage]:
    """The whole portal behind https, with everybody in it; each call through the sandbox is taken back."""
    from portal.app import create_app

    app = create_app(settings)
    with patch.object(passwords, "HASHER", QUICK), patch.object(credentials, "ANSWER_SECONDS", 0):
        async with app.lifespan():
            made = await world.build()
            async with sandboxed() as sandbox:
                yield Stage(app, made, sandbox)


def settings_for(database_url: str, data: Path) -> Settings:
    return Settings(
        database_url=database_url, data=data, rate_limit=0, base_url=BASE_URL, horizon_days=world.HORIZON_DAYS
    )


async def matrix_of(database_url: str, data: Path) -> matrix.Matrix:
    """The matrix of this test run, on an empty database where it has not been run yet."""
    if _finished:
        return await matrix_on(None)
    async with staged(settings_for(database_url, data)) as stage:
        return await matrix_on(stage)


async def matrix_on(stage: Stage | None) -> matrix.Matrix:
    """The same, for those who have a stage of their own."""
    if not _finished and stage is not None:
        try:
            _finished.append(await matrix.run(stage.app, stage.world, stage.sandbox, ROWS))
        except Exception as error:
            _finished.append(error)
    found = _finished[0]
    if isinstance(found, Exception):
        raise found
    return found
