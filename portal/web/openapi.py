"""The OpenAPI document and its reference page, whose scripts and styles are our own files."""

from typing import Any

from litestar import Litestar, Request, Router
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.serialization import encode_json

from portal import __version__
from portal.web import context, guards, openapi_inputs, render
from portal.web.guards import ANYBODY, Access

BEARER = "bearer"
WITH_BODY = frozenset({"post", "put", "patch"})
TOKEN_IN_BODY = frozenset({"/api/auth/refresh", "/api/auth/verify"})  # public, and yet 401 for one that is no good
MEANINGS = {
    "400": "The request cannot be read.",
    "401": "No token, or one that is no good.",
    "403": "This role may never do it.",
    "404": "Unknown, or not yours.",
    "409": "The present state does not allow it; `code` says what stands against it.",
    "413": "The body is too large.",
    "415": "The body is not application/json in UTF-8.",
    "422": "Well-formed, but not allowed; every wrong field in `errors`.",
    "429": "Too often; `Retry-After` says when again.",
    "503": "Something that the portal stands on is away for the moment; `Retry-After` says when again.",
}
PROBLEM = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "examples": ["about:blank"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for a person, in their language."},
        "code": {"type": "string", "description": "For programs.", "examples": ["slot_taken"]},
        "request_id": {"type": ["string", "null"], "description": "The same as in `X-Request-Id`."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "message"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key with the same body has one effect, and the first answer again for 24 hours. Another body:"
    " 422 `key_reused`; still running: 409 `request_running`; done, but its answer was lost: 409 `request_done`.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"^[!#-&(-~]+$"},
}
LIVE: dict[str, Any] = {
    "tags": ["Live"],
    "summary": "LiveStream",
    "operationId": "LiveStream",
    "description": "Server-sent events of public topics, and of private ones for those who may listen.",
    "security": [{}, {BEARER: []}],
    "parameters": [
        {
            "name": "topics",
            "in": "query",
            "required": True,
            "schema": {"type": "string"},
            "description": "Names with commas between, such as `slots:{doctor_id}:{date}`.",
        }
    ],
    "responses": {
        "200": {
            "description": "Events until the stream ends.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
}


class ReferencePage(OpenAPIRenderPlugin):
    """`GET /schema`: the document, readable."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request, openapi_schema: dict[str, Any]) -> bytes:
        return render.render("reference.html", **context.page_context()).encode()


class Document(JsonRenderPlugin):
    """`GET /schema/openapi.json`, made once a process."""

    def render(self, request: Request, openapi_schema: dict[str, Any]) -> bytes:
        state = request.app.state
        if "openapi" not in state:
            state.openapi = encode_json(document(request.app))
        return bytes(state.openapi)


def config() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Care Portal",
        version=__version__,
        description="Every action of the portal's pages, for programs. Errors are `application/problem+json`.",
        use_handler_docstrings=True,
        components=Components(
            security_schemes={BEARER: SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
        ),
        security=[{BEARER: []}],
        render_plugins=[ReferencePage(), Document()],
        openapi_router=Router("/schema", route_handlers=[], include_in_schema=False, opt={"access": ANYBODY}),
    )


def document(app: Litestar) -> dict[str, Any]:
    """The framework's document with what is true of all our calls: errors, limits, keys and who may call."""
    found: dict[str, Any] = app.openapi_schema.to_schema()
    components = found.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components["parameters"] = {"IdempotencyKey": IDEMPOTENCY_KEY}
    components["responses"] = {f"Problem{status}": _problem(text) for status, text in MEANINGS.items()}
    handlers = {
        (path, method.lower()): handler for path, handler in guards.handlers(app) for method in guards.methods(handler)
    }
    for path, operations in found.get("paths", {}).items():
        for method, operation in operations.items():
            handler = handlers[path, method]
            openapi_inputs.complete(operation, handler, path, components["schemas"])
            _complete(path, method, operation, handler.opt["access"])
    if any(path == "/api/live" for path, _handler in guards.handlers(app)):
        responses = {**LIVE["responses"], **_refs("400 401 403 429 503")}
        found["paths"]["/api/live"] = {"get": {**LIVE, "responses": responses}}
    return found


PLACES = {"location_id"}  # in a query: somebody else's is answered as one that does not exist


def _complete(path: str, method: str, operation: dict[str, Any], access: Access) -> None:
    statuses = ["400", "422", "429", "503"]
    if access.public:
        operation["security"] = [] if access.nameless else [{}, {BEARER: []}]
    if not access.nameless or path in TOKEN_IN_BODY:
        statuses.append("401")
    if not access.public:
        statuses.append("403")
    if "{" in path or any(one.get("name") in PLACES for one in operation.get("parameters", ())):
        statuses.append("404")
    if method in WITH_BODY:
        statuses += ["403", "404", "409", "413", "415"]
    if method == "delete":
        statuses.append("409")
    if method == "post":
        operation.setdefault("parameters", []).append({"$ref": "#/components/parameters/IdempotencyKey"})
    responses = operation.setdefault("responses", {})
    responses.update(_refs(" ".join(sorted(set(statuses)))))


def _refs(statuses: str) -> dict[str, Any]:
    return {status: {"$ref": f"#/components/responses/Problem{status}"} for status in statuses.split()}


def _problem(text: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": text, "content": {"application/problem+json": {"schema": schema}}}
