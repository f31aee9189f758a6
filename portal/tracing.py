"""Traces for OpenTelemetry, where `OTEL_EXPORTER_OTLP_ENDPOINT` names a collector; else nothing of it is imported.

Spans carry templates of routes, names of ours, numbers, and the request's id. Never a path, a parameter, a statement's
values or an error's text, any of which may tell of a person.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Any

from portal import __version__

EXPORT_SECONDS = 2  # at the end of the process, for what has not been sent yet
PARENT = {b"traceparent", b"tracestate"}

_tracer: Any = None
_statements: ContextVar[list[int] | None] = ContextVar("statements", default=None)
_nothing: nullcontext[None] = nullcontext()


def is_installed() -> bool:
    """Whether the extra `telemetry` is there."""
    try:
        return all(find_spec(f"opentelemetry.{name}") for name in ("sdk.trace", "exporter.otlp.proto.http"))
    except ModuleNotFoundError:
        return False


@asynccontextmanager
async def running(endpoint: str) -> AsyncIterator[None]:
    """Send the traces of this process to a collector until the block ends; with no endpoint nothing happens."""
    global _tracer
    if not endpoint:
        yield
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME", "care-portal")
    resource = Resource.create({"service.name": name, "service.version": __version__})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces", timeout=EXPORT_SECONDS)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    before, _tracer = _tracer, provider.get_tracer("care-portal", __version__)
    try:
        yield
    finally:
        _tracer = before
        await asyncio.to_thread(provider.shutdown)


def request(scope: Any) -> AbstractContextManager[Any]:
    """The span of one request, part of the caller's trace where it names one; `answered` completes it."""
    return _nothing if _tracer is None else _request(scope)


@contextmanager
def _request(scope: Any) -> Iterator[None]:
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in PARENT}
    parent = TraceContextTextMapPropagator().extract(carrier)
    counting = _statements.set([0])
    try:
        with _span("request", context=parent, kind=SpanKind.SERVER):
            yield
    finally:
        _statements.reset(counting)


def answered(method: str, route: str, status: int, request_id: str | None) -> None:
    """Name the span of the request at hand by what is known at its end."""
    if _tracer is None:
        return
    from opentelemetry.trace import StatusCode, get_current_span

    span = get_current_span()
    span.update_name(f"{method} {route}")
    span.set_attributes({"http.request.method": method, "http.route": route, "http.response.status_code": status})
    span.set_attributes({"portal.request_id": request_id or "", "portal.statements": (_statements.get() or [0])[0]})
    if status >= 500:
        span.set_status(StatusCode.ERROR)


def span(name: str, **attributes: str | int) -> AbstractContextManager[Any]:
    """Something that takes its time: a job, an event that is published."""
    return _nothing if _tracer is None else _span(name, attributes=attributes)


@contextmanager
def _span(name: str, **how: Any) -> Iterator[Any]:
    """An error that ends it is noted by its type alone."""
    from opentelemetry.trace import StatusCode

    with _tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False, **how) as made:
        try:
            yield made
        except BaseException as error:
            made.set_status(StatusCode.ERROR)
            made.set_attribute("error.type", type(error).__name__)
            raise


def transaction() -> AbstractAsyncContextManager[Any]:
    """The span of one database transaction, with the number of its statements."""
    return _nothing if _tracer is None else _transaction()


@asynccontextmanager
async def _transaction() -> AsyncIterator[None]:
    count = _statements.get()
    if count is None:  # outside of a request, nobody has begun to count
        _statements.set(count := [0])
    before = count[0]
    with _span("database transaction") as made:
        try:
            yield
        finally:
            made.set_attribute("portal.statements", count[0] - before)


def statement() -> None:
    """Count one statement for the transaction and the request at hand."""
    if _tracer is not None and (count := _statements.get()) is not None:
        count[0] += 1
