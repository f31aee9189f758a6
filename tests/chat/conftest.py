"""The cast and the portal of the appointment tests, and two people who talk."""

from typing import Any
from uuid import uuid4

import httpx

from portal import db
from tests.appointments.conftest import app, booked, cast, client, get, post
from tests.appointments.test_pages import see
from tests.factories import Person

__all__ = ["app", "booked", "cast", "client"]


async def say(client: httpx.AsyncClient, who: Person, visit: Any, body: str = "Hello", **more: Any) -> httpx.Response:
    """A message through the API, with an id of its own unless one is given."""
    content = {"body": body, "client_id": str(uuid4()), **more}
    return await post(client, who, f"/appointments/{visit['id']}/messages", content)


async def heard(client: httpx.AsyncClient, who: Person, visit: Any, **query: Any) -> dict[str, Any]:
    answer = await get(client, who, f"/appointments/{visit['id']}/messages", **query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def give(
    client: httpx.AsyncClient, who: Person, visit: Any, name: str, content: bytes, **fields: str
) -> httpx.Response:
    """A file through the API."""
    path = f"/api/appointments/{visit['id']}/files"
    return await client.post(path, headers=who.bearer, files={"file": (name, content)}, data=fields)


async def token_of(client: httpx.AsyncClient, who: Person) -> str:
    page = await see(client, who, "/settings")
    return page.text.partition('name="csrf-token" content="')[2].partition('"')[0]


async def days_ago(visit: Any, days: float, status: str = "COMPLETED") -> None:
    """Let a visit have ended some days ago."""
    sql = """
    UPDATE appointment SET starts_at = clock_timestamp() - make_interval(secs => $2 * 86400 + 900),
        ends_at = clock_timestamp() - make_interval(secs => $2 * 86400), status = $3 WHERE id = $1
    """
    await db.execute(sql, visit["id"], days, status)
