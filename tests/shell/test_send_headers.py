"""D8: what every answer carries, whoever made it."""

import re
from urllib.parse import urlsplit

import httpx
import pytest
from litestar import Litestar

from portal.settings import Settings
from tests import factories
from tests.shell.conftest import a_client, another_app, csrf_token

pytestmark = [pytest.mark.anyio, pytest.mark.D8]

EVERYWHERE = ["/form", "/own", "/nowhere", "/errors/broken", "/api/things", "/api/errors/conflict", "/health",
              "/health/ready", "/schema", "/schema/openapi.json", "/static/css/base.css", "/static/none", "/form/",
              "//form", "/numbers?count=x"]  # fmt: skip


@pytest.mark.parametrize("path", EVERYWHERE)
async def test_every_answer(browser: httpx.AsyncClient, path: str) -> None:
    headers = (await browser.get(path)).headers
    policy = headers["content-security-policy"]
    for part in (
        "default-src 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
    ):
        assert part in policy
    assert "unsafe" not in policy and "http:" not in policy and "*" not in policy
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "same-origin"
    assert "camera=(self)" in headers["permissions-policy"] and headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin" and headers["x-request-id"]
    assert "strict-transport-security" not in headers and "server" not in headers


async def test_nonces_never_repeat(visitor: httpx.AsyncClient) -> None:
    found = []
    for _ in range(1000):
        found += re.findall(
            r"script-src 'nonce-([^']+)'", (await visitor.get("/health")).headers["content-security-policy"]
        )
    assert len(set(found)) == 1000


async def test_nonce_of_the_page_is_that_of_its_header(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/form")
    nonces = set(re.findall(r'<script[^>]* nonce="([^"]+)"', answer.text))
    assert len(nonces) == 1 and f"'nonce-{nonces.pop()}'" in answer.headers["content-security-policy"]
    assert answer.text.count("<script") == len(re.findall(r"<script[^>]* nonce=", answer.text))


@pytest.mark.parametrize("path", ["/form", "/own", "/doctors-own", "/errors/broken"])
async def test_pages_of_signed_in_people_are_not_stored(browser: httpx.AsyncClient, path: str) -> None:
    assert (await browser.get(path)).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/api/errors/conflict", "/api/nowhere", "/api/things"])
async def test_answers_of_the_api_are_not_stored(visitor: httpx.AsyncClient, path: str) -> None:
    assert (await visitor.get(path)).headers["cache-control"] == "no-store"


async def test_visitors_pages_may_come_back_but_are_not_shared(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.get("/form")).headers["cache-control"] == "private, no-cache"


async def test_static_files(visitor: httpx.AsyncClient) -> None:
    page = (await visitor.get("/form")).text
    address = re.findall(r'href="(/static/css/base.css\?v=[0-9a-f]+)"', page)[0]
    answer = await visitor.get(address)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-encoding"] == "gzip" and "set-cookie" not in answer.headers
    assert (await visitor.get(urlsplit(address).path)).headers["cache-control"] == "public, no-cache"
    plain = await visitor.get(address, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers and plain.text == answer.text
    same = await visitor.get(address, headers={"If-None-Match": answer.headers["etag"]})
    assert same.status_code == 304 and not same.content


async def test_no_cookies_for_health(visitor: httpx.AsyncClient) -> None:
    for path in ("/health", "/health/ready", "/schema/openapi.json"):
        assert "set-cookie" not in (await visitor.get(path)).headers


async def test_request_id_is_ours(visitor: httpx.AsyncClient) -> None:
    answer = await visitor.get("/health", headers={"X-Request-Id": "chosen"})
    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-request-id"])


async def test_cookies_and_transport_over_https(app: Litestar, settings: Settings) -> None:
    person = await factories.patient()
    base = "https://portal.clinic.org"
    async with another_app(settings, base_url=base) as secure, a_client(secure, base_url=base) as visitor:
        answer = await visitor.get("/form")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-visitor=") and "Secure" in cookie and "HttpOnly" in cookie
        assert "SameSite=lax" in cookie and "Path=/" in cookie and "Domain" not in cookie
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        visitor.cookies.set("login", person.secret)
        assert (await visitor.get("/own")).status_code == 303, "without its prefix the cookie is nobody's"
        visitor.cookies.set("__Host-login", person.secret)
        assert (await visitor.get("/own")).status_code == 200


async def test_message_is_shown_once(browser: httpx.AsyncClient) -> None:
    token = await csrf_token(browser)
    answer = await browser.post("/form", data={"csrf_token": token})
    assert answer.status_code == 303 and "httponly" in answer.headers["set-cookie"].lower()
    assert "It is done." in (await browser.get("/form")).text
    assert "It is done." not in (await browser.get("/form")).text


@pytest.mark.parametrize("value", ["x", "x.y", "WyJFdmlsIl0.00", ".", "WyJFdmlsIl0." + "0" * 64, "é.é"])
async def test_forged_message_is_not_shown(visitor: httpx.AsyncClient, value: str) -> None:
    answer = await visitor.get("/form", headers=[(b"Cookie", f"flash={value}".encode())])
    assert answer.status_code == 200 and "Evil" not in answer.text
