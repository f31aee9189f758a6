"""A crowd of callers: processes of their own with keep-alive connections, so that one test can press on real servers.

    python -m tests.crowd URL CONNECTIONS < calls.jsonl > answers.jsonl

A call is `[method, path, token, body, key]`; an answer `[number of the call, status, body, how often it was put off]`:
whoever is told by a 503 to come back does so. Bare asyncio, because an ordinary client would be slower than the server.
"""

import asyncio
import json
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from tests.portal_server import ROOT

MOST_TIMES = 50
Call = tuple[str, str, str, Any, str]


class Pressed(NamedTuple):
    """Status and body of each call, in their order, and how often one was put off by a server that was too busy."""

    answers: list[tuple[int, Any]]
    put_off: int


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
        status, put_off = 503, -1
        while status == 503 and put_off < MOST_TIMES:
            put_off += 1
            await asyncio.sleep(0.1 * (put_off > 0))
            writer.write(request_of(call, f"{host}:{port}"))
            status, body = await read_answer(reader)
        answers.append((number, status, json.loads(body) if body else None, put_off))
    writer.close()


async def main(url: str, connections: int) -> None:
    parts = urlsplit(url)
    calls = deque((int(number), tuple(call)) for number, call in map(json.loads, sys.stdin))
    answers: list[Any] = []
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(caller(str(parts.hostname), int(parts.port or 80), calls, answers))
    sys.stdout.write("".join(json.dumps(answer) + "\n" for answer in answers))


def press(url: str, calls: Sequence[Call], *, processes: int = 2, connections: int = 24) -> Pressed:
    """Make all calls as fast as the servers answer."""
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
    times = 0
    for process, _share in running:
        assert process.stdout is not None
        for number, status, body, put_off in map(json.loads, process.stdout):
            found[number] = status, body
            times += put_off
        assert process.wait() == 0
    if times:
        print(f"{len(calls)} calls were put off {times} times by servers that were too busy")
    return Pressed([found[number] for number in range(len(calls))], times)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
