"""Making an account: each role on both faces, and no way to take over or learn of somebody else's (C8, D7)."""

import asyncio
from typing import Any

import httpx
import pytest
from litestar import Litestar

from portal import db
from tests import catalogue, factories
from tests.clients import PASSWORD, a_client, audited, bearer, emitted, mails_to, registration, submit
from tests.owner import as_owner

pytestmark = pytest.mark.anyio

URL = "/api/auth/register"


async def account(email: str) -> Any:
    return await db.fetch_row("SELECT * FROM account WHERE email = $1", email)


@pytest.mark.parametrize(
    ("role", "status", "table"),
    [
        ("PATIENT", "ACTIVE", "patient"),
        ("DOCTOR", "PENDING_VERIFICATION", "doctor"),
        ("CLINIC_ADMIN", "PENDING_VERIFICATION", None),
        ("PHARMACY", "PENDING_VERIFICATION", "pharmacist"),
    ],
)
async def test_each_role(client: httpx.AsyncClient, role: str, status: str, table: str | None) -> None:
    email = f"{role.lower()}@example.org"
    answer = await client.post(URL, json=registration(email, role, time_zone="Europe/Berlin"))
    body = answer.json()
    assert answer.status_code == 201, answer.text
    assert set(body) == {"user", "access_token", "refresh_token", "token_type", "expires_in"}
    assert (body["user"]["role"], body["user"]["status"], body["user"]["time_zone"]) == (role, status, "Europe/Berlin")
    row = await account(email)
    assert PASSWORD not in row["password_hash"]
    if table:
        sql = {"patient": "SELECT 1 FROM patient WHERE account_id = $1", "doctor": "SELECT 1 FROM doctor WHERE account_id = $1",
               "pharmacist": "SELECT 1 FROM pharmacist WHERE account_id = $1"}[table]  # fmt: skip
        assert await db.fetch_value(sql, row["id"]) == 1
    assert await audited("user.register", row["id"]) == 1
    assert await emitted("user.registered", row["id"]) == [{"user_id": str(row["id"]), "role": role, "status": status}]
    assert (await client.get("/api/auth/me", headers=bearer(body))).status_code == 200


async def test_profile_fields_are_stored(client: httpx.AsyncClient) -> None:
    specialty = await factories.specialty("Cardiology")
    doctor = registration(
        "profile@example.org", "DOCTOR", specialty_id=str(specialty), licence_number="D-77", languages=["de", "pt-BR"],
        consultation_fee=45.5, currency="EUR", years_of_experience=9, bio="Hearts.\nOnly hearts.", qualifications="MD",
    )  # fmt: skip
    assert (await client.post(URL, json=doctor)).status_code == 201
    row = await db.fetch_row(
        "SELECT d.* FROM doctor d JOIN account a ON a.id = d.account_id WHERE email = 'profile@example.org'"
    )
    assert (row["specialty_id"], row["licence_number"], row["languages"]) == (specialty, "D-77", ["de", "pt-BR"])
    assert (str(row["consultation_fee"]), row["currency"], row["years_of_experience"]) == ("45.50", "EUR", 9)
    patient = registration("born@example.org", date_of_birth="1992-02-29", sex="FEMALE", address="Road 1\nTown")
    assert (await client.post(URL, json=patient)).status_code == 201


async def test_a_clinic_or_pharmacy_named_at_registration_is_hidden_until_verified(client: httpx.AsyncClient) -> None:
    clinic = registration("clinic@example.org", "CLINIC_ADMIN", clinic_name="New Clinic", clinic_city="Accra")
    made = (await client.post(URL, json=clinic)).json()
    row = await db.fetch_row("SELECT * FROM clinic WHERE name = 'New Clinic'")
    assert (row["active"], row["city"], made["user"]["clinic_ids"]) == (False, "Accra", [str(row["id"])])
    pharmacy = registration("pharm@example.org", "PHARMACY", pharmacy_name="New Pharmacy", licence_number="P-1")
    made = (await client.post(URL, json=pharmacy)).json()
    row = await db.fetch_row("SELECT * FROM pharmacy WHERE name = 'New Pharmacy'")
    assert (row["active"], made["user"]["pharmacy_id"]) == (False, str(row["id"]))


async def test_the_page_keeps_what_was_typed_and_names_each_error(client: httpx.AsyncClient) -> None:
    values = {"role": "PATIENT", "first_name": "Zoë", "last_name": "", "email": "nowhere", "password": "short"}
    answer = await submit(client, "/register/patient", values)
    assert answer.status_code == 422
    assert 'value="Zoë"' in answer.text
    assert 'value="nowhere"' in answer.text
    assert 'value="short"' not in answer.text
    for field in ("last_name", "email", "password"):
        assert f'href="#f-{field}"' in answer.text


@pytest.mark.parametrize(
    ("path", "home"), [("patient", "/home"), ("doctor", "/waiting"), ("clinic", "/waiting"), ("pharmacy", "/waiting")]
)
async def test_by_the_page(app: Litestar, path: str, home: str) -> None:
    role = {"patient": "PATIENT", "doctor": "DOCTOR", "clinic": "CLINIC_ADMIN", "pharmacy": "PHARMACY"}[path]
    async with a_client(app) as browser:
        made = await submit(browser, f"/register/{path}", registration(f"page-{path}@example.org", role))
        assert (made.status_code, made.headers["location"]) == (303, home)
        assert (await browser.get("/settings")).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"role": "SYSTEM_ADMIN"}, {"role": "ROOT"}, {"role": None}, {"email": "no address"}, {"email": "a@b.org\nBcc: c@d.org"},
        {"email": "ådå@example.org"}, {"password": "short"}, {"first_name": " "}, {"first_name": "a\u0000b"},
        {"time_zone": "Europe/Nowhere"}, {"phone_number": "12345"}, {"status": "ACTIVE"}, {"id": "1"},
        {"licence_number": "a doctor's"}, {"date_of_birth": "2999-01-01"}, {"role": "DOCTOR", "date_of_birth": "1990-01-01"},
        {"role": "DOCTOR", "specialty_id": "01890000-0000-7000-8000-000000000000"},
        {"role": "PHARMACY", "pharmacy_id": "01890000-0000-7000-8000-000000000000"},
    ],
)  # fmt: skip
async def test_bad_input(client: httpx.AsyncClient, change: dict[str, Any]) -> None:
    answer = await client.post(URL, json={**registration("bad@example.org"), **change})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]
    assert await account("bad@example.org") is None


@pytest.mark.C8
async def test_an_address_that_has_an_account_is_never_taken_over(client: httpx.AsyncClient) -> None:
    """C8: in any spelling, with any role, by page and API; the owner hears of it and nothing changes."""
    await client.post(URL, json=registration("owner@example.org"))
    before = dict(await account("owner@example.org"))
    for email, role in (
        ("owner@example.org", "PATIENT"),
        ("OWNER@Example.ORG", "DOCTOR"),
        (" owner@EXAMPLE.org", "PHARMACY"),
    ):
        attack = {**registration(email, role), "password": "the attacker's own", "first_name": "Mallory"}
        answer = await client.post(URL, json=attack)
        assert (answer.status_code, answer.json()["code"]) == (409, "email_taken")
        assert "owner" not in answer.text
    page = await submit(client, "/register/patient", registration("owner@example.org"))
    assert page.status_code == 409
    assert dict(await account("owner@example.org")) == before
    assert len(await mails_to("owner@example.org")) == 4
    assert (
        await db.fetch_value(
            "SELECT count(*) FROM doctor d JOIN account a ON a.id = d.account_id WHERE a.email LIKE 'owner%'"
        )
        == 0
    )
    attempt = await client.post(
        "/api/auth/login", json={"email": "owner@example.org", "password": "the attacker's own"}
    )
    assert attempt.status_code == 401
    plus = await client.post(URL, json=registration("owner+clinic@example.org"))
    assert plus.json()["user"]["id"] != str(before["id"])
    catalogue.figure("C8", "0 of 4 registrations over an account took it over")


@pytest.mark.race
@pytest.mark.C8
async def test_twice_at_once_makes_one_account(client: httpx.AsyncClient) -> None:
    bodies = [registration("Twin@example.org"), registration("twin@example.org", "DOCTOR")] * 5
    answers = await asyncio.gather(*(client.post(URL, json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 9
    assert await db.fetch_value("SELECT count(*) FROM account WHERE email = 'twin@example.org'") == 1


@pytest.mark.race
async def test_the_naive_twin_lets_two_in(client: httpx.AsyncClient) -> None:
    """Look first, then insert, in a table without the constraint: the harness bites."""
    await as_owner("CREATE TABLE naive (email text)")

    async def naive() -> None:
        if not await db.fetch_value("SELECT count(*) FROM naive WHERE email = 'twin'"):
            await asyncio.sleep(0.01)  # the look and the insert are never at the same moment
            await db.execute("INSERT INTO naive VALUES ('twin')")

    await asyncio.gather(*(naive() for _ in range(10)))
    assert await db.fetch_value("SELECT count(*) FROM naive") > 1


async def test_roles_that_nobody_registers_for_have_no_page(client: httpx.AsyncClient) -> None:
    assert (await client.get("/register/system_admin")).status_code == 404
    assert (await client.get("/register")).status_code == 200
