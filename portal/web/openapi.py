"""The OpenAPI document and its reference page, whose scripts and styles are our own files."""

from typing import Any

from litestar import Request, Router
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from portal import __version__
from portal.web import context, render
from portal.web.guards import ANYBODY

BEARER = "bearer"


class ReferencePage(OpenAPIRenderPlugin):
    """`GET /schema`: the document, readable."""

    def __init__(self) -> None:
        super().__init__(path="/")

    def render(self, request: Request, openapi_schema: dict[str, Any]) -> bytes:
        return render.render("reference.html", **context.page_context()).encode()


def config() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Care Portal",
        version=__version__,
        use_handler_docstrings=True,
        components=Components(
            security_schemes={BEARER: SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
        ),
        security=[{BEARER: []}],
        render_plugins=[ReferencePage()],
        openapi_router=Router("/schema", route_handlers=[], include_in_schema=False, opt={"access": ANYBODY}),
    )
