"""Issuing by the API: who may, what is demanded, what is warned of, what follows."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from portal import db
from portal.prescriptions.numbers import read_code
from portal.settings import Settings
from tests import naive
from tests.appointments.conftest import audit_of, events_of
from tests.catalogue import FULL, figure
from tests.clients import asked_many_times, published
from tests.owner import as_owner
from tests.prescriptions.conftest import Stage, allergic, get, issued, item, medicine, order, post, row_of, visit

pytestmark = pytest.mark.anyio


async def test_issue(client: httpx.AsyncClient, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with published(monkeypatch) as told:
        made = await issued(
            client, stage, item(), item(drug_name="Ibuprofen", refills_allowed=2), notes="Rest.\nDrink."
        )
    assert (made["status"], made["doctor_id"], made["patient_id"]) == (
        "ACTIVE",
        str(stage.doctor.id),
        str(stage.patient.id),
    )
    assert read_code(made["code"]) == made["code"] and made["notes"] == "Rest.\nDrink." and made["pharmacy_id"] is None
    assert [one["remaining"] for one in made["items"]] == [21, 63] and made["items"][0]["dispensed"] == 0
    topics = {topic for topic, event in told if event == "prescription.issued"}
    assert topics == {f"appointment:{stage.visit}", f"user:{stage.patient.id}", f"user:{stage.doctor.id}"}
    ((event, data),) = await events_of(made["id"])
    ids = {"prescription_id": made["id"], "patient_id": str(stage.patient.id), "doctor_id": str(stage.doctor.id)}
    assert (event, data) == ("prescription.issued", {**ids, "appointment_id": str(stage.visit), "status": "ACTIVE"})
    (row,) = await audit_of(made["id"])
    assert (row["action"], row["actor_id"], row["patient_id"]) == (
        "prescription.issued",
        stage.doctor.id,
        stage.patient.id,
    )
    history = (await get(client, stage.patient, f"/prescriptions/{made['id']}/history")).json()["history"]
    assert [(one["from"], one["to"]) for one in history] == [(None, "ACTIVE")]
    notices = await db.fetch("SELECT account_id, kind, link FROM notification WHERE account_id = $1", stage.patient.id)
    assert [tuple(one) for one in notices] == [
        (stage.patient.id, "prescription.issued", f"/prescriptions/{made['id']}")
    ]


async def test_who_may_issue(client: httpx.AsyncClient, stage: Stage) -> None:
    for who in (stage.patient, stage.cast.admin, stage.pharmacist):
        assert (await post(client, who, "/prescriptions", order(stage))).status_code == 403
    assert (await post(client, stage.cast.other_doctor, "/prescriptions", order(stage))).status_code == 404
    elsewhere = {**order(stage), "appointment_id": str(uuid4())}
    assert (await post(client, stage.doctor, "/prescriptions", elsewhere)).status_code == 404
    early = await visit(stage.cast.other_patient.id, stage.doctor.id, stage.cast.clinic_id, "BOOKED")
    refused = await post(client, stage.doctor, "/prescriptions", {**order(stage), "appointment_id": str(early)})
    assert (refused.status_code, refused.json()["code"]) == (409, "wrong_status")
    await db.execute("UPDATE account SET status = 'SUSPENDED' WHERE id = $1", stage.doctor.id)
    assert (await post(client, stage.doctor, "/prescriptions", order(stage))).status_code in (401, 403)
    assert await db.fetch_value("SELECT count(*) FROM prescription WHERE appointment_id = $1", stage.visit) == 0


async def test_from_the_catalogue(client: httpx.AsyncClient, stage: Stage) -> None:
    chosen = item(catalog_item_id=str(stage.medicine), drug_name=None, strength=None, form=None)
    (made,) = (await issued(client, stage, chosen))["items"]
    assert (made["active_ingredient"], made["strength"], made["form"]) == ("amoxicillin", "500 mg", "tablets")
    wrong = item(catalog_item_id=str(stage.medicine), drug_name=None, strength="250 mg", form=None)
    answer = await post(client, stage.doctor, "/prescriptions", order(stage, wrong))
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "items.0.strength")
    unknown = item(catalog_item_id=str(uuid4()))
    answer = await post(client, stage.doctor, "/prescriptions", order(stage, unknown))
    assert answer.json()["errors"][0]["field"] == "items.0.catalog_item_id"


async def test_counted_as_the_catalogue_counts(client: httpx.AsyncClient, stage: Stage) -> None:
    """10 ml of what lies in bottles would be 10 bottles at the counter: the field `unit` is told what is counted."""
    bottled = await medicine("Amoxil syrup", unit_type="BOTTLES")
    more = {"catalog_item_id": str(bottled), "drug_name": None, "strength": None, "form": None}
    wrong = item(dose=5, dose_unit="MILLILITRES", quantity=10, unit="MILLILITRES", **more)
    for path in ("/prescriptions", "/prescriptions/check"):
        answer = await post(client, stage.doctor, path, order(stage, wrong))
        (error,) = answer.json()["errors"]
        assert (answer.status_code, error["field"]) == (422, "items.0.unit") and "bottles" in error["message"]
    assert await db.fetch_value("SELECT count(*) FROM prescription WHERE appointment_id = $1", stage.visit) == 0
    (made,) = (await issued(client, stage, {**wrong, "quantity": 1, "unit": "BOTTLES"}))["items"]
    assert (made["quantity"], made["unit"]) == (1, "BOTTLES")


WARNINGS: list[tuple[str, dict[str, Any], str]] = [
    ("allergy", {"drug_name": "Amoxicillin"}, "ALLERGY"),
    ("amount", {"drug_name": "Ramipril", "quantity": 30}, "QUANTITY"),
    ("twice", {"drug_name": "Panadol", "active_ingredient": "Paracetamol"}, "DUPLICATE"),
]  # fmt: skip


@pytest.mark.parametrize(("_name", "more", "kind"), WARNINGS)
async def test_warnings_need_a_reason(
    client: httpx.AsyncClient, stage: Stage, _name: str, more: dict[str, Any], kind: str
) -> None:
    await allergic(stage.patient.id, "Penicillin")
    wanted = order(stage, item(), item(**more))
    refused = await post(client, stage.doctor, "/prescriptions", wanted)
    assert (refused.status_code, refused.json()["code"]) == (409, "needs_acknowledgement")
    (warning,) = refused.json()["warnings"]
    assert (warning["kind"], warning["item"]) == (kind, 2)
    checked = await post(client, stage.doctor, "/prescriptions/check", wanted)
    assert checked.json() == {"warnings": [warning]}
    other = [{"warning": "ALLERGY:1:x", "reason": "Something else"}]
    again = await post(client, stage.doctor, "/prescriptions", {**wanted, "acknowledged_warnings": other})
    assert again.status_code == 409
    said = [{"warning": warning["key"], "reason": "Taken before without trouble"}]
    made = await issued(client, stage, *wanted["items"], acknowledged_warnings=said)
    assert made["warnings"] == [{**warning, "reason": "Taken before without trouble"}]


async def test_active_elsewhere_and_too_much_a_day(client: httpx.AsyncClient, stage: Stage) -> None:
    """Another doctor's active prescription counts, without saying whose it is; the catalogue knows the most a day."""
    await issued(client, stage, item(drug_name="Amoxil", active_ingredient="Amoxicillin"))
    other = stage.cast.other_doctor
    there = await visit(stage.patient.id, other.id, None)
    strong = await medicine(ingredient="amoxicillin", max_daily=2)
    wanted = {"appointment_id": str(there), "items": [item(catalog_item_id=str(strong), drug_name=None)]}
    refused = (await post(client, other, "/prescriptions", wanted)).json()
    assert [one["kind"] for one in refused["warnings"]] == ["ACTIVE_PRESCRIPTION", "MAX_DAILY"]
    assert str(stage.doctor.id) not in str(refused) and "Amoxil" in refused["warnings"][0]["detail"]


async def test_amend(client: httpx.AsyncClient, stage: Stage) -> None:
    """A new one takes the place of the old, which stays as it was but for its status."""
    old = await issued(client, stage)
    before = await row_of(old["id"])
    new = await issued(client, stage, item(duration_days=5, quantity=15), replaces_id=old["id"])
    after = await row_of(old["id"])
    assert (new["replaces_id"], after["status"]) == (old["id"], "CANCELLED")
    assert {**dict(after), "status": "ACTIVE"} == dict(before)
    shown = (await get(client, stage.patient, f"/prescriptions/{old['id']}")).json()
    assert shown["replaced_by"] == new["id"]
    twice = await post(client, stage.doctor, "/prescriptions", order(stage, replaces_id=old["id"]))
    assert (twice.status_code, twice.json()["code"]) == (409, "cancelled")
    other = await visit(stage.cast.other_patient.id, stage.doctor.id, None)
    foreign = {**order(stage, replaces_id=new["id"]), "appointment_id": str(other)}
    assert (await post(client, stage.doctor, "/prescriptions", foreign)).status_code == 404
    assert (await row_of(new["id"]))["status"] == "ACTIVE"


async def test_the_same_request_once_more(client: httpx.AsyncClient, stage: Stage) -> None:
    headers = {**stage.doctor.bearer, "Idempotency-Key": f"issue-{uuid4()}"}
    first = await client.post("/api/prescriptions", json=order(stage), headers=headers)
    second = await client.post("/api/prescriptions", json=order(stage), headers=headers)
    assert first.status_code == second.status_code == 201 and first.json() == second.json()
    assert await db.fetch_value("SELECT count(*) FROM prescription WHERE appointment_id = $1", stage.visit) == 1


@pytest.mark.B1
async def test_one_effect_per_key(client: httpx.AsyncClient, stage: Stage) -> None:
    """The same order twenty times at once and five times later is one prescription, and one answer."""
    keys = 500 if FULL else 3
    for _number in range(keys):
        wanted = order(stage, item(drug_name=f"M{uuid4()}"))
        headers = {**stage.doctor.bearer, "Idempotency-Key": f"one-{uuid4()}"}
        at_once, later = await asked_many_times(client, "/api/prescriptions", wanted, headers)
        assert {one.status_code for one in at_once} <= {201, 409} and {one.status_code for one in later} == {201}
        assert len({one.json()["id"] for one in [*at_once, *later] if one.status_code == 201}) == 1
    stored = await db.fetch_value("SELECT count(*) FROM prescription WHERE appointment_id = $1", stage.visit)
    assert stored == keys
    figure("B1", f"issuing: {keys * 25} requests with {keys} keys: {stored} prescriptions")


@pytest.mark.B1
async def test_the_naive_twin_issues_several(settings: Settings, client: httpx.AsyncClient) -> None:
    await as_owner(naive.SCHEMA)
    async with naive.here(settings.database_url) as twin:
        for number in range(5):
            await asked_many_times(twin, "/api/prescriptions", {}, {"Idempotency-Key": f"issued-{number}"})
    made = await db.fetch_value("SELECT count(*) FROM naive_effect")
    figure("B1", f"naive twin: issuing: 125 requests with 5 keys: {made} prescriptions")
    assert made > 5
