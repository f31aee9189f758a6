"""Several hosts' worth of processes: `portal serve --workers 2` twice, on one PostgreSQL, one Redis and one file of keys."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from itertools import count

import pytest

from portal import db
from portal.accounts import tokens
from portal.settings import Settings
from tests import services
from tests.conftest import a_database
from tests.factories import Person
from tests.live.client import close_all
from tests.portal_server import Served, served

BASE = "http://127.0.0.1:8000"  # what all hosts are known as: their links and tokens do not tell them apart
PROCESSES = 4
MOST = 60  # requests a minute and person
_addresses = count(1)


@dataclass
class Hosts:
    """Two hosts behind one name, and what they share."""

    ports: tuple[int, int]
    served: tuple[Served, Served]
    redis: services.Redis

    @property
    def urls(self) -> tuple[str, str]:
        return f"http://127.0.0.1:{self.ports[0]}", f"http://127.0.0.1:{self.ports[1]}"


def common(settings: Settings, redis: services.Redis) -> dict[str, str]:
    """The environment that all processes of one portal share."""
    return {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": redis.url,
        "PORTAL_KEYS": str(settings.data / "keys.json"),
        "PORTAL_BASE_URL": BASE,
        "PORTAL_TRUSTED_PROXIES": "127.0.0.1",  # so that a test may come from any address
        "PORTAL_POOL_SIZE": "5",
        "PORTAL_RATE_LIMIT": str(MOST),
    }


@pytest.fixture(scope="package")
async def database_url(postgres: str, template: str) -> AsyncIterator[str]:
    """One database for all of these tests: starting the hosts takes longer than most of them."""
    async with a_database(postgres, template) as url:
        yield url


@pytest.fixture(scope="package")
def settings(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(database_url=database_url, data=tmp_path_factory.mktemp("data"), base_url=BASE)


@pytest.fixture(scope="package")
async def pool(settings: Settings) -> AsyncIterator[None]:
    """For the test's own look at the database; it signs with the keys that the hosts believe."""
    await db.connect(settings)
    tokens.use_keys(settings)
    yield
    await db.disconnect()


@pytest.fixture(scope="package")
def redis() -> Iterator[services.Redis]:
    with services.redis() as server:
        yield server


@pytest.fixture(scope="package")
def hosts(
    settings: Settings, pool: None, redis: services.Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Hosts]:
    ports = services.free_port(), services.free_port()
    folders = tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two")
    one, two = (
        served("--workers", "2", data=folder, port=port, **common(settings, redis))
        for folder, port in zip(folders, ports, strict=True)
    )
    with one as first, two as second:
        yield Hosts(ports, (first, second), redis)


@pytest.fixture(autouse=True)
async def nothing_stays_open() -> AsyncIterator[None]:
    yield
    await close_all()


def from_somewhere() -> dict[str, str]:
    """The headers of a caller at an address that nobody had before."""
    number = next(_addresses)
    return {"X-Forwarded-For": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"}


def as_page(who: Person) -> dict[str, str]:
    return {"Cookie": f"login={who.secret}", **from_somewhere()}


def as_program(who: Person) -> dict[str, str]:
    return {**who.bearer, **from_somewhere()}
