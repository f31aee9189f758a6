"""The video session that a virtual visit gets, as its two people read it."""

from uuid import uuid4

import httpx
import pytest

from tests import factories
from tests.appointments.conftest import Cast, audit_of, booked, get

pytestmark = pytest.mark.anyio


async def test_the_two_see_it_and_nobody_else(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast, appointment_type="VIRTUAL", chief_complaint="a rash")
    path = f"/video/sessions/{visit['video_session_id']}"
    for who in (cast.patient, cast.doctor):
        found = (await get(client, who, path)).json()
        assert (found["status"], found["booking_type"]) == ("SCHEDULED", "CLINIC_BASED")
        assert (found["appointment_id"], found["chief_complaint"]) == (visit["id"], "a rash")
    system = await factories.person(factories.Role.SYSTEM_ADMIN)
    assert (await get(client, system, path)).json()["chief_complaint"] == ""
    for stranger in (cast.other_patient, cast.other_doctor, cast.admin):
        assert (await get(client, stranger, path)).status_code == 403
        assert (await get(client, stranger, path + "/events")).status_code == 403
    assert (await get(client, cast.patient, f"/video/sessions/{uuid4()}")).status_code == 404
    assert (await client.get(f"/api{path}")).status_code == 401
    readers = [row["actor_id"] for row in await audit_of(visit["video_session_id"])]
    assert readers == [cast.doctor.id, system.id]


async def test_its_trail_begins_with_its_creation_and_ends_with_the_visit(
    client: httpx.AsyncClient, cast: Cast
) -> None:
    visit = await booked(client, cast, appointment_type="VIRTUAL")
    path = f"/video/sessions/{visit['video_session_id']}"
    await client.post(
        f"/api/appointments/{visit['id']}/cancel", headers=cast.patient.bearer, json={"reason": "well again"}
    )
    found = (await get(client, cast.doctor, path + "/events")).json()
    assert [one["event_type"] for one in found["events"]] == ["SESSION_CREATED", "SESSION_CANCELLED"]
    assert (await get(client, cast.doctor, path + "/events", event_type="SESSION_CREATED")).json()["total"] == 1
    assert (await get(client, cast.doctor, path)).json()["status"] == "CANCELLED"
