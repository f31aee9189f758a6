"""The pages of "first available now", and of staff who book for a patient."""

from html import unescape

import httpx
import pytest

from portal import db
from tests import factories
from tests.appointments.conftest import Cast, appointment_row, booked, get
from tests.appointments.test_pages import see, send
from tests.factories import Person

pytestmark = pytest.mark.anyio


async def audits(who: Person, action: str) -> int:
    sql = "SELECT count(*) FROM audit_event WHERE actor_id = $1 AND action = $2"
    return int(await db.fetch_value(sql, who.id, action))


async def test_the_first_who_is_free_now(client: httpx.AsyncClient, cast: Cast) -> None:
    now = "/first-available"

    async def counted() -> int:
        found = (await get(client, cast.patient, now)).json()["specialties"]
        return next(one["available"] for one in found if one["specialty_id"] == str(cast.specialty_id))

    assert await counted() == 0
    spare = await factories.slot(cast.doctor.id, factories.tomorrow_at(9))
    none = await send(client, cast.patient, now, specialty_id=str(cast.specialty_id))
    assert none.status_code == 409 and str(spare) in none.text and f"new?specialty_id={cast.specialty_id}" in none.text
    await db.execute("UPDATE doctor SET availability_status = 'AVAILABLE' WHERE account_id = $1", cast.doctor.id)
    shown = (await see(client, cast.patient, now)).text
    assert await counted() == 1 and "1 doctor is free now" in shown and f'value="{cast.specialty_id}"' in shown
    done = await send(client, cast.patient, now, specialty_id=str(cast.specialty_id), chief_complaint="a cough")
    row = await appointment_row(done.headers["location"].rpartition("/")[2])
    assert (row["doctor_id"], row["chief_complaint"], row["appointment_type"]) == (cast.doctor.id, "a cough", "VIRTUAL")
    assert await counted() == 0
    assert (await send(client, cast.patient, now)).status_code == 422


async def test_staff_book_for_a_patient(client: httpx.AsyncClient, cast: Cast) -> None:
    visit = await booked(client, cast)
    patient = unescape(visit["patient_name"])
    times = [
        await factories.slot(cast.doctor.id, factories.tomorrow_at(hour), clinic_id=cast.clinic_id, service_type=kind)
        for hour, kind in ((11, "IN_PERSON"), (12, "VIRTUAL"))
    ]
    foreign = await factories.slot(cast.doctor.id, factories.tomorrow_at(13))  # not at this clinic
    q = f"/book?q={cast.patient.actor.last_name}"
    listed = (await see(client, cast.admin, q)).text
    assert patient in unescape(listed) and await audits(cast.admin, "patients.searched") == 1
    assert str(cast.patient.id) not in (await see(client, cast.other_admin, q)).text  # not theirs
    chosen = f"{q}&patient_id={cast.patient.id}&doctor_id={cast.doctor.id}"
    shown = (await see(client, cast.admin, chosen)).text
    assert str(times[0]) in shown and str(times[1]) not in shown and str(foreign) not in shown
    assert str(times[1]) in (await see(client, cast.admin, chosen + "&kind=VIRTUAL")).text
    assert str(foreign) in (await see(client, cast.doctor, chosen + "&kind=VIRTUAL")).text  # the doctor's own
    form = {"patient_id": str(cast.patient.id), "doctor_id": str(cast.doctor.id), "appointment_type": "IN_PERSON"}
    form |= {"q": cast.patient.actor.last_name, "slot_id": str(times[0]), "chief_complaint": "a cough"}
    done = await send(client, cast.admin, "/book", **form)
    row = await appointment_row(done.headers["location"].rpartition("/")[2])
    assert (row["patient_id"], row["booked_by"], row["slot_id"]) == (cast.patient.id, cast.admin.id, times[0])
    again = await send(client, cast.admin, "/book", **form)
    assert again.status_code == 409 and "just been taken" in again.text and patient in unescape(again.text)
    assert (await send(client, cast.other_admin, "/book", **form)).status_code == 404


async def test_somebody_new_is_found_by_the_whole_address_alone(client: httpx.AsyncClient, cast: Cast) -> None:
    new = cast.other_patient
    slot = await factories.slot(cast.doctor.id, factories.tomorrow_at(9), clinic_id=cast.clinic_id)
    for part in (new.actor.last_name, new.actor.email[:-4], new.actor.email.partition("@")[0]):
        assert str(new.id) not in (await see(client, cast.doctor, f"/book?q={part}")).text
    assert await audits(cast.doctor, "patient.found_by_contact") == 0
    q = f"/book?q={new.actor.email}"
    assert str(new.id) in (await see(client, cast.doctor, q)).text
    assert await audits(cast.doctor, "patient.found_by_contact") == 1
    assert str(slot) in (await see(client, cast.doctor, f"{q}&patient_id={new.id}")).text
    unknown = (await see(client, cast.doctor, f"/book?q=nobody&patient_id={new.id}")).text
    assert new.actor.first_name not in unknown and str(slot) not in unknown
    form = {"patient_id": str(new.id), "slot_id": str(slot), "appointment_type": "VIRTUAL"}
    assert (await send(client, cast.doctor, "/book", **form)).status_code == 303
