"""Who may call a route: declared at each handler as `access=…`, refused when it is not.

The guards are coroutines, because the framework would run each plain function in a thread of its own.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import msgspec
from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler

from portal.accounts.schemas import AccountStatus, Actor, Role
from portal.errors import Forbidden, NotFound, Unauthorized
from portal.web.i18n import _


class Access(msgspec.Struct, frozen=True):
    """Which roles may call a route.

    `public` means anyone, `pending` lets accounts in that wait for verification, and `nameless` is a public route
    whose answer is the same for everybody: nobody is looked up, and no limit counts.
    """

    roles: frozenset[Role] = frozenset()
    public: bool = False
    pending: bool = False
    nameless: bool = False


PUBLIC = Access(public=True)
ANYBODY = Access(public=True, nameless=True)
SIGNED_IN = Access(roles=frozenset(Role))
SIGNED_IN_OR_WAITING = Access(roles=frozenset(Role), pending=True)


def roles(*allowed: Role) -> Access:
    """Only these roles, with a verified account."""
    return Access(roles=frozenset(allowed))


async def enforce_access(connection: ASGIConnection, handler: BaseRouteHandler) -> None:
    """App-level guard: nobody comes in whom the route's declaration does not name."""
    access: Access = handler.opt["access"]
    if connection.scope.get("auth") is not None:  # the refusal of a bad token
        raise connection.scope["auth"]
    if access.public:
        return
    actor: Actor | None = connection.user
    if actor is None:
        raise Unauthorized
    if actor.role not in access.roles:
        raise Forbidden
    if actor.status is not AccountStatus.ACTIVE and not access.pending:
        raise Forbidden(_("Your account is being checked. You can begin once we have verified it."))


async def canonical_ids(connection: ASGIConnection, _handler: BaseRouteHandler) -> None:
    """App-level guard: a UUID in the path has one spelling; any other is a page that does not exist."""
    segments = connection.scope["path"].split("/")
    for value in connection.path_params.values():
        if isinstance(value, UUID) and not any(part.split(".")[0] == str(value) for part in segments):
            raise NotFound


def refuse_undeclared(app: Litestar) -> None:
    """At start: a route that does not say who may call it stops the application."""
    missing = [f"{handler} {path}" for path, handler in handlers(app) if "access" not in handler.opt]
    if missing:
        raise RuntimeError("routes without access=: " + ", ".join(missing))


def handlers(app: Litestar) -> Iterator[tuple[str, Any]]:
    """Every HTTP handler with its path template, ours and the framework's."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", None) or [getattr(route, "route_handler", None)]:
            if handler is not None and methods(handler) != {"OPTIONS"}:  # the shell lets no OPTIONS through
                yield route.path_format, handler


def methods(handler: Any) -> frozenset[str]:
    """The methods of an HTTP handler; a raw ASGI handler looks at its method itself."""
    return frozenset(str(method) for method in getattr(handler, "http_methods", ()))
