"""The doctor writes beside the call, and the call is recorded while both agree."""

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Guests
from tests.browser.rooms import Room, connected, enter, open_room
from tests.browser.stage import Stage

PIECES = """
SELECT count(*) AS pieces, max(p.number) AS last FROM recording_piece p JOIN recording r ON r.id = p.recording_id
JOIN video_session v ON v.id = r.video_session_id WHERE v.appointment_id::text = $1
"""
STATES = """
SELECT r.status FROM recording r JOIN video_session v ON v.id = r.video_session_id WHERE v.appointment_id::text = $1
"""


@pytest.fixture
def room(guests: Guests, stage: Stage) -> Room:
    for words in ("/live?", "htmx:sse:error"):  # the patient's place in the queue ends with the visit
        guests.expect(words)
    return open_room(guests, stage)


def test_notes_beside_the_call_and_a_recording(room: Room, stage: Stage) -> None:
    patient, doctor = room.patient, room.doctor
    enter(doctor, f"/appointments/{room.appointment_id}/visit")
    enter(patient, room.path)
    for page in (doctor, patient):
        connected(page)
    expect(doctor.get_by_role("timer")).to_be_visible()  # the visit began by itself

    doctor.get_by_role("button", name="Ask to record").click()
    patient.get_by_role("button", name="I agree", exact=True).click()
    doctor.get_by_role("button", name="Start recording").click()
    for page in (doctor, patient):
        expect(page.get_by_text("This visit is being recorded")).to_be_visible()
    doctor.fill("[name=private_notes]", "Typed during the call")
    doctor.fill("[name=patient_summary]", "Rest for a week")
    expect(doctor.locator("#notes-state")).to_contain_text("Saved at")
    doctor.wait_for_timeout(4500)  # a piece is four seconds long
    patient.get_by_role("button", name="Stop recording").click()
    expect(doctor.get_by_role("button", name="Start recording")).to_be_visible()
    expect(patient.get_by_text("This visit is being recorded")).to_be_hidden()

    link = room.path + "/recording"
    page = patient.context.new_page()
    page.goto(link)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save the recording").click()
    content = saved.value.path().read_bytes()
    assert content.startswith(b"\x1a\x45\xdf\xa3") and len(content) > 20_000
    assert stage.ask(PIECES, room.appointment_id)[0]["pieces"] >= 2
    address = page.get_by_role("link", name="Save the recording").get_attribute("href")
    assert httpx.get(stage.url + str(address)).status_code in (303, 401)

    doctor.get_by_role("button", name="Start recording").click()
    expect(patient.get_by_text("This visit is being recorded")).to_be_visible()
    doctor.get_by_role("button", name="Complete the visit").click()
    expect(doctor.get_by_role("button", name="Save the amendment")).to_be_visible()
    expect(patient.get_by_text("Rest for a week")).to_be_visible()
    expect(patient.get_by_text("Typed during the call")).to_have_count(0)
    assert room.states() == ("COMPLETED", "COMPLETED")
    assert {row["status"] for row in stage.ask(STATES, room.appointment_id)} == {"STOPPED"}
