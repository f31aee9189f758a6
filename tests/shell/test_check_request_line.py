"""D11: which hosts, paths and next pages are ours."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from litestar import Litestar

from portal.errors import Malformed
from portal.settings import Settings
from portal.web.hosts import check_host, client_address, safe_next
from tests.shell.conftest import a_client

pytestmark = [pytest.mark.anyio, pytest.mark.D11]

SETTINGS = Settings(
    base_url="https://portal.clinic.org",
    allowed_hosts=("a.clinic.org", "b.clinic.org:8443", "[::1]"),
    data=Path("/tmp"),
)


def is_ours(*hosts: bytes) -> bool:
    try:
        check_host({"headers": [(b"host", host) for host in hosts]}, SETTINGS)
    except Malformed:
        return False
    return True


@pytest.mark.parametrize(
    "host",
    [
        b"portal.clinic.org", b"PORTAL.Clinic.ORG", b"portal.clinic.org.", b"a.clinic.org", b"a.clinic.org:8000",
        b"b.clinic.org:8443", b"[::1]:8000", b"[::1]",
    ],
)  # fmt: skip
def test_own_hosts(host: bytes) -> None:
    assert is_ours(host)


@pytest.mark.parametrize(
    "host",
    [
        b"evil.com", b"aXclinic.org", b"a.clinic.org.evil.com", b"evil.com/a.clinic.org", b"evil.com#a.clinic.org",
        b"a.clinic.org:99999", b"a.clinic.org:", b"a.clinic.org:8o", b"b.clinic.org", b"b.clinic.org:80", b"",
        b"portal.clinic.org:8080", b"a.clinic.org@evil.com", b"a.clinic.org, evil.com", b" a.clinic.org", b"\xff",
        b"a.clinic.org..", b"user@a.clinic.org", b"portal.clinic.org:443:443",
    ],
)  # fmt: skip
def test_foreign_hosts(host: bytes) -> None:
    assert not is_ours(host)


def test_number_of_hosts() -> None:
    assert not is_ours() and not is_ours(b"a.clinic.org", b"a.clinic.org") and not is_ours(b"a.clinic.org", b"evil.com")


async def test_foreign_host_is_400_everywhere(app: Litestar) -> None:
    async with a_client(app, base_url="http://evil.com") as client:
        for path in ("/form", "/api/things", "/nowhere", "/static/css/base.css"):
            answer = await client.get(path)
            assert answer.status_code == 400 and answer.headers["x-content-type-options"] == "nosniff"


async def test_forwarded_headers_change_nothing(visitor: httpx.AsyncClient) -> None:
    for name in ("X-Forwarded-Host", "X-Host", "Forwarded", "X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Prefix"):
        answer = await visitor.get("/own", headers={name: "evil.com"})
        assert answer.headers["location"] == "/login?next=%2Fown"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/form", 200), ("/form/", 308), ("//form", 404), ("/form//", 404), ("/FORM", 404), ("/%66orm", 404),
        ("/x/../form", 404), ("/x/%2e%2e/form", 404), ("/./form", 404), ("/form;x=1", 404), ("/form%3Bx", 404),
        ("/form%00", 400), ("/form%0d%0aSet-Cookie:x", 400), ("/own%2f", 404), ("/form%5c", 404), ("/" + "a" * 10_000, 404),
        ("/f%C3%B6rm", 404), ("/form%20", 404), ("///", 404), ("/..", 404), ("/static/../pyproject.toml", 404),
        ("/static/%2e%2e/pyproject.toml", 404), ("/static/css/%2e%2e%2f%2e%2e%2fpyproject.toml", 404), ("//evil.com", 404),
        ("//evil.com/", 404), ("/static/css/", 308), ("/static/css", 404), ("/static/nothing.css", 404),
    ],
)  # fmt: skip
async def test_one_spelling_of_a_path(app: Litestar, path: str, status: int) -> None:
    """Without a client in between, which would tidy the path up."""
    answers: list[Any] = []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": unquote(path), "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"testserver.local")], "client": ("192.0.2.7", 1), "server": ("testserver.local", 80),
    }  # fmt: skip

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        answers.append(message)

    await app(scope, receive, send)  # type: ignore[arg-type]
    assert answers[0]["status"] == status
    if status == 308:
        assert dict(answers[0]["headers"])[b"location"] == path.rstrip("/").encode()


@pytest.mark.parametrize(
    "text",
    [
        "//evil.com", "https://evil.com", "/\\evil.com", "\\\\evil.com", "javascript:alert(1)", "/%2f%2fevil.com",
        "%2f%2fevil.com", "/%09/evil.com", "/\t/evil.com", "https:evil.com", "https:/evil.com", "/@evil.com//x", "",
        "user@host", "evil.com", "///evil.com", "/..//evil.com", "/%2e%2e//evil.com", "/x\r\nSet-Cookie: a=b", "/x%0d%0aA:b",
        "/\u2215evil.com", "/x y", "/ö", "data:text/html,x", " /own", "/%5cevil.com", "/%255cevil.com", "/%252f%252fevil", None,
        "/" + "a" * 2000,
    ],
)  # fmt: skip
def test_next_page_of_others(text: str | None) -> None:
    assert safe_next(text, "/home") == "/home"


@pytest.mark.parametrize(
    "text", ["/", "/own", "/own?week=2026-11-20", "/doctors?q=a%20b&near=52.5,13.4", "/slots/0192-ab/hold", "/own#part"]
)
def test_next_page_of_ours(text: str) -> None:
    assert safe_next(text, "/home") == text


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("192.0.2.1", ["10.0.0.9"], "192.0.2.1"),
        ("10.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.7, 10.0.0.2"], "198.51.100.7"),
        ("10.0.0.1", ["junk, 10.0.0.3"], "10.0.0.3"),
        ("10.0.0.1", ["junk"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        ("10.0.0.1", ["[2001:db8::7]"], "2001:db8::7"),
        ("2001:db8::1", ["9.9.9.9"], "9.9.9.9"),
        ("10.0.0.1", [",".join(["9.9.9.9"] * 10_000)], "9.9.9.9"),
    ],
)
def test_whose_address(peer: str, forwarded: list[str], address: str) -> None:
    settings = Settings(trusted_proxies=("10.0.0.0/8", "2001:db8::1"))
    headers = [(b"x-forwarded-for", one.encode()) for one in forwarded]
    assert client_address({"client": (peer, 1), "headers": headers}, settings) == address


def test_nobody_is_trusted_by_default() -> None:
    scope = {"client": ("127.0.0.1", 1), "headers": [(b"x-forwarded-for", b"9.9.9.9"), (b"x-real-ip", b"9.9.9.9")]}
    assert client_address(scope, Settings()) == "127.0.0.1"
