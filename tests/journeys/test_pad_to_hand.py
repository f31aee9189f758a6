"""From the doctor's signature to the medicine in hand by documented calls alone: two pharmacies, three batches."""

from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from tests.journeys.caller import Caller
from tests.prescriptions.conftest import Stage, app, cast, client, stage

__all__ = ["app", "cast", "client", "stage"]  # fixtures

pytestmark = pytest.mark.anyio


async def received(keeper: Caller, medicine: str, place: str, number: str, days: int, quantity: int) -> None:
    batch = {
        "item_id": medicine, "location_id": place, "batch_number": number, "quantity": quantity,
        "expiry_date": (date.today() + timedelta(days=days)).isoformat(), "cost_price": 1, "selling_price": 2,
    }  # fmt: skip
    await keeper("POST", "/inventory/stock/in", batch, expect=201)


async def signed(doctor: Caller, stage: Stage, medicine: str) -> Any:
    """Ten tablets, in spite of an allergy, for a reason."""
    item = {
        "catalog_item_id": medicine, "dose": 1, "dose_unit": "TABLETS", "frequency": "TWICE_DAILY", "duration_days": 5,
        "quantity": 10, "unit": "TABLETS",
    }  # fmt: skip
    wanted: dict[str, Any] = {"appointment_id": str(stage.visit), "items": [item]}
    (warning,) = (await doctor("POST", "/prescriptions", wanted, expect=409))["warnings"]
    assert warning["kind"] == "ALLERGY"
    wanted["acknowledged_warnings"] = [{"warning": warning["key"], "reason": "Taken twice since without trouble"}]
    return await doctor("POST", "/prescriptions", wanted, expect=201)


async def moves(keeper: Caller, medicine: str, place: str) -> list[tuple[str, float, float]]:
    """Kind, quantity and balance of what the ledger of a place says of a medicine, oldest first."""
    found = await keeper("GET", "/inventory/transactions", item_id=medicine, location_id=place)
    return [(one["transaction_type"], one["quantity"], one["balance"]) for one in reversed(found["transactions"])]


async def test_from_the_signature_to_the_hand(client: httpx.AsyncClient, stage: Stage) -> None:
    doctor, patient = Caller(client, stage.doctor.bearer), Caller(client, stage.patient.bearer)
    counter, there = Caller(client, stage.pharmacist.bearer), Caller(client, stage.other_pharmacist.bearer)
    medicine, own, other = str(stage.medicine), str(stage.pharmacy), str(stage.other_pharmacy)
    await received(counter, medicine, own, "SOON", 20, 4)
    await received(counter, medicine, own, "LATE", 200, 50)
    await received(there, medicine, other, "THERE", 100, 50)
    allergies = [{"substance": "Penicillin", "severity": "SEVERE"}]
    await patient("PATCH", f"/patients/{stage.patient.id}", {"allergies": allergies})

    rx = await signed(doctor, stage, medicine)
    here, item = f"/prescriptions/{rx['id']}", rx["items"][0]["id"]
    await counter("GET", here, expect=404)  # nobody has sent it
    await patient("POST", f"{here}/send", {"pharmacy_id": own})
    assert [one["id"] for one in (await counter("GET", "/prescriptions/active"))["prescriptions"]] == [rx["id"]]

    part = {"items": [{"prescription_item_id": item, "quantity": 7}], "identity_checked": True}
    given = await counter("POST", f"{here}/dispense", part, expect=201)
    assert [(one["batch_number"], one["quantity"]) for one in given["lines"]] == [("SOON", 4), ("LATE", 3)]
    assert (await patient("GET", here))["status"] == "PARTIALLY_FILLED"
    assert (await counter("POST", f"{here}/dispense", part, expect=409))["code"] == "over_quantity"

    born = (await patient("GET", f"/profiles/{stage.patient.id}"))["date_of_birth"]
    opened = await there("POST", "/prescriptions/open", {"code": rx["code"].lower(), "date_of_birth": born})
    assert opened["id"] == rx["id"]
    rest = {"items": [{"prescription_item_id": item, "quantity": 3}], "identity_checked": True}
    await there("POST", f"{here}/dispense", rest, expect=201)
    assert (await there("POST", f"{here}/dispense", rest, expect=409))["code"] == "already_filled"

    assert (await counter("GET", "/prescriptions/active"))["prescriptions"] == []
    assert await moves(counter, medicine, own) == [
        ("IN", 4, 4),
        ("IN", 50, 50),
        ("DISPENSE", 4, 0),
        ("DISPENSE", 3, 47),
    ]
    assert await moves(there, medicine, other) == [("IN", 50, 50), ("DISPENSE", 3, 47)]
    for party in (patient, doctor):
        assert (await party("GET", here))["status"] == "FILLED"
        assert len((await party("GET", f"{here}/dispenses"))["dispenses"]) == 2
        changes = (await party("GET", f"{here}/history"))["history"]
        assert [one["to"] for one in changes][-2:] == ["PARTIALLY_FILLED", "FILLED"]
