"""What patients do with a prescription, who may read it, and what ends it."""

from dataclasses import replace
from uuid import uuid4

import httpx
import pytest

from portal import db
from portal.prescriptions import actions, readings
from tests.appointments.conftest import audit_of, events_of
from tests.appointments.test_pages import see, send
from tests.clients import published
from tests.owner import as_owner
from tests.prescriptions.conftest import Stage, dispense, get, issued, item, post, row_of, visit

pytestmark = pytest.mark.anyio


async def test_send_and_send_elsewhere(
    client: httpx.AsyncClient, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = (await issued(client, stage))["id"]
    path, here, there = (
        f"/prescriptions/{one}",
        {"pharmacy_id": str(stage.pharmacy)},
        {"pharmacy_id": str(stage.other_pharmacy)},
    )
    assert (await get(client, stage.pharmacist, path)).status_code == 404
    with published(monkeypatch) as told:
        sent = await post(client, stage.patient, f"{path}/send", here)
    assert (sent.status_code, sent.json()["pharmacy_id"]) == (200, str(stage.pharmacy)) and sent.json()["sent_at"]
    assert (f"pharmacy:{stage.pharmacy}", "prescription.sent") in told
    assert not [topic for topic, _event in told if topic == f"pharmacy:{stage.other_pharmacy}"]
    assert (await get(client, stage.pharmacist, path)).json()["warnings"] == []
    assert (await get(client, stage.other_pharmacist, path)).status_code == 404
    with published(monkeypatch) as told:
        assert (await post(client, stage.patient, f"{path}/send", there)).status_code == 200
    assert (f"pharmacy:{stage.pharmacy}", "prescription.withdrawn") in told
    assert (await get(client, stage.pharmacist, path)).status_code == 404
    assert (await get(client, stage.other_pharmacist, path)).status_code == 200
    assert [row["action"] for row in await audit_of(one) if row["action"] != "prescription.read"] == [
        "prescription.issued", "prescription.sent", "prescription.sent",
    ]  # fmt: skip
    assert (await post(client, stage.patient, f"{path}/send", there)).status_code == 200  # once more is no second time
    assert len([row for row in await audit_of(one) if row["action"] == "prescription.sent"]) == 2


async def test_offered_first_is_the_pharmacy_of_ones_own_last_time(client: httpx.AsyncClient, stage: Stage) -> None:
    """Asked as the portal, so that no policy of the database hides what another patient sent since."""
    cast = replace(stage.cast, patient=stage.cast.other_patient)
    other = replace(stage, cast=cast, visit=await visit(cast.patient.id, cast.doctor.id, cast.clinic_id))
    for one, pharmacy, at in ((stage, stage.pharmacy, stage.patient), (other, stage.other_pharmacy, other.patient)):
        path = f"/prescriptions/{(await issued(client, one))['id']}/send"
        assert (await post(client, at, path, {"pharmacy_id": str(pharmacy)})).status_code == 200
    assert await readings.last_pharmacy(stage.patient.actor) == stage.pharmacy
    assert await readings.last_pharmacy(other.patient.actor) == stage.other_pharmacy


async def test_refused_sendings(client: httpx.AsyncClient, stage: Stage) -> None:
    one = (await issued(client, stage))["id"]
    path, here = f"/prescriptions/{one}/send", {"pharmacy_id": str(stage.pharmacy)}
    assert (await post(client, stage.doctor, path, here)).status_code == 403
    assert (await post(client, stage.cast.other_patient, path, here)).status_code == 404
    assert (await post(client, stage.patient, path, {"pharmacy_id": str(uuid4())})).status_code == 422
    await db.execute("UPDATE pharmacy SET active = false WHERE id = $1", stage.pharmacy)
    assert (await post(client, stage.patient, path, here)).status_code == 422
    await db.execute("UPDATE pharmacy SET active = true WHERE id = $1", stage.pharmacy)
    await dispense(one, 21, "FILLED")
    assert (await post(client, stage.patient, path, here)).json()["code"] == "already_filled"
    other = (await issued(client, stage, item(drug_name="Ibuprofen")))["id"]
    assert (await client.delete(f"/api/prescriptions/{other}", headers=stage.doctor.bearer)).status_code == 204
    assert (await post(client, stage.patient, f"/prescriptions/{other}/send", here)).json()["code"] == "cancelled"
    assert await db.fetch_value("SELECT count(*) FROM prescription_access WHERE pharmacy_id = $1", stage.pharmacy) == 0


async def test_cancel(client: httpx.AsyncClient, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    one = (await issued(client, stage))["id"]
    await post(client, stage.patient, f"/prescriptions/{one}/send", {"pharmacy_id": str(stage.pharmacy)})
    path = f"/api/prescriptions/{one}"
    wanted = {"status": "CANCELLED", "reason": "Wrong strength"}
    for who, status in ((stage.patient, 403), (stage.pharmacist, 403), (stage.cast.other_doctor, 404)):
        assert (await client.put(path, json=wanted, headers=who.bearer)).status_code == status
    by_hand = await client.put(path, json={"status": "FILLED"}, headers=stage.doctor.bearer)
    told = (by_hand.status_code, by_hand.json()["code"], by_hand.json()["current_status"])
    assert told == (409, "wrong_status", "ACTIVE")
    with published(monkeypatch) as told:
        done = await client.put(path, json=wanted, headers=stage.doctor.bearer)
    assert done.json()["status"] == "CANCELLED" and (f"pharmacy:{stage.pharmacy}", "prescription.cancelled") in told
    assert [event for event, _data in await events_of(one)] == ["prescription.issued", "prescription.cancelled"]
    again = await client.put(path, json=wanted, headers=stage.doctor.bearer)
    assert (again.status_code, again.json()["code"]) == (409, "cancelled")
    history = (await get(client, stage.doctor, f"/prescriptions/{one}/history")).json()["history"]
    assert history[-1]["reason"] == "Wrong strength"


async def test_lists(client: httpx.AsyncClient, stage: Stage) -> None:
    one = (await issued(client, stage))["id"]
    me, patient, doctor = stage.patient, str(stage.patient.id), str(stage.doctor.id)
    for who in (me, stage.doctor):
        for path in (f"patient/{patient}", f"doctor/{doctor}", f"appointment/{stage.visit}"):
            found = (await get(client, who, f"/prescriptions/{path}")).json()
            assert (found["total"], [p["id"] for p in found["prescriptions"]]) == (1, [one]), path
    for who in (stage.cast.other_patient, stage.cast.other_doctor, stage.pharmacist):
        for path in (f"patient/{patient}", f"doctor/{doctor}", f"appointment/{stage.visit}", one, f"{one}/pdf"):
            assert (await get(client, who, f"/prescriptions/{path}")).status_code == 404, path
    await post(client, me, f"/prescriptions/{one}/send", {"pharmacy_id": str(stage.pharmacy)})
    for path in (f"patient/{patient}", f"doctor/{doctor}", f"appointment/{stage.visit}"):
        assert (await get(client, stage.pharmacist, f"/prescriptions/{path}")).json()["total"] == 1
    assert (await get(client, stage.cast.admin, f"/prescriptions/{one}")).status_code == 403


async def test_it_expires(client: httpx.AsyncClient, stage: Stage) -> None:
    """Past its time it counts as expired at once; the job says so."""
    one = (await issued(client, stage))["id"]
    other = (await issued(client, stage, item(drug_name="Ibuprofen")))["id"]
    await past(one)
    assert (await get(client, stage.patient, f"/prescriptions/{one}")).json()["status"] == "EXPIRED"
    refused = await post(client, stage.patient, f"/prescriptions/{one}/send", {"pharmacy_id": str(stage.pharmacy)})
    assert refused.json()["code"] == "expired" and (await row_of(one))["status"] == "ACTIVE"
    assert await actions.expire() >= 1 and await actions.expire() == 0
    assert [(await row_of(x))["status"] for x in (one, other)] == ["EXPIRED", "ACTIVE"]
    history = (await get(client, stage.patient, f"/prescriptions/{one}/history")).json()["history"]
    assert [(h["from"], h["to"]) for h in history] == [(None, "ACTIVE"), ("ACTIVE", "EXPIRED")]


async def past(prescription_id: str) -> None:
    """As if its time were over: the owner of the tables alone can do that, with its trigger off."""
    await as_owner(
        "ALTER TABLE prescription DISABLE TRIGGER prescription_unchanged;"
        f"UPDATE prescription SET issued_at = issued_at - interval '60 days', valid_until = valid_until - interval '60 days'"
        f" WHERE id = '{prescription_id}';"
        "ALTER TABLE prescription ENABLE TRIGGER prescription_unchanged;"
    )


async def test_ask_for_more(client: httpx.AsyncClient, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    one = (await issued(client, stage, item(refills_allowed=1)))["id"]
    path = f"/prescriptions/{one}/refill-requests"
    for who, status in ((stage.doctor, 403), (stage.cast.other_patient, 404)):
        assert (await post(client, who, path, {})).status_code == status
    with published(monkeypatch) as told:
        asked = await post(client, stage.patient, path, {"note": "It helps."})
    assert asked.status_code == 201 and (f"user:{stage.doctor.id}", "refill.requested") in told
    assert (await post(client, stage.patient, path, {})).json()["code"] == "already_requested"
    refill = f"/refill-requests/{asked.json()['id']}"
    for who, status in ((stage.patient, 403), (stage.cast.other_doctor, 404)):
        assert (await post(client, who, f"{refill}/approve", {})).status_code == status
    assert (await get(client, stage.cast.other_doctor, refill)).status_code == 404
    assert (await get(client, stage.doctor, "/refill-requests", only_open=True)).json()["total"] == 1
    made = await post(client, stage.doctor, f"{refill}/approve", {"answer": "Gladly."})
    assert made.status_code == 201, made.text
    assert (made.json()["items"][0]["quantity"], made.json()["items"][0]["refills_allowed"]) == (21, 1)
    seen = (await get(client, stage.patient, refill)).json()
    assert (seen["status"], seen["new_prescription_id"], seen["answer"]) == ("APPROVED", made.json()["id"], "Gladly.")
    assert (await post(client, stage.doctor, f"{refill}/approve", {})).json()["code"] == "already_answered"
    again = (await post(client, stage.patient, path, {})).json()["id"]
    assert (
        await post(client, stage.doctor, f"/refill-requests/{again}/decline", {"answer": "Come and see me."})
    ).status_code == 200
    assert (await get(client, stage.doctor, "/refill-requests", only_open=True)).json()["total"] == 0


async def test_pages(client: httpx.AsyncClient, stage: Stage) -> None:
    """The same by plain forms."""
    made = await issued(client, stage, item(drug_name="<b>Paracetamol</b>"))
    here, me = f"/prescriptions/{made['id']}", stage.patient
    code = f"{made['code'][:3]}-{made['code'][3:6]}-{made['code'][6:]}"
    page = (await see(client, me, here)).text
    assert code in page and "&lt;b&gt;Paracetamol" in page and 'class="qr"' in page
    assert "&lt;b&gt;" in (await see(client, me, "/prescriptions")).text
    choose = (await see(client, me, here + "/send?q=Pharmacy")).text
    assert f'value="{stage.pharmacy}"' in choose
    assert (await send(client, me, here + "/send", pharmacy_id="x")).status_code == 422
    assert (await send(client, me, here + "/send", pharmacy_id=str(stage.pharmacy))).headers["location"] == here
    assert "As last time" in (await see(client, me, here + "/send")).text
    assert (await send(client, me, here + "/refill-requests", note="More, please")).status_code == 303
    assert (await send(client, me, here + "/refill-requests", note="")).status_code == 409
    waiting = (await see(client, stage.doctor, "/refills")).text
    refill = waiting.partition('href="/refills/')[2].partition('"')[0]
    assert "More, please" in (await see(client, stage.doctor, f"/refills/{refill}")).text
    assert (await send(client, stage.doctor, f"/refills/{refill}/decline", answer="")).status_code == 422
    assert (await send(client, stage.doctor, f"/refills/{refill}/approve")).status_code == 303
    assert (await see(client, stage.doctor, here + "/cancel")).status_code == 200
    assert (await send(client, stage.doctor, here + "/cancel", reason="")).status_code == 422
    assert (await send(client, stage.doctor, here + "/cancel", reason="Changed")).status_code == 303
    assert (await send(client, stage.doctor, here + "/cancel", reason="Changed")).status_code == 409
    assert "Changed" in (await see(client, me, here)).text
    visit = (await see(client, me, f"/appointments/{stage.visit}/prescriptions")).text
    assert here in visit and (await see(client, stage.cast.other_patient, here)).status_code == 404


async def test_anybody_can_check(client: httpx.AsyncClient, stage: Stage) -> None:
    made = await issued(client, stage, item(catalog_item_id=None))
    token = made["link"].rpartition("/rx/")[2]
    by_link = (await client.get(f"/rx/{token}")).text
    assert "It is genuine" in by_link and "Paracetamol" in by_link and "21 tablets" in by_link
    by_code = (await client.get("/rx", params={"code": f"{made['code'][:4]} {made['code'][4:].lower()}"})).text
    assert "It is genuine" in by_code and "Paracetamol" not in by_code
    for text in (by_link, by_code):
        assert stage.patient.actor.last_name not in text and stage.doctor.actor.last_name not in text
    answer = (await client.get(f"/api/rx/{token}")).json()
    assert (answer["authentic"], answer["status"], answer["items"][0]["remaining"]) == (True, "ACTIVE", 21)
    head, body, signature = token.split(".")
    forged = f"{head}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"
    for bad in (forged, f"{head}.{body}", token + "A", wrong(made["code"]), "x", "A" * 600):
        assert (await client.get(f"/api/rx/{bad}")).json()["authentic"] is False, bad
    assert "not genuine" in (await client.get("/rx/AAA")).text


def wrong(code: str) -> str:
    """A code with another last sign, which does not fit the others."""
    return code[:-1] + ("3" if code[-1] != "3" else "4")


async def test_stock_is_shown_where_it_can_be_sent(client: httpx.AsyncClient, stage: Stage) -> None:
    chosen = item(catalog_item_id=str(stage.medicine), drug_name=None, strength=None, form=None)
    one = (await issued(client, stage, chosen))["id"]
    assert "in stock" not in (await see(client, stage.patient, f"/prescriptions/{one}/send?q=Pharmacy")).text
    await in_stock(stage, 30)
    assert "Has it in stock" in (await see(client, stage.patient, f"/prescriptions/{one}/send?q=Pharmacy")).text


async def in_stock(stage: Stage, quantity: int) -> None:
    batch = uuid4()
    await db.execute(
        "INSERT INTO batch (id, item_id, location_id, batch_number, expiry_date, cost_price, selling_price, currency)"
        " VALUES ($1, $2, $3, 'B1', '2100-01-01', 1, 2, 'USD')",
        batch, stage.medicine, stage.pharmacy,
    )  # fmt: skip
    await db.execute(
        "INSERT INTO stock_transaction (item_id, batch_id, location_id, transaction_type, quantity, actor_id)"
        " VALUES ($1, $2, $3, 'IN', $4, $5)",
        stage.medicine, batch, stage.pharmacy, quantity, stage.pharmacist.id,
    )  # fmt: skip
