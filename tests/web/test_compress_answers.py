"""Pages and lists are sent compressed to those who can read that; streams and answers that may hold tokens are not."""

import gzip
from typing import Any

import pytest

from portal.web.compression import compressing

pytestmark = pytest.mark.anyio
TEXT = b"<p>The same words again and again.</p>" * 100


async def sent(
    method: str, media_type: str, *parts: bytes, accept: bytes = b"gzip, br"
) -> tuple[dict[bytes, bytes], bytes]:
    messages: list[Any] = []

    async def send(message: Any) -> None:
        messages.append(message)

    through = compressing({"type": "http", "method": method, "headers": [(b"accept-encoding", accept)]}, send)
    length = str(sum(map(len, parts))).encode()
    headers = [(b"content-type", media_type.encode())] + ([(b"content-length", length)] if len(parts) == 1 else [])
    await through({"type": "http.response.start", "status": 200, "headers": headers})
    for number, part in enumerate(parts, 1):
        await through({"type": "http.response.body", "body": part, "more_body": number < len(parts)})
    return dict(messages[0]["headers"]), b"".join(message["body"] for message in messages[1:])


@pytest.mark.parametrize(
    ("method", "media_type"), [("GET", "text/html; charset=utf-8"), ("POST", "text/html"), ("GET", "application/json")]
)
async def test_pages_and_lists_are_compressed(method: str, media_type: str) -> None:
    headers, body = await sent(method, media_type, TEXT)
    assert gzip.decompress(body) == TEXT
    assert headers[b"content-encoding"] == b"gzip" and headers[b"vary"] == b"Accept-Encoding"
    assert headers[b"content-length"] == str(len(body)).encode()


async def test_streams_tokens_and_small_answers_are_not() -> None:
    assert (await sent("GET", "text/event-stream", b"data: 1\n\n", b"data: 2\n\n"))[1] == b"data: 1\n\ndata: 2\n\n"
    assert (await sent("POST", "application/json", TEXT))[1] == TEXT
    assert (await sent("GET", "text/html", b"<p>short</p>"))[1] == b"<p>short</p>"
    assert (await sent("GET", "text/html", TEXT, accept=b"identity"))[1] == TEXT
