"""A broken day repaired: what each patient is offered, who hears of it, and what cannot be."""

from datetime import timedelta

import httpx
import pytest

from portal import db
from portal.appointments import jobs as visits_jobs
from portal.errors import Conflict, Forbidden, NotFound
from portal.repairs import actions, jobs, queries
from portal.repairs.schemas import AffectedFilter, NewRepair, NewRepairs, OutcomeKind, RepairKind, RepairState
from portal.settings import Settings
from tests import factories as make
from tests.clients import audited, mails_to, published
from tests.repairs.conftest import ALTERNATIVE, CANCEL, LATER, VIDEO, Broken, a_day, colleague_at, slot_row, visit_of
from tests.slots.conftest import book

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("app")]


async def test_a_kept_time_is_offered_and_its_patient_told(broken: Broken, monkeypatch: pytest.MonkeyPatch) -> None:
    own = await db.fetch_value(  # the session of a week later
        "SELECT id FROM slot WHERE session_id = $1 AND date > $2 ORDER BY starts_at", broken.session_id, broken.day
    )
    near = await colleague_at(broken, 9, 4)
    with published(monkeypatch) as told:
        first = await actions.propose(broken.doctor.actor, broken.visits[0], ALTERNATIVE)
    second = await actions.propose(broken.admin.actor, broken.visits[1], ALTERNATIVE)
    assert first.repair and second.repair and first.outcome is OutcomeKind.OFFERED
    assert (first.repair.slot_id, second.repair.slot_id) == (near, own)  # nobody is offered what another was
    slot = await slot_row(near)
    assert slot["held"] and (slot["held_by"], slot["held_until"]) == (broken.colleague.id, first.repair.expires_at)
    assert timedelta(hours=23) < first.repair.expires_at - first.repair.created_at <= timedelta(hours=24)
    patient, other = broken.patients
    topics = {topic for topic, event in told if event == "appointment.changed"}
    assert {f"user:{patient.id}", f"clinic:{broken.clinic_id}", f"appointment:{broken.visits[0]}"} <= topics
    assert f"user:{other.id}" not in topics and (f"slots:{broken.colleague.id}:{slot['date']}", "slot.held") in told
    (mail,) = await mails_to(patient.actor.email)
    assert "This time is kept for you" in mail and broken.doctor.actor.last_name not in mail
    link = await db.fetch_value(
        "SELECT link FROM notification WHERE account_id = $1 AND kind = 'repair.offered'", patient.id
    )
    assert link == f"/appointments/{broken.visits[0]}/repair"
    assert await audited("repair.offer", first.repair.id) == 1


async def test_nobody_else_gets_a_kept_time(broken: Broken, client: httpx.AsyncClient) -> None:
    near, patient = await colleague_at(broken, 9), broken.patients[0]
    await colleague_at(broken, 10)
    offer = (await actions.propose(broken.admin.actor, broken.visits[0], ALTERNATIVE)).repair
    assert offer and offer.slot_id == near
    for who in (await make.patient(), patient):  # not even its patient past the offer
        for path, body in ((f"/api/slots/{near}/hold", None), ("/api/appointments", {"slot_id": str(near)})):
            sent = body and {**body, "appointment_type": "IN_PERSON"}
            answer = await client.post(path, json=sent, headers=who.bearer)
            assert (answer.status_code, answer.json()["code"]) == (409, "slot_held")
    own_times = [await make.slot(broken.colleague.id, make.tomorrow_at(n, 4)) for n in (12, 13, 14)]
    for slot in own_times:  # looking at other times of that day does not let go of it
        assert (await client.post(f"/api/slots/{slot}/hold", headers=patient.bearer)).status_code == 200
    assert (await slot_row(near))["held"] and (await slot_row(near))["held_by"] == broken.colleague.id


async def test_a_new_offer_takes_the_place_of_the_last(broken: Broken) -> None:
    near = await colleague_at(broken, 9)
    first = (await actions.propose(broken.admin.actor, broken.visits[0], ALTERNATIVE)).repair
    second = (await actions.propose(broken.admin.actor, broken.visits[0], VIDEO)).repair
    assert first and second and second.kind is RepairKind.VIDEO and second.slot_id is None
    assert (await slot_row(near))["held_by"] is None
    states = (await queries.list_repairs(broken.patients[0].actor, broken.visits[0])).repairs
    assert [one.state for one in states] == [RepairState.PROPOSED, RepairState.WITHDRAWN]


async def test_a_later_place_of_the_day_may_be_after_hours(client: httpx.AsyncClient) -> None:
    day = await a_day(12)
    later = (await actions.propose(day.doctor.actor, day.visits[3], LATER)).repair
    assert later and later.overflow
    assert (await visit_of(day.visits[3]))["needs_attention"] == "DELAYED"
    with pytest.raises(Conflict) as caught:
        await actions.propose(day.doctor.actor, day.visits[4], LATER)
    assert caught.value.code == "nothing_to_offer" and (await visit_of(day.visits[4]))["needs_attention"] is None


async def test_a_time_at_which_the_patient_is_elsewhere_is_not_offered(broken: Broken) -> None:
    await colleague_at(broken, 9, 4)
    free = await colleague_at(broken, 10, 4)
    await book(await make.slot((await make.doctor()).id, make.tomorrow_at(9, 4)), broken.patients[0].id)
    offer = (await actions.propose(broken.admin.actor, broken.visits[0], ALTERNATIVE)).repair
    assert offer and offer.slot_id == free


async def test_cancelling_tells_the_patient_why(broken: Broken) -> None:
    told = NewRepair(kind=RepairKind.CANCEL, reason="The clinic has no water.")
    done = await actions.propose(broken.admin.actor, broken.visits[0], told)
    assert done.outcome is OutcomeKind.CANCELLED and (await visit_of(broken.visits[0]))["status"] == "CANCELLED"
    history = await db.fetch(
        "SELECT to_status, reason FROM appointment_history WHERE appointment_id = $1", broken.visits[0]
    )
    assert ("CANCELLED", "The clinic has no water.") in [tuple(row) for row in history]
    with pytest.raises(Conflict) as caught:
        await actions.propose(broken.admin.actor, broken.visits[0], ALTERNATIVE)
    assert caught.value.code == "wrong_status"


async def test_all_are_repaired_in_batches_after_a_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "BATCH", 2)
    day = await a_day(5)
    await day.cancel()
    for hour in (8, 9, 10):
        await colleague_at(day, hour)
    wanted = NewRepairs(kind=RepairKind.ALTERNATIVE, session_id=day.session_id, date=day.day)
    await db.execute("UPDATE slot SET disabled = true WHERE session_id = $1 AND date > $2", day.session_id, day.day)
    seen = await actions.preview_all(day.admin.actor, wanted)
    assert await db.fetch_value("SELECT count(*) FROM repair WHERE doctor_id = $1", day.doctor.id) == 0
    outcomes, after, batches = [], None, 0
    while batches == 0 or after:
        batch = await actions.propose_all(
            day.admin.actor, NewRepairs(kind=wanted.kind, session_id=day.session_id, date=day.day, after=after)
        )
        outcomes, after, batches = [*outcomes, *batch.outcomes], batch.next, batches + 1
    offered = [one.repair.slot_id for one in outcomes if one.repair]
    assert batches == 3 and len(set(offered)) == len(offered) == 3
    assert [(one.outcome, one.code) for one in outcomes] == [(one.outcome, one.code) for one in seen.outcomes]
    assert [one.code for one in outcomes[3:]] == ["nothing_to_offer"] * 2
    rest = await actions.propose_all(day.admin.actor, NewRepairs(kind=RepairKind.CANCEL, doctor_id=day.doctor.id))
    assert [one.outcome for one in rest.outcomes] == [OutcomeKind.CANCELLED] * 2  # who has an open offer keeps it


async def test_who_is_affected_by_a_delay(client: httpx.AsyncClient) -> None:
    day = await a_day(3)
    await db.execute("UPDATE appointment SET status = 'CHECKED_IN' WHERE id = $1", day.visits[0])
    await db.execute("UPDATE appointment SET status = 'CANCELLED' WHERE id = $1", day.visits[2])
    wanted = AffectedFilter(session_id=day.session_id, date=day.day, delay_minutes=25)
    found = (await queries.affected(day.doctor.actor, wanted)).affected
    assert [one.appointment_id for one in found] == day.visits[:2] and {one.reason for one in found} == {"DELAYED"}
    assert all(one.expected_start == one.start_time + timedelta(minutes=25) for one in found)
    assert [one.can_be_video for one in found] == [False, True]
    nothing = AffectedFilter(session_id=day.session_id, date=day.day)
    assert not (await queries.affected(day.doctor.actor, nothing)).affected
    await db.execute(
        "INSERT INTO queue_day (session_id, date, delay_minutes) VALUES ($1, $2, 40)", day.session_id, day.day
    )
    assert len((await queries.affected(day.admin.actor, nothing)).affected) == 2
    client.cookies.update(day.doctor.cookies)
    page = await client.get(f"/sessions/{day.session_id}/repair?date={day.day}&delay=25")
    assert page.status_code == 200 and page.text.count("The doctor is late") == 2 and "Pat0" in page.text


async def test_an_offer_ends_by_itself_and_with_its_reason(broken: Broken, settings: Settings) -> None:
    near = await colleague_at(broken, 9)
    offer = (await actions.propose(broken.admin.actor, broken.visits[0], ALTERNATIVE)).repair
    assert offer
    await db.execute("UPDATE repair SET expires_at = clock_timestamp() WHERE id = $1", offer.id)
    assert (await queries.get_repair(broken.admin.actor, offer.id)).state is RepairState.EXPIRED
    await jobs.expire_offers(settings)
    assert await db.fetch_value("SELECT state FROM repair WHERE id = $1", offer.id) == "EXPIRED"
    await db.execute("UPDATE slot SET held_by = NULL, held_until = NULL WHERE id = $1", near)
    second = (await actions.propose(broken.admin.actor, broken.visits[0], ALTERNATIVE)).repair
    await db.execute("UPDATE appointment SET needs_attention = NULL WHERE id = $1", broken.visits[0])  # it fits again
    assert second and (await queries.get_repair(broken.admin.actor, second.id)).state is RepairState.WITHDRAWN
    assert (await slot_row(near))["held_by"] is None


async def test_nobody_misses_or_is_reminded_of_what_does_not_take_place(broken: Broken, settings: Settings) -> None:
    move = (
        "UPDATE appointment SET starts_at = clock_timestamp() + $2::interval, created_at = clock_timestamp() - interval '9 days',"
        " ends_at = clock_timestamp() + $2::interval + interval '15 minutes' WHERE id = $1"
    )
    told = "SELECT count(*) FROM notification WHERE account_id = $1 AND kind IN ('appointment.reminder', 'appointment.no_show')"
    for ago in (timedelta(hours=20), timedelta(hours=-9)):
        await db.execute(move, broken.visits[0], ago)
        await visits_jobs.remind(settings)
        await visits_jobs.mark_no_shows(settings)
        assert (await visit_of(broken.visits[0]))["status"] == "BOOKED"
    assert await db.fetch_value(told, broken.patients[0].id) == 0
    found = (await queries.affected(broken.admin.actor, AffectedFilter())).affected
    assert found[0].appointment_id == broken.visits[0] and not found[0].can_be_video


async def test_who_may_repair(broken: Broken, client: httpx.AsyncClient) -> None:
    path = f"/api/appointments/{broken.visits[0]}/repairs"
    for who, status in (
        (broken.patients[0], 403),
        (broken.far_admin, 404),
        (broken.colleague, 404),
        (broken.doctor, 201),
    ):
        assert (await client.post(path, json={"kind": "VIDEO"}, headers=who.bearer)).status_code == status
    for body in ({}, {"kind": "NOTHING"}, {"kind": "VIDEO", "slot_id": "x"}):
        assert (await client.post(path, json=body, headers=broken.admin.bearer)).status_code == 422
    listed = (await client.get("/api/repairs/affected", headers=broken.colleague.bearer)).json()
    assert (listed["total"], listed["affected"]) == (0, [])
    seen = (await client.get("/api/repairs/affected", headers=broken.admin.bearer)).json()
    assert seen["total"] == 2 and seen["affected"][0]["repair"]["kind"] == "VIDEO"
    wrong = await client.get(f"/api/repairs/affected?session_id={broken.session_id}", headers=broken.admin.bearer)
    assert wrong.status_code == 422
    with pytest.raises(Forbidden):
        await queries.affected(broken.patients[0].actor, AffectedFilter())
    with pytest.raises(NotFound):
        await queries.get_repair(broken.patients[1].actor, (await queries.list_repairs(
            broken.patients[0].actor, broken.visits[0])).repairs[0].id)  # fmt: skip
    assert (await actions.propose(broken.admin.actor, broken.visits[1], CANCEL)).outcome is OutcomeKind.CANCELLED
