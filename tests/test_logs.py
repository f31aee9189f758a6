"""The log of a served portal under texts that would forge lines, paint the terminal or give secrets away (H9)."""

import json
import re
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from msgspec import Struct

from portal.app import create_app
from portal.settings import Settings
from portal.web.convert import plan_of
from tests import badinputs, catalogue, factories
from tests.access.forms import form_of
from tests.access.inputs import with_unknown_ids
from tests.access.policy import routes
from tests.factories import Person
from tests.owner import as_owner
from tests.portal_server import beside, served

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("anyio_backend"), pytest.mark.H9]

SECRET = "zq-secret-of-somebody"
FORGED = '{"level": "INFO", "logger": "portal.access", "message": "forged"}'
UGLY = f"{SECRET}\r\n{FORGED}\n\x1b[31mred\x1b[0m\x07\x00\u2028\u202e\x85"
LONG = SECRET + "x" * 1_000_000
LONGEST_LINE = 4000
JSON = {"Content-Type": "application/json"}
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]")
HEADERS = [
    "User-Agent", "Referer", "Accept", "Accept-Language", "Cookie", "Authorization", "X-Request-Id", "X-Forwarded-For",
    "Forwarded", "Origin", "Idempotency-Key", "Last-Event-ID", "HX-Current-URL", "HX-Request", "HX-Target",
    "X-CSRF-Token", "Content-Type",
    "If-None-Match", "traceparent", "X-Anything",
]  # fmt: skip
# A database that tells in its error what somebody wrote: the worst that an exception can hold.
BROKEN = """
CREATE FUNCTION tell_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'it was % with %', NEW.first_name, NEW.password_hash USING DETAIL = NEW.email; END $$;
CREATE TRIGGER account_tells BEFORE INSERT ON account FOR EACH ROW EXECUTE FUNCTION tell_all();
"""


@dataclass
class Target:
    url: str
    log: Path
    patient: Person
    client: httpx.Client
    answered: list[int] = field(default_factory=list)

    @property
    def secrets(self) -> list[str]:
        return [SECRET, self.patient.secret, self.patient.bearer["Authorization"].split(".")[-1]]

    def send(self, method: str, path: str, body: bytes = b"", headers: dict[str, Any] | None = None) -> None:
        answer = self.client.request(method, path, content=body, headers=headers)
        if "x-request-id" in answer.headers:  # else it was no request, and never came to the portal
            self.answered.append(answer.status_code)

    def send_raw(self, request: bytes) -> None:
        """What no client would send: control characters in the head."""
        host, port = self.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), 10) as connection:
            connection.sendall(request.replace(b"HOST", f"{host}:{port}".encode()))
            answer = connection.recv(4096)
        if answer.startswith(b"HTTP/1.1") and b"x-request-id" in answer.lower():
            self.answered.append(int(answer.split(b" ")[1]))


@pytest.fixture(scope="module")
async def target(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Target]:
    data = tmp_path_factory.mktemp("data")
    with served(data=data, DATABASE_URL=database_url, PORTAL_RATE_LIMIT="0") as portal:
        async with beside(portal, database_url, data):
            patient = await factories.patient()
            await as_owner(BROKEN)
        with httpx.Client(base_url=portal.url, timeout=30) as client:
            yield Target(portal.url, portal.log, patient, client)


def body_of(struct: type[Struct], text: str) -> dict[str, Any]:
    """The text in every field."""
    return {one.name: text for one in plan_of(struct)}


def in_every_field(target: Target, text: str) -> None:
    """Through JSON and forms, of every route, signed in."""
    app = create_app(Settings())
    for method, path, struct in badinputs.body_routes(app):
        body = json.dumps(body_of(struct, text)).encode()
        target.send(method, with_unknown_ids(path), body, {**target.patient.bearer, **JSON})
    for (method, path), handler in routes(app).items():
        struct = form_of(handler.fn) if method == "POST" and not path.startswith(("/api/", "/fhir/")) else None
        if struct:
            cookie = {"Cookie": f"login={target.patient.secret}", "Content-Type": "application/x-www-form-urlencoded"}
            target.send(method, with_unknown_ids(path), urlencode(body_of(struct, text)).encode(), cookie)


def in_every_header(target: Target) -> None:
    for name in HEADERS:
        for text in (SECRET, f"{SECRET}\x1b[31m\x9b31m".encode("latin-1"), SECRET + "x" * 20_000):
            target.send("GET", "/doctors", headers={name: text})
        target.send_raw(b"GET /health HTTP/1.1\r\nHost: HOST\r\n%s: %s\r\n\r\n" % (name.encode(), UGLY.encode()))


def in_every_address(target: Target) -> None:
    for path in (f"/doctors?q={quote(UGLY)}", f"/reset-password/{quote(UGLY)}", f"/reset-password/{SECRET}", f"/{quote(UGLY)}",
                 f"/api/live?topics={quote(UGLY)}", f"/live?topics={SECRET}", f"/api/admin/users?q={quote(UGLY)}",
                 f"/login?next={quote(UGLY)}", f"/{SECRET}", f"/schema/{SECRET}", f"/static/{SECRET}"):  # fmt: skip
        target.send("GET", path)
        target.send("GET", path, headers=target.patient.bearer)
    target.send_raw(f"{SECRET} /health HTTP/1.1\r\nHost: HOST\r\n\r\n".encode())
    target.send_raw(f"GET /health HTTP/1.1\r\nHost: {SECRET}\r\n\r\n".encode())
    target.send_raw(f"GET /{UGLY} HTTP/1.1\r\nHost: HOST\r\n\r\n".encode())


def in_an_exception(target: Target) -> None:
    """A registration that the database refuses, telling all of it."""
    account = {
        "email": f"{SECRET}@example.org",
        "password": SECRET,
        "role": "PATIENT",
        "first_name": SECRET,
        "last_name": SECRET,
    }
    target.send("POST", "/api/auth/register", json.dumps(account).encode(), JSON)
    assert target.answered[-1] == 500


def faults(text: str, secrets: list[str]) -> list[str]:
    """What is wrong with a log."""
    found = []
    for number, line in enumerate(text.split("\n")[:-1], start=1):
        try:
            entry = json.loads(line)
        except ValueError:
            found.append(f"line {number} is no entry: {line[:100]!r}")
            continue
        if (
            CONTROL.search(line)
            or not {"time", "level", "logger", "message"} <= entry.keys()
            or len(line) > LONGEST_LINE
        ):
            found.append(f"line {number} is not whole: {line[:100]!r}")
    found += [f"a secret: {text[text.index(one) - 60 : text.index(one) + 60]!r}" for one in secrets if one in text]
    return found + (["a forged line"] if '"forged"' in text else [])


def test_the_log_has_one_clean_line_for_each_request(target: Target) -> None:
    before = len(requests_in(target.log.read_text()))
    in_every_field(target, UGLY)
    in_every_field(target, SECRET)
    target.send(
        "POST",
        "/api/auth/login",
        json.dumps({"email": LONG, "password": LONG}).encode(),
        {"Content-Type": "application/json"},
    )
    in_every_header(target)
    in_every_address(target)
    in_an_exception(target)
    target.send("GET", "/health")
    text = whole_log(target, before + len(target.answered))
    wrong, lines = faults(text, target.secrets), requests_in(text)[before:]
    told = f"{len(target.answered)} answers, {len(lines)} lines, {len(text.splitlines())} in all, {len(wrong)} faults"
    catalogue.figure("H9", told)
    assert not wrong, "\n".join(wrong[:20])
    assert len(lines) >= len(target.answered) > 200
    assert [one["status"] for one in lines].count(500) == target.answered.count(500) == 1
    ids = [one["request_id"] for one in lines]
    assert len(set(ids)) == len(ids)


def whole_log(target: Target, lines: int) -> str:
    """The log once it has its lines: each is written just after its answer has left."""
    ends = time.monotonic() + 10
    while time.monotonic() < ends:
        text = target.log.read_text()
        if text.endswith("\n") and len(requests_in(text)) >= lines:
            break
        time.sleep(0.05)
    return text


def requests_in(text: str) -> list[dict[str, Any]]:
    return [entry for entry in map(json.loads, text.splitlines()) if entry["logger"] == "portal.access"]


def test_a_log_that_writes_what_it_hears_is_caught() -> None:
    """The naive twin: an ordinary line with the address in it, and one with the exception's text."""
    assert len(faults(f"INFO GET /doctors?q={UGLY} 200\n", [SECRET])) >= 4
    quoted = json.dumps({"time": "", "level": "", "logger": "", "message": f"no account {SECRET}"}) + "\n"
    assert faults(quoted, [SECRET]) and not faults(quoted.replace(SECRET, "…"), [SECRET])
    assert faults(quoted.replace(SECRET, "x" * 5000), [SECRET])
