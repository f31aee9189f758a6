"""No other site can act in a person's name: a token bound to the login, and the browser's own word on where it comes from.

The token is an HMAC of the login's secret (for visitors: of a random cookie that ends at login), masked anew on each
page so that compression reveals nothing of it. A cookie planted together with a matching token is worth nothing,
since the token of one login never fits another.
"""

import base64
import hmac
from hashlib import sha256
from secrets import token_bytes, token_urlsafe
from typing import Any
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType
from litestar.handlers.base import BaseRouteHandler
from markupsafe import Markup

from portal.accounts import tokens
from portal.errors import DomainError, UnsupportedType
from portal.web import auth, headers
from portal.web.forms import CSRF_FIELD, MAX_FIELDS
from portal.web.i18n import _
from portal.web.urlencoded import parse_pairs

HEADER = "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
FORM_TYPES = (RequestEncodingType.URL_ENCODED.value, RequestEncodingType.MULTI_PART.value)
SIZE = 32


class Refused(DomainError):
    """The request does not prove that it comes from one of our own pages (403)."""

    status, code = 403, "csrf"

    def __init__(self) -> None:
        super().__init__(_("This page was open for too long, or in another login. Load it again and repeat the step."))


def token(connection: ASGIConnection) -> str:
    """The token of this page, the same in all of its forms."""
    state: dict[str, Any] = connection.scope["state"]
    if "csrf_token" not in state:
        mask = token_bytes(SIZE)
        masked = bytes(one ^ other for one, other in zip(mask, _expected(connection, make=True), strict=True))
        state["csrf_token"] = base64.urlsafe_b64encode(mask + masked).decode()
    return str(state["csrf_token"])


def field(connection: ASGIConnection) -> Markup:
    """The hidden input of a form."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, token(connection))


async def check_csrf(connection: ASGIConnection, _handler: BaseRouteHandler) -> None:
    """App-level guard over every unsafe method of the pages; the API takes no cookie and needs none."""
    if str(connection.scope.get("method")) in SAFE_METHODS or connection.scope["path"].startswith(auth.API_PREFIXES):
        return
    if not from_own_page(connection):
        raise Refused
    content_type = connection.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type and content_type not in FORM_TYPES:
        raise UnsupportedType(_("This page takes ordinary forms only."))
    if not _fits(connection, connection.headers.get(HEADER) or await _sent(connection, content_type)):
        raise Refused


def from_own_page(connection: ASGIConnection) -> bool:
    """What the browser says of the sender; old browsers say nothing, and the token alone decides."""
    if connection.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = connection.headers.get("origin")
    return origin is None or origin in own_origins(connection)


def own_origins(connection: ASGIConnection) -> frozenset[str]:
    """The address of the settings, and the (already checked) host that this request came to."""
    base = urlsplit(connection.app.state.settings.base_url)
    return frozenset({f"{base.scheme}://{base.netloc}", f"{base.scheme}://{connection.headers.get('host', '')}"})


async def _sent(connection: ASGIConnection, content_type: str) -> str:
    if not isinstance(connection, Request):
        return ""
    if content_type == RequestEncodingType.MULTI_PART.value:
        return str((await connection.form()).get(CSRF_FIELD, ""))
    found = [value for name, value in parse_pairs(await connection.body(), MAX_FIELDS) if name == CSRF_FIELD]
    return found[0] if len(found) == 1 else ""


def _fits(connection: ASGIConnection, sent: str) -> bool:
    try:
        raw = base64.b64decode(sent.encode("ascii"), altchars=b"-_", validate=True)
    except ValueError:
        return False
    if len(raw) != 2 * SIZE:
        return False
    plain = bytes(one ^ other for one, other in zip(raw[:SIZE], raw[SIZE:], strict=True))
    return hmac.compare_digest(plain, _expected(connection, make=False))


def _expected(connection: ASGIConnection, *, make: bool) -> bytes:
    """What the token must unmask to; where there is nothing to bind it to, something that nobody can know."""
    if connection.scope.get("user") is not None:
        bound = b"login " + sha256(auth.login_secret(connection).encode()).digest()
    else:
        visitor = _visitor(connection, make=make)
        bound = b"visitor " + visitor.encode() if visitor else token_bytes(SIZE)
    return hmac.digest(tokens.secret("csrf"), bound, "sha256")


def _visitor(connection: ASGIConnection, *, make: bool) -> str:
    """The random value of someone who is not signed in: from the cookie, or a new one sent with this answer."""
    state: dict[str, Any] = connection.scope["state"]
    name = visitor_cookie(connection)
    value = str(state.get("visitor") or connection.cookies.get(name, ""))
    if 20 <= len(value) <= 60:
        return value
    if not make:
        return ""
    state["visitor"] = token_urlsafe(24)
    headers.set_cookie(connection, _cookie(connection, name, state["visitor"]))
    return str(state["visitor"])


def visitor_cookie(connection: ASGIConnection) -> str:
    return "__Host-visitor" if connection.app.state.settings.secure else "visitor"


def forget_visitor(connection: ASGIConnection) -> None:
    """At login: what was true for the visitor proves nothing any more."""
    headers.set_cookie(connection, _cookie(connection, visitor_cookie(connection), "", max_age=0))


def _cookie(connection: ASGIConnection, name: str, value: str, max_age: int | None = None) -> Cookie:
    secure = connection.app.state.settings.secure
    return Cookie(key=name, value=value, max_age=max_age, path="/", secure=secure, httponly=True, samesite="lax")
