"""Doctors: what everybody sees, what the doctor and the clinic change; profiles of every role."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar

from portal import db
from portal.accounts.schemas import Role
from tests import factories as make
from tests.clients import a_client, audited, mails_to, submit
from tests.records.test_change_record import visit

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]


async def change(client: httpx.AsyncClient, who: make.Person, doctor_id: UUID, **body: Any) -> httpx.Response:
    return await client.patch(f"/api/doctors/{doctor_id}", json=body, headers=who.bearer)


async def test_the_doctor_changes_the_practice(client: httpx.AsyncClient) -> None:
    doctor, specialty = await make.doctor(), await make.specialty("Changeology")
    answer = await change(
        client, doctor, doctor.id, specialty_id=str(specialty), title="Dr.", bio="Kind\r\npatient", languages=["EN", "pt-br"],
        consultation_fee=75.5, currency="EUR", years_of_experience=9,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    found = (await client.get(f"/api/doctors/{doctor.id}")).json()
    assert found["languages"] == ["en", "pt-BR"]
    assert (found["consultation_fee"], found["currency"], found["bio"]) == (75.5, "EUR", "Kind\npatient")
    assert found["specialty"] == "Changeology"
    listed = (await client.get("/api/doctors", params={"q": "changeology"})).json()["doctors"][0]
    assert (listed["consultation_fee"], listed["title"]) == (75.5, "Dr.")
    assert await audited("doctor.changed", doctor.id) == 1


async def test_the_admin_of_the_clinic_may_and_others_may_not(client: httpx.AsyncClient) -> None:
    here, elsewhere = await make.clinic(), await make.clinic()
    doctor = await make.doctor(clinic_ids=(here,))
    admin = await make.person(Role.CLINIC_ADMIN, clinic_ids=(here,))
    assert (await change(client, admin, doctor.id, consultation_fee=10)).status_code == 200
    for who in (await make.person(Role.CLINIC_ADMIN, clinic_ids=(elsewhere,)), await make.doctor()):
        foreign, absent = await change(client, who, doctor.id, bio="x"), await change(client, who, uuid4(), bio="x")
        assert foreign.status_code == absent.status_code == 404
        assert foreign.json()["detail"] == absent.json()["detail"]
    for role in (Role.PATIENT, Role.PHARMACY, Role.SYSTEM_ADMIN):
        assert (await change(client, await make.person(role), doctor.id, bio="x")).status_code == 403
    assert (await client.patch(f"/api/doctors/{doctor.id}", json={"bio": "x"})).status_code == 401


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"currency": "XXQ"}, "currency"), ({"currency": "eur"}, "currency"), ({"consultation_fee": -1}, "consultation_fee"),
        ({"consultation_fee": 1.234}, "consultation_fee"), ({"languages": ["klingonese"]}, "languages.0"),
        ({"rating": 5}, "rating"), ({"account_id": str(uuid4())}, "account_id"), ({"specialty_id": str(uuid4())}, "specialty_id"),
        ({"years_of_experience": 81}, "years_of_experience"), ({"licence_number": "x"}, "licence_number"),
    ],
)  # fmt: skip
async def test_what_cannot_be(client: httpx.AsyncClient, body: dict[str, Any], field: str) -> None:
    doctor = await make.doctor()
    answer = await client.patch(f"/api/doctors/{doctor.id}", json=body, headers=doctor.bearer)
    assert answer.status_code == 422
    assert field in [one["field"] for one in answer.json()["errors"]]


async def test_availability_is_the_doctors_own_word(client: httpx.AsyncClient) -> None:
    specialty = await make.specialty()
    doctor, other = await make.doctor(specialty_id=specialty), await make.doctor()
    path, body = f"/api/doctors/{doctor.id}/availability-status", {"status": "AVAILABLE"}
    assert (await client.put(path, json=body, headers=other.bearer)).status_code == 404
    assert (await client.put(path, json={"status": "ASLEEP"}, headers=doctor.bearer)).status_code == 422
    assert (await client.put(path, json=body, headers=doctor.bearer)).json()["status"] == "AVAILABLE"
    assert await audited("doctor.availability", doctor.id) == 1
    patient = await make.patient()
    found = await client.get("/api/doctors/available", params={"specialty_id": str(specialty)}, headers=patient.bearer)
    assert [one["id"] for one in found.json()["doctors"]] == [str(doctor.id)]
    assert (await client.get("/api/doctors/available")).status_code == 401


async def test_a_new_doctor_is_invited_by_mail(client: httpx.AsyncClient) -> None:
    clinic = await make.clinic(name="Inviting Clinic")
    admin = await make.person(Role.CLINIC_ADMIN, clinic_ids=(clinic,))
    body = {"clinic_id": str(clinic), "email": "New.Doctor@Test.Example", "first_name": "New", "last_name": "Doctor"}
    answer = await client.post("/api/doctors", json=body, headers=admin.bearer)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["role"], made["status"], made["clinic_ids"]) == ("DOCTOR", "PENDING_VERIFICATION", [str(clinic)])
    assert "Inviting Clinic" in (await mails_to("new.doctor@test.example"))[0]
    assert (await client.get(f"/api/doctors/{made['user_id']}")).status_code == 404


@pytest.mark.parametrize("spelling", ["taken@test.example", "TAKEN@test.example", "taken@TEST.example"])
async def test_no_account_is_taken_over(client: httpx.AsyncClient, spelling: str) -> None:
    await db.execute("DELETE FROM account WHERE email = 'taken@test.example'")
    owner = await make.patient(email="taken@test.example")
    before = await db.fetch_row("SELECT * FROM account WHERE id = $1", owner.id)
    clinic = await make.clinic()
    admin = await make.person(Role.CLINIC_ADMIN, clinic_ids=(clinic,))
    body = {"clinic_id": str(clinic), "email": spelling, "first_name": "Evil", "last_name": "Twin"}
    answer = await client.post("/api/doctors", json=body, headers=admin.bearer)
    assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
    assert await db.fetch_row("SELECT * FROM account WHERE id = $1", owner.id) == before
    assert await db.fetch_value("SELECT count(*) FROM clinic_doctor WHERE clinic_id = $1", clinic) == 0


async def test_nobody_invites_for_another_clinic(client: httpx.AsyncClient) -> None:
    clinic = await make.clinic()
    admin = await make.person(Role.CLINIC_ADMIN, clinic_ids=(await make.clinic(),))
    body = {"clinic_id": str(clinic), "email": "x1@test.example", "first_name": "A", "last_name": "B"}
    assert (await client.post("/api/doctors", json=body, headers=admin.bearer)).status_code == 404
    assert (await client.post("/api/doctors", json=body, headers=(await make.doctor()).bearer)).status_code == 403
    assert await db.fetch_value("SELECT count(*) FROM account WHERE email = 'x1@test.example'") == 0


async def test_profiles_of_every_role(client: httpx.AsyncClient) -> None:
    clinic = await make.clinic()
    people = [await make.person(role) for role in (Role.PATIENT, Role.PHARMACY, Role.SYSTEM_ADMIN)]
    people += [await make.doctor(clinic_ids=(clinic,)), await make.person(Role.CLINIC_ADMIN, clinic_ids=(clinic,))]
    for who in people:
        found = (await client.get(f"/api/profiles/{who.id}", headers=who.bearer)).json()
        assert (found["user_id"], found["role"], found["email"]) == (str(who.id), who.actor.role.value, who.actor.email)
    assert found["clinic_ids"] == [str(clinic)]


async def test_a_profile_is_changed_within_its_role(client: httpx.AsyncClient) -> None:
    ada, root = await make.patient(), await make.person(Role.SYSTEM_ADMIN)
    path = f"/api/profiles/{ada.id}"
    changed = await client.put(path, json={"first_name": "Zoë", "date_of_birth": "2000-02-29"}, headers=ada.bearer)
    assert (changed.json()["first_name"], changed.json()["date_of_birth"]) == ("Zoë", "2000-02-29")
    assert (await client.put(path, json={"address": "Here 1"}, headers=root.bearer)).status_code == 200
    refused = await client.put(path, json={"consultation_fee": 5}, headers=ada.bearer)
    assert [one["field"] for one in refused.json()["errors"]] == ["consultation_fee"]
    for strange in ("role", "status", "email", "id", "user_id", "clinic_ids", "pharmacy_id"):
        assert (await client.put(path, json={strange: "x"}, headers=ada.bearer)).status_code == 422
    assert await audited("profile.changed", ada.id) == 2


async def test_profiles_of_others(client: httpx.AsyncClient) -> None:
    ada, doctor = await make.patient(), await make.doctor()
    for who in (doctor, await make.patient(), await make.person(Role.PHARMACY), await make.person(Role.CLINIC_ADMIN)):
        foreign = await client.get(f"/api/profiles/{ada.id}", headers=who.bearer)
        absent = await client.get(f"/api/profiles/{uuid4()}", headers=who.bearer)
        assert foreign.status_code == absent.status_code == 404
        assert foreign.json()["detail"] == absent.json()["detail"]
        assert (await client.put(f"/api/profiles/{ada.id}", json={}, headers=who.bearer)).status_code == 404
    await visit(ada, doctor)
    assert (await client.get(f"/api/profiles/{ada.id}", headers=doctor.bearer)).status_code == 200
    assert await audited("profile.read", ada.id) == 1


async def test_the_page_of_the_practice(app: Litestar) -> None:
    doctor, specialty = await make.doctor(), await make.specialty("Pageology")
    values = {"specialty_id": str(specialty), "languages": "en, PT-br", "consultation_fee": "80", "currency": "EUR"}
    async with a_client(app, doctor) as browser:
        assert (await submit(browser, "/settings/practice", values)).status_code == 303
        shown = (await browser.get("/settings/practice")).text
        assert "en, pt-BR" in shown
        wrong = await submit(browser, "/settings/practice", {**values, "currency": "NOPE", "title": "Kept"})
        assert wrong.status_code == 422
        assert "Kept" in wrong.text
        assert (
            await submit(browser, "/settings/practice", {"status": "BUSY"}, "/settings/availability")
        ).status_code == 303
    assert await db.fetch_value("SELECT availability_status FROM doctor WHERE account_id = $1", doctor.id) == "BUSY"
