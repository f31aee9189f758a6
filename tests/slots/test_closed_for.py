"""Times that a visit has closed are open again when it is over, however it ends; those closed by hand stay closed."""

import asyncio
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from portal import clock, db
from portal.appointments import jobs as visit_jobs
from portal.settings import Settings
from portal.slots import jobs
from portal.video import jobs as video_jobs
from tests import factories
from tests.appointments.conftest import Cast, cast, post
from tests.booking.test_book_first_available import ask, available
from tests.clients import published
from tests.factories import Person
from tests.slots.conftest import row_of
from tests.waitlist.conftest import jobs_for, waits

__all__ = ["cast"]

pytestmark = pytest.mark.anyio


async def arrange(
    client: httpx.AsyncClient, who: Person, cast: Cast, minutes: int = 24 * 60, **more: Any
) -> httpx.Response:
    """Half an hour with the doctor of the cast."""
    start = clock.now() + timedelta(minutes=minutes)
    body = {
        "booking_type": "DIRECT_DOCTOR", "doctor_id": str(cast.doctor.id), "patient_id": str(who.id),
        "scheduled_start_time": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "consultation_duration_minutes": 30, **more,
    }  # fmt: skip
    return await post(client, who, "/video/sessions", body)


async def in_its_way(cast: Cast, minutes: int = 24 * 60) -> UUID:
    return await factories.slot(cast.doctor.id, clock.now() + timedelta(minutes=minutes + 5), clinic_id=cast.clinic_id)


async def closed_for(slot: UUID) -> UUID | None:
    """The visit it is closed for; raises when a hand has closed it, or nobody."""
    row = await row_of(slot)
    assert row["disabled"] or row["closed_for"] is None
    return row["closed_for"]


async def is_open(slot: UUID) -> bool:
    return not (await row_of(slot))["disabled"] and await closed_for(slot) is None


async def shown(monkeypatch: pytest.MonkeyPatch, settings: Settings, *slots: UUID) -> list[tuple[str, str]]:
    """What watchers are told once the worker has done what it was asked to about these times."""
    sql = """
    DELETE FROM pgqueuer WHERE entrypoint = 'show_slot'
        AND convert_from(payload, 'UTF8')::jsonb ->> 'slot_id' = ANY($1) RETURNING convert_from(payload, 'UTF8') AS payload
    """
    rows = await db.fetch(sql, [str(one) for one in slots])
    (job,) = jobs.JOBS
    with published(monkeypatch) as told:
        for row in rows:
            await job.run(settings, json.loads(row["payload"]))
    return told


async def test_a_direct_visit_that_is_called_off(
    client: httpx.AsyncClient, cast: Cast, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot, by_hand = await in_its_way(cast), await in_its_way(cast, 24 * 60 + 16)
    await client.patch(f"/api/slots/{by_hand}", headers=cast.doctor.bearer, json={"disabled": True})
    await waits(client, cast.other_patient, cast)
    made = (await arrange(client, cast.patient, cast)).json()["id"]
    assert await closed_for(slot) == UUID(made) and await closed_for(by_hand) is None
    assert (await post(client, cast.patient, f"/video/sessions/{made}/cancel", {"cancellation_reason": "x"})).is_success
    assert await is_open(slot) and (await row_of(by_hand))["disabled"]
    assert await jobs_for(slot) == 1 and await jobs_for(by_hand) == 0
    topic = f"slots:{cast.doctor.id}:{(await row_of(slot))['date']}"
    assert await shown(monkeypatch, settings, slot, by_hand) == [(topic, "slot.enabled")]


async def test_arranging_and_calling_off_closes_no_calendar(client: httpx.AsyncClient, cast: Cast) -> None:
    slots = [await in_its_way(cast, minutes) for minutes in range(1440, 1440 + 6 * 60, 60)]
    for minutes in range(1440, 1440 + 6 * 60, 60):
        made = (await arrange(client, cast.patient, cast, minutes)).json()["id"]
        await post(client, cast.patient, f"/video/sessions/{made}/cancel", {"cancellation_reason": "x"})
    assert [one for one in slots if not await is_open(one)] == []


async def test_the_first_who_is_free_ends_early_or_is_not_met(
    client: httpx.AsyncClient, cast: Cast, settings: Settings
) -> None:
    slot = await in_its_way(cast, 0)
    for verb in ("cancel", "complete", "no-show"):
        await available(cast.doctor)
        visit = (await ask(client, cast.patient, cast)).json()["id"]
        assert await closed_for(slot) == UUID(visit)
        if verb == "complete":
            assert (await post(client, cast.doctor, f"/appointments/{visit}/start")).is_success
            assert (await row_of(slot))["disabled"]
        body = {"reason": "x"} if verb == "cancel" else None
        assert (await post(client, cast.doctor, f"/appointments/{visit}/{verb}", body)).is_success
        assert await is_open(slot), verb
    await available(cast.doctor)
    visit = (await ask(client, cast.patient, cast)).json()["id"]
    past = "starts_at = starts_at - interval '2 hours', ends_at = ends_at - interval '2 hours'"
    await db.execute(f"UPDATE appointment SET {past} WHERE id = $1", UUID(visit))
    await visit_jobs.mark_no_shows(settings)
    assert await is_open(slot)


async def test_nobody_came_to_a_direct_visit_and_what_is_past_stays_closed(
    client: httpx.AsyncClient, cast: Cast, settings: Settings
) -> None:
    begun, ahead = await in_its_way(cast), await in_its_way(cast, 24 * 60 + 16)
    made = UUID((await arrange(client, cast.patient, cast)).json()["id"])
    move = "{0} = {0} - interval '26 hours', {1} = {1} - interval '26 hours'"
    room = move.format("scheduled_start_time", "scheduled_end_time")
    await db.execute(f"UPDATE video_session SET {room} WHERE id = $1", made)
    await db.execute(f"UPDATE slot SET {move.format('starts_at', 'ends_at')} WHERE id = $1", begun)
    await video_jobs.mark_no_shows(settings)
    assert await is_open(ahead) and (await row_of(begun))["disabled"]


async def test_another_visit_in_its_way_keeps_it_closed(client: httpx.AsyncClient, cast: Cast) -> None:
    slot = await in_its_way(cast)
    first = (await arrange(client, cast.patient, cast, 24 * 60 - 20)).json()["id"]
    second = (await arrange(client, cast.other_patient, cast, 24 * 60 + 12)).json()["id"]
    assert await closed_for(slot) == UUID(first)
    await post(client, cast.patient, f"/video/sessions/{first}/cancel", {"cancellation_reason": "x"})
    assert await closed_for(slot) == UUID(second)
    await post(client, cast.other_patient, f"/video/sessions/{second}/cancel", {"cancellation_reason": "x"})
    assert await is_open(slot)


async def test_what_a_hand_has_closed_or_opened_stays_so(client: httpx.AsyncClient, cast: Cast) -> None:
    closed, opened = await in_its_way(cast), await in_its_way(cast, 24 * 60 + 16)
    made = (await arrange(client, cast.patient, cast)).json()["id"]
    for slot, disabled in ((closed, True), (opened, False)):
        answer = await client.patch(f"/api/slots/{slot}", headers=cast.admin.bearer, json={"disabled": disabled})
        assert answer.status_code == 200 and (await row_of(slot))["closed_for"] is None
    await post(client, cast.patient, f"/video/sessions/{made}/cancel", {"cancellation_reason": "x"})
    assert (await row_of(closed))["disabled"] and not (await row_of(opened))["disabled"]


@pytest.mark.race
async def test_a_doctor_is_given_or_called_never_both(client: httpx.AsyncClient, cast: Cast) -> None:
    """A direct visit in five minutes and the first who is free now, in the same moment."""
    for _round in range(8):
        doctor, here = await factories.doctor(specialty_id=cast.specialty_id), await factories.patient()
        await available(doctor)
        answers = await asyncio.gather(
            ask(client, await factories.patient(), cast),
            arrange(client, here, cast, 5, doctor_id=str(doctor.id)),
        )
        assert sorted(one.status_code for one in answers) == [201, 409], [one.text for one in answers]
        await db.execute("UPDATE doctor SET availability_status = 'UNAVAILABLE' WHERE account_id = $1", doctor.id)
