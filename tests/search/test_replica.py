"""With a replica the search is read there, however old it is; everything else is not, and without it all goes on."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace

import asyncpg
import httpx
import psutil
import pytest

from portal import replica
from portal.settings import Settings
from tests import factories
from tests.clients import a_client
from tests.faults import fixtures
from tests.faults.postgres import Server
from tests.faults.postgres import replica as following

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]

server, database_url = fixtures.server, fixtures.own_database_url
REPLAYED = "SELECT pg_last_wal_replay_lsn() >= $1"


@pytest.fixture(scope="module")
def copy(server: Server) -> Iterator[Server]:
    with following(server) as running:
        yield running


@pytest.fixture(scope="module")
def settings(settings: Settings, copy: Server) -> Settings:
    return replace(settings, database_replica_url=copy.url)


async def on(server: Server, sql: str, *args: object) -> object:
    connection = await asyncpg.connect(server.url)
    try:
        return await connection.fetchval(sql, *args)
    finally:
        await connection.close()


async def caught_up(server: Server, copy: Server) -> None:
    """The replica has all that is committed now."""
    written = await on(server, "SELECT pg_current_wal_flush_lsn()")
    async with asyncio.timeout(30):
        while not await on(copy, REPLAYED, written):
            await asyncio.sleep(0.05)


async def found(client: httpx.AsyncClient, name: str) -> int:
    answer = await client.get("/api/doctors", params={"q": name})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["total"])


async def test_search_reads_the_replica_and_all_else_the_database(
    client: httpx.AsyncClient, server: Server, copy: Server
) -> None:
    await factories.doctor(last_name="Earlier")
    await caught_up(server, copy)
    assert await found(client, "Earlier") == 1
    await on(copy, "SELECT pg_wal_replay_pause()")
    try:
        late = await factories.doctor(last_name="Lately")
        assert await found(client, "Lately") == 0
        assert (await client.get(f"/api/doctors/{late.id}")).json()["last_name"] == "Lately"
    finally:
        await on(copy, "SELECT pg_wal_replay_resume()")


async def test_without_the_replica_the_database_answers_at_once(
    client: httpx.AsyncClient, copy: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "PAUSE", 0.5)
    await factories.doctor(last_name="Meanwhile")
    copy.control("stop")
    try:
        took = []
        for _look in range(4):
            begun = time.monotonic()
            assert await found(client, "Meanwhile") == 1
            assert (await client.get("/doctors", params={"q": "Meanwhile"})).status_code == 200
            took.append(time.monotonic() - begun)
    finally:
        copy.control("start")
    print(f"  searches without the replica: {[round(seconds, 2) for seconds in took]} s")
    await asyncio.sleep(0.6)
    await on(copy, "SELECT pg_wal_replay_pause()")
    try:
        await factories.doctor(last_name="Afterwards")
        assert await found(client, "Afterwards") == 0  # it is asked again
    finally:
        await on(copy, "SELECT pg_wal_replay_resume()")


async def test_a_replica_that_hangs_is_given_up_soon(
    client: httpx.AsyncClient, copy: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "SECONDS", 0.3)
    monkeypatch.setattr(replica, "PAUSE", 0.1)
    postmaster = psutil.Process(int((copy.data / "postmaster.pid").read_text().split()[0]))
    await factories.doctor(last_name="Patiently")
    for process in (hanging := [postmaster, *postmaster.children()]):
        process.suspend()
    try:
        async with asyncio.timeout(10):
            for _look in range(3):
                assert await found(client, "Patiently") == 1
                await asyncio.sleep(0.2)
    finally:
        for process in hanging:
            process.resume()


async def test_a_start_does_not_wait_for_a_replica_that_is_away(settings: Settings) -> None:
    from portal.app import create_app

    application = create_app(replace(settings, database_replica_url="postgresql://nobody@127.0.0.1:1/nowhere"))
    async with application.lifespan(), a_client(application) as client:
        assert (await client.get("/api/doctors")).status_code == 200
