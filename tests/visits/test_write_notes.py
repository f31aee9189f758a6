"""The notes of a visit: the doctor's alone, never over what was not read, and every version kept."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from portal import db
from tests.appointments.conftest import Cast, audit_of, booked, get, post
from tests.clients import audited, published
from tests.visits.conftest import begun, read, write

pytestmark = pytest.mark.anyio

TEXTS = {"private_notes": "Worried about work", "patient_summary": "Rest a week", "diagnosis": "Back pain"}


async def test_what_is_written_is_read_again(
    client: httpx.AsyncClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = await begun(client, cast)
    assert (await read(client, cast.doctor, visit))["version"] == 0
    with published(monkeypatch) as told:
        first = await write(client, cast.doctor, visit, 0, **TEXTS)
        second = await write(client, cast.doctor, visit, 1, diagnosis="Lower back pain", share_diagnosis=True)
    assert (first.status_code, first.json()["version"], second.json()["version"]) == (200, 1, 2)
    found = await read(client, cast.doctor, visit)
    assert found["private_notes"] == TEXTS["private_notes"] and found["diagnosis"] == "Lower back pain"
    assert found["changed_by"] == str(cast.doctor.id)
    assert not told  # nobody hears of a sentence that is being written
    kept = await read(client, cast.doctor, visit, "notes/history")
    assert [(one["version"], one["diagnosis"], one["amended"]) for one in kept["versions"]] == [
        (2, "Lower back pain", False), (1, "Back pain", False),
    ]  # fmt: skip
    rows = [row for row in await audit_of(visit) if row["action"].startswith("notes.")]
    assert {row["patient_id"] for row in rows} == {cast.patient.id}
    actions = [row["action"] for row in rows]
    assert actions.count("notes.changed") == 2 and actions.count("notes.read") == 2 and "notes.history_read" in actions


async def test_nobody_else_finds_any_of_it(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await begun(client, cast)
    await write(client, cast.doctor, visit, 0, **TEXTS)
    paths = [f"/appointments/{visit}/notes{part}" for part in ("", "/history", "/past")]
    for path in paths:
        foreign = await get(client, cast.other_doctor, path)
        absent = await get(client, cast.doctor, path.replace(visit, str(uuid4())))
        assert foreign.status_code == absent.status_code == 404
        assert foreign.json()["detail"] == absent.json()["detail"]
        for who in (cast.patient, cast.other_patient, cast.admin, cast.other_admin):
            assert (await get(client, who, path)).status_code == 403
        assert (await client.get(f"/api{path}")).status_code == 401
    for who, status in ((cast.other_doctor, 404), (cast.patient, 403), (cast.admin, 403)):
        assert (await write(client, who, visit, 1, private_notes="mine now")).status_code == status
    assert (await read(client, cast.doctor, visit))["version"] == 1
    assert await audited("notes.changed", visit) == 1


async def test_the_patient_reads_what_is_for_them_when_it_is_over(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await begun(client, cast)
    await write(client, cast.doctor, visit, 0, **TEXTS)
    assert await read(client, cast.patient, visit, "summary") == {
        "patient_summary": "", "diagnosis": "", "changed_at": None,
    }  # fmt: skip
    assert (await get(client, cast.patient, f"/appointments/{visit}")).json()["doctor_notes"] == ""
    await post(client, cast.doctor, f"/appointments/{visit}/complete")
    summary = await read(client, cast.patient, visit, "summary")
    assert (summary["patient_summary"], summary["diagnosis"]) == ("Rest a week", "")  # not shared
    await write(client, cast.doctor, visit, 1, share_diagnosis=True)
    assert (await read(client, cast.patient, visit, "summary"))["diagnosis"] == "Back pain"
    one = (await get(client, cast.patient, f"/appointments/{visit}")).json()
    assert one["doctor_notes"] == "Rest a week" and "Worried" not in str(one)
    listed = (await get(client, cast.patient, "/appointments")).json()["appointments"]
    assert [each["doctor_notes"] for each in listed if each["id"] == visit] == ["Rest a week"]
    for who, status in ((cast.admin, 403), (cast.other_patient, 404), (cast.other_doctor, 404)):
        assert (await get(client, who, f"/appointments/{visit}/summary")).status_code == status
    seen = (await get(client, cast.admin, f"/appointments/{visit}")).text
    assert "Rest a week" not in seen


async def test_words_at_the_end_are_added_to_what_is_written(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await begun(client, cast)
    await write(client, cast.doctor, visit, 0, **TEXTS)
    done = await post(client, cast.doctor, f"/appointments/{visit}/complete", {"doctor_notes": "Come back on Monday"})
    both = "Rest a week\n\nCome back on Monday"
    assert done.json()["doctor_notes"] == both
    found = await read(client, cast.doctor, visit)
    assert (found["patient_summary"], found["private_notes"], found["version"]) == (both, TEXTS["private_notes"], 2)
    assert await db.fetch_value("SELECT doctor_notes FROM appointment WHERE id = $1::uuid", visit) == ""


async def test_the_same_words_at_the_end_stand_there_once(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await begun(client, cast)
    await write(client, cast.doctor, visit, 0, **TEXTS)
    done = await post(client, cast.doctor, f"/appointments/{visit}/complete", {"doctor_notes": "Rest a week"})
    assert done.json()["doctor_notes"] == "Rest a week"


async def test_an_amendment_keeps_what_it_replaces(
    client: httpx.AsyncClient, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = await begun(client, cast)
    await write(client, cast.doctor, visit, 0, **TEXTS)
    await post(client, cast.doctor, f"/appointments/{visit}/complete")
    with published(monkeypatch) as told:
        await write(client, cast.doctor, visit, 1, patient_summary="Rest two weeks")
    assert told == [(f"appointment:{visit}", "appointment.changed")]
    kept = await read(client, cast.doctor, visit, "notes/history", limit=1, skip=1)
    assert (kept["total"], kept["versions"][0]["patient_summary"]) == (2, "Rest a week")
    newest = await read(client, cast.doctor, visit, "notes/history", limit=1)
    assert newest["versions"][0]["amended"] and newest["versions"][0]["changed_by"] == str(cast.doctor.id)
    assert await audited("notes.amended", visit) == 1
    beyond = await read(client, cast.doctor, visit, "notes/history", skip=50)
    assert (beyond["total"], beyond["versions"]) == (2, [])


async def test_a_text_that_was_not_read_is_not_written_over(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await begun(client, cast)
    await write(client, cast.doctor, visit, 0, private_notes="from the first tab")
    for version in (0, 2, 7):
        late = await write(client, cast.doctor, visit, version, private_notes="from the second tab")
        assert (late.status_code, late.json()["code"]) == (409, "changed_meanwhile")
        assert late.json()["current"]["private_notes"] == "from the first tab"
        assert late.json()["current"]["version"] == 1
    assert await audited("notes.changed", visit) == 1
    lost_answer = await write(client, cast.doctor, visit, 0, private_notes="from the first tab")
    assert (lost_answer.status_code, lost_answer.json()["version"]) == (200, 1)


async def test_earlier_visits_of_the_same_two(client: httpx.AsyncClient, cast: Cast) -> None:
    before = await begun(client, cast, chief_complaint="a cough")
    await write(client, cast.doctor, before, 0, **TEXTS)
    await post(client, cast.doctor, f"/appointments/{before}/complete")
    visit = (await booked(client, cast, day=3))["id"]
    (past,) = (await read(client, cast.doctor, visit, "notes/past"))["visits"]
    assert (past["appointment_id"], past["chief_complaint"], past["diagnosis"]) == (before, "a cough", "Back pain")
    assert (await read(client, cast.doctor, before, "notes/past"))["visits"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "version"),
        ({"version": -1}, "version"),
        ({"version": "1"}, "version"),
        ({"version": 0, "private_notes": "a\u0000b"}, "private_notes"),
        ({"version": 0, "private_notes": "x" * 20_001}, "private_notes"),
        ({"version": 0, "diagnosis": "x" * 2_001}, "diagnosis"),
        ({"version": 0, "share_diagnosis": "yes"}, "share_diagnosis"),
        ({"version": 0, "changed_by": str(uuid4())}, "changed_by"),
    ],
)
async def test_what_cannot_be(client: httpx.AsyncClient, cast: Cast, body: dict[str, Any], field: str) -> None:
    visit = await begun(client, cast)
    answer = await client.put(f"/api/appointments/{visit}/notes", json=body, headers=cast.doctor.bearer)
    assert answer.status_code == 422
    assert field in [one["field"] for one in answer.json()["errors"]]
    assert (await read(client, cast.doctor, visit))["version"] == 0
