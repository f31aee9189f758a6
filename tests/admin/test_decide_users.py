"""Verifying, suspending and reinstating accounts: guarded, at once, on both faces, by system admins alone."""

import asyncio

import httpx
import pytest
from litestar import Litestar

from portal import db
from portal.accounts.schemas import Role
from portal.ids import uuid7
from tests import factories
from tests.clients import a_client, audited, bearer, emitted, mails_to, registration, submit
from tests.factories import Person

pytestmark = pytest.mark.anyio

USERS = "/api/admin/users"


@pytest.fixture
async def admin(app: Litestar) -> Person:
    return await factories.person(Role.SYSTEM_ADMIN)


async def waiting(client: httpx.AsyncClient, email: str, role: str = "DOCTOR", **more: object) -> dict:
    return (await client.post("/api/auth/register", json=registration(email, role, **more))).json()


async def test_verify_by_the_api(client: httpx.AsyncClient, admin: Person) -> None:
    body = await waiting(client, "doc@example.org")
    user_id = body["user"]["id"]
    answer = await client.post(f"{USERS}/{user_id}/verify", headers=admin.bearer)
    assert (answer.status_code, answer.json()["status"]) == (200, "ACTIVE")
    assert (await client.get("/api/auth/me", headers=bearer(body))).json()["status"] == "ACTIVE"
    assert await audited("user.verify", user_id) == 1
    assert await emitted("user.verified", user_id) == [{"user_id": user_id, "role": "DOCTOR", "status": "ACTIVE"}]
    assert "ready" in (await mails_to("doc@example.org"))[-1]
    again = await client.post(f"{USERS}/{user_id}/verify", headers=admin.bearer)
    assert (again.status_code, again.json()["code"]) == (409, "wrong_status")
    assert await audited("user.verify", user_id) == 1


async def test_verify_by_the_inbox(app: Litestar, client: httpx.AsyncClient, admin: Person) -> None:
    specialty = await factories.specialty("Dermatology")
    body = await waiting(client, "inbox@example.org", licence_number="LIC-42", specialty_id=str(specialty))
    async with a_client(app, admin) as browser:
        for page in ("/admin", "/admin/verification"):
            shown = (await browser.get(page)).text
            assert "LIC-42" in shown
            assert "Dermatology" in shown
        answer = await submit(browser, "/admin/verification", {}, f"/admin/users/{body['user']['id']}/verify")
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin/verification")
        assert "LIC-42" not in (await browser.get("/admin/verification")).text


@pytest.mark.parametrize(
    ("role", "more", "sql"),
    [
        ("CLINIC_ADMIN", {"clinic_name": "Open Clinic"}, "SELECT active FROM clinic WHERE name = 'Open Clinic'"),
        ("PHARMACY", {"pharmacy_name": "Open Pharmacy"}, "SELECT active FROM pharmacy WHERE name = 'Open Pharmacy'"),
    ],
)
async def test_verifying_opens_the_place_that_they_registered(
    app: Litestar, client: httpx.AsyncClient, admin: Person, role: str, more: dict, sql: str
) -> None:
    body = await waiting(client, f"{role.lower()}@example.org", role, **more)
    async with a_client(app, admin) as browser:
        assert next(iter(more.values())) in (await browser.get("/admin/verification")).text
    assert await db.fetch_value(sql) is False
    await client.post(f"{USERS}/{body['user']['id']}/verify", headers=admin.bearer)
    assert await db.fetch_value(sql) is True


async def test_suspend_ends_every_login_at_once(app: Litestar, client: httpx.AsyncClient, admin: Person) -> None:
    patient = await factories.patient()
    async with a_client(app, patient) as browser:
        assert (await browser.get("/settings")).status_code == 200
        answer = await client.post(f"{USERS}/{patient.id}/suspend", json={"reason": "fraud"}, headers=admin.bearer)
        assert (answer.status_code, answer.json()["status"]) == (200, "SUSPENDED")
        assert (await browser.get("/settings")).status_code == 303
    assert (await client.get("/api/auth/me", headers=patient.bearer)).status_code == 401
    assert (
        await db.fetch_value("SELECT count(*) FROM login WHERE account_id = $1 AND revoked_at IS NULL", patient.id) == 0
    )
    assert await audited("user.suspend", patient.id) == 1
    assert [event["status"] for event in await emitted("user.suspended", patient.id)] == ["SUSPENDED"]
    again = await client.post(f"{USERS}/{patient.id}/suspend", json={"reason": "fraud"}, headers=admin.bearer)
    assert (again.status_code, again.json()["current_status"]) == (409, "SUSPENDED")
    back = await client.post(f"{USERS}/{patient.id}/reinstate", headers=admin.bearer)
    assert (back.status_code, back.json()["status_reason"]) == (200, None)
    assert (await client.get("/api/auth/me", headers=patient.bearer)).status_code == 401  # the old login stays ended


async def test_a_program_may_suspend_without_a_reason(client: httpx.AsyncClient, admin: Person) -> None:
    for body in (None, {}):
        patient = await factories.patient()
        answer = await client.post(f"{USERS}/{patient.id}/suspend", json=body, headers=admin.bearer)
        assert (answer.status_code, answer.json()["status_reason"]) == (200, None)


async def test_suspend_and_reinstate_by_the_pages(app: Litestar, admin: Person) -> None:
    doctor = await factories.doctor(first_name="Sus", last_name="Pended")
    async with a_client(app, admin) as browser:
        form = f"/admin/users/{doctor.id}/suspend"
        empty = await submit(browser, form, {"reason": " "})
        assert empty.status_code == 422
        done = await submit(browser, form, {"reason": "licence withdrawn"})
        assert (done.status_code, done.headers["location"]) == (303, "/admin/users")
        late = await submit(browser, form, {"reason": "twice"})
        assert late.status_code == 409
        assert "another state" in late.text
        assert "licence withdrawn" in (await browser.get("/admin/users?status=SUSPENDED&q=pended")).text
        back = await submit(browser, "/admin/users", {}, f"/admin/users/{doctor.id}/reinstate")
        assert back.status_code == 303
    assert await audited("user.reinstate", doctor.id) == 1


async def test_one_of_many_verifies(client: httpx.AsyncClient, admin: Person) -> None:
    body = await waiting(client, "race@example.org")
    url = f"{USERS}/{body['user']['id']}/verify"
    answers = await asyncio.gather(*(client.post(url, headers=admin.bearer) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    assert len(await emitted("user.verified", body["user"]["id"])) == 1


async def test_nobody_suspends_themselves(client: httpx.AsyncClient, admin: Person) -> None:
    answer = await client.post(f"{USERS}/{admin.id}/suspend", json={"reason": "oops"}, headers=admin.bearer)
    assert answer.status_code == 403
    assert (await client.get("/api/auth/me", headers=admin.bearer)).status_code == 200


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SYSTEM_ADMIN])
async def test_only_system_admins(app: Litestar, client: httpx.AsyncClient, role: Role) -> None:
    person, victim = await factories.person(role), await factories.doctor(status="PENDING_VERIFICATION")
    for path, body in (("verify", None), ("suspend", {"reason": "x"}), ("reinstate", None)):
        answer = await client.post(f"{USERS}/{victim.id}/{path}", json=body, headers=person.bearer)
        assert answer.status_code == 403, path
    assert (await client.get(USERS, headers=person.bearer)).status_code == 403
    async with a_client(app, person) as browser:
        for page in ("/admin", "/admin/verification", "/admin/users", f"/admin/users/{victim.id}/suspend"):
            assert (await browser.get(page)).status_code == 403, page
        assert (await submit(browser, "/settings", {}, f"/admin/users/{victim.id}/verify")).status_code == 403
    assert await db.fetch_value("SELECT status FROM account WHERE id = $1", victim.id) == "PENDING_VERIFICATION"


async def test_unknown_accounts_and_bad_input(client: httpx.AsyncClient, admin: Person) -> None:
    for verb, body in (("verify", None), ("suspend", {"reason": "x"}), ("reinstate", None)):
        assert (await client.post(f"{USERS}/{uuid7()}/{verb}", json=body, headers=admin.bearer)).status_code == 404
    for bad in ({"reason": ""}, {"reason": "two\nlines"}, {"reason": "x", "status": "ACTIVE"}):
        answer = await client.post(f"{USERS}/{uuid7()}/suspend", json=bad, headers=admin.bearer)
        assert answer.status_code == 422, bad
    assert (await client.post(f"{USERS}/{uuid7()}/verify")).status_code == 401
