"""Shared fixtures: a private PostgreSQL, one migrated template, and a fresh copy of it for each test module."""

import asyncio
import inspect
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import wraps
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from litestar import Litestar

from portal import acting, db
from portal.embedded import EmbeddedPostgres, client_program
from portal.settings import Settings
from tests import catalogue

HERE = Path(__file__).parent
OF_THE_MATRIX = ("test_access_matrix.py", "test_audit_coverage.py", "test_headers.py")
TEMPLATE = "care_template" + os.environ.get("PYTEST_XDIST_WORKER", "")  # each process of a run has its own
# What a test does directly, it does as the portal itself; whatever comes in by HTTP begins as nobody, as everywhere.
acting._now = ContextVar("acting", default=acting.PORTAL)
# Tests end processes, never the machine: nothing is lost by not waiting for the disk.
QUICK = "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"


def pytest_configure(config: pytest.Config) -> None:
    catalogue.register(config)


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files, which go through every route, come first: so the processes of a run end together."""
    catalogue.mark_groups(items)
    items.sort(key=lambda item: item.path.parent != HERE)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file stays in one process; and so do the files that look at the same matrix of calls, which is run once for all."""
    from xdist.scheduler import LoadScopeScheduling

    class Files(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path: str = nodeid.split("::", 1)[0]
            return "the matrix" if Path(path).name in OF_THE_MATRIX else path

    return Files(config, log)


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """A cancellation that leaves a test would end the loop that all later tests of its process run in."""
    test = pyfuncitem.obj
    if inspect.iscoroutinefunction(test):

        @wraps(test)
        async def alone(**given: Any) -> None:
            try:
                await test(**given)
            except asyncio.CancelledError as error:
                raise AssertionError("the test was cancelled from within") from error

        pyfuncitem.obj = alone
    return (yield)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of many hands what it measured to the one that prints."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["figures"] = catalogue.figures()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    for line, text in getattr(node, "workeroutput", {}).get("figures", []):
        catalogue.figure(line, text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = catalogue.table()
    if rows:
        terminalreporter.section("what was measured")
        for row in rows:
            terminalreporter.write_line(row)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a private server that this run starts and ends; `PORTAL_TEST_DATABASE_URL` names another one."""
    given = os.environ.get("PORTAL_TEST_DATABASE_URL")
    if given:
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="care-pg-"))
    server = EmbeddedPostgres(folder / "data")
    (folder / "data" / "postgresql.auto.conf").write_text(QUICK)
    subprocess.run(
        [client_program("psql"), server.url, "-qc", "SELECT pg_reload_conf()"], check=True, capture_output=True
    )
    yield server.url
    server.stop()
    shutil.rmtree(folder, ignore_errors=True)


def database(url: str, name: str) -> str:
    """The address of another database of the same server."""
    head, _, tail = url.partition("@")
    host, _, rest = tail.partition("/")
    query = rest.partition("?")[2]
    return f"{head}@{host}/{name}" + (f"?{query}" if query else "")


@pytest.fixture(scope="session")
async def template(postgres: str) -> str:
    """A migrated database from which the others are copied."""
    from portal.migrations import migrate

    admin = await asyncpg.connect(postgres)
    await admin.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}")
    await admin.execute(f"CREATE DATABASE {TEMPLATE}")
    await admin.close()
    await migrate(Settings(database_url=database(postgres, TEMPLATE)))
    return TEMPLATE


@pytest.fixture(scope="module")
async def database_url(postgres: str, template: str) -> AsyncIterator[str]:
    """A fresh, migrated, empty database for one test module."""
    async with a_database(postgres, template) as url:
        yield url


@asynccontextmanager
async def a_database(postgres: str, template: str) -> AsyncIterator[str]:
    """A copy of the migrated template for as long as the block runs."""
    name = f"care_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(postgres)
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield database(postgres, name)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture(scope="module")
def settings(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(
        database_url=database_url,
        data=tmp_path_factory.mktemp("data"),
        rate_limit=0,
        base_url="http://testserver.local",
    )


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Litestar:
    """The whole application, which takes most of a second to make: once a process, with the settings of each module."""
    from portal.app import create_app

    return create_app(Settings(data=tmp_path_factory.mktemp("whole")))


@pytest.fixture(scope="module")
async def pool(settings: Settings) -> AsyncIterator[None]:
    """The application's own pool on this module's database, for tests that call actions and queries directly."""
    await db.connect(settings)
    yield
    await db.disconnect()
