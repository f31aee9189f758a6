"""Until when a doctor is warned of what a patient has: while it can be given out, and then as long as it lasts."""

import httpx
import pytest

from tests.dispensing import paper
from tests.prescriptions.conftest import Stage, dispense, issued, item, order, post
from tests.prescriptions.test_patients_side import past

pytestmark = pytest.mark.anyio

RAMIPRIL = {"drug_name": "Ramipril", "frequency": "ONCE_DAILY"}


@pytest.mark.parametrize(("days", "refills", "status", "taken"), [
    (90, 0, "FILLED", True), (30, 0, "FILLED", False), (30, 2, "FILLED", True), (30, 1, "FILLED", False),
    (90, 0, "ACTIVE", False),
])  # fmt: skip
async def test_sixty_days_later(
    client: httpx.AsyncClient, stage: Stage, days: int, refills: int, status: str, taken: bool
) -> None:
    """It could be filled for 30 days. What was filled is taken until its days are over; what was not, never."""
    wanted = item(**RAMIPRIL, duration_days=days, quantity=days, refills_allowed=refills)
    one = (await issued(client, stage, wanted))["id"]
    if status == "FILLED":
        await dispense(one, days * (1 + refills), "FILLED")
    await past(one)
    again = await post(client, stage.doctor, "/prescriptions/check", order(stage, item(drug_name="Ramipril")))
    kinds = [warning["kind"] for warning in again.json()["warnings"]]
    assert kinds == (["ACTIVE_PRESCRIPTION"] if taken else [])


async def test_what_was_filled_on_the_last_day(client: httpx.AsyncClient) -> None:
    """Ten days that were given out on the 29th begin then."""
    place = await paper.shelf.shelf(100)
    rx = await paper.write(await paper.drug(place.item_id), days_ago=29)
    await paper.send_to(rx, place.pharmacy_id)
    given = await post(client, place.pharmacist, f"/prescriptions/{rx.id}/dispense", rx.wants())
    assert given.status_code == 201, given.text
    asked = {"appointment_id": str(rx.appointment_id), "items": [item(active_ingredient="Substance")]}
    found = (await post(client, rx.doctor, "/prescriptions/check", asked)).json()["warnings"]
    assert [one["kind"] for one in found] == ["ACTIVE_PRESCRIPTION"]
