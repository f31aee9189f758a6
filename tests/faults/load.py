"""Callers that do not give up: whoever gets no answer, or 503, asks again with the same Idempotency-Key."""

import asyncio
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from portal.web.idempotency import CLAIM_SECONDS
from tests.booking.attacks import token_of
from tests.crowd import Call, request_of
from tests.factories import Person

CUT = 0  # the status of a request whose connection was lost
ANSWER_SECONDS = 25
# The key of a request that was killed is free again after CLAIM_SECONDS, and the next attempt may be killed as well.
PATIENCE = 3 * CLAIM_SECONDS


@dataclass
class Seen:
    """One attempt: when it began, how long it took, what came of it."""

    at: float
    seconds: float
    what: str
    status: int
    code: str = ""
    retry_after: str = ""


@dataclass
class Line:
    """One caller's connection, kept alive, and made anew wherever the last one ended; `urls` are tried in turn."""

    urls: list[str]
    seen: list[Seen]
    used: int = 0
    _open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, call: Call) -> tuple[int, Any]:
        """One attempt; status `CUT` when there was no whole answer."""
        at, begun = time.time(), time.perf_counter()
        status, head, body = CUT, "", None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                status, head, body = await self._exchange(call)
        except (OSError, EOFError, TimeoutError):
            self.hang_up()
        code = body.get("code", "") if isinstance(body, dict) and status >= 400 else ""
        wait = head.partition("\r\nretry-after: ")[2].partition("\r\n")[0]
        self.seen.append(Seen(at, time.perf_counter() - begun, call[0] + " " + call[1], status, code, wait))
        return status, body

    async def insist(self, call: Call, *, seconds: float = PATIENCE, pause: float = 0.2) -> tuple[int, Any]:
        """Ask until there is an answer that tells of the request and not of the moment. Raises TimeoutError."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            status, body = await self.ask(call)
            running = status == 409 and body["code"] == "request_running"
            if status not in (CUT, 503) and not running:
                return status, body
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))
        raise TimeoutError(f"{call[:2]} was not answered in {seconds} s, at last {status}")

    async def _exchange(self, call: Call) -> tuple[int, str, Any]:
        parts = urlsplit(self.urls[self.used % len(self.urls)])
        host, port = str(parts.hostname), int(parts.port or 80)
        if self._open is None:
            self._open = await asyncio.open_connection(host, port)
        reader, writer = self._open
        writer.write(request_of(call, f"{host}:{port}"))
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("\r\ncontent-length: ")[2].partition("\r\n")[0] or 0)
        content = await reader.readexactly(length)
        if "\r\nconnection: close" in head:
            self.hang_up(lost=False)
        return int(head.split(" ", 2)[1]), head, json.loads(content) if content else None

    def hang_up(self, *, lost: bool = True) -> None:
        """Close; the next attempt goes to the next address when this one failed."""
        if self._open is not None:
            self._open[1].close()
        self._open = None
        self.used += lost


@dataclass
class Crowd:
    """Patients with a line each who hold, book, look and cancel until told to stop; what they were promised."""

    urls: list[str]
    people: list[Person]
    slot_ids: list[str]
    think: float = 0.02
    cancels: float = 0.9  # the share of visits that is cancelled, so that there is always something to book
    seen: list[Seen] = field(default_factory=list)
    promised: list[str] = field(default_factory=list)  # the complaint of each visit that was answered as booked
    uncertain: list[str] = field(default_factory=list)  # …and of those whose answer was lost after the commit
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, seconds: float) -> None:
        """Press for so long, and then until everybody has the answer that they wait for."""
        asyncio.get_running_loop().call_later(seconds, self.stopped.set)
        async with asyncio.TaskGroup() as group:
            for number, person in enumerate(self.people):
                group.create_task(self._live(number, person))

    async def _live(self, number: int, person: Person) -> None:
        line, rng, turn = Line(self.urls, self.seen, number), random.Random(number), 0
        while not self.stopped.is_set():
            turn += 1
            await self._visit(line, rng, token_of(person), f"{number}-{turn}")
            await asyncio.sleep(self.think)
        line.hang_up()

    async def _visit(self, line: Line, rng: random.Random, token: str, key: str) -> None:
        """Keep a time, book it, look at it, and in most cases cancel it."""
        slot = rng.choice(self.slot_ids)
        if rng.random() < 0.5:
            await line.insist(("POST", f"/api/slots/{slot}/hold", token, None, ""))
        wanted = {"slot_id": slot, "appointment_type": "IN_PERSON", "chief_complaint": key}
        status, body = await line.insist(("POST", "/api/appointments", token, wanted, key))
        if status == 409 and body["code"] == "request_done":
            self.uncertain.append(key)
        if status != 201:
            return
        self.promised.append(key)
        await line.insist(("GET", f"/api/appointments/{body['id']}", token, None, ""))
        if rng.random() < self.cancels:
            cancel = f"/api/appointments/{body['id']}/cancel"
            await line.insist(("POST", cancel, token, {"reason": "x"}, "cancel-" + key))

    def statuses(self) -> Counter[int]:
        return Counter(one.status for one in self.seen)

    def failed(self) -> list[Seen]:
        """Attempts without an answer."""
        return [one for one in self.seen if one.status == CUT]

    def broken_answers(self) -> list[Seen]:
        """What must never be seen, whatever happens: a 5xx that is not 503, or a 503 that does not say when to return."""
        return [
            one for one in self.seen if one.status >= 500 and (one.status != 503 or not one.retry_after.isdecimal())
        ]
