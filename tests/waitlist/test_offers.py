"""A time that becomes free is kept for whoever has waited longest, and goes on when they do not take it."""

from datetime import timedelta

import httpx
import pytest

from portal import clock, db
from portal.waitlist import actions
from tests import factories
from tests.appointments.conftest import Cast, audit_of, get, post
from tests.clients import mails_to, published
from tests.slots.conftest import row_of
from tests.waitlist.conftest import jobs_for, offer_to, taken, waits

pytestmark = pytest.mark.anyio
OTHER_DAYS = str(clock.now().date() + timedelta(days=300))


async def test_cancel_offers_it_and_the_patient_books_it(
    client: httpx.AsyncClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot, visit = await taken(client, cast)
    later, first = await factories.patient(), cast.other_patient
    for who in (first, later):
        await waits(client, who, cast)
    assert not await actions.offer_slot(slot)  # it is not free
    await post(client, cast.patient, f"/appointments/{visit}/cancel", {"reason": "no time"})
    assert await jobs_for(slot) == 1
    with published(monkeypatch) as told:
        assert await actions.offer_slot(slot)
    offer, row = await offer_to(first), await row_of(slot)
    assert (row["held_by"], row["held_until"]) == (first.id, offer["expires_at"])
    seconds = await db.fetch_value("SELECT extract(epoch FROM $1 - clock_timestamp())", offer["expires_at"])
    assert 590 < seconds <= 600
    assert {topic for topic, _event in told} == {f"user:{first.id}", f"slots:{cast.doctor.id}:{row['date']}"}
    assert "kept for you until" in (await mails_to(first.actor.email))[0]
    assert await db.fetch_value("SELECT kind FROM notification WHERE account_id = $1", first.id) == "waitlist.offered"
    assert not await actions.offer_slot(slot) and await offer_to(later) is None
    listed = (await get(client, first, "/waitlist")).json()["entries"][0]
    assert listed["offer"]["id"] == str(offer["id"]) and listed["status"] == "WAITING"
    path = f"/waitlist/offers/{offer['id']}"
    for who in (cast.patient, later):
        assert (await get(client, who, path)).status_code == 404
        assert (await post(client, who, path + "/accept", {"appointment_type": "IN_PERSON"})).status_code == 404
    stolen = await post(client, later, "/appointments", {"slot_id": str(slot), "appointment_type": "IN_PERSON"})
    assert stolen.json()["code"] == "slot_held"
    open_kind = await post(client, first, path + "/accept")
    assert (open_kind.status_code, open_kind.json()["errors"][0]["field"]) == (422, "appointment_type")
    booked = await post(
        client, first, path + "/accept", {"appointment_type": "IN_PERSON", "chief_complaint": "a cough"}
    )
    assert (booked.status_code, booked.json()["slot_id"], booked.json()["chief_complaint"]) == (
        201,
        str(slot),
        "a cough",
    )
    again = await post(client, first, path + "/accept", {"appointment_type": "IN_PERSON"})
    assert (again.status_code, again.json()["appointment_id"]) == (409, booked.json()["id"])
    assert (await get(client, first, "/waitlist")).json()["entries"][0]["status"] == "BOOKED"
    assert [one["action"] for one in await audit_of(offer["id"])] == ["waitlist.accepted"]
    assert await actions.close_ended() == 0


async def test_who_says_no_or_nothing_is_passed_over(client: httpx.AsyncClient, cast: Cast) -> None:
    slot, visit = await taken(client, cast)
    people = [cast.other_patient, await factories.patient(), await factories.patient()]
    for who in people:
        await waits(client, who, cast)
    await post(client, cast.doctor, f"/appointments/{visit}/no-show")
    await actions.offer_slot(slot)
    offer = await offer_to(people[0])
    declined = await post(client, people[0], f"/waitlist/offers/{offer['id']}/decline")
    assert (declined.status_code, declined.json()["status"]) == (200, "DECLINED")
    assert (await row_of(slot))["held_by"] is None and await jobs_for(slot) == 2
    assert (await post(client, people[0], f"/waitlist/offers/{offer['id']}/decline")).json()["code"] == "hold_expired"
    await actions.offer_slot(slot, 0.05)
    second = await offer_to(people[1])
    await db.execute("SELECT pg_sleep(0.06)")
    late = await post(client, people[1], f"/waitlist/offers/{second['id']}/accept", {"appointment_type": "IN_PERSON"})
    assert (late.status_code, late.json()["code"]) == (409, "hold_expired")
    assert await actions.offer_all() == 1  # nobody has asked a worker: the sweep finds it
    assert await offer_to(people[2]) and await offer_to(people[1]) is None
    entry = (await get(client, people[2], "/waitlist")).json()["entries"][0]["id"]
    gone = await client.delete(f"/api/waitlist/{entry}", headers=people[2].bearer)
    assert gone.status_code == 204 and (await row_of(slot))["held_by"] is None
    assert not await actions.offer_slot(slot)  # nobody is offered the same time twice
    states = [row["status"] for row in await db.fetch("SELECT status FROM waitlist_offer ORDER BY offered_at")][-3:]
    assert states == ["DECLINED", "EXPIRED", "DECLINED"]


async def test_an_offer_keeps_to_the_rules_of_holds(client: httpx.AsyncClient, cast: Cast) -> None:
    """One a doctor-day and three in all; not while the patient is elsewhere; only what was wished."""
    slot, visit = await taken(client, cast)
    busy, video, full, same_day, right = [await factories.patient() for _ in range(5)]
    await waits(client, busy, cast)
    elsewhere = await factories.slot(cast.other_doctor.id, factories.tomorrow_at(9))
    await post(client, busy, "/appointments", {"slot_id": str(elsewhere), "appointment_type": "IN_PERSON"})
    await waits(client, full, cast)
    for days in (1, 2, 3):
        one = await factories.slot(cast.other_doctor.id, factories.tomorrow_at(15, days))
        assert (await post(client, full, f"/slots/{one}/hold")).is_success
    await waits(client, same_day, cast)
    other_time = await factories.slot(cast.doctor.id, factories.tomorrow_at(16), clinic_id=cast.clinic_id)
    assert (await post(client, same_day, f"/slots/{other_time}/hold")).is_success
    await waits(client, video, cast, service_type="VIRTUAL")
    await db.execute("UPDATE slot SET service_type = 'IN_PERSON' WHERE id = $1", slot)
    for wrong in ({"from": OTHER_DAYS, "to": OTHER_DAYS}, {"specialty_id": str(await factories.specialty())}):
        await waits(client, await factories.patient(), cast, **wrong)
    await waits(client, right, cast, specialty_id=str(cast.specialty_id))
    await post(client, cast.patient, f"/appointments/{visit}/cancel", {"reason": "x"})
    assert await actions.offer_slot(slot)
    assert await offer_to(right)
    assert (await post(client, right, f"/slots/{other_time}/hold")).json()["code"] == "slot_held"
    more = await factories.slot(cast.doctor.id, factories.tomorrow_at(17), clinic_id=cast.clinic_id)
    assert (await post(client, right, f"/slots/{more}/hold")).is_success  # another of that day gives the offer back
    await actions.close_ended(slot)
    assert await offer_to(right) is None


async def test_what_was_free_before_is_not_offered_and_what_came_later_is(
    client: httpx.AsyncClient, cast: Cast
) -> None:
    await factories.slot(cast.doctor.id, factories.tomorrow_at(9), clinic_id=cast.clinic_id)
    await waits(client, cast.patient, cast)
    assert await actions.offer_all() == 0
    added = await factories.slot(cast.doctor.id, factories.tomorrow_at(10, 2), clinic_id=cast.clinic_id)
    assert await actions.offer_all() == 1
    assert (await offer_to(cast.patient))["slot_id"] == added
    body = {"slot_id": str(added), "appointment_type": "IN_PERSON"}
    assert (await post(client, cast.patient, "/appointments", body)).status_code == 201  # on the doctor's page
    assert await actions.close_ended() == 1
    assert (await get(client, cast.patient, "/waitlist")).json()["entries"][0]["status"] == "BOOKED"


async def test_three_unanswered_offers_end_the_wait(client: httpx.AsyncClient, cast: Cast) -> None:
    await waits(client, cast.patient, cast)
    for days in (1, 2, 3, 4):
        await factories.slot(cast.doctor.id, factories.tomorrow_at(10, days), clinic_id=cast.clinic_id)
        await actions.offer_all(0.01)
        await db.execute("SELECT pg_sleep(0.02)")
    assert await actions.offer_all() == 0
    listed = (await get(client, cast.patient, "/waitlist")).json()
    assert [one["status"] for one in listed["entries"]] == ["LAPSED"]
    sql = "SELECT count(*) FROM notification WHERE account_id = $1 AND kind = 'waitlist.ended'"
    assert await db.fetch_value(sql, cast.patient.id) == 1
