"""Weekly sessions over the API: shapes, roles, strangers and bad input."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests import factories as make

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("app")]

MONDAY = datetime.now(UTC).date() + timedelta(days=7 - datetime.now(UTC).weekday())


def body(doctor: make.Person, **more: Any) -> dict[str, Any]:
    return {
        "doctor_id": str(doctor.id), "day_of_week": "MONDAY", "session_start_time": "09:00", "session_end_time": "12:00",
        "service_type": "VIRTUAL", "max_queue_size": 14, "estimated_consultation_minutes": 15,
        "effective_from": str(MONDAY), **more,
    }  # fmt: skip


async def test_the_life_of_a_session(client: httpx.AsyncClient) -> None:
    doctor, patient, stranger = await make.doctor(), await make.patient(), await make.doctor()
    made = await client.post("/api/sessions", json=body(doctor), headers=doctor.bearer)
    assert made.status_code == 201, made.text
    session = made.json()
    assert session["slots"]["added"] % 14 == 0 and session["slots"]["added"] > 0
    assert (session["day_of_week"], session["session_start_time"]) == ("MONDAY", "09:00")
    path = f"/api/sessions/{session['id']}"
    listed = await client.get("/api/sessions", params={"doctor_id": str(doctor.id)}, headers=patient.bearer)
    assert (listed.json()["total"], listed.json()["sessions"][0]["id"]) == (1, session["id"])
    assert (await client.get(path, headers=patient.bearer)).json()["max_queue_size"] == 14
    changed = {name: value for name, value in body(doctor, max_queue_size=12).items() if name != "doctor_id"}
    for headers, status in ((stranger.bearer, 404), (patient.bearer, 403), ({}, 401), (doctor.bearer, 200)):
        assert (await client.put(path, json=changed, headers=headers)).status_code == status
    whole = body(doctor, max_queue_size=12)  # as it was made, doctor and all
    assert (await client.put(path, json=whole, headers=doctor.bearer)).json()["max_queue_size"] == 12
    given_away = await client.put(path, json={**whole, "doctor_id": str(stranger.id)}, headers=doctor.bearer)
    assert (given_away.status_code, given_away.json()["errors"][0]["field"]) == (422, "doctor_id")
    off = {"date": str(MONDAY), "kind": "CANCELLED", "reason": "Training"}
    for headers, status in ((stranger.bearer, 404), (patient.bearer, 403), ({}, 401), (doctor.bearer, 201)):
        override = await client.post(path + "/overrides", json=off, headers=headers)
        assert override.status_code == status
    assert override.json()["slots"]["removed"] == 12
    listed = (await client.get(path + "/overrides?skip=0&limit=10", headers=doctor.bearer)).json()
    assert (listed["total"], listed["skip"], listed["limit"]) == (1, 0, 10)
    assert listed["overrides"][0]["reason"] == "Training"
    beyond = (await client.get(path + "/overrides?skip=1", headers=doctor.bearer)).json()
    assert (beyond["total"], beyond["overrides"]) == (1, [])
    assert (await client.get(path + "/overrides", headers=stranger.bearer)).status_code == 404
    gone = await client.delete(f"{path}/overrides/{override.json()['id']}", headers=doctor.bearer)
    assert gone.json()["added"] == 12
    for headers, status in ((stranger.bearer, 404), (patient.bearer, 403), ({}, 401), (doctor.bearer, 200)):
        assert (await client.delete(path, headers=headers)).status_code == status
    assert (await client.get(path, headers=doctor.bearer)).status_code == 404


async def test_everything_wrong_is_named_at_once(client: httpx.AsyncClient) -> None:
    doctor = await make.doctor()
    wrong = body(
        doctor,
        day_of_week="Monday",
        session_start_time="9",
        max_queue_size=0,
        estimated_consultation_minutes=1,
        extra=1,
    )
    answer = await client.post("/api/sessions", json=wrong, headers=doctor.bearer)
    assert answer.status_code == 422
    assert {one["field"] for one in answer.json()["errors"]} == {
        "day_of_week", "session_start_time", "max_queue_size", "estimated_consultation_minutes", "extra",
    }  # fmt: skip
    for change, field in (
        ({"session_end_time": "08:00"}, "session_end_time"),
        ({"service_type": "BOTH"}, "service_type"),
    ):
        answer = await client.post("/api/sessions", json=body(doctor, **change), headers=doctor.bearer)
        assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert (
        await client.post("/api/sessions", json=body(doctor), headers=(await make.doctor()).bearer)
    ).status_code == 404
    assert (await client.get("/api/sessions", headers=doctor.bearer)).status_code == 422
    assert (await client.get(f"/api/sessions/{uuid4()}", headers=doctor.bearer)).status_code == 404


async def test_an_overlap_is_a_conflict(client: httpx.AsyncClient) -> None:
    doctor = await make.doctor()
    assert (await client.post("/api/sessions", json=body(doctor), headers=doctor.bearer)).status_code == 201
    again = await client.post("/api/sessions", json=body(doctor, session_start_time="11:00"), headers=doctor.bearer)
    assert (again.status_code, again.json()["code"]) == (409, "session_overlaps")
