"""Who is calling: the pages' login cookie, the API's bearer token. Neither is accepted on the other face."""

from hashlib import sha256
from typing import Any

import msgspec
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.middleware import ASGIMiddleware
from litestar.response import Response
from litestar.types import ASGIApp, Receive, Scope, Send

from portal import acting, db
from portal.accounts import tokens
from portal.accounts.schemas import AccountStatus, Actor
from portal.errors import Unauthorized
from portal.settings import Settings
from portal.web import i18n
from portal.web.guards import Access

API_PREFIXES = ("/api/", "/fhir/")
LOGIN_DAYS = 30  # how long a browser keeps the cookie; the login's own row decides whether it is still good

# One statement a request: the login, its account and where the person works (see migration m0050). Nobody is known yet,
# so the database itself gives the one row that belongs to a secret.
BY_SECRET = "SELECT * FROM actor_of_page($1)"  # noqa: S105  # SQL
BY_ID = "SELECT * FROM actor_of_token($1)"


def cookie_name(settings: Settings) -> str:
    """`__Host-` binds the cookie to this host and to https; browsers refuse that prefix on a plain-http laptop."""
    return "__Host-login" if settings.secure else "login"


def login_secret(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The secret of the login cookie; empty when there is none that could be one."""
    secret = connection.cookies.get(cookie_name(connection.app.state.settings), "")
    return secret if 20 <= len(secret) <= 100 else ""


def set_login_cookie(response: Response[Any], secret: str, settings: Settings) -> None:
    """Give the browser the secret of a login that was opened just now."""
    response.set_cookie(_login_cookie(settings, secret, LOGIN_DAYS * 24 * 3600))


def clear_login_cookie(response: Response[Any], settings: Settings) -> None:
    """After a logout: the browser forgets the cookie and everything that it kept of our pages."""
    response.set_cookie(_login_cookie(settings, "", 0))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'


def _login_cookie(settings: Settings, value: str, max_age: int) -> Cookie:
    name = cookie_name(settings)
    return Cookie(
        key=name, value=value, max_age=max_age, path="/", secure=settings.secure, httponly=True, samesite="lax"
    )


async def identify_page(connection: ASGIConnection[Any, Any, Any, Any]) -> Actor | None:
    """The actor of the login cookie, or None for a visitor."""
    secret = login_secret(connection)
    if not secret:
        return None
    return _actor(await db.fetch_row(BY_SECRET, sha256(secret.encode()).digest(), public=True))


async def identify_api(connection: ASGIConnection[Any, Any, Any, Any]) -> Actor | None:
    """The actor of `Authorization: Bearer`, or None when there is no such header.

    Raises `Unauthorized` for a token that is no good, and for a login that has ended since.
    """
    header = connection.headers.get("authorization")
    if header is None:
        return None
    claims = tokens.read_access_token(header)
    actor = _actor(await db.fetch_row(BY_ID, claims.login_id, public=True))
    return tokens.matching(actor, claims)


def _actor(row: Any) -> Actor | None:
    if row is None or row["id"] is None or row["status"] == AccountStatus.SUSPENDED:
        return None
    values = dict(row)
    values["clinic_ids"] = tuple(values["clinic_ids"] or ())
    return msgspec.convert(values, Actor)


class Authentication(ASGIMiddleware):
    """Sets the request's user to the actor or None, who acts from here on, and the language to theirs.

    A bad token is not refused here but by `guards.enforce_access`, after the attempt has been counted.
    """

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        access: Access = scope["route_handler"].opt["access"]
        actor, refusal = None, None
        if not access.nameless:
            identify = identify_api if scope["path"].startswith(API_PREFIXES) else identify_page
            try:
                actor = await identify(ASGIConnection(scope, receive, send))
            except Unauthorized as error:
                refusal = error
        scope["user"], scope["auth"] = actor, refusal
        acting.become(acting.person(actor))
        if actor is not None:
            i18n.use_language(actor.locale)
        await next_app(scope, receive, send)
