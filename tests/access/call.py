"""One request straight into the application, as quick as it goes, with streams cut after their first words."""

import asyncio
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from secrets import token_bytes
from typing import Any
from urllib.parse import unquote

from litestar import Litestar

from portal.accounts import tokens
from tests.factories import Person

HOST = "portal.example"
BASE_URL = f"https://{HOST}"
VISITOR = "a-visitor-who-is-not-signed-in"
FORM = "application/x-www-form-urlencoded"
API_PREFIXES = ("/api/", "/fhir/")
LONGEST = 20.0  # seconds for one answer


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")


def csrf_token(person: Person | None) -> str:
    """A token as the pages carry it, for this person's login or for a visitor."""
    bound = b"login " + sha256(person.secret.encode()).digest() if person else b"visitor " + VISITOR.encode()
    expected = hmac.digest(tokens.secret("csrf"), bound, "sha256")
    mask = token_bytes(len(expected))
    return urlsafe_b64encode(mask + bytes(a ^ b for a, b in zip(mask, expected, strict=True))).decode()


def headers_of(person: Person | None, path: str, kind: str = "") -> list[tuple[bytes, bytes]]:
    """What this person's browser or program sends with each request."""
    found = {"host": HOST, "content-type": kind}
    if path.startswith(API_PREFIXES):
        found |= person.bearer if person else {}
    else:
        secret = f"__Host-login={person.secret}; " if person else ""
        found["cookie"] = f"{secret}__Host-visitor={VISITOR}"
    return [(name.lower().encode(), value.encode()) for name, value in found.items() if value]


async def call(
    app: Litestar,
    method: str,
    url: str,
    person: Person | None = None,
    body: bytes = b"",
    kind: str = "",
    more: dict[str, str] | None = None,
) -> Answer:
    """The answer to one request of this person, or of nobody."""
    path, _mark, query = url.partition("?")
    headers = headers_of(person, path, kind) + [(k.encode(), v.encode()) for k, v in (more or {}).items()]
    scope: dict[str, Any] = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": method,
        "scheme": "https", "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode("latin-1"),
        "root_path": "", "headers": headers, "client": ("127.0.0.1", 50000), "server": (HOST, 443), "state": {},
        "extensions": {},
    }  # fmt: skip
    talk = Talk(body)
    async with asyncio.timeout(LONGEST):
        await app(scope, talk.receive, talk.send)  # type: ignore[arg-type]
    return Answer(talk.status, talk.headers, b"".join(talk.parts))


class Talk:
    """Both ends of one connection; a stream is hung up on once it has said something."""

    def __init__(self, body: bytes) -> None:
        self.body: bytes | None = body
        self.status, self.headers, self.parts = 0, [], []  # type: ignore[var-annotated]
        self.is_stream, self.heard = False, asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        if self.body is not None:
            body, self.body = self.body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self.heard.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = [(k.decode().lower(), v.decode("latin-1")) for k, v in message["headers"]]
            self.is_stream = any("event-stream" in value for _name, value in self.headers)
            return
        self.parts.append(message.get("body", b""))
        if not message.get("more_body") or (self.is_stream and len(self.parts) >= 2):
            self.heard.set()
