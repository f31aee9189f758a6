"""A pharmacy with its pharmacist, a clinic with its admin, and people who have nothing to do with either."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar

from portal.accounts.schemas import Role
from tests import factories
from tests.clients import app, client
from tests.factories import Person
from tests.inventory import shelf

__all__ = ["app", "client"]


@dataclass
class Cast:
    pharmacist: Person
    pharmacy_id: UUID
    admin: Person
    clinic_id: UUID
    second_id: UUID  # another clinic of the admin's
    stranger: Person  # a pharmacist elsewhere
    doctor: Person
    patient: Person


@pytest.fixture(scope="module")
async def cast(app: Litestar) -> Cast:
    pharmacy_id, elsewhere = await shelf.pharmacy(), await shelf.pharmacy()
    clinic_id, second_id = await factories.clinic(), await factories.clinic()
    return Cast(
        await factories.person(Role.PHARMACY, pharmacy_id=pharmacy_id), pharmacy_id,
        await factories.person(Role.CLINIC_ADMIN, clinic_ids=[clinic_id, second_id]), clinic_id, second_id,
        await factories.person(Role.PHARMACY, pharmacy_id=elsewhere),
        await factories.doctor(clinic_ids=[clinic_id]), await factories.patient(),
    )  # fmt: skip


async def call(client: httpx.AsyncClient, who: Person, method: str, path: str, **more: Any) -> httpx.Response:
    return await client.request(method, f"/api/inventory{path}", headers=who.bearer, **more)


async def post(client: httpx.AsyncClient, who: Person, path: str, body: dict[str, Any]) -> httpx.Response:
    return await call(client, who, "POST", path, json={name: plain(value) for name, value in body.items()})


async def get(client: httpx.AsyncClient, who: Person, path: str, **query: Any) -> Any:
    answer = await call(client, who, "GET", path, params={name: str(value) for name, value in query.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()


def plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value
