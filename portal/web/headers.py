"""The security headers of every answer, whoever made it, and the cookies that were asked for on the way."""

from secrets import token_urlsafe
from typing import Any

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, MutableScopeHeaders

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


def new_nonce() -> str:
    """What lets this one answer's own scripts run, and no others."""
    return token_urlsafe(16)


def allow(connection: ASGIConnection, directive: str, *origins: str) -> None:
    """Widen one directive for this answer only, such as `connect-src` for a video provider's signalling server."""
    connection.scope["state"].setdefault("csp", {}).setdefault(directive, []).extend(origins)


def policy(state: dict[str, Any]) -> str:
    """The content security policy of one answer."""
    extra = state.get("csp", {})
    parts = []
    for name, value in DIRECTIVES.items():
        parts.append(" ".join([name, value.format(nonce=state["nonce"]), *extra.get(name, [])]))
    return "; ".join(parts)


def set_cookie(connection: ASGIConnection, cookie: Cookie) -> None:
    """Send a cookie with whatever answer this request gets, an error page included."""
    connection.scope["state"].setdefault("cookies", {})[cookie.key] = cookie


def finish(message: Any, scope: Any, settings: Settings) -> None:
    """Put the headers on the start of an answer."""
    state = scope["state"]
    headers = MutableScopeHeaders.from_message(message)
    for name, value in ALWAYS.items():
        headers.setdefault(name, value)
    headers["X-Request-Id"] = requests.request_id() or ""
    headers.setdefault("Content-Security-Policy", policy(state))
    headers.setdefault("Cache-Control", caching(scope))
    if settings.secure:
        headers["Strict-Transport-Security"] = f"max-age={2 * YEAR}; includeSubDomains"
    for name, value in state.get("headers", {}).items():
        headers[name] = value
    for cookie in state.get("cookies", {}).values():
        headers.add("Set-Cookie", cookie.to_header(header=""))


def caching(scope: Any) -> str:
    """Nothing of a signed-in person, and nothing of the API, is ever stored."""
    personal = scope.get("user") is not None or scope["path"].startswith(("/api", "/fhir", "/live"))
    return "no-store" if personal else "private, no-cache"
