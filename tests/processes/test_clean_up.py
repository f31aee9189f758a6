"""F6 and F7 with whole portals: clients that vanish leave nothing behind, and a host that stops lets its clients go on."""

import asyncio
import time
from pathlib import Path

import pytest
from redis.asyncio import from_url

from portal import db
from portal.settings import Settings
from tests import catalogue, factories, services
from tests.live.client import Stream, connect, reset
from tests.portal_server import served
from tests.processes.conftest import PROCESSES, Hosts, as_page, common, from_somewhere

pytestmark = pytest.mark.anyio

AT_ONCE, LATER = (2000, 2000) if catalogue.FULL else (100, 100)
KEPT = PROCESSES * Settings.pool_size  # connections to the database, opened when many ask at once, are kept


def files_of(group: int) -> int:
    """Open files and sockets of all processes of a host."""
    return sum(len(list((one / "fd").iterdir())) for one in Path("/proc").glob("[0-9]*") if session_of(one) == group)


def session_of(process: Path) -> int:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[3])
    except OSError:
        return 0


async def left_behind(hosts: Hosts, redis: services.Redis) -> tuple[int, int, int]:
    """Open files at both hosts, processes that listen at Redis, seats that are taken."""
    async with from_url(redis.url) as client:
        [(_channel, listeners)] = await client.pubsub_numsub("portal:live:0")
        seats = len(await client.keys("care:streams:*"))
    return sum(files_of(one.process.pid) for one in hosts.served), listeners, seats


async def vanish_at_once(hosts: Hosts, topic: str, number: int) -> None:
    """Ask for a stream, and go before the answer comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", hosts.ports[number % 2])
    headers = {"Host": "127.0.0.1", **from_somewhere()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"GET /live?topics={topic} HTTP/1.1\r\n{lines}\r\n".encode())
    await asyncio.sleep(0.01 * (number % 2))
    reset(Stream(0, {}, reader, writer))


@pytest.mark.F6
async def test_clients_that_vanish_leave_nothing_behind(hosts: Hosts, redis: services.Redis) -> None:
    doctor = await factories.doctor()
    await factories.slots(doctor.id, 1)
    topic = f"slots:{doctor.id}:{await db.fetch_value('SELECT date FROM slot WHERE doctor_id = $1', doctor.id)}"
    for number in range(8):  # whatever is opened once for good
        await vanish_at_once(hosts, topic, number)
    await asyncio.sleep(1)
    while (before := await left_behind(hosts, redis))[1] < PROCESSES:  # another test took Redis away
        await asyncio.sleep(0.1)
    for begin in range(0, AT_ONCE, 50):
        await asyncio.gather(*(vanish_at_once(hosts, topic, number) for number in range(begin, begin + 50)))
    for begin in range(0, LATER, 100):
        ports = [hosts.ports[number % 2] for number in range(begin, begin + 100)]
        streams = [await connect(port, topic, headers=from_somewhere()) for port in ports]
        assert {one.status for one in streams} == {200}
        await asyncio.sleep(1)
        for stream in streams:
            reset(stream)
    begun = time.monotonic()
    async with asyncio.timeout(20):
        while (now := await left_behind(hosts, redis))[0] > before[0] + KEPT or now[1] < before[1] or now[2]:
            await asyncio.sleep(0.1)
    seconds = time.monotonic() - begun
    catalogue.figure(
        "F6",
        f"{AT_ONCE} left at once, {LATER} after 1 s: files {before[0]} → {now[0]}, listeners {now[1]}, seats {now[2]}"
        f" after {seconds:.1f} s",
    )
    assert seconds < 10 and now[1] == PROCESSES


@pytest.mark.F7
@pytest.mark.soak
async def test_a_host_that_stops_lets_its_clients_go_on(
    hosts: Hosts, settings: Settings, redis: services.Redis, tmp_path: Path
) -> None:
    """A third host with three workers and a hundred streams is stopped; its clients come back at the others."""
    people = [await factories.patient() for _ in range(25)]
    port = services.free_port()
    with served("--workers", "3", data=tmp_path, port=port, **common(settings, redis)) as third:
        streams = [await connect(port, f"user:{who.id}", headers=as_page(who)) for who in people for _ in range(4)]
        assert {one.status for one in streams} == {200}
        begun = time.monotonic()
        stopping = asyncio.create_task(asyncio.to_thread(third.stop))
        for stream in streams:
            await asyncio.wait_for(stream.ended.wait(), 12)
        back = [
            await connect(
                hosts.ports[number % 2], f"user:{people[number // 4].id}", headers=as_page(people[number // 4])
            )
            for number in range(len(streams))
        ]
        code, seconds = await stopping, time.monotonic() - begun
    ended = sum(one.clean for one in streams)
    catalogue.figure(
        "F7",
        f"SIGTERM, 3 workers, {len(streams)} streams: exit code {code} after {seconds:.1f} s, {ended} ended in order",
    )
    assert code == 0 and seconds < 10 and ended == len(streams) and {one.status for one in back} == {200}
