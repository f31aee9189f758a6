"""What a browser keeps for a lost network: the service worker, and the one page that it shows."""

import json
from functools import cache
from hashlib import sha256
from typing import Any

from litestar import get
from litestar.response import Response

from portal.web.guards import ANYBODY
from portal.web.render import STATIC, page, static

# What the offline page needs to look like a page of ours.
KEPT = (
    *(f"css/{name}.css" for name in ("tokens", "base", "frame", "controls", "forms", "content")),
    "icons/sprite.svg",
    "icons/icon.svg",
    "js/app.js",
)


@cache
def script() -> str:
    """The worker with its version in front: it changes, and is fetched anew, whenever any static file does."""
    body = (STATIC / "js/service-worker.js").read_text()
    digest = sha256(body.encode())
    for file in sorted(path for path in STATIC.rglob("*") if path.is_file()):
        digest.update(file.read_bytes())
    files = json.dumps([static(name) for name in KEPT])
    return f'const VERSION = "{digest.hexdigest()[:12]}";\nconst OFFLINE = "/offline";\nconst FILES = {files};\n{body}'


@get("/sw.js", access=ANYBODY, include_in_schema=False)
async def service_worker() -> Response[str]:
    """The service worker, at the root because it looks after the whole site."""
    return Response(script(), media_type="text/javascript", headers={"Cache-Control": "no-cache"})


@get("/offline", access=ANYBODY, include_in_schema=False)
async def offline() -> Response[Any]:
    """The page that is shown without a network; the same for everybody."""
    return page("errors/offline.html", csrf_token=str, csrf_field=str)  # no token: it would be somebody's


handlers: list[Any] = [service_worker, offline]
