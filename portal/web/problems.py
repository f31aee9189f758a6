"""One place where an error becomes an answer: problem+json for programs, a fragment for htmx, a page for people.

It sees every exception, those outside any route included. What is not expected is a bare 500 with the request's id:
the log knows the type and where it happened, nobody is shown more.
"""

import logging
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import asyncpg
import msgspec
from litestar import Request
from litestar.exceptions import HTTPException, ValidationException
from litestar.response import Response

from portal import db, metrics
from portal.errors import DomainError, FieldError, Invalid, Malformed, NotFound, Unavailable
from portal.web import context, render, requests
from portal.web.i18n import N_, _

logger = logging.getLogger(__name__)

TITLES = {
    400: N_("The request could not be read"),
    401: N_("Please log in"),
    403: N_("Not allowed"),
    404: N_("Not found"),
    405: N_("That cannot be done here"),
    409: N_("The present state does not allow it"),
    413: N_("Too large"),
    415: N_("This type of content is not accepted"),
    422: N_("Something needs another look"),
    429: N_("Too many requests"),
    500: N_("Something broke on our side"),
    503: N_("We are back in a moment"),
}
CODES = {400: "malformed", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported_media_type"}


class Problem(msgspec.Struct, kw_only=True):
    """An error as RFC 9457 knows it."""

    status: int
    code: str
    detail: str = ""
    errors: list[FieldError] = []
    extra: dict[str, Any] = {}
    headers: dict[str, str] = {}

    @property
    def title(self) -> str:
        return _(TITLES[self.status]) if self.status in TITLES else HTTPStatus(self.status).phrase

    def body(self) -> dict[str, Any]:
        found = {"type": "about:blank", "title": self.title, "status": self.status, "detail": self.detail or self.title}
        if self.errors:
            found["errors"] = self.errors
        return {**self.extra, **found, "code": self.code, "request_id": requests.request_id()}


def answer(request: Request, error: Exception) -> Response[Any]:
    """The app's only exception handler."""
    problem = describe(error)
    metrics.REFUSALS.labels(problem.code).inc()
    if problem.status >= 500:
        report(request, error, problem)
    path = request.scope["path"]
    if path.startswith(("/api", "/fhir")) or wants_json(request):
        return as_json(problem)
    if problem.status == HTTPStatus.UNAUTHORIZED:
        return to_login(request)
    return as_page(request, problem)


def describe(error: Exception) -> Problem:
    """What happened, in the words of the contract."""
    error = expected(error)
    if isinstance(error, DomainError):
        return Problem(
            status=error.status,
            code=error.code,
            detail=error.detail,
            errors=getattr(error, "errors", []),
            extra=error.extra,
            headers=_headers(error),
        )
    if isinstance(error, HTTPException):
        allowed = {name.title(): value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
        if "Allow" in allowed:
            allowed["Allow"] = ", ".join(sorted(set(allowed["Allow"].split(", ")) - {"OPTIONS"}))
        status = error.status_code if error.status_code in TITLES else 500 if error.status_code >= 500 else 400
        return Problem(status=status, code=CODES.get(status, "error"), headers=allowed)
    return Problem(status=500, code="error", detail=_("Nothing that you had saved is lost. Please try again."))


def expected(error: Exception) -> Exception:
    """Errors of the framework and the database as errors of the domain, where there is one."""
    if isinstance(error, ValidationException):
        return _invalid(error)
    if isinstance(error, asyncpg.PostgresError):
        return db.domain_error(error)
    if isinstance(error, TimeoutError | ConnectionError | asyncpg.InterfaceError):
        return Unavailable()
    if isinstance(error, HTTPException) and error.status_code == HTTPStatus.NOT_FOUND:
        return NotFound()
    return error


def _invalid(error: ValidationException) -> DomainError:
    found = [one for one in error.extra if isinstance(one, dict)] if isinstance(error.extra, list) else []
    errors = [FieldError(str(one.get("key", "")), _("This value is not possible here.")) for one in found]
    return Invalid(errors) if any(one.field for one in errors) else Malformed(_("The request could not be read."))


def _headers(error: DomainError) -> dict[str, str]:
    seconds = getattr(error, "retry_after", None)
    if error.status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": "Bearer"}
    return {"Retry-After": str(seconds)} if seconds else {}


def report(request: Request, error: Exception, problem: Problem) -> None:
    """Type and place only: an exception's text may hold what a person wrote."""
    cause = error.__cause__ or error
    places = []
    trace = cause.__traceback__
    while trace is not None:
        places.append(f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}")
        trace = trace.tb_next
    level = logging.ERROR if problem.status == HTTPStatus.INTERNAL_SERVER_ERROR else logging.WARNING
    logger.log(level, "request failed: %s at %s", type(cause).__name__, " ".join(places[-8:]))


def wants_json(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "json" in accepted and "html" not in accepted


def as_json(problem: Problem) -> Response[Any]:
    return Response(
        problem.body(), status_code=problem.status, media_type="application/problem+json", headers=problem.headers
    )


def as_page(request: Request, problem: Problem) -> Response[Any]:
    """The error page; to htmx a message for the place of messages, so that what is shown stays where it is."""
    shown = {name: value for name, value in problem.headers.items() if name != "WWW-Authenticate"}
    template = "errors/problem.html"
    if context.is_partial(request):
        template = "errors/_problem.html"
        shown |= {"HX-Retarget": "#toasts", "HX-Reswap": "innerHTML", "HX-Reselect": ".toast"}
    # What the address asks for is asked again only where the moment was wrong, and not the address.
    more: dict[str, Any] = {}
    if request.method == "GET" and problem.status not in (429, 500, 503):
        more["this_page"] = lambda: request.scope["path"]
    try:
        wait = int(problem.headers.get("Retry-After", 0))
        return render.page(
            template, status=problem.status, headers=shown, detail=problem.detail, title="", retry_after=wait, **more
        )
    except Exception:
        logger.exception("the error page itself failed")
        return Response(problem.title, status_code=problem.status, headers=shown, media_type="text/plain")


def to_login(request: Request) -> Response[Any]:
    """Sign in, and come back to where this led. htmx follows its own header, not a redirect inside a fragment."""
    target = "/login?next=" + quote(context.address(request), safe="")
    if context.is_partial(request):
        return Response("", status_code=401, headers={"HX-Redirect": target}, media_type="text/plain")
    return render.redirect(target)
