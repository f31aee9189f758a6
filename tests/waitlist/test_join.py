"""Joining and leaving a waitlist, by both faces."""

from datetime import date, timedelta
from uuid import uuid4

import httpx
import pytest

from portal.waitlist import actions
from tests import factories
from tests.appointments.conftest import Cast, appointment_row, audit_of, get, post
from tests.appointments.test_pages import see, send
from tests.waitlist.conftest import offer_to, taken, waits, wish

pytestmark = pytest.mark.anyio


async def test_join_list_and_leave(client: httpx.AsyncClient, cast: Cast) -> None:
    made = (await post(client, cast.patient, "/waitlist", wish(cast))).json()
    assert (made["doctor_id"], made["status"], made["offer"]) == (str(cast.doctor.id), "WAITING", None)
    assert made["from"] == wish(cast)["from"] and made["doctor_name"].startswith("Dora")
    again = await post(client, cast.patient, "/waitlist", wish(cast))
    assert (again.status_code, again.json()["code"]) == (409, "already_waiting")
    listed = (await get(client, cast.patient, "/waitlist")).json()
    assert listed["total"] == 1 and listed["entries"][0]["id"] == made["id"]
    assert (await get(client, cast.other_patient, "/waitlist")).json()["entries"] == []
    path = f"/api/waitlist/{made['id']}"
    assert (await client.delete(path, headers=cast.other_patient.bearer)).status_code == 404
    assert (await client.delete(path, headers=cast.patient.bearer)).status_code == 204
    assert (await client.delete(path, headers=cast.patient.bearer)).status_code == 404
    assert [one["action"] for one in await audit_of(made["id"])] == ["waitlist.joined", "waitlist.left"]
    await waits(client, cast.patient, cast)  # again, later
    for who in (cast.doctor, cast.admin):
        assert (await post(client, who, "/waitlist", wish(cast))).status_code == 403


async def test_bad_wishes(client: httpx.AsyncClient, cast: Cast) -> None:
    today = date.today()
    for bad, field in (
        ({"doctor_id": None}, "doctor_id"),
        ({"specialty_id": str(cast.specialty_id), "doctor_id": str(cast.doctor.id)}, "doctor_id"),
        ({"from": str(today + timedelta(days=8))}, "to"),
        ({"to": str(today + timedelta(days=100))}, "to"),
        ({"from": str(today - timedelta(days=9)), "to": str(today - timedelta(days=3))}, "to"),
        ({"service_type": "PHONE"}, "service_type"),
    ):
        answer = await post(client, cast.patient, "/waitlist", wish(cast) | bad)
        assert answer.status_code == 422 and answer.json()["errors"][0]["field"] == field, answer.text
    for unknown in ({"doctor_id": str(uuid4())}, {"doctor_id": str(cast.admin.id)}, {"specialty_id": str(uuid4())}):
        assert (await post(client, cast.patient, "/waitlist", wish(cast, **unknown))).status_code == 404
    for _ in range(10):
        await waits(client, cast.patient, cast, specialty_id=str(await factories.specialty()))
    assert (await post(client, cast.patient, "/waitlist", wish(cast))).json()["code"] == "too_many_entries"


async def test_the_pages(client: httpx.AsyncClient, cast: Cast) -> None:
    me = cast.other_patient
    slot, visit = await taken(client, cast)
    assert "not waiting for a time" in (await see(client, me, "/waitlist")).text
    assert (await see(client, me, f"/waitlist/new?doctor_id={uuid4()}")).status_code == 404
    form = (await see(client, me, f"/waitlist/new?doctor_id={cast.doctor.id}")).text
    assert str(cast.doctor.id) in form and 'name="from"' in form
    bad = await send(client, me, "/waitlist/new", **wish(cast, to="2020-01-01"))
    assert bad.status_code == 422 and "error-summary" in bad.text
    forged = await send(client, me, "/waitlist/new", **wish(cast, doctor_id="urn:uuid:" + str(cast.doctor.id)))
    assert forged.status_code == 422 and "error-summary" in forged.text
    assert (await send(client, me, "/waitlist/new", **wish(cast))).headers["location"] == "/waitlist"
    assert (await send(client, me, "/waitlist/new", **wish(cast))).status_code == 409
    await post(client, cast.patient, f"/appointments/{visit}/cancel", {"reason": "x"})
    await actions.offer_slot(slot)
    offer = f"/waitlist/offers/{(await offer_to(me))['id']}"
    shown = (await see(client, me, "/waitlist")).text
    assert offer in shown and "data-countdown" in shown and cast.patient.actor.first_name not in shown
    page = (await see(client, me, offer)).text
    assert "Book it" in page and "No, thank you" in page and "data-countdown" in page
    assert (await send(client, me, offer + "/accept")).status_code == 422
    done = await send(client, me, offer + "/accept", appointment_type="VIRTUAL")
    assert done.status_code == 303
    row = await appointment_row(done.headers["location"].rpartition("/")[2])
    assert (row["patient_id"], row["slot_id"], row["appointment_type"]) == (me.id, slot, "VIRTUAL")
    assert (await see(client, me, offer)).headers["location"] == done.headers["location"]
    await post(client, me, f"/appointments/{row['id']}/cancel", {"reason": "x"})
    entry = await waits(client, cast.patient, cast)
    again = await factories.slot(cast.doctor.id, factories.tomorrow_at(9, 3), clinic_id=cast.clinic_id)
    await actions.offer_slot(again)
    offer = f"/waitlist/offers/{(await offer_to(cast.patient))['id']}"
    assert (await send(client, cast.patient, offer + "/decline")).headers["location"] == "/waitlist"
    assert "said no" in (await see(client, cast.patient, offer)).text
    assert (await send(client, cast.patient, offer + "/decline")).status_code == 409
    assert (await send(client, cast.patient, f"/waitlist/{entry}/leave")).status_code == 303
