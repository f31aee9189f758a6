"""The security headers of every answer, whoever made it, and the cookies that were asked for on the way."""

import re
from functools import cache
from secrets import token_urlsafe
from typing import Any

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from portal.settings import Settings
from portal.web import requests

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(self), payment=(), usb=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
ORIGIN = re.compile(r"blob:|(?:https|wss)://(?:\*\.)?[A-Za-z0-9.-]+(?::[0-9]{1,5})?")
YEAR = 365 * 24 * 3600
DIRECTIVES = {
    "default-src": "'none'",
    "script-src": "'nonce-{nonce}'",
    "style-src": "'self' 'nonce-{nonce}'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "media-src": "'self' blob:",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "object-src": "'none'",
    "frame-ancestors": "'none'",
}
PLAIN_POLICY = "; ".join(f"{name} {value}" for name, value in DIRECTIVES.items())


def new_nonce() -> str:
    """What lets this one answer's own scripts run, and no others."""
    return token_urlsafe(16)


def allow(connection: ASGIConnection, directive: str, *origins: str) -> None:
    """Widen one directive for this answer only, such as `connect-src` for a video provider's signalling server; `blob:` is
    what the page's own scripts have made.

    Raises ValueError for anything but an origin, which could otherwise end the directive and begin another.
    """
    if not all(ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("not an origin")
    connection.scope["state"].setdefault("csp", {}).setdefault(directive, []).extend(origins)


def policy(state: dict[str, Any]) -> str:
    """The content security policy of one answer."""
    extra = state.get("csp")
    if not extra:
        return PLAIN_POLICY.format(nonce=state["nonce"])
    parts = [" ".join([name, value, *extra.get(name, [])]) for name, value in DIRECTIVES.items()]
    return "; ".join(parts).format(nonce=state["nonce"])


def set_cookie(connection: ASGIConnection, cookie: Cookie) -> None:
    """Send a cookie with whatever answer this request gets, an error page included."""
    connection.scope["state"].setdefault("cookies", {})[cookie.key] = cookie


def finish(message: Any, scope: Any, settings: Settings) -> None:
    """Put the headers on the start of an answer. What the answer has of its own stays as it is."""
    state = scope["state"]
    own = {name.lower() for name, _value in message["headers"]}
    ours = [*always(settings.secure), (b"content-security-policy", policy(state).encode())]
    ours.append((b"cache-control", caching(scope)))
    found = [*message["headers"], *(pair for pair in ours if pair[0] not in own)]
    found.append((b"x-request-id", (requests.request_id() or "").encode()))
    found += [(name.lower().encode(), value.encode("latin-1")) for name, value in state.get("headers", {}).items()]
    found += [cookie.to_encoded_header() for cookie in state.get("cookies", {}).values()]
    message["headers"] = found


@cache
def always(secure: bool) -> tuple[tuple[bytes, bytes], ...]:
    """The headers that never change, ready to be sent."""
    transport = {"Strict-Transport-Security": f"max-age={2 * YEAR}; includeSubDomains"} if secure else {}
    return tuple((name.lower().encode(), value.encode()) for name, value in {**ALWAYS, **transport}.items())


def caching(scope: Any) -> bytes:
    """Nothing of a signed-in person, and nothing of the API, is ever stored."""
    personal = scope.get("user") is not None or scope["path"].startswith(("/api", "/fhir", "/live"))
    return b"no-store" if personal else b"private, no-cache"
