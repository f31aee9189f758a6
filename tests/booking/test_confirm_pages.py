"""The confirm pages without JavaScript: one time, and the next place of a session."""

from datetime import date, time, timedelta

import httpx
import pytest

from portal import db
from tests import factories
from tests.appointments.conftest import Cast, book, post
from tests.appointments.test_pages import see, send
from tests.slots.conftest import row_of

pytestmark = pytest.mark.anyio
DAY = date.today() + timedelta(days=3)


async def test_hold_look_and_book(client: httpx.AsyncClient, cast: Cast) -> None:
    slot_id = await factories.slot(cast.doctor.id, clinic_id=cast.clinic_id)
    path = f"/slots/{slot_id}/book"
    assert (await send(client, cast.patient, f"/slots/{slot_id}/hold")).headers["location"] == path
    shown = (await see(client, cast.patient, path)).text
    assert "data-countdown" in shown and "Give this time back" in shown and "By video" in shown
    refused = await send(client, cast.patient, path, chief_complaint="a cough")
    assert refused.status_code == 422 and "a cough" in refused.text and "data-countdown" in refused.text
    done = await send(client, cast.patient, path, chief_complaint="a cough", appointment_type="VIRTUAL")
    visit = done.headers["location"]
    assert done.status_code == 303 and visit.startswith("/appointments/")
    cookies = {"Cookie": f"login={cast.patient.secret}; flash={done.cookies['flash']}"}
    assert "Your visit is booked." in (await client.get(visit, headers=cookies)).text
    for again in (
        await see(client, cast.patient, path),
        await send(client, cast.patient, path, appointment_type="VIRTUAL"),
    ):
        assert (again.status_code, again.headers["location"]) == (303, visit)


async def test_a_time_that_is_gone_leads_to_others(client: httpx.AsyncClient, cast: Cast) -> None:
    first, second = await factories.slots(cast.doctor.id, 2, clinic_id=cast.clinic_id)
    path = f"/slots/{first}/book"
    await post(client, cast.patient, f"/slots/{first}/hold")
    await db.execute("UPDATE slot SET held_until = clock_timestamp() - interval '1 ms' WHERE id = $1", first)
    shown = (await see(client, cast.patient, path)).text
    assert "Your time has run out" in shown and f"/slots/{first}/hold" in shown and f"/slots/{second}/hold" in shown
    late = await send(client, cast.patient, path, appointment_type="IN_PERSON")
    assert late.status_code == 409 and "Your time has run out" in late.text
    await book(client, cast.other_patient, first)
    taken = await send(client, cast.patient, path, appointment_type="IN_PERSON")
    assert taken.status_code == 409 and "Choose another time" in taken.text and f"/slots/{second}/hold" in taken.text
    assert (await row_of(second))["appointment_id"] is None


async def test_join_shows_the_place_and_takes_it(client: httpx.AsyncClient, cast: Cast) -> None:
    made = await factories.session(cast.doctor.id, cast.clinic_id, day=DAY, start=time(9), end=time(9, 30), places=3)
    await client.get(f"/api/doctors/{cast.doctor.id}/slots", params={"from": DAY.isoformat()})
    path = f"/sessions/{made}/join"
    for number in (1, 2):
        who = await factories.patient()
        shown = (await see(client, who, f"{path}?date={DAY}")).text
        assert f'<p class="place-number">{number}</p>' in shown and "After hours" not in shown
        joined = await send(client, who, path, date=DAY.isoformat(), appointment_type="IN_PERSON")
        assert joined.status_code == 303
        assert (await see(client, who, f"{path}?date={DAY}")).headers["location"] == joined.headers["location"]
    assert "After hours" in (await see(client, cast.patient, f"{path}?date={DAY}")).text
    assert (
        await send(client, cast.patient, path, date=DAY.isoformat(), appointment_type="IN_PERSON")
    ).status_code == 303
    assert "No place is left" in (await see(client, cast.other_patient, f"{path}?date={DAY}")).text
    full = await send(client, cast.other_patient, path, date=DAY.isoformat(), appointment_type="IN_PERSON")
    assert full.status_code == 409 and "No place is left" in full.text
    assert (await send(client, cast.other_patient, path, date="soon", appointment_type="IN_PERSON")).status_code in (
        404,
        422,
    )
    assert (await see(client, cast.patient, f"{path}?date={DAY + timedelta(days=1)}")).status_code == 404


async def test_strangers_and_visitors(client: httpx.AsyncClient, cast: Cast) -> None:
    slot_id = await factories.slot(cast.doctor.id, clinic_id=cast.clinic_id)
    assert (await see(client, cast.doctor, f"/slots/{slot_id}/book")).status_code == 403
    visitor = await client.get(f"/slots/{slot_id}/book")
    assert visitor.status_code == 303 and visitor.headers["location"].startswith("/login?next=")
    await send(client, cast.patient, f"/slots/{slot_id}/hold")
    seen = (await see(client, cast.other_patient, f"/slots/{slot_id}/book")).text
    assert "Choose another time" in seen and "data-countdown" not in seen


async def test_a_visit_moves_to_another_time_or_stays(client: httpx.AsyncClient, cast: Cast) -> None:
    first, second, third = await factories.slots(cast.doctor.id, 3, clinic_id=cast.clinic_id)
    visit = (await book(client, cast.patient, first)).json()
    path = f"/appointments/{visit['id']}/reschedule"
    assert str(third) in (await see(client, cast.patient, path)).text
    await book(client, cast.other_patient, second)
    refused = await send(client, cast.patient, path, slot_id=str(second))
    assert refused.status_code == 409 and "just been taken" in refused.text and str(third) in refused.text
    assert (await send(client, cast.patient, path, slot_id="soon")).status_code == 422
    for stranger in (cast.other_patient, cast.other_doctor):
        assert (await see(client, stranger, path)).status_code == 404
        assert (await send(client, stranger, path, slot_id=str(third))).status_code == 404
    moved = await send(client, cast.patient, path, slot_id=str(third))
    assert moved.status_code == 303 and moved.headers["location"] != f"/appointments/{visit['id']}"
    assert (await row_of(first))["appointment_id"] is None and (await row_of(third))["appointment_id"]
    assert (await see(client, cast.patient, path)).headers["location"] == f"/appointments/{visit['id']}"
