"""Asking for what is not yours leaves a row, and looks the same as asking for what is not there."""

from uuid import uuid4

import pytest
from httpx import AsyncClient

from portal import db
from tests import factories

pytestmark = [pytest.mark.anyio, pytest.mark.H1]


async def denied(actor: factories.Person) -> list[tuple[str, str]]:
    rows = await db.fetch(
        "SELECT subject_type, subject_id FROM audit_event WHERE actor_id = $1 AND outcome = 'DENIED' ORDER BY seq",
        actor.id,
    )
    return [(row["subject_type"], row["subject_id"]) for row in rows]


async def test_a_stranger_who_asks_is_written_down(client: AsyncClient) -> None:
    owner, stranger, nowhere = await factories.patient(), await factories.patient(), uuid4()
    for patient_id in (owner.id, nowhere):
        answer = await client.get(f"/api/patients/{patient_id}", headers=stranger.bearer)
        assert answer.status_code == 404
    found = await denied(stranger)
    assert [subject for _kind, subject in found] == [str(owner.id), str(nowhere)]
    assert await denied(owner) == []


async def test_a_wrong_role_is_written_down_and_a_visitor_is_nobody(client: AsyncClient) -> None:
    patient, account = await factories.patient(), uuid4()
    path = f"/api/admin/users/{account}/verify"
    assert (await client.post(path, headers=patient.bearer)).status_code == 403
    assert [subject for _kind, subject in await denied(patient)] == [str(account)]
    assert (await client.post(path)).status_code == 401
    assert await db.fetch_value("SELECT count(*) FROM audit_event WHERE actor_id IS NULL AND outcome = 'DENIED'") == 0
