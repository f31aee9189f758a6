"""The application: the only file that knows every domain."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any
from uuid import UUID

from litestar import Litestar, Router
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.handlers.base import BaseRouteHandler
from litestar.types import Receive, Scope, Send

from portal import acting, db, faults, heartbeat, live, metrics, replica, storage, tracing
from portal.accounts import tokens
from portal.accounts.schemas import Actor
from portal.audit import actions as audit
from portal.errors import Forbidden, NotFound
from portal.settings import Settings
from portal.video.providers import provider_of
from portal.web import (
    assets,
    auth,
    csrf,
    guards,
    health,
    idempotency,
    limits,
    logs,
    offline,
    openapi,
    problems,
    query,
    shell,
    sse,
)
from portal.web.encode import JsonResponse, PlainKinds
from portal.web.request import StrictRequest

DOMAINS = (
    "accounts", "credentials", "registration", "preferences", "specialties", "people", "clinics",
    "pharmacies", "records", "search", "audit",
    "notifications", "walls", "schedules", "slots", "appointments", "booking", "referrals", "repairs", "video", "queues",
    "waitlist", "emergencies", "chat", "visits", "recordings", "catalogue", "inventory", "stocktakes",
    "prescriptions", "refills", "pads", "dispensing", "recalls", "integrations", "fhir", "analytics", "operation", "admin",
)  # fmt: skip


PARTS = 20  # of one form with files
logger = logging.getLogger(__name__)


class Portal(Litestar):
    """Litestar inside our shell, so that unrouted requests get the same checks and headers as all others."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        if scope["type"] == ScopeType.HTTP:
            with acting.acting(acting.NOBODY):  # until the authentication knows better
                await shell.serve(self, super().__call__, scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(settings: Settings) -> Portal:
    """The whole portal on these settings. Raises RuntimeError when a route does not say who may call it."""
    return assemble(
        settings,
        pages=[handler for name in DOMAINS for handler in face(name, "pages")],
        api=[sse.live_page, sse.live_api, *(handler for name in DOMAINS for handler in face(name, "api"))],
    )


def assemble(settings: Settings, pages: list[Any], api: list[Any]) -> Portal:
    """An application of these handlers, with everything that surrounds them."""
    tokens.use_keys(settings)
    storage.use(settings)
    app = Portal(
        route_handlers=[
            *health.handlers,
            *assets.handlers,
            *offline.handlers,
            Router("/", route_handlers=pages, include_in_schema=False),
            Router("/", route_handlers=api),
        ],
        lifespan=[running],
        state=State({"settings": settings}),
        middleware=[auth.Authentication(), limits.Limits(), idempotency.Idempotency()],
        guards=[check_request],
        dependencies={
            "actor": Provide(actor, sync_to_thread=False),
            "viewer": Provide(viewer, sync_to_thread=False),
        },
        exception_handlers={Exception: problems.answer},
        after_exception=[note_denial],
        request_class=StrictRequest,
        response_class=JsonResponse,
        plugins=[PlainKinds()],
        multipart_form_part_limit=PARTS,
        openapi_config=openapi.config(),
        logging_config=None,
        debug=False,
    )
    guards.refuse_undeclared(app)
    app.state.readable = frozenset(path for path, handler in guards.handlers(app) if "GET" in guards.methods(handler))
    return app


async def note_denial(error: Exception, scope: Scope) -> None:
    """Whoever is signed in and asks for what is not theirs leaves a row in the audit; the answer does not wait for it."""
    given: dict[str, Any] = dict(scope.get("path_params", {}))
    asked = [value for value in given.values() if isinstance(value, UUID)]
    if not isinstance(error, Forbidden | NotFound) or scope.get("user") is None or not asked:
        return
    try:
        await audit.record_denial(
            scope["user"], scope["route_handler"].name or scope["route_handler"].handler_name, asked[0]
        )
    except Exception:
        logger.exception("a refusal could not be written to the audit")


def face(domain: str, name: str) -> list[Any]:
    """The handlers of one domain's pages or API; not every domain has both."""
    module = part(domain, name)
    return list(module.handlers) if module else []


def part(domain: str, name: str) -> ModuleType | None:
    """One file of a domain, or None where it has no such file."""
    module = f"portal.{domain}.{name}"
    if find_spec(f"portal.{domain}") is None or find_spec(module) is None:
        return None
    return import_module(module)


@asynccontextmanager
async def running(app: Litestar) -> AsyncIterator[None]:
    """What lives as long as the process: the pool of connections and the hub of live readers."""
    settings: Settings = app.state.settings
    await asyncio.to_thread(lambda: provider_of(settings, settings.video).make_ready())
    await db.connect(settings)
    try:
        async with (
            tracing.running(settings.otlp_endpoint),
            replica.running(settings),
            limits.running(settings),
            live.running(settings),
            heartbeat.running(settings, "WEB"),
            background(settings, settings.embedded),
        ):
            yield
    finally:
        await db.disconnect()


@asynccontextmanager
async def background(settings: Settings, wanted: bool = True) -> AsyncIterator[None]:
    """Every domain's jobs and schedules and the relay of events; beside the web only where there is no `portal worker`."""
    if not wanted:
        yield
        return
    # What these need takes 20 MB, which web processes beside a `portal worker` spare.
    from portal import worker
    from portal.integrations import arrivals, broker

    storage.use(settings)
    if not settings.smtp_url:
        logger.warning("PORTAL_SMTP_URL is not set: mails are kept in the database and sent to nobody")
    modules = [module for name in DOMAINS if (module := part(name, "jobs"))]
    jobs = [job for module in modules for job in getattr(module, "JOBS", ())]
    schedules = [schedule for module in modules for schedule in getattr(module, "SCHEDULES", ())]
    publisher = broker.Broker(settings.amqp_url) if settings.amqp_url else None
    loops = [loop for module in modules for loop in getattr(module, "LOOPS", ())]
    wanted_events = [one for module in modules for one in getattr(module, "ARRIVALS", ())]
    sink, prepare = (publisher.send, publisher.prepare) if publisher else (None, None)
    async with (
        worker.running(settings, jobs, schedules, sink, loops, prepare),
        arrivals.listening(settings.amqp_url if settings.amqp_consume else "", wanted_events),
    ):
        yield
    if publisher:
        await publisher.close()


async def check_request(connection: ASGIConnection, _copy: BaseRouteHandler) -> None:
    """What must hold before a handler is prepared, in this order.

    One guard instead of four, because the framework copies the handler for each; what is remembered of a handler is
    remembered of the one in the scope.
    """
    handler = connection.scope["route_handler"]
    await guards.enforce_access(connection, handler)
    await csrf.check_csrf(connection, handler)
    await guards.canonical_ids(connection, handler)
    await query.check_input(connection, handler)


def actor(request: StrictRequest) -> Actor:
    """The person who is signed in; the route's access rule has seen to it that there is one."""
    return request.user


def viewer(request: StrictRequest) -> Actor | None:
    """The same on public routes, where it may be nobody."""
    return request.user


def from_environment() -> Portal:
    """For a server's worker processes, which read the environment that `portal serve` prepared."""
    logs.configure()
    settings = Settings.from_env()
    faults.arm(settings.fault_at, settings.test_faults)
    metrics.forget_origin()
    app = _made if _made is not None and _made.state.settings == settings else create_app(settings)
    spare_the_collector()
    return app


_made: Portal | None = None


def make_for_copies() -> None:
    """Make the application in the process that others are copied from, so that they share what it takes of the memory."""
    global _made
    _made = create_app(Settings.from_env())
    spare_the_collector()


def spare_the_collector() -> None:
    """What has been loaded stays for ever: the garbage collector need not walk through it again and again, which would
    stop everything for a tenth of a second, and copies of this process can go on sharing it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(2_000, 10, 5)
