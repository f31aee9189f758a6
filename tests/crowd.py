"""A crowd of callers: processes of their own with keep-alive connections, so that one test can press on real servers.

    python -m tests.crowd URL CONNECTIONS < calls.jsonl > answers.jsonl

A call is `[method, path, token, body, key]`; an answer `[number of the call, status, body]`. Bare asyncio, because an
ordinary client would be slower than the server.
"""

import asyncio
import json
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from tests.portal_server import ROOT

Call = tuple[str, str, str, Any, str]


def request_of(call: Call, host: str) -> bytes:
    method, path, token, body, key = call
    content = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(content)}"]
    if token:
        lines.append(f"Authorization: Bearer {token}")
    if content:
        lines.append("Content-Type: application/json")
    if key:
        lines.append(f"Idempotency-Key: {key}")
    return "\r\n".join([*lines, "", ""]).encode() + content


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = int(head.partition("content-length:")[2].partition("\r\n")[0] or 0)
    return int(head.split(" ", 2)[1]), await reader.readexactly(length)


async def caller(host: str, port: int, calls: deque[tuple[int, Call]], answers: list[Any]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    while calls:
        number, call = calls.popleft()
        writer.write(request_of(call, f"{host}:{port}"))
        status, body = await read_answer(reader)
        answers.append((number, status, json.loads(body) if body else None))
    writer.close()


async def main(url: str, connections: int) -> None:
    parts = urlsplit(url)
    calls = deque((int(number), tuple(call)) for number, call in map(json.loads, sys.stdin))
    answers: list[Any] = []
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(caller(str(parts.hostname), int(parts.port or 80), calls, answers))
    sys.stdout.write("".join(json.dumps(answer) + "\n" for answer in answers))


def press(url: str, calls: Sequence[Call], *, processes: int = 2, connections: int = 24) -> list[tuple[int, Any]]:
    """Make all calls as fast as the servers answer; status and body of each, in the order of the calls."""
    running = []
    for one in range(processes):
        share = "".join(json.dumps([number, call]) + "\n" for number, call in list(enumerate(calls))[one::processes])
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.crowd", url, str(connections)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip
        running.append((process, share))
    for process, share in running:
        assert process.stdin is not None
        process.stdin.write(share)
        process.stdin.close()
    found: dict[int, tuple[int, Any]] = {}
    for process, _share in running:
        assert process.stdout is not None
        found.update({number: (status, body) for number, status, body in map(json.loads, process.stdout)})
        assert process.wait() == 0
    return [found[number] for number in range(len(calls))]


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
