"""What every template knows of the request at hand: who is signed in, the CSRF token, the nonce, waiting messages."""

from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection

from portal.web import csrf, flashes, hosts, i18n, requests

_connection: ContextVar[ASGIConnection | None] = ContextVar("connection", default=None)

THEMES = frozenset({"auto", "light", "dark"})


def use(connection: ASGIConnection) -> None:
    """Make this the request that templates speak of, until the task ends."""
    _connection.set(connection)


def page_context() -> dict[str, Any]:
    """The variables of every page; outside a request (mails, live fragments) those of nobody."""
    connection = _connection.get()
    if connection is None:
        return {
            "actor": None,
            "path": "",
            "this_page": lambda: "/",
            "is_partial": False,
            "settings_demo": False,
            "flashes": [],
        }
    actor = connection.scope.get("user")
    return {
        "actor": actor,
        "path": connection.scope["path"],
        "this_page": lambda: address(connection),
        "is_partial": is_partial(connection),
        "settings_demo": connection.app.state.settings.demo,
        "theme": actor.appearance if actor else visitor_theme(connection),
        "nonce": connection.scope["state"].get("nonce", ""),
        "request_id": requests.request_id(),
        "csrf_token": lambda: csrf.token(connection),
        "csrf_field": lambda: csrf.field(connection),
        "flashes": [] if is_partial(connection) else flashes.take(connection),
    }


def address(connection: ASGIConnection) -> str:
    """The page that somebody is on: this address with its query if it can be read, else the one that asked for it."""
    scope = connection.scope
    query = scope["query_string"].decode("latin-1")
    here = scope["path"] + (f"?{query}" if query and "next=" not in query else "")  # where a login leads its form knows
    readable = scope.get("path_template") in connection.app.state.readable
    if readable and not is_partial(connection):
        return hosts.safe_next(here)
    headers = connection.headers
    current = urlsplit(str(headers.get("hx-current-url") or headers.get("referer", "")))
    return hosts.safe_next(current.path + (f"?{current.query}" if current.query else ""))


def is_partial(connection: ASGIConnection) -> bool:
    """Whether htmx asks for a part of a page, not for a whole one."""
    headers = connection.headers
    return headers.get("hx-request") == "true" and headers.get("hx-boosted") != "true"


def visitor_theme(connection: ASGIConnection) -> str:
    chosen = connection.cookies.get("theme", "")
    return chosen if chosen in THEMES else "auto"


def visitor_language(connection: ASGIConnection) -> str:
    """What a visitor chose (the cookie of the language switch), else what the browser prefers."""
    chosen = connection.cookies.get("locale", "")
    return chosen if chosen in i18n.LANGUAGES else i18n.best_language(connection.headers.get("accept-language", ""))


def flash_next(text: str) -> None:
    """Show a message on the next page of the person whose request this is."""
    connection = _connection.get()
    if connection is None:
        raise RuntimeError("there is no request whose next page could show this")
    flashes.flash(connection, text)
