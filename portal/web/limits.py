"""How often: requests a minute per person or address, and the pause after wrong passwords.

Counted in Redis over all processes, in memory where there is none. When Redis is away, each process counts by itself
with a quarter of the limit: stricter than usual, never open. `PORTAL_RATE_LIMIT=0` (loopback only) turns all of it off.
"""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from litestar.connection import ASGIConnection
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from portal.errors import TooMany
from portal.settings import Settings
from portal.web import context, seats
from portal.web.auth import API_PREFIXES
from portal.web.counters import Counters, MemoryCounters, RedisCounters, Stricter
from portal.web.guards import Access
from portal.web.i18n import _
from portal.web.shared import Shared, hidden

ADDRESS_FACTOR = 3  # a family or a clinic shares one address


class Rule(NamedTuple):
    """`most` times in `seconds`, per address; a route asks for it as `limit=LOGIN`.

    With `instead` it counts per person, in place of their ordinary minute: for what a page does by itself many times.
    """

    name: str
    most: int
    seconds: int
    instead: bool = False


PARTS_FACTOR = 6  # a page that is open asks for its parts anew by itself, whatever happens around it

SIGNALS = Rule("signals", 600, 60, instead=True)  # a call is set up by a burst of small messages
LOGIN = Rule("login", 30, 60)
REGISTER = Rule("register", 30, 3600)
FORGOTTEN = Rule("forgotten", 10, 3600)

FREE_ATTEMPTS = 5
LONGEST_PAUSE = 300  # seconds
ATTEMPTS_REMEMBERED = 3600  # seconds without a further wrong attempt

_counters: Counters | None = None


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[None]:
    """Count for as long as the block runs; outside of it (command line, worker) nothing is limited."""
    global _counters
    if not settings.rate_limit:
        yield
        return
    local = MemoryCounters()
    shared = Shared(settings.redis_url) if settings.redis_url else None
    before, _counters = _counters, Stricter(RedisCounters(shared), local) if shared else local
    try:
        async with seats.running(shared):
            yield
    finally:
        _counters = before
        if shared:
            await shared.close()


async def attempt(kind: str, whom: str) -> None:
    """Before a secret of `whom` is tried (a password, a code): count the try.

    The first `FREE_ATTEMPTS` are free; then each one doubles the pause before the next, up to `LONGEST_PAUSE`.
    Counting comes before trying, so that many at once gain nothing. Raises `TooMany` during a pause.
    """
    if _counters is None:
        return
    wait = await _counters.attempt(hidden(kind, whom), FREE_ATTEMPTS, LONGEST_PAUSE, ATTEMPTS_REMEMBERED)
    if wait > 0:
        raise TooMany(_seconds(wait), _("Too many wrong attempts. Wait a little and try again."))


async def succeeded(kind: str, whom: str) -> None:
    """The secret was right: the wrong attempts before are forgotten."""
    if _counters is not None:
        await _counters.forget(hidden(kind, whom))


async def spend(rule: Rule, whom: str) -> tuple[int, float]:
    """Count one use; how many are left and the seconds until the count begins anew. Raises `TooMany`."""
    if _counters is None:
        return rule.most, 0.0
    used, most, seconds = await _counters.add(hidden(rule.name, whom), rule.most, rule.seconds)
    if used > most:
        raise TooMany(_seconds(seconds))
    return most - used, seconds


def _seconds(wait: float) -> int:
    return max(1, math.ceil(wait))


class Limits(ASGIMiddleware):
    """After the authentication: a person's own minute, or that of an address that nobody is signed in from."""

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        opt = scope["route_handler"].opt
        access: Access = opt["access"]
        if _counters is not None and not (access.nameless and scope.get("method") == "GET"):
            await self._count(scope, opt.get("limit"))
        await next_app(scope, receive, send)

    async def _count(self, scope: Any, special: Rule | None) -> None:
        most: int = scope["litestar_app"].state.settings.rate_limit
        actor, address = scope.get("user"), scope["client"][0]
        rule = Rule("user", most, 60) if actor is not None else Rule("address", most * ADDRESS_FACTOR, 60)
        if actor is not None and is_part(scope):
            rule = Rule("parts", most * PARTS_FACTOR, 60)
        if special is not None and special.instead and actor is not None:
            rule, special = special, None
        try:
            left, seconds = await spend(rule, str(actor.id) if actor is not None else address)
            if special is not None and scope["method"] != "GET":
                await spend(special, address)
        except TooMany as refused:
            tell(scope, rule.most, 0, refused.retry_after)
            raise
        tell(scope, rule.most, left, _seconds(seconds))


def is_part(scope: Any) -> bool:
    """Whether an open page reads a part of itself anew."""
    asks_page = scope["method"] == "GET" and not scope["path"].startswith(API_PREFIXES)
    return asks_page and context.is_partial(ASGIConnection(scope))


def tell(scope: Any, most: int, left: int, seconds: int) -> None:
    """The `RateLimit-*` headers of the answer."""
    named = {"RateLimit-Limit": str(most), "RateLimit-Remaining": str(left), "RateLimit-Reset": str(seconds)}
    scope["state"].setdefault("headers", {}).update(named)
