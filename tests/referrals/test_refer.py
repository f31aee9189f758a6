"""From one visit to the next: to another doctor with a note, or to the same one in some weeks."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from portal import db
from portal.appointments import mails
from tests import factories
from tests.appointments.conftest import Cast, appointment_row, audit_of, booked, events_of, get, post
from tests.appointments.test_pages import see, send
from tests.clients import mails_to, published
from tests.factories import Person

pytestmark = pytest.mark.anyio


async def seen(client: httpx.AsyncClient, cast: Cast, **more: Any) -> str:
    """A visit of the cast's patient that has begun."""
    visit = await booked(client, cast, **more)
    assert (await post(client, cast.doctor, f"/appointments/{visit['id']}/start")).status_code == 200
    return str(visit["id"])


async def refer(client: httpx.AsyncClient, who: Person, visit: str, to: Person, **more: Any) -> httpx.Response:
    body = {"doctor_id": str(to.id), "note": "Please look at <b>the knee</b>.", **more}
    return await post(client, who, f"/appointments/{visit}/refer", body)


async def notes_for(client: httpx.AsyncClient, who: Person, visit: str) -> list[str]:
    found = (await get(client, who, f"/appointments/{visit}/referrals")).json()
    return [one["note"] for one in found.get("referrals", [])]


async def test_to_the_next_free_time_of_another_doctor(
    client: httpx.AsyncClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = await seen(client, cast, chief_complaint="a knee")
    when = factories.tomorrow_at(9)  # the patient is elsewhere then
    for minutes in (0, 30, 60):
        await factories.slot(cast.other_doctor.id, when.replace(hour=9 + minutes // 60, minute=minutes % 60))
    with published(monkeypatch) as told:
        answer = await refer(client, cast.doctor, visit, cast.other_doctor)
    new = answer.json()
    assert answer.status_code == 201, answer.text
    assert new["start_time"].endswith("09:30:00Z") and new["doctor_id"] == str(cast.other_doctor.id)
    assert (new["referred_from"], new["chief_complaint"], new["status"]) == (visit, "a knee", "BOOKED")
    row = await appointment_row(new["id"])
    assert (str(row["referred_from"]), row["booked_by"]) == (visit, cast.doctor.id)
    kinds = [kind for kind, _data in await events_of(visit)]
    data = dict(await events_of(visit))["appointment.referred"]
    assert kinds[-1] == "appointment.referred" and data["new_appointment_id"] == new["id"]
    assert (await events_of(new["id"]))[0][0] == "appointment.booked"
    assert {row["action"] for row in await audit_of(visit)} >= {"appointment.referred"}
    assert {f"user:{cast.patient.id}", f"user:{cast.other_doctor.id}", f"appointment:{visit}"} <= {t for t, _e in told}
    await mails.find_words()
    assert len(await mails_to(cast.patient.actor.email)) == 2
    kinds = [
        row["kind"] for row in await db.fetch("SELECT kind FROM notification WHERE account_id = $1", cast.patient.id)
    ]
    assert "appointment.referred" in kinds
    for who, one in (
        (cast.patient, new["id"]),
        (cast.patient, visit),
        (cast.other_doctor, new["id"]),
        (cast.doctor, visit),
    ):
        assert await notes_for(client, who, one) == ["Please look at <b>the knee</b>."]
        assert "&lt;b&gt;the knee" in (await see(client, who, f"/appointments/{one}")).text
    assert await notes_for(client, cast.admin, visit) == []  # what is written in the consulting room stays there
    for who, one in ((cast.other_patient, visit), (cast.other_doctor, visit), (cast.doctor, new["id"])):
        assert (await get(client, who, f"/appointments/{one}/referrals")).status_code == 404
    again = await refer(client, cast.doctor, visit, cast.other_doctor)
    assert (again.status_code, again.json()["code"]) == (409, "already_referred")


async def test_when_nothing_is_free_nothing_has_changed(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await seen(client, cast)
    none = await refer(client, cast.doctor, visit, cast.other_doctor)
    assert (none.status_code, none.json()["code"]) == (409, "no_doctor_available")
    gone = await factories.slot(cast.other_doctor.id, factories.tomorrow_at(11))
    await post(client, cast.other_patient, "/appointments", {"slot_id": str(gone), "appointment_type": "IN_PERSON"})
    taken = await refer(client, cast.doctor, visit, cast.other_doctor, slot_id=str(gone))
    assert (taken.status_code, taken.json()["code"]) == (409, "slot_taken")
    busy = await factories.slot(cast.other_doctor.id, factories.tomorrow_at(9))
    meets = await refer(client, cast.doctor, visit, cast.other_doctor, slot_id=str(busy))
    assert (meets.status_code, meets.json()["code"]) == (409, "patient_busy")
    only_video = await factories.slot(cast.other_doctor.id, factories.tomorrow_at(12), service_type="VIRTUAL")
    assert (await refer(client, cast.doctor, visit, cast.other_doctor)).json()["code"] == "no_doctor_available"
    assert await db.fetch_value("SELECT count(*) FROM referral WHERE from_appointment_id = $1::uuid", visit) == 0
    assert len(await events_of(visit)) == 2
    chosen = (await refer(client, cast.doctor, visit, cast.other_doctor, slot_id=str(only_video))).json()
    assert chosen["appointment_type"] == "VIRTUAL" and chosen["video_session_id"]


async def test_who_may_refer_and_when(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = (await booked(client, cast))["id"]
    await factories.slot(cast.other_doctor.id, factories.tomorrow_at(11))
    early = await refer(client, cast.doctor, visit, cast.other_doctor)
    assert (early.status_code, early.json()["code"]) == (409, "wrong_status")
    await post(client, cast.doctor, f"/appointments/{visit}/start")
    for who in (cast.patient, cast.admin):
        assert (await refer(client, who, visit, cast.other_doctor)).status_code == 403
        assert (await post(client, who, f"/appointments/{visit}/follow-up", {"weeks": 2})).status_code == 403
    assert (await refer(client, cast.other_doctor, visit, cast.doctor)).status_code == 404
    assert (await refer(client, cast.doctor, visit, cast.doctor)).status_code == 422
    assert (await refer(client, cast.doctor, visit, cast.patient)).status_code == 404
    assert (await refer(client, cast.doctor, visit, cast.other_doctor, slot_id=str(uuid4()))).status_code == 404
    empty = await refer(client, cast.doctor, visit, cast.other_doctor, note=" ")
    assert (empty.status_code, empty.json()["errors"][0]["field"]) == (422, "note")
    for body in ({}, {"weeks": 0}, {"weeks": 53}, {"weeks": 2, "slot_id": str(uuid4())}):
        assert (await post(client, cast.doctor, f"/appointments/{visit}/follow-up", body)).status_code == 422


async def test_a_follow_up_is_proposed_and_booked(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await seen(client, cast)
    for days in (1 + 14, 1 + 15, 1 + 40):
        for hour in (8, 9, 15):
            await factories.slot(cast.doctor.id, factories.tomorrow_at(hour, days), clinic_id=cast.clinic_id)
    await factories.slot(cast.other_doctor.id, factories.tomorrow_at(9, 1 + 14))  # another doctor's is not proposed
    found = await post(client, cast.doctor, f"/appointments/{visit}/follow-up", {"weeks": 2})
    times = [one["start_time"][11:16] for one in found.json()["proposals"]]
    assert (found.status_code, times) == (200, ["08:00", "09:00", "08:00", "09:00"])  # on two days, nearest in time
    path, choice = f"/appointments/{visit}/follow-up", found.json()["proposals"][1]
    shown = (await see(client, cast.doctor, path + "?weeks=2")).text
    assert shown.count('name="slot_id"') == 4 and choice["slot_id"] in shown
    answer = await send(client, cast.doctor, path, slot_id=choice["slot_id"])
    assert answer.status_code == 303
    late = await send(client, cast.doctor, path, slot_id=choice["slot_id"])
    assert late.status_code == 409 and "just been taken" in late.text
    row = await db.fetch_row("SELECT * FROM appointment WHERE slot_id = $1::uuid", choice["slot_id"])
    assert (str(row["referred_from"]), row["patient_id"], row["doctor_id"]) == (visit, cast.patient.id, cast.doctor.id)
    assert "follow-up is planned" in (await see(client, cast.doctor, f"/appointments/{visit}")).text
    third = await post(client, cast.doctor, path, {"slot_id": found.json()["proposals"][2]["slot_id"]})
    assert third.status_code == 201 and third.json()["referred_from"] == visit


async def test_the_pages_of_a_referral(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await seen(client, cast)
    slot = await factories.slot(cast.other_doctor.id, factories.tomorrow_at(10))
    spare = await factories.slot(cast.other_doctor.id, factories.tomorrow_at(11))
    path = f"/appointments/{visit}/refer?specialty_id={cast.specialty_id}"
    listed = (await see(client, cast.doctor, path)).text
    assert str(cast.other_doctor.id) in listed and f"doctor_id={cast.doctor.id}" not in listed
    form = (await see(client, cast.doctor, f"{path}&doctor_id={cast.other_doctor.id}")).text
    assert str(spare) in form and str(slot) not in form  # the first is "the next free time"
    bad = await send(client, cast.doctor, path, doctor_id=str(cast.other_doctor.id), slot_id=str(spare), note="")
    assert bad.status_code == 422 and "error-summary" in bad.text
    done = await send(client, cast.doctor, path, doctor_id=str(cast.other_doctor.id), slot_id="", note="a knee")
    assert (done.status_code, done.headers["location"]) == (303, f"/appointments/{visit}/visit")
    assert "Referred to" in (await see(client, cast.doctor, f"/appointments/{visit}")).text
    again = await send(client, cast.doctor, path, doctor_id=str(cast.other_doctor.id), note="a knee")
    assert again.status_code == 409 and "already" in again.text
