"""The portal's naive twin: three servers that look first and then write. The races must catch it, or they catch nothing.

It answers the same calls on tables without constraints or locks, each step right, the whole wrong: a booking looks
whether the time is taken, believes that whoever comes is the holder, and judges holds by its own clock, which is slow.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from tests.portal_server import ROOT
from tests.services import free_port, wait_for_port

SCHEMA = """
CREATE TABLE naive_hold (slot_id text, until timestamptz);
CREATE TABLE naive_booking (id text, slot_id text, made_at timestamptz DEFAULT clock_timestamp(),
    status text DEFAULT 'BOOKED', confirmed boolean DEFAULT false);
CREATE TABLE naive_place (session_id text, position int);
CREATE TABLE naive_key (key text, answer text);
CREATE TABLE naive_effect (key text);
CREATE TABLE naive_login (id text, open boolean);
CREATE TABLE naive_fill (prescription_id text);
CREATE TABLE naive_stock (quantity int);
CREATE TABLE naive_token (token text, login_id text, used boolean);
"""
SLOW = timedelta(minutes=10)
POOL: dict[str, asyncpg.Pool] = {}
Answer = tuple[int, dict[str, Any]]


@contextmanager
def naive_server(database_url: str) -> Iterator[str]:
    """Start three workers on a database that has the tables of `SCHEMA`; where they answer."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "tests.naive:app", "--workers", "3", "--port", str(port),
         "--log-level", "critical"],
        cwd=ROOT, env={**os.environ, "NAIVE_DATABASE_URL": database_url},
    )  # fmt: skip
    try:
        wait_for_port(port)
        until_it_answers(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def until_it_answers(port: int, seconds: float = 20.0) -> None:
    """The port is open before the workers are: many in a row must be told that there is nothing at this address.

    Raises TimeoutError.
    """
    in_a_row, deadline = 0, time.monotonic() + seconds
    while in_a_row < 12:
        if time.monotonic() > deadline:
            raise TimeoutError("the naive twin does not answer")
        try:
            is_there = httpx.get(f"http://127.0.0.1:{port}/", timeout=2).status_code == 404
        except httpx.HTTPError:
            is_there = False
        in_a_row = in_a_row + 1 if is_there else 0
        time.sleep(0.1)


@asynccontextmanager
async def here(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the twin in this process, on a database that has the tables of `SCHEMA`."""
    async with asyncpg.create_pool(database_url, min_size=8, max_size=8) as pool:
        POOL["pool"] = pool
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://naive.example") as client:
            yield client


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await live(receive, send)
        return
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message.get("more_body"):
            break
    headers = dict(scope["headers"])
    token = headers.get(b"authorization", b"").decode().removeprefix("Bearer ")
    key = headers.get(b"idempotency-key", b"").decode()
    *_rest, thing, verb = scope["path"].split("/")
    handle = ROUTES.get((scope["method"], scope["path"])) or VERBS.get(verb, nothing)
    status, answer = await handle(token, {"thing": thing, "verb": verb, **json.loads(body or b"{}")}, key)
    content = b"" if status == 204 else json.dumps(answer).encode()
    length = [] if status == 204 else [(b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": length})
    await send({"type": "http.response.body", "body": content})


async def live(receive: Any, send: Any) -> None:
    await receive()
    POOL["pool"] = await asyncpg.create_pool(os.environ["NAIVE_DATABASE_URL"], min_size=8, max_size=10)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await POOL["pool"].close()
    await send({"type": "lifespan.shutdown.complete"})


async def nothing(_token: str, _data: dict[str, Any], _key: str) -> Answer:
    return 404, {"code": "not_found"}


async def make_appointment(_token: str, data: dict[str, Any], key: str) -> Answer:
    pool = POOL["pool"]
    if key and (kept := await pool.fetchval("SELECT answer FROM naive_key WHERE key = $1 LIMIT 1", key)):
        return 201, json.loads(kept)
    status, answer = await (join(data["session_id"]) if "session_id" in data else book(data["slot_id"]))
    if key and status == 201:
        await pool.execute("INSERT INTO naive_key VALUES ($1, $2)", key, json.dumps(answer))
    return status, answer


async def book(slot_id: str) -> Answer:
    pool, booking_id = POOL["pool"], uuid4().hex
    until = await pool.fetchval("SELECT until FROM naive_hold WHERE slot_id = $1", slot_id)
    if until and until < datetime.now(UTC) - SLOW:
        return 409, {"code": "hold_expired"}
    if await pool.fetchval("SELECT count(*) FROM naive_booking WHERE slot_id = $1", slot_id):
        return 409, {"code": "slot_taken"}
    await pool.execute("INSERT INTO naive_booking (id, slot_id) VALUES ($1, $2)", booking_id, slot_id)
    return 201, {"id": booking_id}


async def hold(_token: str, data: dict[str, Any], _key: str) -> Answer:
    until = await POOL["pool"].fetchval("SELECT max(until) FROM naive_hold WHERE slot_id = $1", data["thing"])
    if until and until > datetime.now(UTC):
        return 409, {"code": "slot_held"}
    ends = datetime.now(UTC) + timedelta(minutes=5)
    await POOL["pool"].execute("INSERT INTO naive_hold VALUES ($1, $2)", data["thing"], ends)
    return 200, {}


async def confirm(_token: str, data: dict[str, Any], _key: str) -> Answer:
    if await POOL["pool"].fetchval("SELECT confirmed FROM naive_booking WHERE id = $1", data["thing"]):
        return 409, {"code": "wrong_status"}
    await POOL["pool"].execute("UPDATE naive_booking SET confirmed = true WHERE id = $1", data["thing"])
    return 200, {}


async def lead_on(_token: str, data: dict[str, Any], _key: str) -> Answer:
    sources, target = LIFE[data["verb"]]
    if await POOL["pool"].fetchval("SELECT status FROM naive_booking WHERE id = $1", data["thing"]) not in sources:
        return 409, {"code": "wrong_status"}
    await POOL["pool"].execute("UPDATE naive_booking SET status = $2 WHERE id = $1", data["thing"], target)
    return 200, {}


async def join(session_id: str) -> Answer:
    last = "SELECT coalesce(max(position), 0) FROM naive_place WHERE session_id = $1"
    position = await POOL["pool"].fetchval(last, session_id) + 1
    if position > 100:
        return 409, {"code": "session_full"}
    await POOL["pool"].execute("INSERT INTO naive_place VALUES ($1, $2)", session_id, position)
    return 201, {"queue_position": position}


async def register(_token: str, _data: dict[str, Any], _key: str) -> Answer:
    login_id = uuid4().hex
    await POOL["pool"].execute("INSERT INTO naive_login VALUES ($1, true)", login_id)
    return 201, await pair_of(login_id)


async def pair_of(login_id: str) -> dict[str, Any]:
    token = uuid4().hex
    await POOL["pool"].execute("INSERT INTO naive_token VALUES ($1, $2, false)", token, login_id)
    return {"access_token": login_id, "refresh_token": token}


async def is_open(login_id: str) -> bool:
    return bool(await POOL["pool"].fetchval("SELECT open FROM naive_login WHERE id = $1", login_id))


async def refresh(_token: str, data: dict[str, Any], _key: str) -> Answer:
    """A token that has been used is a theft; whoever lost a race was a thief."""
    found = await POOL["pool"].fetchrow("SELECT * FROM naive_token WHERE token = $1", data["refresh_token"])
    if found["used"] or not await is_open(found["login_id"]):
        return 401, {}
    await POOL["pool"].execute("UPDATE naive_token SET used = true WHERE token = $1", data["refresh_token"])
    return 200, await pair_of(found["login_id"])


async def list_logins(token: str, _data: dict[str, Any], _key: str) -> Answer:
    """As frameworks do that load a session when a request begins and write it back when it ends."""
    loaded = await is_open(token)
    await asyncio.sleep(0.02)
    await POOL["pool"].execute("UPDATE naive_login SET open = $2 WHERE id = $1", token, loaded)
    return (200 if loaded else 401), {}


async def see_oneself(token: str, _data: dict[str, Any], _key: str) -> Answer:
    return (200 if await is_open(token) else 401), {}


async def log_out(token: str, _data: dict[str, Any], _key: str) -> Answer:
    await POOL["pool"].execute("UPDATE naive_login SET open = false WHERE id = $1", token)
    return 204, {}


async def give_out(_token: str, data: dict[str, Any], key: str) -> Answer:
    """Look whether something is left and how much is there; then write what that makes."""
    pool = POOL["pool"]
    if key and await pool.fetchval("SELECT answer FROM naive_key WHERE key = $1 LIMIT 1", key):
        return 201, {}
    if await pool.fetchval("SELECT count(*) FROM naive_fill WHERE prescription_id = $1", data["thing"]):
        return 409, {"code": "already_filled"}
    there = await pool.fetchval("SELECT quantity FROM naive_stock")
    await pool.execute("INSERT INTO naive_fill VALUES ($1)", data["thing"])
    await pool.execute("UPDATE naive_stock SET quantity = $1", there - 10)
    if key:
        await pool.execute("INSERT INTO naive_key VALUES ($1, '{}')", key)
    return 201, {}


async def once_a_key(_token: str, _data: dict[str, Any], key: str) -> Answer:
    """A message is sent, a prescription issued: look whether the key was seen, do it, keep the key."""
    pool = POOL["pool"]
    if await pool.fetchval("SELECT count(*) FROM naive_key WHERE key = $1", key):
        return 201, {}
    await pool.execute("INSERT INTO naive_effect VALUES ($1)", key)
    await pool.execute("INSERT INTO naive_key VALUES ($1, '{}')", key)
    return 201, {}


ROUTES = {
    ("POST", "/api/appointments"): make_appointment,
    ("POST", "/api/prescriptions"): once_a_key,
    ("POST", "/api/auth/register"): register,
    ("POST", "/api/auth/refresh"): refresh,
    ("POST", "/api/auth/logout"): log_out,
    ("GET", "/api/auth/logins"): list_logins,
    ("GET", "/api/auth/me"): see_oneself,
}
LIFE = {
    "check-in": ({"BOOKED"}, "CHECKED_IN"), "start": ({"BOOKED", "CHECKED_IN"}, "IN_PROGRESS"),
    "complete": ({"IN_PROGRESS"}, "COMPLETED"), "cancel": ({"BOOKED", "CHECKED_IN", "IN_PROGRESS"}, "CANCELLED"),
    "no-show": ({"BOOKED", "CHECKED_IN"}, "NO_SHOW"),
}  # fmt: skip
VERBS = {
    "hold": hold, "dispense": give_out, "confirm": confirm, "messages": once_a_key, **dict.fromkeys(LIFE, lead_on),
}  # fmt: skip
