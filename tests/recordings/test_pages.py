"""The page of a recording, as plain forms."""

import pytest

from tests.appointments.test_pages import see, send
from tests.recordings.conftest import WEBM, Recorded

pytestmark = pytest.mark.anyio


async def test_the_forms_of_both_sides(visit: Recorded) -> None:
    doctor, patient, path = visit.cast.doctor, visit.cast.patient, f"{visit.path}/recording"
    assert "Ask to record" in (await see(visit.client, doctor, path)).text
    assert "would like to record" not in (await see(visit.client, patient, path)).text
    assert (await send(visit.client, doctor, path, action="CONSENT")).status_code == 303
    assert "would like to record" in (await see(visit.client, patient, path)).text
    early = await send(visit.client, doctor, path, action="START")
    assert early.status_code == 409 and "only while both of you agree" in early.text
    await send(visit.client, patient, path, action="CONSENT")
    await send(visit.client, doctor, path, action="START")
    part = await see(visit.client, doctor, path, **{"HX-Request": "true"})
    assert "data-running" in part.text and "<html" not in part.text
    assert "data-running" not in (await see(visit.client, patient, path)).text
    recording = (await visit.state(doctor))["recordings"][0]["id"]
    await visit.send(doctor, recording, 0, WEBM)
    await send(visit.client, patient, path, action="STOP")
    shown = (await see(visit.client, patient, path)).text
    assert f"{path}/{recording}" in shown and "Deleted by itself" in shown
    assert (await see(visit.client, patient, f"{path}/{recording}")).content == WEBM
    assert (await see(visit.client, visit.cast.other_patient, path)).status_code == 403
    assert (await send(visit.client, doctor, path, action="PAUSE")).status_code == 422
