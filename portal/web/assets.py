"""Static files, read and compressed once a process, cached by browsers for a year under their versioned address."""

import gzip
import mimetypes
import re
from functools import cache
from hashlib import sha256
from typing import Any

from litestar import Request, get
from litestar.params import FromPath, FromQuery
from litestar.response import Response
from msgspec import Struct

from portal.errors import NotFound
from portal.web.guards import ANYBODY
from portal.web.headers import YEAR
from portal.web.render import STATIC

TEXTUAL = ("text/", "application/javascript", "application/json", "application/manifest+json", "image/svg+xml")
# Comments and indentation of style sheets and of our own scripts are for us, not for browsers.
SPARE = {
    "css": re.compile(rb"/\*.*?\*/|(?<=\n)[ \n]+", re.DOTALL),
    "js": re.compile(rb"^[ \t]*(//[^\n]*\n)?|(?<=[;{}])[ \t]+// [^\n]*", re.MULTILINE),
}
TYPES = {".webmanifest": "application/manifest+json", ".js": "text/javascript", ".woff2": "font/woff2"}


class Asset(Struct, frozen=True):
    """One file, ready to be sent."""

    media_type: str
    body: bytes
    zipped: bytes | None
    digest: str


@cache
def asset(path: str) -> Asset:
    """A file below `static/`, and nothing above it.

    Raises `NotFound`.
    """
    file = (STATIC / path).resolve()
    if not file.is_relative_to(STATIC.resolve()) or not file.is_file():
        raise NotFound
    body = file.read_bytes()
    media_type = TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    digest = sha256(body).hexdigest()[:12]
    if spare := SPARE.get(path.partition("/")[0]):
        body = spare.sub(b"", body)
    zipped = gzip.compress(body, 9, mtime=0) if media_type.startswith(TEXTUAL) else None
    return Asset(media_type, body, zipped, digest)


@get("/static/{path:path}", access=ANYBODY, include_in_schema=False)
async def static_file(request: Request, path: FromPath[str], v: FromQuery[str] = "") -> Response[bytes]:
    found = asset(path.lstrip("/"))
    headers = {
        "ETag": f'"{found.digest}"',
        "Vary": "Accept-Encoding",
        "Cache-Control": f"public, max-age={YEAR}, immutable" if v == found.digest else "public, no-cache",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(b"", status_code=304, headers=headers)
    body = found.body
    if found.zipped and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["Content-Encoding"] = found.zipped, "gzip"
    return Response(body, headers=headers, media_type=found.media_type)


handlers: list[Any] = [static_file]
