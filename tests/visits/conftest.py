"""The cast and the portal of the appointment tests, and a visit that has begun."""

from typing import Any

import httpx

from tests.appointments.conftest import Cast, app, booked, cast, client, get, post
from tests.factories import Person

__all__ = ["app", "cast", "client"]


async def begun(client: httpx.AsyncClient, cast: Cast, **more: Any) -> str:
    """A visit of the cast's patient with its doctor, in the middle of it."""
    visit = await booked(client, cast, **more)
    assert (await post(client, cast.doctor, f"/appointments/{visit['id']}/start")).status_code == 200
    return str(visit["id"])


async def write(client: httpx.AsyncClient, who: Person, visit: str, version: int, **texts: Any) -> httpx.Response:
    body = {"version": version, **texts}
    return await client.put(f"/api/appointments/{visit}/notes", json=body, headers=who.bearer)


async def read(client: httpx.AsyncClient, who: Person, visit: str, part: str = "notes", **query: int) -> dict[str, Any]:
    answer = await get(client, who, f"/appointments/{visit}/{part}", **query)
    assert answer.status_code == 200, answer.text
    return answer.json()
