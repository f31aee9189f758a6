"""A patient's record: their own, of those who treat them, and of nobody else; each look and change leaves a row."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar

from portal import db
from portal.accounts.schemas import Role
from tests import factories as make
from tests.clients import a_client, audited, submit

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]

ALLERGY = {"substance": "Penicillin", "reaction": "Rash", "severity": "SEVERE"}


async def visit(patient: make.Person, doctor: make.Person, clinic: UUID | None = None) -> None:
    """An appointment of the two, by plain SQL."""
    slot = await make.slot(doctor.id, clinic_id=clinic)
    await db.execute(
        "INSERT INTO appointment (id, slot_id, patient_id, doctor_id, clinic_id, date, starts_at, ends_at, time_zone,"
        " appointment_type, status, booked_by) SELECT gen_random_uuid(), id, $2, doctor_id, clinic_id, date, starts_at,"
        " ends_at, time_zone, 'IN_PERSON', 'BOOKED', $2 FROM slot WHERE id = $1",
        slot, patient.id,
    )  # fmt: skip


async def change(client: httpx.AsyncClient, who: make.Person, patient_id: UUID, **body: Any) -> httpx.Response:
    return await client.patch(f"/api/patients/{patient_id}", json=body, headers=who.bearer)


async def test_the_patient_writes_and_reads(client: httpx.AsyncClient) -> None:
    ada = await make.patient()
    contact = {"name": "Bo", "relationship": "Brother", "phone_number": "+49 30 1234567"}
    answer = await change(
        client, ada, ada.id, medical_history="Tonsils out\r\n1990", allergies=[ALLERGY],
        conditions=[{"name": "Asthma", "since": 1999}], emergency_contacts=[contact],
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    found = (await client.get(f"/api/patients/{ada.id}", headers=ada.bearer)).json()
    assert found["medical_history"] == "Tonsils out\n1990"
    assert found["allergies"] == [ALLERGY]
    assert found["emergency_contacts"][0]["phone_number"] == "+49301234567"
    assert found["version"] == 2
    assert await audited("record.changed", ada.id) == 1
    assert await audited("record.read", ada.id) == 1


async def test_doctor_and_clinic_with_a_visit(client: httpx.AsyncClient) -> None:
    clinic = await make.clinic()
    ada, doctor = await make.patient(), await make.doctor()
    admin = await make.person(Role.CLINIC_ADMIN, clinic_ids=(clinic,))
    for who in (doctor, admin):
        assert (await client.get(f"/api/patients/{ada.id}", headers=who.bearer)).status_code == 404
    await visit(ada, doctor, clinic)
    for who in (doctor, admin):
        assert (await client.get(f"/api/patients/{ada.id}", headers=who.bearer)).status_code == 200
        assert (await change(client, who, ada.id, conditions=[{"name": "Gout"}])).status_code == 200
    log = (await client.get("/api/me/access-log", headers=ada.bearer)).json()
    assert [(one["actor_id"], one["action"]) for one in log["accesses"]] == [
        (str(admin.id), "record.changed"), (str(admin.id), "record.read"),
        (str(doctor.id), "record.changed"), (str(doctor.id), "record.read"),
    ]  # fmt: skip
    assert log["accesses"][0]["actor_name"] == admin.actor.name


async def test_strangers_see_the_same_as_for_nobody(client: httpx.AsyncClient) -> None:
    ada = await make.patient()
    await change(client, ada, ada.id, medical_history="CANARY")
    elsewhere = await make.person(Role.CLINIC_ADMIN, clinic_ids=(await make.clinic(),))
    for who in (await make.patient(), await make.doctor(), elsewhere):
        foreign = await client.get(f"/api/patients/{ada.id}", headers=who.bearer)
        absent = await client.get(f"/api/patients/{uuid4()}", headers=who.bearer)
        assert foreign.status_code == absent.status_code == 404
        assert foreign.json()["detail"] == absent.json()["detail"]
        assert "CANARY" not in foreign.text
        assert (await change(client, who, ada.id, medical_history="x")).status_code == 404
        log = await client.get("/api/me/access-log", headers=who.bearer)
        assert log.json()["total"] == 0
    pharmacist = await make.person(Role.PHARMACY)
    assert (await client.get(f"/api/patients/{ada.id}", headers=pharmacist.bearer)).status_code == 403
    assert (await client.get(f"/api/patients/{ada.id}")).status_code == 401
    assert await audited("record.read", ada.id) == 0


async def test_two_who_write_at_once_lose_nothing(client: httpx.AsyncClient) -> None:
    ada = await make.patient()
    answers = await asyncio.gather(
        change(client, ada, ada.id, version=1, medical_history="one"),
        change(client, ada, ada.id, version=1, medical_history="two"),
    )
    assert sorted(one.status_code for one in answers) == [200, 409]
    won = next(one for one in answers if one.status_code == 200).json()
    lost = next(one for one in answers if one.status_code == 409).json()
    assert lost["code"] == "changed_meanwhile"
    assert lost["current"]["medical_history"] == won["medical_history"]
    assert await audited("record.changed", ada.id) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"allergies": [{"substance": "  ", "severity": "MILD"}]}, "allergies.0.substance"),
        ({"allergies": [{"substance": "x", "severity": "AWFUL"}]}, "allergies.0.severity"),
        ({"emergency_contacts": [{"name": "Bo", "phone_number": "12"}]}, "emergency_contacts.0.phone_number"),
        ({"conditions": [{"name": "x", "since": 1}]}, "conditions.0.since"),
        ({"medical_history": "a\u0000b"}, "medical_history"),
        ({"patient_id": str(uuid4())}, "patient_id"),
        ({"role": "SYSTEM_ADMIN"}, "role"),
        ({"preferred_doctor_ids": [str(uuid4())]}, "preferred_doctor_ids"),
    ],
)
async def test_what_cannot_be(client: httpx.AsyncClient, body: dict[str, Any], field: str) -> None:
    ada = await make.patient()
    answer = await client.patch(f"/api/patients/{ada.id}", json=body, headers=ada.bearer)
    assert answer.status_code == 422
    assert field in [one["field"] for one in answer.json()["errors"]]


async def test_one_thing_a_page(app: Litestar) -> None:
    ada = await make.patient()
    async with a_client(app, ada) as browser:
        first = {**ALLERGY, "version": "1"}
        assert (await submit(browser, "/record/allergies/new", first, "/record/allergies")).status_code == 303
        contact = {"name": "Bo", "phone_number": "+14155550123", "version": "2"}
        await submit(browser, "/record/emergency-contacts/new", contact, "/record/emergency-contacts")
        await submit(browser, "/record/conditions/new", {"name": "<b>Gout", "version": "3"}, "/record/conditions")
        await submit(browser, "/record/history", {"medical_history": "Old story", "version": "4"})
        shown = (await browser.get("/record")).text
        assert all(text in shown for text in ("Penicillin", "Severe", "+14155550123", "&lt;b&gt;Gout", "Old story"))
        wrong = await submit(
            browser, "/record/allergies/new", {"substance": "Milk", "version": "5"}, "/record/allergies"
        )
        assert wrong.status_code == 422
        assert 'value="Milk"' in wrong.text
        await submit(browser, "/record", {"version": "5", "entry": "0"}, "/record/allergies/remove")
        assert "Penicillin" not in (await browser.get("/record")).text


async def test_a_stale_form_shows_both(app: Litestar) -> None:
    ada = await make.patient()
    async with a_client(app, ada) as browser:
        await submit(browser, "/record/history", {"medical_history": "What is stored", "version": "1"})
        stale = await submit(browser, "/record/history", {"medical_history": "What I typed", "version": "1"})
        assert stale.status_code == 409
        assert "What is stored" in stale.text
        assert "What I typed" in stale.text
        assert 'name="version" value="2"' in stale.text
        gone = await submit(browser, "/record/history", {"medical_history": "What I typed", "version": "2"})
        assert gone.status_code == 303


async def test_favourites(app: Litestar, client: httpx.AsyncClient) -> None:
    ada, doctor, clinic = await make.patient(), await make.doctor(first_name="Favoured"), await make.clinic()
    async with a_client(app, ada) as browser:
        await submit(browser, "/record/history", {"doctor_id": str(doctor.id)}, "/record/favourites")
        await submit(browser, "/record/history", {"clinic_id": str(clinic)}, "/record/favourites")
        assert "Favoured" in (await browser.get("/record")).text
        await submit(browser, "/record/history", {"doctor_id": str(doctor.id), "forget": "true"}, "/record/favourites")
    found = (await client.get(f"/api/patients/{ada.id}", headers=ada.bearer)).json()
    assert (found["preferred_doctor_ids"], found["preferred_clinic_ids"]) == ([], [str(clinic)])


async def test_the_doctor_sees_the_page_read_only(app: Litestar) -> None:
    ada, doctor = await make.patient(first_name="Readable"), await make.doctor()
    async with a_client(app, doctor) as browser:
        assert (await browser.get(f"/patients/{ada.id}")).status_code == 404
        await visit(ada, doctor)
        shown = await browser.get(f"/patients/{ada.id}")
        assert shown.status_code == 200
        assert "Readable" in shown.text
        assert "/record/allergies/new" not in shown.text
    async with a_client(app, ada) as browser:
        shown = await browser.get("/record/access")
        assert doctor.actor.name in shown.text
        assert (await browser.get("/record/nonsense/new")).status_code == 404
