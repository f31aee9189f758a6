"""An emergency comes before what somebody has kept of the doctor's times; they hear so at once, and the time comes back."""

from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from portal import clock
from tests import factories
from tests.clients import published
from tests.emergencies.conftest import Cast, do, open_call
from tests.slots.conftest import row_of

pytestmark = pytest.mark.anyio


async def test_the_hold_ends_and_the_time_is_open_again_afterwards(
    client: httpx.AsyncClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon = clock.now() + timedelta(minutes=6)
    slot, others = await factories.slot(cast.near.id, soon), await factories.slot(cast.far.id, soon)
    hold = f"/api/slots/{slot}/hold"
    assert (await client.post(hold, headers=cast.stranger.bearer)).is_success
    emergency = await open_call(client, cast)
    with published(monkeypatch) as told:
        accepted = await do(client, cast.near, emergency, "accept")
    visit = accepted.json()["appointment_id"]
    row = await row_of(slot)
    assert (row["held_by"], row["held_until"], row["disabled"], row["closed_for"]) == (None, None, True, UUID(visit))
    assert (f"slots:{cast.near.id}:{row['date']}", "slot.disabled") in told
    assert not (await row_of(others))["disabled"], "the times of other doctors stay as they are"
    body = {"slot_id": str(slot), "appointment_type": "VIRTUAL"}
    refused = await client.post("/api/appointments", headers=cast.stranger.bearer, json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "slot_disabled")
    cancel = f"/api/appointments/{visit}/cancel"
    assert (await client.post(cancel, headers=cast.patient.bearer, json={"reason": "better"})).is_success
    assert (await client.post("/api/appointments", headers=cast.stranger.bearer, json=body)).status_code == 201
