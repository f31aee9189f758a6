"""The shared list of specialties: found, added, renamed, taken away."""

from uuid import uuid4

import httpx
import pytest

from portal import db
from portal.accounts.schemas import Role
from tests import factories as make
from tests.clients import audited, submit

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]
COMPOSED, DECOMPOSED = "P\u00e9diatrie", "Pe\u0301diatrie"


async def admin() -> make.Person:
    return await make.person(Role.CLINIC_ADMIN)


async def test_anybody_lists_and_finds(client: httpx.AsyncClient) -> None:
    await make.specialty("Heart Surgery")
    await make.specialty("Surgery")
    answer = (await client.get("/api/specialties", params={"q": "SURG"})).json()
    assert [one["name"] for one in answer["specialties"]] == ["Surgery", "Heart Surgery"]
    assert (answer["total"], answer["skip"], answer["limit"]) == (2, 0, 10)


@pytest.mark.parametrize("sign", ["%", "_", "\\", "'"])
async def test_signs_mean_themselves(client: httpx.AsyncClient, sign: str) -> None:
    await make.specialty()
    assert (await client.get("/api/specialties", params={"q": sign})).json()["total"] == 0


async def test_an_admin_adds_one(client: httpx.AsyncClient) -> None:
    who = await admin()
    answer = await client.post("/api/specialties", json={"name": "Audiology"}, headers=who.bearer)
    assert answer.status_code == 201
    assert await audited("specialty.created", answer.json()["id"]) == 1


@pytest.mark.parametrize("twin", ["PODIATRY", "podiatry", "Podiatr\uff59"])
async def test_a_name_is_there_once(client: httpx.AsyncClient, twin: str) -> None:
    who = await admin()
    await client.post("/api/specialties", json={"name": "Podiatry"}, headers=who.bearer)
    answer = await client.post("/api/specialties", json={"name": twin}, headers=who.bearer)
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


async def test_composition_does_not_make_another_name(client: httpx.AsyncClient) -> None:
    who = await admin()
    assert (await client.post("/api/specialties", json={"name": COMPOSED}, headers=who.bearer)).status_code == 201
    assert (await client.post("/api/specialties", json={"name": DECOMPOSED}, headers=who.bearer)).status_code == 409


@pytest.mark.parametrize("role", [Role.PATIENT, Role.DOCTOR, Role.PHARMACY])
async def test_others_may_not(client: httpx.AsyncClient, role: Role) -> None:
    who, specialty = await make.person(role), await make.specialty()
    for answer in (
        await client.post("/api/specialties", json={"name": "Mine"}, headers=who.bearer),
        await client.patch(f"/api/specialties/{specialty}", json={"name": "Mine"}, headers=who.bearer),
        await client.delete(f"/api/specialties/{specialty}", headers=who.bearer),
    ):
        assert answer.status_code == 403
    assert (await client.post("/api/specialties", json={"name": "Mine"})).status_code == 401


async def test_renaming_reaches_the_search(client: httpx.AsyncClient) -> None:
    who, specialty = await admin(), await make.specialty("Old Wording")
    doctor = await make.doctor(specialty_id=specialty)
    await client.patch(f"/api/specialties/{specialty}", json={"name": "New Wording"}, headers=who.bearer)
    found = (await client.get("/api/doctors", params={"q": "new wording"})).json()["doctors"]
    assert [(one["id"], one["specialty"]) for one in found] == [(str(doctor.id), "New Wording")]
    assert (await client.get("/api/doctors", params={"q": "old wording"})).json()["total"] == 0


async def test_one_in_use_is_only_offered_no_longer(client: httpx.AsyncClient) -> None:
    who, used, unused = await admin(), await make.specialty(), await make.specialty()
    await make.doctor(specialty_id=used)
    for specialty in (used, unused):
        assert (await client.delete(f"/api/specialties/{specialty}", headers=who.bearer)).status_code == 204
    assert await db.fetch_value("SELECT active FROM specialty WHERE id = $1", used) is False
    assert await db.fetch_value("SELECT count(*) FROM specialty WHERE id = $1", unused) == 0


async def test_an_unknown_one_is_not_found(client: httpx.AsyncClient) -> None:
    who = await admin()
    assert (await client.delete(f"/api/specialties/{uuid4()}", headers=who.bearer)).status_code == 404
    assert (
        await client.patch(f"/api/specialties/{uuid4()}", json={"name": "X"}, headers=who.bearer)
    ).status_code == 404


async def test_the_page_does_the_same(client: httpx.AsyncClient) -> None:
    who = await admin()
    client.cookies.update(who.cookies)
    made = await submit(client, "/specialties", {"name": "From the page"})
    assert made.status_code == 303
    again = await submit(client, "/specialties", {"name": "FROM THE PAGE"})
    assert again.status_code == 409
    assert "FROM THE PAGE" in again.text
