"""What a patient answers: the new visit in the same moment as the old one ends, or nothing at all."""

import asyncio
from collections import Counter
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import httpx
import pytest

from portal import clock, db
from portal.errors import Conflict, Forbidden, NotFound
from portal.repairs import actions, queries
from portal.repairs.schemas import RepairState
from portal.settings import Settings
from tests import catalogue
from tests.clients import audited, emitted, published, submit
from tests.invariants import broken as broken_rules
from tests.owner import as_owner
from tests.repairs.conftest import ALTERNATIVE, LATER, VIDEO, Broken, a_day, colleague_at, slot_row, visit_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("app")]


async def offered(broken: Broken, kind: Any = ALTERNATIVE, number: int = 0) -> Any:
    return (await actions.propose(broken.admin.actor, broken.visits[number], kind)).repair


async def test_accepting_moves_the_visit(broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    near, patient = await colleague_at(broken, 9), broken.patients[0]
    offer = await offered(broken)
    with published(monkeypatch) as told:
        new = await actions.accept(patient.actor, offer.id)
    old, row = await visit_of(broken.visits[0]), await visit_of(new.id)
    assert (old["status"], row["status"], row["doctor_id"]) == ("CANCELLED", "BOOKED", broken.colleague.id)
    assert old["needs_attention"] is None and row["slot_id"] == near
    slot = await slot_row(near)
    assert (slot["appointment_id"], slot["held_by"]) == (new.id, None)
    kept = await queries.get_repair(patient.actor, offer.id)
    assert (kept.state, kept.new_appointment_id) == (RepairState.ACCEPTED, new.id)
    assert await emitted("appointment.rescheduled", broken.visits[0]) and await emitted("appointment.booked", new.id)
    assert await audited("repair.accept", offer.id) == 1
    assert {f"user:{patient.id}", f"clinic:{broken.clinic_id}"} <= {topic for topic, _event in told}
    assert f"user:{broken.patients[1].id}" not in {topic for topic, _event in told}
    kinds = await db.fetch("SELECT kind FROM notification WHERE account_id = $1", broken.admin.id)
    assert [row["kind"] for row in kinds] == ["repair.accept"]
    with pytest.raises(Conflict) as caught:
        await actions.accept(patient.actor, offer.id)
    assert (caught.value.code, caught.value.extra["current_state"]) == ("offer_over", "ACCEPTED")


async def test_the_old_visit_is_kept_when_the_new_time_is_gone(broken: Broken) -> None:
    near = await colleague_at(broken, 9)
    offer = await offered(broken)
    await db.execute("UPDATE slot SET disabled = true, held_by = NULL, held_until = NULL WHERE id = $1", near)
    with pytest.raises(Conflict) as caught:
        await actions.accept(broken.patients[0].actor, offer.id)
    assert caught.value.code == "offer_gone" and (await visit_of(broken.visits[0]))["status"] == "BOOKED"
    assert (await queries.get_repair(broken.patients[0].actor, offer.id)).state is RepairState.WITHDRAWN


async def test_nobody_accepts_too_late(broken: Broken) -> None:
    near = await colleague_at(broken, 9)
    offer = await offered(broken)
    await db.execute(
        "WITH over AS (UPDATE repair SET expires_at = clock_timestamp() WHERE id = $1 RETURNING expires_at)"
        " UPDATE slot SET held_until = over.expires_at FROM over WHERE slot.id = $2", offer.id, near,
    )  # fmt: skip
    with pytest.raises(Conflict) as caught:
        await actions.accept(broken.patients[0].actor, offer.id)
    assert caught.value.extra["current_state"] == "EXPIRED" and (await visit_of(broken.visits[0]))["status"] == "BOOKED"


async def test_a_video_visit_at_the_same_time(broken: Broken, settings: Settings) -> None:
    offer = await offered(broken, VIDEO)
    same = await actions.accept(broken.patients[0].actor, offer.id)
    assert (same.id, same.appointment_type, same.needs_attention) == (broken.visits[0], "VIRTUAL", None)
    assert same.video_session_id and await emitted("video.consultation.created", same.video_session_id)
    assert (await slot_row(same.slot_id))["session_id"] is None  # its session does not take place
    await broken.patients_hear_nothing_more()
    assert (await visit_of(same.id))["needs_attention"] is None
    taken = await actions.take_video(broken.patients[1].actor, broken.visits[1])  # nobody had to offer it
    assert taken.video_session_id
    with pytest.raises(Conflict) as caught:
        await actions.take_video(broken.patients[1].actor, broken.visits[1])
    assert caught.value.code == "no_video"


async def test_declining_withdrawing_and_going_one_s_own_way(
    broken: Broken, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, patient = await colleague_at(broken, 9), broken.patients[0]
    first = await offered(broken)
    declined = await actions.decline(patient.actor, first.id)
    assert declined.state is RepairState.DECLINED and (await slot_row(near))["held_by"] is None
    assert (await visit_of(broken.visits[0]))["needs_attention"] == "SCHEDULE_CHANGED"
    second = await offered(broken)
    assert (await actions.withdraw(broken.doctor.actor, second.id)).state is RepairState.WITHDRAWN
    third = await offered(broken)
    with published(monkeypatch) as told:
        answer = await client.post(
            f"/api/appointments/{broken.visits[0]}/cancel", json={"reason": "No need"}, headers=patient.bearer
        )
    assert answer.status_code == 200 and (slot := await slot_row(near))["held_by"] is None
    assert (f"slots:{broken.colleague.id}:{slot['date']}", "slot.released") in told
    assert (await queries.get_repair(patient.actor, third.id)).state is RepairState.DECLINED
    for call in (actions.accept, actions.decline):
        with pytest.raises(Conflict):
            await call(patient.actor, third.id)
    for who, call in ((broken.doctor, actions.decline), (patient, actions.withdraw)):
        with pytest.raises(Forbidden):
            await call(who.actor, third.id)
    for stranger in (broken.patients[1], broken.far_admin, broken.colleague):
        with pytest.raises(NotFound):
            await actions.accept(stranger.actor, third.id)


async def test_staff_accept_for_a_patient_who_calls(broken: Broken) -> None:
    await colleague_at(broken, 9)
    offer = await offered(broken)
    with pytest.raises(Conflict) as caught:
        await actions.accept(broken.doctor.actor, offer.id)  # a colleague's time
    assert caught.value.code == "not_your_time"
    assert (await actions.accept(broken.admin.actor, offer.id)).patient_id == broken.patients[0].id


async def test_both_faces(broken: Broken, client: httpx.AsyncClient) -> None:
    await colleague_at(broken, 9)
    await colleague_at(broken, 10)
    client.cookies.update(broken.admin.cookies)
    assert "Another time" in (await client.get(f"/sessions/{broken.session_id}/repair?date={broken.day}")).text
    where = {"session_id": str(broken.session_id), "date": str(broken.day), "kind": "ALTERNATIVE"}
    seen = await client.get("/attention/all", params=where)
    assert seen.status_code == 200 and "Offer this to everybody?" in seen.text and "Pat1" in seen.text
    page = f"/attention/all?session_id={broken.session_id}&date={broken.day}&kind=ALTERNATIVE"
    done = await submit(client, page, where, "/attention/all")
    assert done.status_code == 200 and "2 of 2 visits" in done.text
    assert (await client.get("/attention")).text.count("Accept for the patient") == 2
    client.cookies.update(broken.patients[0].cookies)
    visit = f"/appointments/{broken.visits[0]}"
    assert f"{visit}/repair" in (await client.get(visit)).text and f"{visit}/repair" in (await client.get("/home")).text
    chosen = (await client.get(f"{visit}/repair")).text
    assert "Kept for you until" in chosen and "Video at the same time" in chosen
    offers = (await client.get(f"/api{visit}/repairs", headers=broken.patients[0].bearer)).json()["repairs"]
    moved = await submit(client, f"{visit}/repair", {}, f"/repairs/{offers[0]['id']}/accept")
    assert moved.status_code == 303 and moved.headers["location"] != visit
    again = await submit(client, moved.headers["location"] + "/cancel", {}, f"/repairs/{offers[0]['id']}/accept")
    assert again.status_code == 303 and again.headers["location"] == f"{visit}/repair"
    client.cookies.update(broken.patients[1].cookies)
    video = f"/appointments/{broken.visits[1]}"
    assert (await submit(client, f"{video}/repair", {}, f"{video}/take-video")).headers["location"] == video


async def naively_accept(repair_id: UUID) -> None:
    """The twin: look whether the offer is open, then take it."""
    if await db.fetch_value("SELECT state FROM naive_repair WHERE id = $1", repair_id) != "PROPOSED":
        raise Conflict("offer_over", "")
    await asyncio.sleep(0)
    await db.execute("UPDATE naive_repair SET state = 'ACCEPTED', times = times + 1 WHERE id = $1", repair_id)


@pytest.mark.race
@pytest.mark.A7
async def test_an_offer_is_accepted_once_whoever_answers(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The patient twice and the front desk at once, while the patient declines too; beside a naive twin, which must double."""
    monkeypatch.setattr(db, "ACQUIRE_SECONDS", 60)  # at full size hundreds share ten connections
    number = 12 if not catalogue.FULL else 100
    days = [await a_day(4) for _ in range(number // 4)]
    offers: list[tuple[Broken, int, Any]] = []
    for day in days:
        for hour in range(8, 12):
            await colleague_at(day, hour)
        await day.cancel()
        offers += [(day, n, await offered(day, number=n)) for n in range(4)]
    calls = [
        actions.accept(who, offer.id)
        for day, n, offer in offers
        for who in (day.patients[n].actor, day.admin.actor, day.patients[n].actor)
    ]
    ends = [actions.decline(day.patients[n].actor, offer.id) for day, n, offer in offers[::2]]
    answers = await asyncio.gather(*calls, *ends, return_exceptions=True)
    assert {one.code for one in answers if isinstance(one, Exception)} <= {"offer_over"}, answers
    visits = Counter(row["patient_id"] for row in await db.fetch(
        "SELECT patient_id FROM appointment WHERE patient_id = ANY($1) AND status = 'BOOKED'",
        [day.patients[n].id for day, n, _offer in offers]))  # fmt: skip
    won = sum(not isinstance(one, Exception) for one in answers)
    await as_owner("CREATE TABLE naive_repair (id uuid, state text, times int)")
    await db.execute(
        "INSERT INTO naive_repair SELECT unnest($1::uuid[]), 'PROPOSED', 0", [o.id for _d, _n, o in offers]
    )
    await asyncio.gather(
        *(naively_accept(offer.id) for _d, _n, offer in offers for _ in range(3)), return_exceptions=True
    )
    doubled = await db.fetch_value("SELECT count(*) FROM naive_repair WHERE times > 1")
    catalogue.figure("A7", f"{len(calls)} answers to {number} offers at once: {won} won; naive twin doubled {doubled}")
    assert won == number and set(visits.values()) == {1} and len(visits) == number and doubled > 0
    found = await broken_rules(settings.database_url)
    assert not {"one live visit a slot", "no patient is at two visits", "slots and visits agree"} & found.keys()
    assert "a booked slot is nobody's hold" not in found and "no hold without an end in sight" not in found


async def test_the_night_on_which_the_clocks_go_back() -> None:
    """A place later that night is on the wall's clock like all of the session, an hour further away than the wall says."""
    night = date(2027, 10, 31)
    day = await a_day(5, zone="Europe/Berlin", day=night, start=time(1), end=time(4), minutes=30, effective_from=night)
    later = (await actions.propose(day.doctor.actor, day.visits[0], LATER)).repair
    last = await visit_of(day.visits[4])
    assert later and later.start_time > last["starts_at"] and later.time_zone == "Europe/Berlin"
    assert later.start_time == datetime(2027, 10, 31, 2, 30, tzinfo=UTC)  # 03:30, four hours and a half after 00:00
    moved = await actions.accept(day.patients[0].actor, later.id)
    assert moved.start_time == later.start_time and moved.date == night and clock.now() < moved.start_time
