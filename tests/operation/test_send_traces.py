"""Traces go to the collector that is named, continue the caller's, and tell of nobody; without one nothing is loaded."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import uuid4

import httpx
import pytest

from portal import db, outbox, tracing, worker
from portal.settings import Settings
from tests.operation.collector import Collector, collecting
from tests.portal_server import Served, served
from tests.services import free_port

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
QUICKLY = {"OTEL_BSP_SCHEDULE_DELAY": "200"}
WITHOUT_THE_EXTRA = """
import sys
sys.modules["opentelemetry"] = None
from portal.cli import main
main(["serve", "--port", "{port}", "--data", "{data}"])
"""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


@pytest.fixture(scope="module")
def portal(collector: Collector) -> Iterator[Served]:
    folder = TemporaryDirectory(prefix="care-traced-", ignore_cleanup_errors=True)
    where = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    with folder as name, served(data=Path(name), **where, **QUICKLY) as running:
        yield running


def test_a_request_continues_the_callers_trace(portal: Served, collector: Collector) -> None:
    body = {"email": "mrs.secret@example.com", "password": "three quiet words", "role": "PATIENT",
            "first_name": "Mrs", "last_name": "Secret"}  # fmt: skip
    answer = httpx.post(
        portal.url + "/api/auth/register?", json=body, headers={"traceparent": f"00-{TRACE}-{PARENT}-01"}
    )
    assert answer.status_code == 201, answer.text
    request = collector.wait(lambda span: span.name == "POST /api/auth/register")
    assert (request.trace, request.parent, request.service) == (TRACE, PARENT, "care-portal")
    assert request.values["http.route"] == "/api/auth/register" and request.values["http.response.status_code"] == 201
    assert request.values["portal.request_id"] == answer.headers["x-request-id"]
    inner = collector.wait(lambda span: span.name == "database transaction" and span.trace == TRACE)
    assert inner.parent == request.id
    assert 1 <= inner.values["portal.statements"] <= request.values["portal.statements"]


def test_spans_tell_of_nobody(portal: Served, collector: Collector) -> None:
    """Not the path, the query, a value of a statement, or the text of an error that names what a person wrote."""
    person = {"email": "mrs.secret@example.com", "password": "three quiet words", "role": "PATIENT",
              "first_name": "Mrs", "last_name": "Secret"}  # fmt: skip
    httpx.post(portal.url + "/api/auth/register", json=person)
    httpx.post(portal.url + "/api/auth/register", json=person)  # the constraint's message has the address in it
    httpx.get(portal.url + f"/doctors/{uuid4()}?q=Secret", headers={"traceparent": "secret", "User-Agent": "Secret"})
    httpx.get(portal.url + "/nowhere/secret")
    collector.wait(lambda span: span.name == "GET -")
    collector.wait(lambda span: span.name == "GET /doctors/{doctor_id}")
    assert not [body for body in collector.bodies if b"ecret" in body]
    assert not any(span.events for span in collector.spans)


@pytest.mark.anyio
@pytest.mark.usefixtures("pool")
async def test_jobs_and_published_events(
    collector: Collector, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def sink(event: outbox.Event) -> None:
        raise ValueError("Mrs Secret")

    async def run(_settings: Settings, _payload: object) -> None:
        await db.fetch_value("SELECT 1")

    async with tracing.running(collector.url):
        async with db.transaction():
            await outbox.emit_in_tx("user.verified", uuid4(), {})
            await outbox.enqueue_in_tx("test.traced", {})
        await outbox.relay_once(sink)
        async with worker.running(settings, [outbox.Job("test.traced", run)], [], None):
            while await db.fetch_value("SELECT count(*) FROM pgqueuer WHERE entrypoint = 'test.traced'"):
                await db.fetch_value("SELECT pg_sleep(0.05)")
    published = collector.wait(lambda span: span.name == "publish event")
    assert published.failed and published.values == {"portal.event_type": "user.verified", "error.type": "ValueError"}
    assert not collector.wait(lambda span: span.name == "job test.traced").failed
    assert not [body for body in collector.bodies if b"Mrs Secret" in body]


def test_nothing_is_loaded_without_the_setting() -> None:
    """Neither spans nor their sender; the Redis client loads a part of OpenTelemetry by itself where it is installed."""
    code = (
        "import sys; from portal.app import create_app; from portal.settings import Settings; create_app(Settings());"
        " parts = ('opentelemetry.sdk.trace', 'opentelemetry.exporter', 'google.protobuf');"
        " print([name for name in sys.modules if name.startswith(parts)])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert shown.stdout.strip() == "[]", shown.stderr


def test_the_setting_without_the_extra_stops_the_start(tmp_path: Path) -> None:
    code = WITHOUT_THE_EXTRA.format(port=free_port(), data=tmp_path)
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "PATH": "/usr/bin:/bin"}
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment)
    assert ended.returncode == 2 and not ended.stdout
    assert ended.stderr.strip().count("\n") == 0 and ended.stderr.startswith("OTEL_EXPORTER_OTLP_ENDPOINT"), (
        ended.stderr
    )


@pytest.mark.usefixtures("anyio_backend")
def test_a_collector_that_is_away_keeps_nobody(database_url: str, tmp_path: Path) -> None:
    """Requests are answered, and the portal ends in its time."""
    away = f"http://127.0.0.1:{free_port()}"
    where = {"DATABASE_URL": database_url, "OTEL_EXPORTER_OTLP_ENDPOINT": away}
    with served(data=tmp_path, **where, **QUICKLY) as portal:
        for _ in range(5):
            assert httpx.get(portal.url + "/health/ready").status_code == 200
        began = time.monotonic()
        assert portal.stop() == 0
        assert time.monotonic() - began < 10
