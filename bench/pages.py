"""Pages: a doctor's week, the search among all doctors, and both while people sign in."""

import asyncio
import itertools
import random
import statistics
import sys
from time import perf_counter
from uuid import UUID

import asyncpg

from bench.cast import PASSWORD, Patient
from bench.client import Caller, percentile, press, request
from bench.figures import Figure, Figures
from bench.servers import Servers, Stage

CLIENTS = 16
SECONDS = 4.0
DAYS, A_DAY, MINUTES, HOUR = 5, 28, 15, 9  # a full week: five days of seven hours in quarters
SIGNERS = 8
PAUSE = 0.02  # between two pages of the person who only reads


async def slot_page(stage: Stage, servers: Servers) -> Figures:
    """A patient's view of a doctor's full week, every sixth time held by somebody else."""
    times = (await stage.times(days=DAYS, a_day=A_DAY, minutes=MINUTES, hour=HOUR))[0]
    *patients, holder = await stage.patients(CLIENTS + 1)
    await _take_some(stage, times.slots, holder)
    path = f"/doctors/{times.doctor_id}?week={times.first_day}"
    ours = [request("GET", path, Cookie=f"login={patient.cookie}") for patient in patients]
    bare = [request("GET", path)] * CLIENTS
    seconds = 2.0 if stage.quick else SECONDS
    rate = (await _pages(servers.portal, ours, seconds))[0]
    return {"slot_page": Figure(rate, (await _pages(servers.twin, bare, seconds / 2))[0])}


async def _take_some(stage: Stage, slots: list[UUID], holder: Patient) -> None:
    """Every sixth time is held by somebody: the page shows what it shows on an ordinary day."""
    connection = await asyncpg.connect(stage.url)
    held = "held_by = $2, held_until = now() + interval '5 minutes' WHERE id = ANY ($1)"
    await connection.execute("UPDATE slot SET " + held, slots[::6], holder.id)
    await connection.execute("UPDATE bare.slot SET " + held, slots[::6], holder.id)
    await connection.close()


async def _pages(port: int, requests: list[bytes], seconds: float, warm_up: float = 1.0) -> tuple[float, list[float]]:
    """Pages per second and the milliseconds of each; client number n begins with request number n."""

    async def turn(caller: Caller, number: int, done: int) -> None:
        status, body = await caller.ask(requests[(number + done * CLIENTS) % len(requests)])
        if status != 200:
            raise RuntimeError(f"answered {status}: {body[:300]!r}")

    await press(port, CLIENTS, min(warm_up, seconds / 2), turn)  # what is rendered or planned once
    return await press(port, CLIENTS, seconds, turn)


async def search(stage: Stage, servers: Servers) -> Figures:
    """What patients look for among all doctors; the twin reads ten doctors by their ids without looking for them."""
    connection = await asyncpg.connect(stage.url)
    specialties = [str(row["id"]) for row in await connection.fetch("SELECT id FROM specialty ORDER BY name")]
    await connection.close()
    requests = [request("GET", "/doctors" + query) for query in _searches(specialties)]
    seconds = 2.0 if stage.quick else SECONDS
    # Each of sixteen connections to PostgreSQL plans each of eight kinds of search once.
    ours = (await _pages(servers.portal, requests, seconds, warm_up=2.0))[1]
    bare = (await _pages(servers.twin, [request("GET", "/doctors")], seconds / 2))[1]
    note = f"{stage.doctors:,} doctors, {len(ours)} pages; twin p99 {percentile(bare, 0.99):.1f} ms"
    return {"search_p99": Figure(percentile(ours, 0.99), note=note), "search_p50": Figure(percentile(ours, 0.5))}


def _searches(specialties: list[str]) -> list[str]:
    chance = random.Random(7)
    wanted: list[str] = []
    for number in range(400):
        specialty = chance.choice(specialties)
        wanted += [
            "",
            f"?specialty_id={specialty}",
            f"?specialty_id={specialty}&place=Town+{number % 100}",
            f"?place=Town+{number % 100}&sort=next_free",
            f"?q={chance.choice(['mul', 'garc', 'ana+s', 'obri', 'nguy', 'smith'])}",
            f"?specialty_id={specialty}&language=ar&max_fee=120",
            f"?specialty_id={specialty}&service_type=VIRTUAL",
            f"?specialty_id={specialty}&sort=fee",
        ]
    chance.shuffle(wanted)
    return wanted


async def sign_ins(stage: Stage, servers: Servers) -> Figures:
    """Eight people sign in without a pause, against argon2 alone on as many threads as cores; then another reads pages
    meanwhile, which takes cores of its own and so is a measurement of its own."""
    seconds = 2.0 if stage.quick else SECONDS
    times = (await stage.times(days=DAYS, a_day=A_DAY, minutes=MINUTES, hour=HOUR))[0]
    path = f"/doctors/{times.doctor_id}?week={times.first_day}"
    patients = await stage.patients(50)
    page = request("GET", path, Cookie=f"login={patients[0].cookie}")
    logins = [
        request("POST", "/api/auth/login", b'{"email":"%s","password":"%s"}' % (one.email.encode(), PASSWORD.encode()))
        for one in patients
    ]
    turns = itertools.count()

    async def sign_in(caller: Caller, _number: int, _done: int) -> None:
        status, body = await caller.ask(logins[next(turns) % len(logins)])
        if status != 200:
            raise RuntimeError(f"answered {status}: {body[:300]!r}")

    quiet = await _calm_reader(servers.portal, page, seconds / 2)
    rate = (await press(servers.portal, SIGNERS, seconds, sign_in))[0]
    pressing = asyncio.create_task(press(servers.portal, SIGNERS, seconds / 2, sign_in))
    meanwhile = await _calm_reader(servers.portal, page, seconds * 0.4)
    await pressing
    bare = await _bare_passwords(seconds / 2)
    return {"sign_ins": Figure(rate, bare), "page_meanwhile": Figure(meanwhile, quiet)}


async def _calm_reader(port: int, page: bytes, seconds: float) -> float:
    """The median of the milliseconds of pages for one person who pauses between them."""
    took: list[float] = []

    async def turn(caller: Caller, _number: int, _done: int) -> None:
        begun = perf_counter()  # the loop's own clock counts whole milliseconds
        await caller.ask(page)
        took.append((perf_counter() - begun) * 1000)
        await asyncio.sleep(PAUSE)

    await press(port, 1, seconds, turn)
    return statistics.median(took)


async def _bare_passwords(seconds: float) -> float:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.bare.passwords", str(seconds), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    return float(said)
