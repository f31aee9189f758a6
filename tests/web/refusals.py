"""Sends every bad value to one route, and gives back the ones that were answered otherwise than listed."""

import re
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
from litestar import Litestar
from msgspec import Struct

from portal.web.decode import decode_json
from portal.web.forms import as_text, fill
from tests.badinputs import form_cases, json_cases, query_cases, sample
from tests.badvalues import UUID


async def refused_json(
    client: httpx.AsyncClient, method: str, path: str, struct: type[Struct], headers: dict[str, str] | None = None
) -> list[str]:
    """Send every bad JSON value of every field; what was not answered as listed, or did not name its field."""
    good = {name: msgspec.json.encode(value) for name, value in sample(struct).items()}
    decode_json(msgspec.json.encode(sample(struct)), struct)
    wrong = []
    for case in json_cases(struct):
        body = b",".join(b'"%s":%s' % (name.encode(), raw) for name, raw in (good | {case.field: case.raw}).items())
        sent = {"content-type": "application/json", **(headers or {})}
        answer = await client.request(method, path, content=b"{" + body + b"}", headers=sent)
        named = answer.status_code != 422 or case.field.split(".")[0] in fields_of(answer)
        if answer.status_code != case.expected or not named:
            wrong.append(f"{method} {path} {case.field}={case.raw[:60]!r}: {answer.status_code}, not {case.expected}")
    return wrong


def fields_of(answer: httpx.Response) -> set[str]:
    return {one["field"].split(".")[0] for one in answer.json()["errors"]}


async def refused_forms(
    client: httpx.AsyncClient,
    path: str,
    struct: type[Struct],
    extra: bytes = b"",
    headers: dict[str, str] | None = None,
) -> list[str]:
    """Post every bad value of every form field; `extra` is sent along (the CSRF field)."""
    texts = {name: str(as_text(value)) for name, value in sample(struct).items() if not isinstance(value, list | dict)}
    assert fill(texts.items(), struct).data, "the sample itself must be accepted"
    good = {name: quote(text).encode() for name, text in texts.items()}
    wrong = []
    for case in form_cases(struct):
        body = b"&".join(name.encode() + b"=" + raw for name, raw in (good | {case.field: case.raw}).items())
        sent = {"content-type": "application/x-www-form-urlencoded", **(headers or {})}
        answer = await client.post(path, content=body + b"&" * bool(extra) + extra, headers=sent)
        if answer.status_code != case.expected or not answer.content:
            wrong.append(f"POST {path} {case.field}={case.raw[:60]!r}: {answer.status_code}, not {case.expected}")
    return wrong


async def refused_queries(client: httpx.AsyncClient, app: Litestar, **send: Any) -> list[str]:
    """Send every bad value of every query parameter; path templates are filled with an id that does not exist."""
    wrong = []
    for method, template, case in query_cases(app):
        url = re.sub(r"\{[a-z_]+\}", UUID, template).encode() + b"?" + case.field.encode() + b"=" + case.raw
        answer = await client.request(method, httpx.URL(str(client.base_url)).copy_with(raw_path=url), **send)
        if answer.status_code != case.expected:
            wrong.append(f"{method} {url[:120]!r}: {answer.status_code}, not {case.expected}")
    return wrong
