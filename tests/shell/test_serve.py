"""`portal serve` and its sisters, as processes of their own."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.portal_server import Served, served
from tests.services import Redis, free_port

PORTAL = str(Path(sys.executable).with_name("portal"))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(data=tmp_path_factory.mktemp("served")) as portal:
        yield portal


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
    env = {**kept, "DATABASE_URL": "", "REDIS_URL": "", **environment}
    return subprocess.run([PORTAL, *arguments], env=env, capture_output=True, text=True, timeout=60)


def said(ended: subprocess.CompletedProcess[str]) -> list[str]:
    """What a command told its operator, beside the log."""
    return [line for line in ended.stderr.splitlines() if not line.startswith("{")]


def test_ready_means_that_it_answers(running: Served) -> None:
    assert httpx.get(running.url + "/health").json() == {"status": "ok"}
    ready = httpx.get(running.url + "/health/ready")
    assert ready.status_code == 200 and ready.json()["checks"]["postgresql"] == "ok"


def test_header_attacks_on_the_real_server(running: Served) -> None:
    """What only a real server sees: two Host headers, none, a header that the application would have to write."""
    import socket

    host, port = running.url.removeprefix("http://").split(":")

    def raw(request: bytes) -> bytes:
        with socket.create_connection((host, int(port)), 5) as connection:
            connection.sendall(request)
            connection.settimeout(5)
            return connection.recv(4096).split(b"\r\n", 1)[0]

    own = f"{host}:{port}".encode()
    assert b" 200" in raw(b"GET /login HTTP/1.1\r\nHost: " + own + b"\r\n\r\n")
    assert b" 400" in raw(b"GET /login HTTP/1.1\r\nHost: " + own + b"\r\nHost: evil.com\r\n\r\n")
    assert b" 400" in raw(b"GET /login HTTP/1.0\r\n\r\n")
    assert b" 400" in raw(b"GET /login HTTP/1.1\r\nHost: evil.com/" + own + b"\r\n\r\n")
    assert b" 404" in raw(b"GET /%2e%2e/health HTTP/1.1\r\nHost: " + own + b"\r\n\r\n")
    assert b" 404" in raw(b"GET //health HTTP/1.1\r\nHost: " + own + b"\r\n\r\n")
    assert b" 404" in raw(b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nHost: " + own + b"\r\n\r\n")
    location = httpx.get(running.url + "/login?next=/%0d%0aSet-Cookie:x=y").headers
    assert "set-cookie" not in location or "x=y" not in location["set-cookie"]


@pytest.mark.parametrize("workers", [1, 3])
def test_ends_in_time_with_open_streams(tmp_path: Path, workers: int) -> None:
    redis = Redis()
    redis.start()
    try:
        with served("--workers", str(workers), data=tmp_path, REDIS_URL=redis.url) as portal:
            opened = threading.Barrier(6)

            def listen() -> None:
                try:
                    address = portal.url + "/live?topics=slots:0192f0c0-0000-7000-8000-000000000000:2026-11-20"
                    with httpx.stream("GET", address, timeout=30) as stream:
                        assert stream.status_code == 200, stream.status_code
                        opened.wait(10)
                        for _ in stream.iter_bytes():
                            pass
                except httpx.HTTPError:
                    pass

            listeners = [threading.Thread(target=listen, daemon=True) for _ in range(5)]
            for one in listeners:
                one.start()
            opened.wait(10)
            began = time.monotonic()
            assert portal.stop() == 0
            assert time.monotonic() - began < 10
    finally:
        redis.kill()


def test_log_is_json_lines_without_personal_data(running: Served) -> None:
    import json

    httpx.get(running.url + "/doctors?q=Mrs+Secret")
    httpx.get(running.url + "/nowhere/patient@example.com%0d%0aforged")
    httpx.get(running.url + "/health", headers={"User-Agent": "x\x1b[31mred"})
    time.sleep(0.2)
    text = running.log.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    requests = [line for line in lines if line["logger"] == "portal.access"]
    assert requests and all(
        {"time", "level", "request_id", "method", "route", "status", "ms"} <= set(one) for one in requests
    )
    assert "Secret" not in text and "example.com" not in text and "\x1b" not in text


@pytest.mark.parametrize(
    ("arguments", "environment", "named"),
    [
        (["--workers", "2"], {}, "--workers"),
        ([], {"PORTAL_RATE_LIMIT": "many"}, "PORTAL_RATE_LIMIT"),
        ([], {"PORTAL_BASE_URL": "ftp://x"}, "PORTAL_BASE_URL"),
        ([], {"PORTAL_TRUSTED_PROXIES": "proxy"}, "PORTAL_TRUSTED_PROXIES"),
        ([], {"PORTAL_BASE_URL": "https://clinic.org", "PORTAL_RATE_LIMIT": "0"}, "PORTAL_RATE_LIMIT"),
        (["--demo", "--host", "0.0.0.0"], {}, "--demo"),
        (["--host", "0.0.0.0"], {"PORTAL_DEMO": "true"}, "--demo"),
        (["--host", "::"], {"PORTAL_RATE_LIMIT": "0"}, "PORTAL_RATE_LIMIT"),
        (["--host", "0.0.0.0"], {"PORTAL_TEST_FAULTS": "/nowhere", "FAULT_AT": "before_mark:kill"}, "FAULT_AT"),
        ([], {"DATABASE_URL": "mysql://secret@db"}, "DATABASE_URL"),
        ([], {"DATABASE_URL": "postgresql://user:secret@127.0.0.1:1/none"}, "DATABASE_URL"),
        ([], {"PORTAL_KEYS": "/nowhere/keys.json"}, "PORTAL_KEYS"),
    ],
)
def test_wrong_setting_is_one_clear_line(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], named: str
) -> None:
    ended = run("serve", "--port", str(free_port()), "--data", str(tmp_path), *arguments, **environment)
    assert ended.returncode == 2 and len(said(ended)) == 1 and said(ended)[0].startswith(named), ended.stderr
    assert "secret" not in ended.stderr and not ended.stdout


def test_port_that_is_taken(running: Served, tmp_path: Path) -> None:
    port = running.url.rsplit(":", 1)[1]
    ended = run("serve", "--port", port, "--data", str(tmp_path))
    assert ended.returncode == 2 and "cannot listen" in ended.stderr


def test_create_admin(tmp_path: Path) -> None:
    made = run("create-admin", "Root@Example.com", "--data", str(tmp_path), PORTAL_ADMIN_PASSWORD="a long secret word")
    assert (made.returncode, made.stdout.strip()) == (0, "root@example.com can sign in as a system admin")
    again = run("create-admin", "root@example.com", "--data", str(tmp_path), PORTAL_ADMIN_PASSWORD="a long secret word")
    assert again.returncode == 1 and len(said(again)) == 1, again.stderr
    wrong = run("create-admin", "root", "--data", str(tmp_path), PORTAL_ADMIN_PASSWORD="short")
    assert wrong.returncode == 2 and "email" in wrong.stderr and "password" in wrong.stderr


def test_openapi_is_printed(tmp_path: Path) -> None:
    import json

    printed = run("openapi", PORTAL_DATA=str(tmp_path))
    document = json.loads(printed.stdout)
    assert document["openapi"].startswith("3.1") and "/api/auth/login" in document["paths"]
    assert not any(
        path for path in document["paths"] if not path.startswith(("/api", "/fhir", "/health", "/.well-known"))
    )


def test_killed_portal_starts_again(tmp_path: Path) -> None:
    with served(data=tmp_path) as portal:
        portal.process.send_signal(signal.SIGKILL)
        portal.process.wait(5)
    with served(data=tmp_path) as portal:
        assert httpx.get(portal.url + "/health/ready").status_code == 200
        assert portal.stop() == 0
