"""Pages and JSON lists are sent compressed. What is streamed (live updates, downloads) passes as it is.

Compression may tell a secret of the body by its length when an attacker can put text beside it: the CSRF token is
masked anew on each page, and answers to writes of the API, which may hold tokens, are left alone.
"""

import gzip
from typing import Any

from litestar.datastructures import MutableScopeHeaders
from litestar.types import Send

SMALLEST = 800  # bytes; less than a packet is not worth it
LEVEL = 6


def compressing(scope: Any, send: Send) -> Send:
    """A `send` that compresses answers which come in one piece."""
    headers = dict(scope["headers"])
    if scope["method"] == "HEAD" or b"gzip" not in headers.get(b"accept-encoding", b""):
        return send
    held: list[Any] = []

    async def compress(message: Any) -> None:
        if message["type"] == "http.response.start" and _worth_it(scope, message):
            held.append(message)
            return
        if held:
            start = held.pop()
            if message["type"] == "http.response.body" and not message.get("more_body"):
                message = _zipped(start, message)
            await send(start)
        await send(message)

    return compress


def _worth_it(scope: Any, start: Any) -> bool:
    headers = MutableScopeHeaders.from_message(start)
    kind = headers.get("content-type", "").partition(";")[0]
    readable = kind == "text/html" or (kind.endswith("json") and scope["method"] == "GET")
    return readable and "content-encoding" not in headers and int(headers.get("content-length", "0")) >= SMALLEST


def _zipped(start: Any, body: Any) -> Any:
    content = gzip.compress(body["body"], LEVEL, mtime=0)
    headers = MutableScopeHeaders.from_message(start)
    headers["Content-Encoding"] = "gzip"
    headers["Content-Length"] = str(len(content))
    headers.add("Vary", "Accept-Encoding")
    return {**body, "body": content}
