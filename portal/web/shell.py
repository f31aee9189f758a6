"""What surrounds every request, routed or not: its id, the checks of host and path, the headers, one line in the log."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from litestar.response import Response

from portal import metrics, tracing
from portal.errors import DomainError
from portal.settings import Settings
from portal.web import compression, context, headers, health, hosts, i18n, logs, problems, requests
from portal.web.request import StrictRequest

Inner = Callable[[Any, Any, Any], Awaitable[None]]


async def serve(app: Any, inner: Inner, scope: Any, receive: Any, send: Any) -> None:
    """One HTTP request through the shell."""
    began = time.perf_counter()
    settings: Settings = app.state.settings
    requests.set_request_id(requests.id_for(scope["headers"]))
    scope["app"] = scope["litestar_app"] = app
    scope["state"] = {**scope.get("state", {}), "nonce": headers.new_nonce()}
    scope["client"] = (hosts.client_address(scope, settings), 0)
    request = StrictRequest(scope, receive, send)
    context.use(request)
    i18n.use_language(context.visitor_language(request))
    status, answered = 500, 0.0
    compressed = compression.compressing(scope, send)

    async def finished(message: Any) -> None:
        nonlocal status, answered
        if message["type"] == "http.response.start":
            status, answered = message["status"], time.perf_counter()
            headers.finish(message, scope, settings)
        await compressed(message)

    with tracing.request(scope):
        try:
            early = refuse(request, settings)
            if early is not None:
                await early.to_asgi_response(app=None, request=request)(scope, receive, finished)
            else:
                await inner(scope, receive, finished)
        finally:
            ended = time.perf_counter()
            report(scope, status, (answered or ended) - began, ended - began)


def report(scope: Any, status: int, until_answer: float, seconds: float) -> None:
    """Count the request, complete its trace, and write its line. The route's template stands for the path."""
    method, route = scope["method"], scope.get("path_template", "-")
    metrics.request(method, route, status, until_answer)
    tracing.answered(method if method in metrics.METHODS else "other", route, status, requests.request_id())
    logs.request_line(scope, status, seconds)


def refuse(request: StrictRequest, settings: Settings) -> Response[Any] | None:
    """The answer to a request that no route shall see."""
    try:
        if request.scope["path"] not in health.PATHS:  # whoever watches the process knows its address, not its names
            hosts.check_host(request.scope, settings)
        elsewhere = hosts.check_path(request.scope)
    except DomainError as error:
        return problems.answer(request, error)
    if elsewhere is not None:
        return Response("", status_code=308, headers={"Location": elsewhere}, media_type="text/plain")
    if request.scope["method"] == "OPTIONS":
        request.scope["method"] = "TRACE"  # the framework would answer OPTIONS itself; TRACE gets its 405 with Allow
    return None
