"""What is too large, too deep or lies about its length is refused quickly by a real server, and costs it no memory (I4)."""

import gzip
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import asyncpg
import httpx
import pytest

from portal.accounts.schemas import Role
from tests import catalogue, factories
from tests.factories import Person
from tests.portal_server import beside, served

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend"), pytest.mark.I4]

MB = 1024 * 1024
# Seconds of a refusal and of a query; at the small size on a machine that does other things too: the figure tells the time.
REFUSED, FOUND = (0.1, 0.5) if catalogue.FULL else (5.0, 5.0)
ALLOWED = 50 * MB
ROWS = 1_000_000 if catalogue.FULL else 20_000
ROUNDS = 10 if catalogue.FULL else 2
FIELDS = "&".join(f"field{number}=x" for number in range(5000)).encode()
FORM = "application/x-www-form-urlencoded"
CHUNKED = b"Transfer-Encoding: chunked"


@dataclass
class Attack:
    """One request as it goes over the wire; several statuses may be right, a connection that is closed counts as 400."""

    name: str
    path: str
    body: bytes
    wanted: tuple[int, ...]
    kind: str = "application/json"
    more: tuple[bytes, ...] = ()
    length: str = ""  # what it says of itself, where that is a lie


def chunks(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


BOOK, BULK, LOGIN = "/api/appointments", "/api/doctors/{doctor}/slots/bulk", "/login"
ATTACKS = [
    Attack("10 MB + 1 of JSON", BOOK, b'{"chief_complaint":"' + b"x" * (10 * MB) + b'"}', (413,)),
    Attack("10 MB + 1 of a form", LOGIN, b"email=" + b"x" * (10 * MB), (403, 413), FORM),
    Attack("10 MB + 1 in chunks", BOOK, chunks(b"x" * (10 * MB + 1)), (413,), more=(CHUNKED,), length="-"),
    Attack("5,000 form keys", LOGIN, FIELDS, (400, 403, 413), FORM),
    Attack("100,000 nested lists", BOOK, b"[" * 100_000 + b"]" * 100_000, (400,)),
    Attack("100,000 nested objects", BOOK, b'{"a":' * 100_000, (400,)),
    Attack("a deep list in a field", BULK, b'{"dates":' + b"[" * 5000 + b"]" * 5000 + b"}", (400,)),
    Attack("a list of 100,000", BULK, b'{"dates":[' + b'"x",' * 100_000 + b'"x"]}', (413, 422)),
    Attack("500,000 brackets in a text", BOOK, b'{"chief_complaint":"' + b"[" * 500_000 + b'"}', (422,)),
    Attack("a number of 900,000 digits", BOOK, b'{"slot_id":' + b"9" * 900_000 + b"}", (422,)),
    Attack("900,000 accents", BOOK, b'{"chief_complaint":"' + "e\u0301".encode() * 300_000 + b'"}', (422,)),
    Attack("a gzip bomb", BOOK, gzip.compress(b"0" * 50 * MB), (400, 415), more=(b"Content-Encoding: gzip",)),
    Attack("a gzip bomb to a form", LOGIN, gzip.compress(b"0" * 50 * MB), (400, 403, 415), FORM, (b"Content-Encoding: gzip",)),
    Attack("a small body, zipped", BOOK, gzip.compress(b"{}"), (415,), more=(b"Content-Encoding: gzip",)),
    Attack("a shorter length than the body", BOOK, b"{}" + b"x" * 100, (400, 422), length="2"),
    Attack("no number as length", BOOK, b"{}", (400,), length="x"),
    Attack("a negative length", BOOK, b"{}", (400,), length="-5"),
    Attack("two lengths", BOOK, b"{}", (400,), more=(b"Content-Length: 7",)),
    Attack("a length beyond all numbers", BOOK, b"{}", (400, 413), length="9" * 40),
    Attack("chunked and a length", BOOK, chunks(b"{}"), (400,), more=(CHUNKED,)),
    Attack("an unreadable chunk", BOOK, b"zz\r\n{}\r\n0\r\n\r\n", (400,), more=(CHUNKED,), length="-"),
    Attack("another coding", BOOK, chunks(b"{}"), (400, 415, 422, 501), more=(b"Transfer-Encoding: gzip, chunked",), length="-"),
    Attack("a query of 60,000 characters", "/api/doctors?q=" + "x" * 60_000, b"", (400, 414)),
    Attack("a query of 3,000 parameters", "/api/doctors?" + "q=x&" * 3000, b"", (400, 414, 422)),
    Attack("a path of 60,000 characters", "/" + "x" * 60_000, b"", (400, 404, 414)),
    Attack("a head of 1 MB", "/api/doctors", b"", (400, 431), more=tuple(b"X-%d: %s" % (n, b"y" * 1000) for n in range(1000))),
    Attack("10,000 headers", "/api/doctors", b"", (400, 431), more=tuple(b"X-%d: y" % n for n in range(10_000))),
    Attack("a token of 60,000 characters", "/api/auth/me", b"", (400, 401, 431), more=(b"X-Token: " + b"y" * 60_000,)),
]  # fmt: skip


@dataclass
class Target:
    host: str
    port: int
    process: int
    patient: Person
    doctor: Person
    admin: Person
    database_url: str

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"


@pytest.fixture(scope="module")
async def target(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    data = tmp_path_factory.mktemp("data")
    with served(data=data, DATABASE_URL=database_url, PORTAL_RATE_LIMIT="0") as portal:
        async with beside(portal, database_url, data):
            patient, doctor = await factories.patient(), await factories.doctor()
            admin = await factories.person(Role.SYSTEM_ADMIN)
        host, port = portal.url.removeprefix("http://").split(":")
        yield Target(host, int(port), portal.process.pid, patient, doctor, admin, database_url)


def wire(target: Target, attack: Attack) -> bytes:
    method = "POST" if attack.body else "GET"
    path = attack.path.replace("{doctor}", str(target.doctor.id))
    person = target.doctor if attack.path == BULK else target.patient
    lines = [f"{method} {path} HTTP/1.1", f"Host: {target.host}:{target.port}"]
    lines += [f"Authorization: {person.bearer['Authorization']}"] if path.startswith("/api/") else []
    if attack.body:
        lines += [f"Content-Type: {attack.kind}"]
        lines += [] if attack.length == "-" else [f"Content-Length: {attack.length or len(attack.body)}"]
    return b"\r\n".join(["\r\n".join(lines).encode(), *attack.more, b"", attack.body])


def status_of(target: Target, request: bytes) -> int:
    """The status of the answer; whoever is hung up on was refused as well, which counts as a 400."""
    answer = b""
    with socket.create_connection((target.host, target.port), 30) as connection:
        with suppress(ConnectionError):
            connection.sendall(request)
        with suppress(ConnectionError):
            while b"\r\n" not in answer and (part := connection.recv(65536)):
                answer += part
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 400


def memory(process: int, what: str) -> int:
    """What the server holds now (`VmRSS`), or has ever held (`VmHWM`), in bytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))


def test_every_attack_is_refused_quickly(target: Target) -> None:
    status_of(target, wire(target, ATTACKS[0]))  # the first one loads what is loaded once
    wrong, spent, before = [], [], memory(target.process, "VmRSS")
    for attack in ATTACKS * ROUNDS:
        request, began = wire(target, attack), perf_counter()
        status = status_of(target, request)
        spent.append((perf_counter() - began, attack.name))
        if status not in attack.wanted or spent[-1][0] > REFUSED:
            wrong.append(f"{attack.name}: {status} after {spent[-1][0]:.2f} s, wanted {attack.wanted}")
    grown, seconds = memory(target.process, "VmHWM") - before, sorted(spent)
    catalogue.figure(
        "I4", f"{len(spent)} hostile requests refused, median {seconds[len(spent) // 2][0] * 1000:.0f} ms,"
        f" slowest {seconds[-1][0] * 1000:.0f} ms ({seconds[-1][1]}), {len(wrong)} otherwise; memory {grown / MB:+.1f} MB",
    )  # fmt: skip
    assert not wrong, "\n".join(wrong)
    assert grown <= ALLOWED
    assert httpx.get(f"{target.url}/health").status_code == 200


FILL = """
INSERT INTO account (id, email, password_hash, role, status, first_name, last_name, time_zone)
SELECT gen_random_uuid(), 'crowd' || n || '@test.example', 'x', 'PATIENT', 'ACTIVE', 'Crowd', 'Person ' || n, 'UTC'
FROM generate_series(1, $1) n
"""
FEW = 3  # an address with an underline, a name that begins with the letter: what really has the sign
SIGNS = ["%25", "%25%25%25", "_", "%5C", "%25_%25", "'%3B--", "(a%2B)%2B%24", ".*", "%5B%5B"]  # wild cards and patterns
LISTS = [
    "/api/admin/users?limit=100&q={}",
    "/api/doctors?q={}",
    "/api/clinics?q={}",
    "/api/pharmacies?q={}",
    "/api/specialties?q={}",
]
DEEP = [
    "/api/admin/users?skip=1000000&limit=100",
    f"/api/admin/users?skip={ROWS - 1000}&limit=100",
    "/api/admin/users?q=person+77",
]


async def test_searches_of_a_large_table_are_literal_and_quick(target: Target) -> None:
    """No sign has a meaning of its own, and none of them makes the database read for long."""
    connection = await asyncpg.connect(target.database_url)
    await connection.execute(FILL.replace("$1", str(ROWS)))
    await connection.execute("VACUUM ANALYZE account")
    await connection.close()
    spent, wrong = [], []
    async with httpx.AsyncClient(base_url=target.url, headers=target.admin.bearer, timeout=60) as client:
        for path in [*(one.format(sign) for one in LISTS for sign in SIGNS), *DEEP]:
            began = perf_counter()
            answer = await client.get(path)
            spent.append((perf_counter() - began, path))
            found = answer.json()
            if answer.status_code != 200 or (path not in DEEP and found["total"] > FEW) or spent[-1][0] > FOUND:
                wrong.append(f"{path}: {answer.status_code} {found.get('total')} after {spent[-1][0]:.2f} s")
    slowest, path = max(spent)
    catalogue.figure("I4", f"{len(spent)} searches beside {ROWS:,} accounts, slowest {slowest * 1000:.0f} ms ({path})")
    assert not wrong, "\n".join(wrong)
