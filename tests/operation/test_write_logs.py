"""One JSON line an event, with the request's id, its route's template and who asked; the id is the same everywhere."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar

from portal import db
from portal.web.logs import JsonLines
from tests import factories
from tests.clients import a_client

pytestmark = pytest.mark.anyio

GOOD = ["01a1f983-be24-761b-bde0-a0034961612b", "4bf92f3577b34da6a3ce929d0e0e4736", "0" * 16, "f" * 64]
BAD = [
    "", "short", "0" * 15, "0" * 65, "01A1F983-BE24-761B-BDE0-A0034961612B", "mrs-secret-was-here", "0" * 20 + "\t",
    "0" * 20 + " x", '"},{"level":"ERROR', "0123456789abcdef\x1b[31m", "sk-live-0123456789abcdef",
]  # fmt: skip


@pytest.fixture
def lines() -> Iterator[list[dict[str, Any]]]:
    """What the portal logs during a test, in the form that it leaves the process."""
    written, found = io.StringIO(), []
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("portal")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)

    class Lines(list):  # type: ignore[type-arg]
        def __iter__(self) -> Iterator[dict[str, Any]]:
            return (json.loads(line) for line in written.getvalue().splitlines())

    found = Lines()
    yield found
    logger.removeHandler(handler)
    logger.setLevel(before)


@pytest.mark.parametrize("given", GOOD)
async def test_a_proxys_id_is_taken_over(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.get("/health", headers={"X-Request-ID": given})
    assert answer.headers.get_list("x-request-id") == [given]


@pytest.mark.parametrize("given", BAD)
async def test_any_other_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    answer = await client.get("/health", headers=[("X-Request-ID", given.encode().decode("latin-1"))])
    assert UUID(answer.headers["x-request-id"]).version == 7


async def test_two_ids_are_none(client: httpx.AsyncClient) -> None:
    answer = await client.get("/health", headers=[("X-Request-ID", GOOD[0]), ("X-Request-ID", GOOD[1])])
    assert answer.headers["x-request-id"] not in GOOD


async def test_one_id_in_log_header_error_and_audit(
    client: httpx.AsyncClient, lines: list[dict[str, Any]], app: Litestar
) -> None:
    patient = await factories.patient()
    given = uuid4().hex
    async with a_client(app, patient) as browser:
        page = await browser.get(f"/appointments/{uuid4()}", headers={"X-Request-ID": given})
    answer = await client.get(f"/api/appointments/{uuid4()}", headers={**patient.bearer, "X-Request-ID": given})
    assert page.headers["x-request-id"] == given and given in page.text
    assert answer.json()["request_id"] == given
    written = [line for line in lines if line.get("request_id") == given]
    assert [(line["route"], line["status"]) for line in written if line["message"] == "request"] == [
        ("/appointments/{appointment_id}", 404), ("/api/appointments/{appointment_id}", 404),
    ]  # fmt: skip
    assert {line["actor_id"] for line in written if line["message"] == "request"} == {str(patient.id)}
    assert await db.fetch_value("SELECT count(*) FROM audit_event WHERE request_id = $1", given) == 2


async def test_a_line_has_its_fields_and_nobody_is_in_it(
    client: httpx.AsyncClient, lines: list[dict[str, Any]]
) -> None:
    await client.get(
        "/doctors?q=Mrs+Secret", headers={"User-Agent": "secret\x1b[31m", "X-Request-ID": "secret-secret-secret"}
    )
    await client.get("/nowhere/secret@example.com")
    found = [line for line in lines if line["message"] == "request"]
    assert len(found) == 2 and "secret" not in json.dumps(found).lower()
    assert set(found[0]) == {"time", "level", "logger", "message", "request_id", "method", "route", "status", "ms"}
