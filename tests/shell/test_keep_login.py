"""D1, D2: a login is a row. A planted cookie is worth nothing, a logout is final, and reading touches little."""

import asyncio
from hashlib import sha256

import httpx
import pytest
from litestar import Litestar

from portal import db
from portal.accounts.schemas import Role
from tests import catalogue, factories
from tests.factories import Person
from tests.shell.conftest import a_client

pytestmark = pytest.mark.anyio

REVOKE = "UPDATE login SET revoked_at = clock_timestamp() WHERE account_id = $1"


async def is_signed_in(app: Litestar, cookie: str) -> bool:
    async with a_client(app) as client:
        answer = await client.get("/own", headers=[(b"Cookie", b"login=" + cookie.encode("latin-1"))])
        assert answer.status_code in (200, 303)
        return answer.status_code == 200


@pytest.mark.D1
@pytest.mark.parametrize("cookie", ["", "null", "x" * 40, "x" * 8000, "a" * 43 + "%00", "' OR 1=1--" * 3, "\xff" * 30])
async def test_chosen_cookies_are_nobody(app: Litestar, cookie: str) -> None:
    assert not await is_signed_in(app, cookie)


@pytest.mark.D1
async def test_tampered_and_doubled_cookies(app: Litestar, patient: Person) -> None:
    assert await is_signed_in(app, patient.secret)
    assert not await is_signed_in(app, patient.secret[:-1] + ("A" if patient.secret[-1] != "A" else "B"))
    assert not await is_signed_in(app, patient.secret + "x")
    assert not await is_signed_in(app, sha256(patient.secret.encode()).hexdigest()), "the stored hash is not a key"


async def test_secret_of_an_api_login_is_no_cookie(app: Litestar, patient: Person) -> None:
    await db.execute(
        "UPDATE login SET secret_hash = $2 WHERE id = $1", patient.actor.login_id, sha256(b"k" * 43).digest()
    )
    assert not await is_signed_in(app, "k" * 43)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE login SET revoked_at = clock_timestamp() WHERE account_id = $1",
        "UPDATE login SET expires_at = clock_timestamp() WHERE account_id = $1",
        "UPDATE account SET status = 'SUSPENDED' WHERE id = $1",
        "DELETE FROM login WHERE account_id = $1",
    ],
)
async def test_end_of_a_login_is_seen_at_once(app: Litestar, patient: Person, change: str) -> None:
    async with a_client(app, patient) as pages, a_client(app, headers=patient.bearer) as api:
        assert (await pages.get("/own")).status_code == 200
        assert (await api.post("/api/things", json={"name": "x"})).status_code == 201
        await db.execute(change, patient.id)
        assert (await pages.get("/own")).status_code == 303
        assert (await api.post("/api/things", json={"name": "x"})).status_code == 401


@pytest.mark.D2
async def test_logout_is_final_while_requests_are_in_flight(app: Litestar) -> None:
    """200 rounds: nothing that ends after the logout brings the login back."""
    back = 0
    for _ in range(200):
        person = await factories.patient()
        async with a_client(app, person) as client:
            flying = [asyncio.create_task(client.get("/own")) for _ in range(3)]
            await asyncio.sleep(0)
            await db.execute(REVOKE, person.id)
            await asyncio.gather(*flying)
            back += (await client.get("/own")).status_code == 200
    catalogue.figure("D2", f"pages of one process: 200 logouts with requests in flight, {back} logins back")
    assert back == 0


async def test_last_seen_is_written_every_few_minutes(app: Litestar, patient: Person) -> None:
    seen = "SELECT last_seen_at FROM login WHERE account_id = $1 AND kind = 'PAGE'"
    first = await db.fetch_value(seen, patient.id)
    await is_signed_in(app, patient.secret)
    assert await db.fetch_value(seen, patient.id) == first
    await db.execute(
        "UPDATE login SET last_seen_at = last_seen_at - interval '6 minutes' WHERE account_id = $1", patient.id
    )
    await is_signed_in(app, patient.secret)
    assert await db.fetch_value(seen, patient.id) > first


async def test_visitors_have_no_row(visitor: httpx.AsyncClient) -> None:
    before = await db.fetch_value("SELECT count(*) FROM login")
    for _ in range(5):
        await visitor.get("/form")
    assert await db.fetch_value("SELECT count(*) FROM login") == before


@pytest.mark.parametrize(
    "header",
    [
        "Bearer",
        "Bearer ",
        "Basic dTpw",
        "Bearer null",
        "Token x",
        "Bearer " + "x" * 1_000_000,
        "Bearer a.b.c",
        "Bearer é",
    ],
)
async def test_bad_tokens(visitor: httpx.AsyncClient, header: str) -> None:
    answer = await visitor.post(
        "/api/things", json={"name": "x"}, headers=[(b"Authorization", header.encode("latin-1"))]
    )
    assert answer.status_code == 401 and answer.json()["code"] == "unauthorized"


async def test_staff_that_waits_for_verification(app: Litestar) -> None:
    waiting = await factories.person(
        Role.DOCTOR, status="PENDING_VERIFICATION", specialty_id=await factories.specialty()
    )
    async with a_client(app, waiting) as client:
        assert (await client.get("/doctors-own")).status_code == 403


async def test_language_of_the_login_wins(app: Litestar, patient: Person) -> None:
    await db.execute("UPDATE account SET locale = 'ar' WHERE id = $1", patient.id)
    async with a_client(app, patient) as client:
        answer = await client.get("/own", headers={"Accept-Language": "es"})
        assert '<html lang="ar" dir="rtl"' in answer.text
    async with a_client(app) as client:
        assert '<html lang="es"' in (await client.get("/form", headers={"Accept-Language": "es"})).text
        assert '<html lang="hi"' in (await client.get("/form", headers={"Cookie": "locale=hi"})).text
