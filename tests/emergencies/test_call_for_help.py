"""A call for help: who hears of it and in which order, who gets it, how it ends, and what nobody else sees."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar

from portal import clock, db, live
from portal.emergencies import jobs, numbers, queries
from portal.emergencies.schemas import NationalNumber
from portal.settings import Settings
from tests import factories
from tests.clients import a_client, audited, emitted, published, submit
from tests.emergencies.conftest import Cast, available, call, do, history, listed, open_call, status_of, told
from tests.invariants import broken

pytestmark = pytest.mark.anyio

AGE = "UPDATE emergency SET created_at = created_at - $2::interval WHERE id = $1"


async def test_doctors_of_the_specialty_are_alerted_nearest_first(
    client: httpx.AsyncClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    with published(monkeypatch) as events:
        emergency = await open_call(client, cast)
    assert {("emergencies", "emergency.opened"), (f"user:{cast.near.id}", "emergency.opened")} <= set(events)
    near, far = (await listed(client, cast.near))[0], (await listed(client, cast.far))[0]
    assert [(one["position"], one["description"], one["alerted"]) for one in (near, far)] == [
        (1, "chest pain", 2),
        (2, "chest pain", 2),
    ]
    assert near["distance_km"] < 1 and 240 < far["distance_km"] < 270
    assert {near[name] for name in ("patient_name", "latitude", "longitude")} == {None}  # until somebody accepts
    assert await told(cast.near) == ["emergency.opened"]
    for one in (cast.other, cast.away, cast.stranger):
        assert await listed(client, one) == [] and await told(one) == []
        assert (await client.get(f"/api/emergencies/{emergency}", headers=one.bearer)).status_code == 404
    assert await audited("emergency.opened", emergency) == 1 and await audited("emergencies.listed", cast.near.id) == 1
    assert await history(emergency) == [(None, "OPEN", cast.patient.id)]


async def test_the_number_to_call_comes_first(client: httpx.AsyncClient, cast: Cast) -> None:
    """That of the clinic's country, then that of the patient's own clock; 112 where nothing is known."""
    slot = await factories.slot(cast.near.id, clinic_id=cast.clinic_id)
    body = {"slot_id": str(slot), "appointment_type": "IN_PERSON"}
    await client.post("/api/appointments", headers=cast.patient.bearer, json=body)
    found = (await client.get("/api/emergencies", headers=cast.patient.bearer)).json()["national_numbers"]
    assert found == [{"country": "DE", "number": "112"}, {"country": "IN", "number": "112"}]
    unknown = (await client.get("/api/emergencies", headers=cast.stranger.bearer)).json()["national_numbers"]
    assert unknown == [{"country": None, "number": "112"}]
    assert (await client.get("/api/emergencies", headers=cast.near.bearer)).json()["national_numbers"] == []
    for written, number in (
        ("US", "911"),
        ("Deutschland", "112"),
        ("भारत", "112"),
        ("España", "112"),
        ("Japan", "119"),
    ):
        assert numbers.number_of(numbers.country_named(written)) == number
    assert numbers.country_of_zone("America/New_York") == "US" and numbers.country_of_zone("UTC") is None


async def test_numbers_are_chosen_by_ones_own_visits_and_alarms(client: httpx.AsyncClient, cast: Cast) -> None:
    """Asked as the portal, so that no policy of the database hides the others' rows."""
    elsewhere, here = await factories.clinic(), await factories.patient()
    await db.execute("UPDATE clinic SET country = 'US' WHERE id = $1", elsewhere)
    for one, doctor, clinic_id in ((cast.patient, cast.near, cast.clinic_id), (here, cast.other, elsewhere)):
        slot = await factories.slot(doctor.id, clinic_id=clinic_id)
        body = {"slot_id": str(slot), "appointment_type": "IN_PERSON"}
        assert (await client.post("/api/appointments", headers=one.bearer, json=body)).status_code == 201
    assert [one.country for one in await queries.national_numbers(cast.patient.actor)] == ["DE", "IN"]
    assert [one.country for one in await queries.national_numbers(here.actor)] == ["US"]
    assert await queries.national_numbers(cast.stranger.actor) == [NationalNumber(None, "112")]
    await open_call(client, cast)
    assert [await queries.count_open(one.actor) for one in (cast.near, cast.far, cast.other)] == [1, 1, 0]


async def test_the_first_gets_it_and_a_visit_begins(
    client: httpx.AsyncClient, cast: Cast, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    emergency = await open_call(client, cast)
    with published(monkeypatch) as events:
        answer = await do(client, cast.far, emergency, "accept")
    found = answer.json()
    assert answer.status_code == 200 and found["patient_name"].startswith("Paula") and found["latitude"] == 52.52
    late = await do(client, cast.near, emergency, "accept")
    assert (late.status_code, late.json()["code"]) == (409, "already_accepted") and await listed(
        client, cast.near
    ) == []
    visit = (await client.get(f"/api/appointments/{found['appointment_id']}", headers=cast.patient.bearer)).json()
    assert (visit["doctor_id"], visit["status"], visit["appointment_type"]) == (str(cast.far.id), "BOOKED", "VIRTUAL")
    assert visit["video_session_id"] and visit["chief_complaint"] == "chest pain"
    assert await status_of(cast.far) == "BUSY" and await status_of(cast.near) == "AVAILABLE"
    assert {("emergencies", "emergency.accepted"), (f"user:{cast.patient.id}", "emergency.accepted")} <= set(events)
    assert (await listed(client, cast.patient))[0]["doctor_id"] == str(cast.far.id)
    assert await told(cast.patient) == ["emergency.accepted"] and await audited("emergency.accepted", emergency) == 1
    assert len(await emitted("appointment.booked", UUID(visit["id"]))) == 1
    for verb in ("start", "complete"):
        await client.post(f"/api/appointments/{visit['id']}/{verb}", headers=cast.far.bearer)
    assert await status_of(cast.far) == "AVAILABLE" and not await broken(settings.database_url)
    resolved = await do(client, cast.far, emergency, "resolve")
    assert resolved.json()["status"] == "RESOLVED" and resolved.json()["ended_at"]
    assert (await do(client, cast.far, emergency, "resolve")).json()["code"] == "wrong_status"
    assert [row[:2] for row in await history(emergency)] == [
        (None, "OPEN"),
        ("OPEN", "ACCEPTED"),
        ("ACCEPTED", "RESOLVED"),
    ]


async def test_another_visit_is_not_in_the_way(client: httpx.AsyncClient, cast: Cast) -> None:
    """Neither one of the patient's that is under way, nor one of the doctor's that comes soon; free times are closed."""
    now = clock.now()
    other = await factories.doctor()
    for who, doctor, start in ((cast.patient, other, -5), (cast.stranger, cast.near, 6)):
        slot = await factories.slot(doctor.id, now + timedelta(minutes=20 if start < 0 else start))
        body = {"slot_id": str(slot), "appointment_type": "VIRTUAL"}
        visit = (await client.post("/api/appointments", headers=who.bearer, json=body)).json()["id"]
        if start < 0:
            move = "starts_at = starts_at - interval '25 minutes', ends_at = ends_at - interval '25 minutes'"
            await db.execute(f"UPDATE appointment SET {move} WHERE id = $1", UUID(visit))
    free = await factories.slot(cast.near.id, now + timedelta(minutes=21))
    emergency = await open_call(client, cast)
    answer = await do(client, cast.near, emergency, "accept")
    assert answer.status_code == 200, answer.text
    begins = await db.fetch_value(
        "SELECT starts_at FROM appointment WHERE id = $1", UUID(answer.json()["appointment_id"])
    )
    assert timedelta(minutes=9) < begins - now < timedelta(minutes=11)  # when the other visit's time is over
    assert await db.fetch_value("SELECT disabled FROM slot WHERE id = $1", free)


async def test_refusals(client: httpx.AsyncClient, cast: Cast) -> None:
    emergency = await open_call(client, cast)
    again = await call(client, cast)
    assert (again.status_code, again.json()["code"]) == (409, "already_open")
    for who, verb, status in (
        (cast.other, "accept", 404), (cast.away, "accept", 404), (cast.near, "resolve", 404), (cast.patient, "accept", 403),
        (cast.patient, "resolve", 403), (cast.near, "cancel", 403), (cast.stranger, "cancel", 404), (cast.admin, "cancel", 403),
    ):  # fmt: skip
        assert (await do(client, who, emergency, verb)).status_code == status, (verb, status)
    assert (await do(client, cast.near, str(uuid4()), "accept")).status_code == 404
    await available(cast.near, status="BUSY")
    busy = await do(client, cast.near, emergency, "accept")
    assert (busy.status_code, busy.json()["code"]) == (409, "not_available")
    assert (await listed(client, cast.patient))[0]["status"] == "OPEN"  # nothing of it was done
    cancelled = await do(client, cast.patient, emergency, "cancel")
    assert cancelled.json()["status"] == "CANCELLED"
    assert (await do(client, cast.patient, emergency, "cancel")).json()["code"] == "wrong_status"
    assert (await do(client, cast.far, emergency, "accept")).json()["code"] == "wrong_status"
    assert await open_call(client, cast) != emergency


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"description": ""}, "description"),
        ({"description": "x" * 1001}, "description"),
        ({"latitude": 91}, "latitude"),
        ({"longitude": None}, "longitude"),
        ({"specialty_id": str(uuid4())}, "specialty_id"),
        ({"patient_id": str(uuid4())}, "patient_id"),
    ],
)
async def test_bad_input(client: httpx.AsyncClient, cast: Cast, more: dict[str, Any], field: str) -> None:
    answer = await call(client, cast, **more)
    assert answer.status_code == 422 and [one["field"] for one in answer.json()["errors"]] == [field]


async def test_what_nobody_accepts_is_widened_and_ends(
    client: httpx.AsyncClient, cast: Cast, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    emergency = await open_call(client, cast)
    await jobs.look_after(settings)
    assert await told(cast.other) == []
    await db.execute(AGE, UUID(emergency), timedelta(seconds=61))
    with published(monkeypatch) as events:
        await asyncio.gather(*(jobs.look_after(settings) for _ in range(4)))  # as four workers
    assert {
        (f"clinic:{cast.clinic_id}", "emergency.unanswered"),
        (f"user:{cast.patient.id}", "emergency.escalated"),
    } <= set(events)
    assert await told(cast.other) == ["emergency.opened"] and await told(cast.admin) == ["emergency.unanswered"]
    assert (await listed(client, cast.patient))[0]["escalated_at"] and (await listed(client, cast.other))[0][
        "position"
    ] == 3
    await available(cast.away)
    await jobs.look_after(settings)
    assert await told(cast.away) == ["emergency.opened"]  # who becomes available meanwhile is alerted too
    await db.execute(AGE, UUID(emergency), timedelta(minutes=10))
    await asyncio.gather(*(jobs.look_after(settings) for _ in range(4)))
    assert (await listed(client, cast.patient))[0]["status"] == "EXPIRED" and await told(cast.patient) == [
        "emergency.expired"
    ]
    assert [row[:2] for row in await history(emergency)] == [(None, "OPEN"), ("OPEN", "OPEN"), ("OPEN", "EXPIRED")]
    assert (await do(client, cast.near, emergency, "accept")).json()["code"] == "wrong_status"


async def test_nobody_of_the_specialty_is_there(client: httpx.AsyncClient, cast: Cast) -> None:
    """Then all others are alerted at once; and when there is nobody at all, the clinics are told at once."""
    await available(cast.near, cast.far, status="UNAVAILABLE")
    first = await call(client, cast)
    assert first.json()["escalated_at"] and first.json()["alerted"] == 1 and len(await listed(client, cast.other)) == 1
    await do(client, cast.patient, first.json()["id"], "cancel")
    await available(cast.other, status="BUSY")
    assert (await call(client, cast)).json()["alerted"] == 0
    assert "emergency.unanswered" in await told(cast.admin)


async def test_a_visit_that_ends_ends_the_call(client: httpx.AsyncClient, cast: Cast, settings: Settings) -> None:
    emergency = await open_call(client, cast)
    visit = (await do(client, cast.near, emergency, "accept")).json()["appointment_id"]
    await jobs.look_after(settings)
    assert (await listed(client, cast.near))[0]["status"] == "ACCEPTED"
    await client.post(f"/api/appointments/{visit}/cancel", headers=cast.patient.bearer, json={"reason": "better"})
    await jobs.look_after(settings)
    assert (await listed(client, cast.near))[0]["status"] == "RESOLVED"


async def test_only_available_doctors_listen(client: httpx.AsyncClient, cast: Cast) -> None:
    for who, allowed in ((cast.near, True), (cast.away, False), (cast.patient, False), (cast.admin, False)):
        assert await live.kind_of("emergencies").may_listen(who.actor, "emergencies") is allowed
    assert not await live.kind_of("emergencies").may_listen(None, "emergencies")
    topics = {"topics": "emergencies"}
    assert (await client.get("/api/live", headers=cast.away.bearer, params=topics)).status_code == 403


async def test_the_pages(app: Litestar, cast: Cast) -> None:
    """Without JavaScript: call, see that nobody came yet, be accepted, and the doctor's side."""
    async with a_client(app, cast.patient) as patient, a_client(app, cast.near) as doctor:
        page = await patient.get("/emergencies")
        assert 'href="tel:112"' in page.text and page.text.index("tel:112") < page.text.index("Call a doctor now")
        wrong = await submit(patient, "/emergencies", {"description": "x" * 1001})
        assert wrong.status_code == 422 and "x" * 1001 in wrong.text
        assert (await submit(patient, "/emergencies", {})).status_code == 303
        assert "3 doctors are being alerted" in (await patient.get("/emergencies")).text
        assert "1 person calls for help" in (await doctor.get("/emergencies/alarm")).text
        alerts = await doctor.get("/emergencies")
        emergency = (await db.fetch_value("SELECT id FROM emergency WHERE status = 'OPEN'")).hex
        assert 'data-key="a"' in alerts.text and "wrote nothing" in alerts.text
        one = f"/emergencies/{UUID(emergency)}"
        accepted = await submit(doctor, "/emergencies", {}, f"{one}/accept")
        assert accepted.status_code == 303 and accepted.headers["location"].startswith("/appointments/")
        assert "is coming on screen" in (await patient.get("/emergencies")).text
        assert (await patient.get(one)).headers["location"] == accepted.headers["location"]
        assert (await submit(doctor, "/emergencies", {}, f"{one}/resolve")).status_code == 303
        assert (await submit(patient, "/emergencies", {})).status_code == 303
        again = await db.fetch_value("SELECT id FROM emergency WHERE status = 'OPEN'")
        assert (await submit(patient, "/emergencies", {}, f"/emergencies/{again}/cancel")).status_code == 303
        assert (await doctor.get("/emergencies/alarm")).text.strip() == ""
