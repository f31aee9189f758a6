"""A portal with something in it, its back-up, and empty databases to put that into."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import CompletedProcess
from uuid import uuid4

import asyncpg
import pytest

from portal import db
from portal.audit import jobs
from portal.backup import saving
from portal.settings import Settings
from tests import factories, portal_command
from tests.audit.test_tampering import APPEND
from tests.conftest import database


@dataclass
class Machine:
    """A machine with its own data folder, database and keys."""

    settings: Settings

    @property
    def keys(self) -> Path:
        return self.settings.data / "keys.json"

    def run(self, *arguments: str, **more: str) -> CompletedProcess[str]:
        """`portal …` on this machine."""
        given = {"DATABASE_URL": self.settings.database_url, "PORTAL_DATA": str(self.settings.data), **more}
        return portal_command.run(*arguments, **given)

    @asynccontextmanager
    async def pool(self) -> AsyncIterator[None]:
        """The portal's own connections to this machine's database; a restore has the same place for its own."""
        await db.connect(self.settings)
        try:
            yield
        finally:
            await db.disconnect()

    async def as_superuser(self, script: str) -> None:
        connection = await asyncpg.connect(self.settings.database_url)
        await connection.execute(script)
        await connection.close()

    async def tables(self) -> int:
        connection = await asyncpg.connect(self.settings.database_url)
        number = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        await connection.close()
        return int(number)


NewMachine = Callable[[], Awaitable[Machine]]


@pytest.fixture
async def new_machine(postgres: str, old: Machine, tmp_path: Path) -> AsyncIterator[NewMachine]:
    """Makes machines with an empty database and the old one's keys."""
    made: list[str] = []
    admin = await asyncpg.connect(postgres)

    async def make() -> Machine:
        name = f"care_{uuid4().hex[:12]}"
        await admin.execute(f"CREATE DATABASE {name}")
        made.append(name)
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(old.keys, folder)
        return Machine(replace(old.settings, database_url=database(postgres, name), data=folder))

    yield make
    for name in made:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture(scope="module")
async def old(settings: Settings) -> Machine:
    """The machine that is saved: two people, a slot, five hundred rows of the audit, and an anchor."""
    machine = Machine(settings)
    async with machine.pool():
        doctor, _patient = await factories.doctor(), await factories.patient()
        await factories.slot(doctor.id, clinic_id=await factories.clinic())
        await db.execute(APPEND, 0, 500)
        await jobs.anchor(settings)
    return machine


@pytest.fixture(scope="module")
async def saved(old: Machine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("back-ups") / "portal.zip"
    await saving.back_up(old.settings, path)
    return path
