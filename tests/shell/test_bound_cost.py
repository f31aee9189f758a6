"""I4: what is too large or too deep is refused quickly, whoever sends it."""

import gzip
import time
from typing import Any

import httpx
import pytest

from tests.catalogue import FULL
from tests.shell.conftest import csrf_token

pytestmark = [pytest.mark.anyio, pytest.mark.I4]

MB = 1024 * 1024
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FIELDS = "&".join(f"field{number}=x" for number in range(5000)).encode()


@pytest.mark.parametrize(
    ("path", "headers", "content", "statuses"),
    [
        ("/api/things", JSON, b'{"name": "' + b"a" * (10 * MB) + b'"}', {413}),
        ("/api/things", JSON, b"[" * 100_000 + b"]" * 100_000, {400}),
        ("/api/things", JSON, b'{"name":' * 100_000, {400, 413}),
        ("/api/things", JSON, b'{"name": ' + b"9" * 100_000 + b"}", {400, 422}),
        ("/api/things", {**JSON, "Content-Encoding": "gzip"}, gzip.compress(b"0" * (20 * MB)), {400, 415}),
        ("/api/things", {"Content-Type": "text/plain"}, b'{"name": "x"}', {415}),
        ("/api/things", {"Content-Type": "application/json; charset=utf-7"}, b'{"name": "x"}', {415}),
        ("/api/things", {"Content-Type": "multipart/form-data; boundary=x"}, b"--x--", {415}),
        ("/api/things", JSON, b"", {400}),
        ("/form", FORM, FIELDS, {400, 413}),
        ("/form", FORM, b"a=" + b"b" * (10 * MB), {403, 413}),
        ("/form", FORM, b"a=%ff", {400}),
        ("/form", FORM, b"a=%zz", {400}),
    ],
)
async def test_refused_in_time(
    program: httpx.AsyncClient, path: str, headers: dict[str, str], content: bytes, statuses: set[int]
) -> None:
    await program.post(path, headers=headers, content=b"")
    began = time.perf_counter()
    answer = await program.post(path, headers=headers, content=content)
    seconds = time.perf_counter() - began
    assert answer.status_code in statuses
    assert seconds < (0.1 if FULL else 0.4), "a tenth of a second and what a busy test machine adds"


async def test_form_with_token_and_too_many_fields(visitor: httpx.AsyncClient) -> None:
    token = await csrf_token(visitor)
    answer = await visitor.post("/form", headers={**FORM, "X-CSRF-Token": token}, content=FIELDS)
    assert answer.status_code in (303, 400), "the route of this test does not read its form"


async def test_many_parts(visitor: httpx.AsyncClient) -> None:
    files: Any = [("file", (f"{number}.txt", b"x")) for number in range(2000)]
    assert (await visitor.post("/form", files=files)).status_code in (400, 403, 413)
