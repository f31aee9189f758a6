"""Lists, one appointment and its history: whose they are, filters, and the audit of staff reads."""

from datetime import date, timedelta
from uuid import uuid4

import httpx
import pytest

from tests import factories
from tests.appointments.conftest import Cast, audit_of, book, booked, get, post
from tests.counting import counted_statements

pytestmark = pytest.mark.anyio


async def test_everybody_sees_their_own(client: httpx.AsyncClient, cast: Cast) -> None:
    mine = await booked(client, cast, chief_complaint="a canary")
    slot_id = await factories.slot(cast.other_doctor.id)
    theirs = (await book(client, cast.other_patient, slot_id)).json()
    for who in (cast.patient, cast.doctor, cast.admin):
        found = (await get(client, who, "/appointments")).json()
        assert [one["id"] for one in found["appointments"]] == [mine["id"]] and found["total"] == 1
        assert (await get(client, who, f"/appointments/{mine['id']}")).json()["chief_complaint"] == "a canary"
        for path in (
            f"/appointments/{theirs['id']}",
            f"/appointments/{theirs['id']}/history",
            f"/appointments/{uuid4()}",
        ):
            assert (await get(client, who, path)).status_code == 404
    system = await factories.person(factories.Role.SYSTEM_ADMIN)
    assert (await get(client, system, f"/appointments/{mine['id']}")).json()["chief_complaint"] == ""
    pharmacist = await factories.person(factories.Role.PHARMACY)
    assert (await get(client, pharmacist, "/appointments")).status_code == 403
    assert (await client.get("/api/appointments")).status_code == 401


async def test_filters_and_pages(client: httpx.AsyncClient, cast: Cast) -> None:
    visits = [await booked(client, cast, day=day) for day in (1, 2, 3)]
    await post(client, cast.patient, f"/appointments/{visits[0]['id']}/cancel", {"reason": "no time"})

    async def ids(**query: object) -> list[str]:
        return [one["id"] for one in (await get(client, cast.patient, "/appointments", **query)).json()["appointments"]]

    first, second, third = (visit["id"] for visit in visits)
    assert await ids() == [third, second, first]
    assert await ids(status="BOOKED") == [third, second]
    assert await ids(status=["BOOKED", "CANCELLED"], limit=2) == [third, second]
    assert await ids(skip=1, limit=1) == [second]
    day = date.today() + timedelta(days=2)
    assert await ids(**{"from": day.isoformat(), "to": day.isoformat()}) == [second]
    assert await ids(doctor_id=str(cast.other_doctor.id)) == [] and len(await ids(clinic_id=str(cast.clinic_id))) == 3
    beyond = (await get(client, cast.patient, "/appointments", skip=10)).json()
    assert (beyond["total"], beyond["appointments"]) == (3, [])


@pytest.mark.parametrize(
    "query", [{"status": "LOST"}, {"limit": 101}, {"skip": -1}, {"from": "today"}, {"colour": "red"}]
)
async def test_bad_filters(client: httpx.AsyncClient, cast: Cast, query: dict) -> None:
    assert (await get(client, cast.patient, "/appointments", **query)).status_code == 422


async def test_reads_by_staff_are_audited(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    for who in (cast.patient, cast.doctor, cast.admin):
        await get(client, who, f"/appointments/{visit['id']}")
    readers = [row["actor_id"] for row in await audit_of(visit["id"]) if row["action"] == "appointment.read"]
    assert readers == [cast.doctor.id, cast.admin.id]
    with counted_statements() as said:
        await get(client, cast.doctor, "/appointments")
    assert len(said) == 3 and [row["action"] for row in await audit_of(cast.doctor.id)] == ["appointments.listed"]
