"""The doctor's page of a visit as plain forms, and what the patient sees afterwards."""

from typing import Any

import httpx
import pytest

from portal import db
from tests.appointments.conftest import Cast, appointment_row, booked, get, near, post
from tests.appointments.test_pages import see, send
from tests.visits.conftest import begun, read, write

pytestmark = pytest.mark.anyio

ALLERGY = {"substance": "Penicillin <b>", "severity": "SEVERE", "reaction": "Rash"}
TYPED = {
    "version": "0", "private_notes": "Worried & tired", "diagnosis": "Back pain", "patient_summary": "Rest\nand <b>tea",
}  # fmt: skip


def page_of(visit: str) -> str:
    return f"/appointments/{visit}/visit"


async def test_the_record_stands_beside_the_notes(client: httpx.AsyncClient, cast: Cast) -> None:
    record = {"allergies": [ALLERGY], "conditions": [{"name": "Asthma", "since": 1999}], "medical_history": "Tonsils"}
    await client.patch(f"/api/patients/{cast.patient.id}", json=record, headers=cast.patient.bearer)
    visit = await begun(client, cast, chief_complaint="a <i>knee</i>")
    shown = (await see(client, cast.doctor, page_of(visit))).text
    for text in ("Penicillin &lt;b&gt;", "Severe", "Asthma", "Tonsils", "a &lt;i&gt;knee", "This is the first one"):
        assert text in shown
    assert f"/appointments/{visit}/refer" in shown and f"/appointments/{visit}/follow-up" in shown
    assert "data-since" in shown and "/visit/complete" in shown
    assert page_of(visit) in (await see(client, cast.doctor, f"/appointments/{visit}")).text
    assert page_of(visit) not in (await see(client, cast.patient, f"/appointments/{visit}")).text


async def test_the_start_of_a_visit_leads_to_its_page(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = (await booked(client, cast))["id"]
    await near(visit)
    before = (await see(client, cast.doctor, f"/appointments/{visit}")).text
    assert f'name="next" value="{page_of(visit)}"' in before
    answer = await send(client, cast.doctor, f"/appointments/{visit}/start", next=page_of(visit))
    assert (answer.status_code, answer.headers["location"]) == (303, page_of(visit))


async def test_a_form_saves_and_ends_the_visit(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await begun(client, cast)
    saved = await send(client, cast.doctor, page_of(visit), **TYPED)
    assert (saved.status_code, saved.headers["location"]) == (303, page_of(visit))
    shown = (await see(client, cast.doctor, page_of(visit))).text
    assert "Worried &amp; tired" in shown and 'name="version" value="1"' in shown
    more = {**TYPED, "version": "1", "share_diagnosis": "true"}
    done = await send(client, cast.doctor, page_of(visit) + "/complete", **more)
    assert (done.status_code, done.headers["location"]) == (303, page_of(visit))
    assert (await appointment_row(visit))["status"] == "COMPLETED"
    seen = (await see(client, cast.patient, f"/appointments/{visit}")).text
    assert "Back pain" in seen and "and &lt;b&gt;tea" in seen and "Worried" not in seen
    for who in (cast.admin, cast.doctor):
        others = (await see(client, who, f"/appointments/{visit}")).text
        assert ("&lt;b&gt;tea" in others) == (who is cast.doctor)
    twice = await send(client, cast.doctor, page_of(visit) + "/complete", **{**more, "version": "2"})
    assert twice.status_code == 303
    after = (await see(client, cast.doctor, page_of(visit))).text
    assert "data-by-hand" in after and "Save the amendment" in after and "/visit/complete" not in after


async def test_a_stale_form_shows_both_texts_and_ends_nothing(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await begun(client, cast)
    await write(client, cast.doctor, visit, 0, private_notes="From the other tab", diagnosis="Back pain")
    for path in (page_of(visit), page_of(visit) + "/complete", page_of(visit) + "/save"):
        stale = await send(client, cast.doctor, path, **TYPED)
        assert stale.status_code == 409
        assert "From the other tab" in stale.text and "Worried &amp; tired" in stale.text
        assert 'version="1"' in stale.text if path.endswith("save") else 'name="version" value="1"' in stale.text
        assert stale.text.count("stored now") == 2  # the diagnosis is the same in both
    assert (await appointment_row(visit))["status"] == "IN_PROGRESS"
    merged = {**TYPED, "version": "1", "private_notes": "From the other tab\nWorried & tired"}
    assert (await send(client, cast.doctor, page_of(visit), **merged)).status_code == 303
    kept = (await see(client, cast.doctor, page_of(visit) + "/history")).text
    assert "Version 1" in kept and "Version 2" in kept


async def test_what_is_typed_is_saved_by_and_by(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await begun(client, cast)
    first = await send(client, cast.doctor, page_of(visit) + "/save", **TYPED)
    assert (first.status_code, 'data-version="1"' in first.text, "<html" in first.text) == (200, True, False)
    again = await send(client, cast.doctor, page_of(visit) + "/save", **TYPED)  # the first answer was lost
    assert 'data-version="1"' in again.text
    second = await send(client, cast.doctor, page_of(visit) + "/save", version="1", private_notes="On the mend")
    assert 'data-version="2"' in second.text
    found = await read(client, cast.doctor, visit)
    assert (found["private_notes"], found["diagnosis"]) == ("On the mend", "")


async def test_a_bad_form_keeps_what_was_typed(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await begun(client, cast)
    for path in (page_of(visit), page_of(visit) + "/complete"):
        wrong = await send(client, cast.doctor, path, **{**TYPED, "diagnosis": "x" * 2_001})
        assert wrong.status_code == 422 and "error-summary" in wrong.text and "Worried &amp; tired" in wrong.text
    assert (
        await send(client, cast.doctor, page_of(visit) + "/save", version="0", diagnosis="x" * 2_001)
    ).status_code == 422
    assert (await read(client, cast.doctor, visit))["version"] == 0


async def test_the_page_is_the_doctors(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await begun(client, cast)
    await write(client, cast.doctor, visit, 0, private_notes="CANARY")
    for path in (page_of(visit), page_of(visit) + "/history"):
        for who, status in ((cast.patient, 403), (cast.admin, 403), (cast.other_doctor, 404)):
            answer = await see(client, who, path)
            assert answer.status_code == status and "CANARY" not in answer.text
    for path in ("", "/save", "/complete"):
        answer = await send(client, cast.other_doctor, page_of(visit) + path, **TYPED)
        assert answer.status_code == 404 and "CANARY" not in answer.text
    assert (await read(client, cast.doctor, visit))["version"] == 1


async def test_earlier_visits_and_referrals_stand_there(client: httpx.AsyncClient, cast: Cast) -> None:
    before = await begun(client, cast)
    await write(client, cast.doctor, before, 0, private_notes="Tired then", patient_summary="Sleep more")
    await post(client, cast.doctor, f"/appointments/{before}/complete")
    visit = (await booked(client, cast, day=3))["id"]
    shown = (await see(client, cast.doctor, page_of(visit))).text
    assert "Tired then" in shown and "Sleep more" in shown and page_of(before) in shown
    board = (await see(client, cast.doctor, page_of(before))).text
    assert "Tired then" in board


async def test_whoever_looks_is_in_the_audit(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await begun(client, cast)
    await see(client, cast.doctor, page_of(visit))
    log: dict[str, Any] = (await get(client, cast.patient, "/me/access-log", limit=100)).json()
    actions = {one["action"] for one in log["accesses"] if one["actor_id"] == str(cast.doctor.id)}
    assert {"record.read", "notes.read", "notes.past_read", "appointment.read"} <= actions
    # What entitles the reader, and no word of the notes.
    reasons = await db.fetch("SELECT DISTINCT reason FROM audit_event WHERE action = 'notes.read'")
    assert {one["reason"] for one in reasons} == {"TREATING_DOCTOR"}
