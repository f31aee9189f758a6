"""Messages for the next page: a short-lived signed cookie, shown once as a toast."""

import base64
import hmac
from hashlib import sha256

import msgspec
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from portal.accounts import tokens
from portal.web import headers

COOKIE = "flash"
SECONDS = 60
LONGEST = 500


def flash(connection: ASGIConnection, text: str) -> None:
    """Show `text` on the next page that this browser opens."""
    state = connection.scope["state"]
    state.setdefault("flashes", []).append(text[:LONGEST])
    payload = base64.urlsafe_b64encode(msgspec.json.encode(state["flashes"])).rstrip(b"=").decode()
    send(connection, f"{payload}.{_signature(payload)}", SECONDS)


def take(connection: ASGIConnection) -> list[str]:
    """The waiting messages, which are gone after this answer."""
    value = connection.cookies.get(COOKIE, "")
    payload, _dot, signature = value.partition(".")
    if not payload:
        return []
    send(connection, "", 0)
    if not hmac.compare_digest(signature.encode(), _signature(payload).encode()):
        return []
    return msgspec.json.decode(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)), type=list[str])


def send(connection: ASGIConnection, value: str, seconds: int) -> None:
    settings = connection.app.state.settings
    headers.set_cookie(
        connection,
        Cookie(
            key=COOKIE, value=value, max_age=seconds, httponly=True, secure=settings.secure, samesite="lax", path="/"
        ),
    )


def _signature(payload: str) -> str:
    key = tokens.secret("flash")
    return hmac.new(key, payload.encode(), sha256).hexdigest()
