"""Who hears of a visit: the parties, their clinic of its state alone, over a running hub; strangers are refused the topics."""

from types import SimpleNamespace

import httpx
import pytest

from portal import live
from portal.accounts.schemas import Actor, Role
from tests import factories
from tests.appointments.conftest import Cast, booked, near, post
from tests.appointments.test_pages import see
from tests.clients import published

pytestmark = pytest.mark.anyio


async def may(actor: Actor | None, topic: str) -> bool:
    return await live.kind_of(topic).may_listen(actor, topic)


async def test_only_those_concerned_may_listen(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    topic = f"appointment:{visit['id']}"
    system, pharmacist = [await factories.person(role) for role in (Role.SYSTEM_ADMIN, Role.PHARMACY)]
    for who in (cast.patient, cast.doctor):
        assert await may(who.actor, topic)
    for who in (
        cast.admin,
        cast.other_patient,
        cast.other_doctor,
        cast.other_admin,
        system,
        pharmacist,
        SimpleNamespace(actor=None),
    ):
        assert not await may(who.actor, topic)
    assert not await may(cast.patient.actor, f"appointment:{factories.uuid7()}")
    assert await may(cast.patient.actor, f"user:{cast.patient.id}")
    assert not await may(cast.doctor.actor, f"user:{cast.patient.id}")
    assert not await may(None, f"user:{cast.patient.id}")
    assert await may(cast.admin.actor, f"clinic:{cast.clinic_id}")
    for who in (cast.other_admin, cast.doctor, cast.patient):
        assert not await may(who.actor, f"clinic:{cast.clinic_id}")


async def test_streams_of_strangers_are_refused(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    topics = {"topics": f"appointment:{visit['id']}"}
    assert (await client.get("/api/live", headers=cast.other_patient.bearer, params=topics)).status_code == 403
    assert (await client.get("/api/live", params=topics)).status_code == 401


async def test_the_clinic_does_not_hear_what_the_two_say(client: httpx.AsyncClient, cast: Cast) -> None:
    """Its pages about a visit listen to the clinic's own topic, which tells of its state and of nothing that is said."""
    visit = await booked(client, cast)
    topics = {"topics": f"appointment:{visit['id']}"}
    assert (await client.get("/api/live", headers=cast.admin.bearer, params=topics)).status_code == 403
    for path in (f"/appointments/{visit['id']}", f"/appointments/{visit['id']}/repair"):
        page = (await see(client, cast.admin, path)).text
        assert f"clinic%3A{cast.clinic_id}" in page and f"appointment%3A{visit['id']}" not in page
        own = (await see(client, cast.patient, path)).text
        assert f"appointment%3A{visit['id']}" in own


async def test_a_move_is_told_to_the_parties_and_to_nobody_else(
    client: httpx.AsyncClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = await booked(client, cast)
    await near(visit["id"])
    with published(monkeypatch) as told:
        await post(client, cast.admin, f"/appointments/{visit['id']}/check-in")
        await post(client, cast.patient, f"/appointments/{visit['id']}/check-in")
        await post(client, cast.other_doctor, f"/appointments/{visit['id']}/start")
    assert told == [
        (f"appointment:{visit['id']}", "appointment.changed"), (f"user:{cast.patient.id}", "appointment.changed"),
        (f"user:{cast.doctor.id}", "appointment.changed"), (f"clinic:{cast.clinic_id}", "appointment.changed"),
    ]  # fmt: skip
