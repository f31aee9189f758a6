"""Clinics: made, found, changed, staffed; the pages of those who run them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar

from portal import clock, db
from portal.accounts.schemas import Role
from portal.clinics import queries
from tests import factories as make
from tests.clients import a_client, audited, submit

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool")]

HOURS = [
    {"day_of_week": 1, "opens": "09:00", "closes": "12:00"},
    {"day_of_week": 1, "opens": "13:00", "closes": "17:30"},
]
CLINIC = {
    "name": "Clínica Sol", "time_zone": "Europe/Madrid", "city": "Sevilla", "postal_code": "41001", "latitude": 37.39,
    "longitude": -5.99, "currency": "EUR", "opening_hours": HOURS, "departments": ["Cardiology", "Surgery"],
}  # fmt: skip


async def admin(*clinics: UUID) -> make.Person:
    return await make.person(Role.CLINIC_ADMIN, clinic_ids=clinics)


async def test_who_makes_a_clinic_runs_it(client: httpx.AsyncClient) -> None:
    who = await admin()
    answer = await client.post("/api/clinics", json=CLINIC, headers=who.bearer)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["opening_hours"] == HOURS
    assert [one["name"] for one in made["departments"]] == ["Cardiology", "Surgery"]
    changed = await client.patch(f"/api/clinics/{made['id']}", json={"city": "Cádiz"}, headers=who.bearer)
    assert (changed.json()["city"], changed.json()["opening_hours"]) == ("Cádiz", HOURS)
    assert await audited("clinic.created", made["id"]) == 1
    assert (await client.get(f"/api/clinics/{made['id']}")).json()["name"] == "Clínica Sol"


async def test_departments_that_stay_keep_their_doctors(client: httpx.AsyncClient) -> None:
    who = await admin()
    made = (await client.post("/api/clinics", json=CLINIC, headers=who.bearer)).json()
    doctor, department = await make.doctor(), made["departments"][0]["id"]
    body = {"doctor_id": str(doctor.id), "department_id": department}
    path = f"/api/clinics/{made['id']}"
    assert (await client.post(path + "/doctors", json=body, headers=who.bearer)).status_code == 201
    again = await client.post(path + "/doctors", json=body, headers=who.bearer)
    assert (again.status_code, again.json()["code"]) == (409, "already_there")
    await client.patch(path, json={"departments": ["Cardiology", "Eyes"]}, headers=who.bearer)
    kept = await db.fetch_value("SELECT department_id FROM clinic_doctor WHERE doctor_id = $1", doctor.id)
    assert str(kept) == department
    assert await db.fetch_value("SELECT count(*) FROM notification WHERE account_id = $1", doctor.id) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"time_zone": "Europe/Nowhere"}, "time_zone"), ({"time_zone": "EST"}, "time_zone"), ({"currency": "EURO"}, "currency"),
        ({"currency": "ABC"}, "currency"), ({"latitude": 91}, "latitude"), ({"name": "   "}, "name"), ({"name": None}, "name"),
        ({"opening_hours": [{"day_of_week": 1, "opens": "12:00", "closes": "09:00"}]}, "opening_hours.0.closes"),
        ({"opening_hours": [{"day_of_week": 8, "opens": "09:00", "closes": "12:00"}]}, "opening_hours.0.day_of_week"),
        ({"id": str(uuid4())}, "id"), ({"active": True}, "active"), ({"latitude": 1.0, "longitude": None}, "longitude"),
    ],
)  # fmt: skip
async def test_what_cannot_be(client: httpx.AsyncClient, body: dict[str, Any], field: str) -> None:
    answer = await client.post("/api/clinics", json={**CLINIC, **body}, headers=(await admin()).bearer)
    assert answer.status_code == 422
    assert field in [one["field"] for one in answer.json()["errors"]]


async def test_a_place_is_changed_as_a_whole(client: httpx.AsyncClient) -> None:
    clinic = await make.clinic(latitude=51.15, longitude=14.99)
    who = await admin(clinic)
    for half, field in (
        ({"latitude": None}, "longitude"), ({"longitude": None}, "longitude"), ({"latitude": 1.0}, "longitude"),
        ({"longitude": 1.0}, "latitude"), ({"latitude": None, "longitude": 1.0}, "latitude"),
    ):  # fmt: skip
        answer = await client.patch(f"/api/clinics/{clinic}", json={**half, "time_zone": "UTC"}, headers=who.bearer)
        assert (answer.status_code, [one["field"] for one in answer.json()["errors"]]) == (422, [field]), half
    nowhere = {"latitude": None, "longitude": None}
    answer = await client.patch(f"/api/clinics/{clinic}", json=nowhere, headers=who.bearer)
    assert answer.status_code == 200 and answer.json()["latitude"] is answer.json()["longitude"] is None


async def test_spells_do_not_overlap(client: httpx.AsyncClient) -> None:
    hours = [*HOURS, {"day_of_week": 1, "opens": "11:00", "closes": "14:00"}]
    answer = await client.post("/api/clinics", json={**CLINIC, "opening_hours": hours}, headers=(await admin()).bearer)
    assert (answer.status_code, answer.json()["code"]) == (409, "hours_overlap")


async def test_only_its_own_admins_change_it(client: httpx.AsyncClient) -> None:
    clinic, doctor = await make.clinic(), await make.doctor()
    stranger = await admin(await make.clinic())
    for path, send, body in (
        ("", client.patch, {"name": "Mine"}),
        ("/doctors", client.post, {"doctor_id": str(doctor.id)}),
    ):
        foreign = await send(f"/api/clinics/{clinic}{path}", json=body, headers=stranger.bearer)
        absent = await send(f"/api/clinics/{uuid4()}{path}", json=body, headers=stranger.bearer)
        assert foreign.status_code == absent.status_code == 404
        for role in (Role.PATIENT, Role.DOCTOR, Role.PHARMACY):
            who = await make.person(role)
            assert (await send(f"/api/clinics/{clinic}{path}", json=body, headers=who.bearer)).status_code == 403
    root = await make.person(Role.SYSTEM_ADMIN)
    assert (await client.patch(f"/api/clinics/{clinic}", json={"name": "Ours"}, headers=root.bearer)).status_code == 200
    assert (await client.patch(f"/api/clinics/{uuid4()}", json={"name": "x"}, headers=root.bearer)).status_code == 404


async def test_found_by_words_town_and_distance(client: httpx.AsyncClient) -> None:
    near = await make.clinic(name="Praxis Östliche Mühle", city="Görlitz", latitude=51.15, longitude=14.99)
    far = await make.clinic(name="Praxis Westliche Mühle", city="Aachen", latitude=50.78, longitude=6.08)
    closed = await make.clinic(name="Praxis Mühle zu", city="Görlitz")
    await db.execute("UPDATE clinic SET active = false WHERE id = $1", closed)

    async def found(**params: Any) -> list[str]:
        return [one["id"] for one in (await client.get("/api/clinics", params=params)).json()["clinics"]]

    assert await found(q="muhle west") == [str(far)]
    assert await found(city="GORL") == [str(near)]
    assert await found(q="mühle", near="50.8,6.1") == [str(far), str(near)]
    assert await found(q="mühle", near="50.8,6.1", within_km=50) == [str(far)]
    assert await found(q="%") == []
    assert (await client.get(f"/api/clinics/{closed}")).status_code == 404


async def test_the_public_page(app: Litestar) -> None:
    who = await admin()
    async with a_client(app) as client:
        made = (await client.post("/api/clinics", json=CLINIC, headers=who.bearer)).json()
    doctor = await make.doctor(first_name="Listed")
    await db.execute("INSERT INTO clinic_doctor (clinic_id, doctor_id) VALUES ($1, $2)", UUID(made["id"]), doctor.id)
    async with a_client(app) as browser:
        with clock.freeze(datetime(2026, 11, 23, 9, 30, tzinfo=UTC)):  # Monday 10:30 in Madrid
            shown = (await browser.get(f"/clinics/{made['id']}")).text
            assert "Open now" in shown
            assert all(text in shown for text in ("Clínica Sol", "Listed", "Cardiology", "Sevilla"))
        with clock.freeze(datetime(2026, 11, 23, 11, 30, tzinfo=UTC)):  # noon break
            assert "Closed now" in (await browser.get(f"/clinics/{made['id']}")).text
        assert (await browser.get(f"/clinics/{uuid4()}")).status_code == 404


async def test_the_pages_of_an_admin(app: Litestar) -> None:
    clinic = await make.clinic(name="Paged Clinic")
    who = await admin(clinic)
    form = {"name": "Paged Anew", "time_zone": "Europe/Berlin", "currency": "EUR", "departments": "One\nTwo\nOne",
            "hours.0.day_of_week": "1", "hours.0.opens": "09:00", "hours.0.closes": "17:00",
            "hours.1.day_of_week": "1", "hours.1.opens": "", "hours.1.closes": ""}  # fmt: skip
    async with a_client(app, who) as browser:
        assert "Paged Clinic" in (await browser.get("/clinic")).text
        assert (await submit(browser, "/clinic/settings", form, f"/clinic/settings/{clinic}")).status_code == 303
        shown = (await browser.get("/clinic/settings")).text
        assert "Paged Anew" in shown
        assert 'value="17:00"' in shown
        half = {**form, "hours.1.opens": "18:00"}
        assert (await submit(browser, "/clinic/settings", half, f"/clinic/settings/{clinic}")).status_code == 422
        invitation = {
            "clinic_id": str(clinic),
            "email": "paged@test.example",
            "first_name": "Pia",
            "last_name": "Paged",
        }
        assert (await submit(browser, "/clinic/doctors", invitation, "/clinic/doctors/invite")).status_code == 303
        assert "Pia Paged" in (await browser.get("/clinic/doctors")).text
        again = await submit(browser, "/clinic/doctors", invitation, "/clinic/doctors/invite")
        assert again.status_code == 409
        doctor = await make.doctor(first_name="Added")
        await submit(browser, "/clinic/doctors", {"doctor_id": str(doctor.id)}, f"/clinics/{clinic}/doctors")
        assert "Added" in (await browser.get("/clinic/doctors")).text
        other = await make.clinic()
        assert (await browser.get(f"/clinic/settings?clinic={other}")).status_code == 404
        assert (await submit(browser, "/clinic/settings", form, f"/clinic/settings/{other}")).status_code == 404
        assert (await submit(browser, "/clinic/new", form)).status_code == 303


async def test_a_doctor_is_found_by_name_and_added(app: Litestar) -> None:
    clinic_id = await make.clinic()
    admin = await make.person(Role.CLINIC_ADMIN, clinic_ids=(clinic_id,))
    newcomer = await make.doctor(last_name="Überall")
    async with a_client(app, admin) as browser:
        page = f"/clinic/doctors?clinic={clinic_id}&who=uberall"
        assert str(newcomer.id) in (await browser.get(page)).text
        added = await submit(browser, page, {"doctor_id": str(newcomer.id)}, f"/clinics/{clinic_id}/doctors")
        assert added.status_code == 303
        assert "We know no other doctor of this name." in (await browser.get(page)).text


async def test_figures_of_the_day_and_names_are_those_of_ones_own_clinics() -> None:
    """Asked as the portal, so that no policy of the database hides the other clinic: the question itself is about one's own."""
    own, other = await make.clinic(name="Own"), await make.clinic(name="Other")
    here, there, both = await admin(own), await admin(other), await admin(own, other)
    doctor, patient, today = await make.doctor(), await make.patient(), clock.now().astimezone(UTC).date()
    at = datetime(today.year, today.month, today.day, 9, tzinfo=UTC)
    await db.execute(
        "INSERT INTO appointment (id, patient_id, doctor_id, clinic_id, date, starts_at, ends_at, time_zone, appointment_type,"
        " status, booked_by) VALUES ($1, $2, $3, $4, $5, $6, $7, 'UTC', 'IN_PERSON', 'BOOKED', $2)",
        uuid4(), patient.id, doctor.id, other, today, at, at + timedelta(minutes=15),
    )  # fmt: skip
    assert [(await queries.day_of_own_clinics(one.actor)).booked for one in (here, there, both)] == [0, 1, 1]
    names = [[name for _id, name in await queries.own_clinics(one.actor)] for one in (here, there, both)]
    assert names == [["Own"], ["Other"], ["Other", "Own"]]
