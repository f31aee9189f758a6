"""The application as a whole: every domain is in it, every route says who may call it, every call is documented."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar, asgi, get
from litestar.types import Receive, Scope, Send

from portal.app import DOMAINS, assemble, create_app
from portal.settings import Settings
from portal.web import guards
from portal.web.openapi import document
from tests.shell.conftest import a_client

pytestmark = pytest.mark.anyio
PORTAL = Path(__file__).parent.parent.parent / "portal"


# What only workers, brokers and printed papers need: 36 MB, which a web process that has none of them spares.
ELSEWHERE = {"pgqueuer", "aio_pika", "fpdf", "fontTools"}
LOADED = """
import sys
from pathlib import Path
from portal.app import create_app
from portal.settings import Settings
create_app(Settings(data=Path(sys.argv[1])))
print(*{name.partition(".")[0] for name in sys.modules})
"""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """No database is needed to look at the routes."""
    return Settings(data=tmp_path_factory.mktemp("data"), rate_limit=0, base_url="http://testserver.local")


@pytest.fixture(scope="module")
def whole(settings: Settings) -> Litestar:
    return create_app(settings)


@pytest.fixture(scope="module")
def described(whole: Litestar) -> dict[str, Any]:
    return document(whole)


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, methods in described["paths"].items() for method, one in methods.items()]


def test_every_domain_is_in_it() -> None:
    faces = {path.parent.name for name in ("pages", "api", "jobs") for path in PORTAL.glob(f"*/{name}.py")}
    assert not faces - set(DOMAINS) - {"live"}


def test_route_without_access_stops_the_start(settings: Settings) -> None:
    @get("/forgotten")
    async def forgotten() -> None: ...

    @asgi("/raw", copy_scope=False)
    async def raw(scope: Scope, receive: Receive, send: Send) -> None: ...

    for handler in (forgotten, raw):
        with pytest.raises(RuntimeError, match=r"routes without access=: .*/(forgotten|raw)"):
            assemble(settings, pages=[handler], api=[])


def test_every_route_says_who_may_call_it(whole: Litestar) -> None:
    found = list(guards.handlers(whole))
    assert len(found) > 20
    assert all(isinstance(handler.opt["access"], guards.Access) for _path, handler in found)


def test_only_the_api_is_described(described: dict[str, Any]) -> None:
    strange = [
        path for path in described["paths"] if not path.startswith(("/api/", "/fhir/", "/health", "/.well-known/"))
    ]
    assert not strange and described["openapi"].startswith("3.1")


def test_every_call_has_a_tag_and_its_problems(described: dict[str, Any]) -> None:
    missing = []
    for path, method, one in operations(described):
        if not one.get("tags") or not {"400", "429", "503"} <= set(one["responses"]):
            missing.append(f"{method} {path}")
        if method == "post" and {"$ref": "#/components/parameters/IdempotencyKey"} not in one["parameters"]:
            missing.append(f"{method} {path}: no Idempotency-Key")
    assert not missing


def test_who_may_call_is_described(whole: Litestar, described: dict[str, Any]) -> None:
    rules = {(path, m.lower()): h.opt["access"] for path, h in guards.handlers(whole) for m in guards.methods(h)}
    for path, method, one in operations(described):
        if (path, method) in rules:
            assert ("security" in one) == rules[path, method].public, path
            assert rules[path, method].public or "401" in one["responses"]


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    for reference in set(re.findall(r"'\$ref': '#/([^']+)'", str(described))):
        place: Any = described
        for part in reference.split("/"):
            assert part in place, reference
            place = place[part]


def test_operation_ids_are_unique(described: dict[str, Any]) -> None:
    ids = [one["operationId"] for _path, _method, one in operations(described)]
    assert len(ids) == len(set(ids))


async def test_reference_page_needs_nobody_else(whole: Litestar) -> None:
    async with a_client(whole) as visitor:
        page = await visitor.get("/schema")
        document = await visitor.get("/schema/openapi.json")
        assert page.status_code == document.status_code == 200 and document.json()["info"]["title"] == "Care Portal"
        sources = re.findall(r'(?:src|href)="([^"]+)"', page.text)
        assert sources and all(source.startswith("/static/") for source in sources)
        for source in sources:
            assert (await visitor.get(source)).status_code == 200


async def test_unknown_things_below_the_reference(whole: Litestar) -> None:
    async with a_client(whole) as visitor:
        answers: list[httpx.Response] = [await visitor.get(path) for path in ("/schema/x", "/schema/openapi.yaml")]
        assert [one.status_code for one in answers] == [404, 404]


def test_a_web_process_loads_nothing_that_it_may_never_need(tmp_path: Path) -> None:
    told = subprocess.run([sys.executable, "-c", LOADED, str(tmp_path)], capture_output=True, text=True, check=True)
    loaded = set(told.stdout.split())
    assert "litestar" in loaded and not loaded & ELSEWHERE
