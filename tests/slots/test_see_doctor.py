"""The public page of a doctor: the grid, the viewer's own hold, and pressing a time with and without a login."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from portal import db
from portal.slots import actions
from tests import factories as make
from tests.counting import counted_statements
from tests.slots.conftest import row_of

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("app")]

HEADERS = {"sec-fetch-site": "same-origin"}


def tomorrow() -> Any:
    return datetime.now(UTC).date() + timedelta(days=1)


async def token(client: httpx.AsyncClient, path: str) -> str:
    text = (await client.get(path)).text
    return text.split('name="csrf_token" value="')[1].split('"')[0]


async def press(client: httpx.AsyncClient, doctor: make.Person, slot: Any, verb: str = "hold") -> httpx.Response:
    data = {"csrf_token": await token(client, f"/doctors/{doctor.id}")}
    return await client.post(f"/slots/{slot}/{verb}", data=data, headers=HEADERS)


async def test_anybody_sees_the_times(client: httpx.AsyncClient) -> None:
    doctor = await make.doctor(first_name="Grace")
    await make.session(doctor.id, day=tomorrow(), places=14)
    answer = await client.get(f"/doctors/{doctor.id}")
    assert answer.status_code == 200, answer.text
    assert "Grace" in answer.text and answer.text.count('data-state="OPEN"') == 14 + 1  # and the legend
    assert f"slots%3A{doctor.id}%3A{tomorrow()}" in answer.text or f"slots:{doctor.id}:{tomorrow()}" in answer.text
    assert "After hours" in answer.text and answer.text.count("formaction=") == 12


async def test_weeks_lead_on_within_the_horizon(client: httpx.AsyncClient) -> None:
    doctor = await make.doctor()
    first = (await client.get(f"/doctors/{doctor.id}")).text
    assert 'rel="prev"' not in first and 'rel="next"' in first
    last = (await client.get(f"/doctors/{doctor.id}?week={tomorrow() + timedelta(days=52)}")).text
    assert 'rel="prev"' in last and 'rel="next"' not in last
    assert (await client.get(f"/doctors/{doctor.id}?week=2026-02-30")).status_code == 422


async def test_unknown_and_waiting_doctors_are_not_found(client: httpx.AsyncClient) -> None:
    waiting = await make.doctor(status="PENDING_VERIFICATION")
    for unknown in (uuid4(), waiting.id):
        assert (await client.get(f"/doctors/{unknown}")).status_code == 404


async def test_a_visitor_logs_in_and_comes_back_to_a_question(client: httpx.AsyncClient) -> None:
    doctor, patient = await make.doctor(), await make.patient()
    slot = await make.slot(doctor.id)
    answer = await press(client, doctor, slot)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/login?next=%2Fslots%2F{slot}%2Fhold"
    client.cookies.clear()
    client.cookies.update(patient.cookies)
    question = await client.get(f"/slots/{slot}/hold")
    assert question.status_code == 200 and "09:00" in question.text
    assert (await row_of(slot))["held_by"] is None


async def test_a_patient_is_led_to_the_form_and_sees_the_own_hold(client: httpx.AsyncClient) -> None:
    doctor, patient, other = await make.doctor(), await make.patient(), await make.patient()
    slot = await make.slot(doctor.id)
    client.cookies.update(patient.cookies)
    answer = await press(client, doctor, slot)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/slots/{slot}/book")
    mine = (await client.get(f"/doctors/{doctor.id}")).text
    assert f'data-my-slot="{slot}"' in mine and f"/slots/{slot}/release" in mine
    client.cookies.update(other.cookies)
    theirs = (await client.get(f"/doctors/{doctor.id}")).text
    assert "data-my-slot" not in theirs and 'data-state="HELD"' in theirs
    client.cookies.update(patient.cookies)
    back = await press(client, doctor, slot, "release")
    assert back.headers["location"] == f"/doctors/{doctor.id}?week={tomorrow()}"
    assert (await row_of(slot))["held_by"] is None
    assert (await press(client, doctor, slot, "release")).status_code == 303


async def test_who_comes_too_late_gets_the_grid_with_a_kind_word(client: httpx.AsyncClient) -> None:
    doctor, patient, other = await make.doctor(), await make.patient(), await make.patient()
    slot, free = await make.slots(doctor.id, 2)
    await actions.hold_slot(patient.actor, slot, 240)
    client.cookies.update(other.cookies)
    answer = await press(client, doctor, slot)
    assert answer.status_code == 409
    assert "Somebody is just taking this time." in answer.text and "in 4 minutes" in answer.text
    assert f'formaction="/slots/{free}/hold"' in answer.text


async def test_staff_may_not_hold(client: httpx.AsyncClient) -> None:
    doctor = await make.doctor()
    slot = await make.slot(doctor.id)
    client.cookies.update(doctor.cookies)
    assert (await press(client, doctor, slot)).status_code == 403


async def test_three_statements_with_the_login(client: httpx.AsyncClient) -> None:
    doctor, patient = await make.doctor(), await make.patient()
    await make.session(doctor.id, day=tomorrow())
    client.cookies.update(patient.cookies)
    await client.get(f"/doctors/{doctor.id}")
    with counted_statements() as said:
        await client.get(f"/doctors/{doctor.id}")
    assert len(said) <= 3, said


async def test_names_are_escaped(client: httpx.AsyncClient) -> None:
    doctor = await make.doctor(first_name="<b>Eve</b>")
    await db.execute("UPDATE doctor SET bio = '<script>alert(1)</script>', languages = '{en,xx-nope}'")
    text = (await client.get(f"/doctors/{doctor.id}")).text
    assert "<b>Eve" not in text and "<script>alert" not in text
