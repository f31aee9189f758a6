"""Two real browsers in a video visit, with invented cameras and microphones."""

from collections.abc import Iterator
from time import monotonic

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import axe
from tests.browser.conftest import Guests
from tests.browser.rooms import Room, connected, cut_off, enter, open_room, sees_moving, weaken
from tests.browser.stage import INVENTED, Stage
from tests.services import browser_program

CUT = 10  # seconds


@pytest.fixture
def room(guests: Guests, stage: Stage) -> Room:
    return open_room(guests, stage)


def test_a_whole_visit(room: Room) -> None:
    """They meet, see and hear of each other, share a screen; the doctor ends; both see that it is over."""
    patient, doctor = room.patient, room.doctor
    enter(patient, room.path)
    expect(patient.get_by_role("heading", name="The doctor knows that you are here")).to_be_visible()
    expect(patient.locator("#place")).to_be_visible()
    doctor.goto("/today")
    banner = doctor.get_by_role("link", name="is waiting for you in the video room")
    banner.click()
    enter(doctor, room.path)
    for page in (patient, doctor):
        connected(page)
        sees_moving(page)
    assert room.states() == ("ACTIVE", "IN_PROGRESS")
    assert axe.violations(patient) + axe.violations(doctor) == []

    patient.locator("[data-do=mute]").click()
    expect(doctor.locator("[data-at=far-muted]")).to_be_visible()
    patient.locator("[data-do=mute]").click()
    expect(doctor.locator("[data-at=far-muted]")).to_be_hidden()
    patient.locator("[data-do=camera]").click()
    expect(doctor.locator("#room[data-far-picture=off] [data-at=far-camera]")).to_be_visible()
    patient.locator("[data-do=camera]").click()
    expect(doctor.locator("#room[data-far-picture=on]")).to_be_visible()
    sees_moving(doctor)

    doctor.locator("[data-do=share]").click()
    expect(patient.locator("#room[data-sharing=theirs]")).to_be_visible()
    sees_moving(patient, "screen")
    doctor.locator("[data-do=share]").click()
    expect(patient.locator("#room[data-sharing='']")).to_be_visible()

    doctor.get_by_role("link", name="End the visit").click()
    doctor.get_by_label("How good was the connection").select_option("5")
    doctor.locator("dialog[open]").get_by_role("button", name="End the visit").click()
    for page in (patient, doctor):
        expect(page.get_by_role("heading", name="The visit is over")).to_be_visible()
    assert room.states() == ("COMPLETED", "COMPLETED")
    assert (
        room.trail()[-4:]
        == ["SESSION_CREATED", "PATIENT_JOINED", "DOCTOR_JOINED", "SESSION_COMPLETED"][-len(room.trail()) :]
    )


def test_a_reload_comes_back_by_itself(room: Room) -> None:
    room.meet()
    for page, other in ((room.patient, room.doctor), (room.doctor, room.patient)):
        page.reload()
        connected(page)
        for one in (page, other):
            connected(one)
            sees_moving(one)


def test_leaving_and_coming_back(room: Room) -> None:
    room.meet()
    room.patient.locator("[data-do=leave]").click()
    expect(room.doctor.locator("#room[data-far=gone]")).to_be_visible()
    expect(room.doctor.locator("[data-at=news]")).to_contain_text("has left")
    room.patient.goto("/home")
    room.patient.get_by_role("link", name="join").first.click()
    enter(room.patient, room.path)
    for page in (room.patient, room.doctor):
        connected(page)
        sees_moving(page)


@pytest.fixture
def second(browser: Browser, stage: Stage) -> Iterator[Guests]:
    """Another browser, whose network can be cut without the first one's."""
    other = browser.browser_type.launch(executable_path=browser_program(), args=["--no-sandbox", *INVENTED])
    guests = Guests(other, stage.url)
    yield guests
    guests.close()
    other.close()


def test_a_lost_network_heals_without_a_click(guests: Guests, second: Guests, stage: Stage) -> None:
    """The patient's network is gone for ten seconds, signals and pictures both."""
    room = open_room(second, stage, other=guests)
    room.meet()
    with cut_off(second.browser, room.patient):
        over = monotonic() + CUT
        expect(room.doctor.locator("#room[data-far=lost]")).to_be_visible(timeout=CUT * 1000)
        expect(room.doctor.locator("[data-at=news]")).to_contain_text("It is being mended")
        expect(room.patient.locator("#room[data-far=lost]")).to_be_visible(timeout=CUT * 1000)
        room.doctor.wait_for_timeout(max(0, over - monotonic()) * 1000)
    for page in (room.patient, room.doctor):
        connected(page, 20_000)
        sees_moving(page)
    room.patient.locator("[data-do=mute]").click()
    expect(room.doctor.locator("[data-at=far-muted]")).to_be_visible()


def test_a_weak_line_asks_less_of_both_and_comes_back(room: Room) -> None:
    """Voice only, then the chat, and back; both are told each time, and nobody presses anything."""
    room.meet()
    weaken(room.patient, 0.5)
    for page, words in ((room.patient, "Your line is weak: voice only"), (room.doctor, "is weak: voice only")):
        expect(page.locator("#room[data-level=voice]")).to_be_visible(timeout=20_000)
        expect(page.locator("[data-at=news]")).to_contain_text(words)
        expect(page.locator("[data-at=state]")).to_contain_text("Voice only")
    assert axe.violations(room.patient) + axe.violations(room.doctor) == []
    for page in (room.patient, room.doctor):
        expect(page.locator("#room[data-level=chat][data-panel=chat]")).to_be_visible(timeout=20_000)
    expect(room.patient.locator("[data-at=line]")).to_have_text("very weak line")
    weaken(room.patient, 0)
    for page in (room.patient, room.doctor):
        expect(page.locator("#room[data-level=voice]")).to_be_visible(timeout=40_000)


LADDER = """async () => {
  const { Ladder, grade } = await import("/static/js/video/quality.js");
  const ladder = new Ladder(), levels = [];
  const feed = (sample, times) => { for (let at = 0; at < times; at++) levels.push(ladder.feed(grade(sample))); };
  feed({ loss: .1 }, 12);            // weak: down to the voice, and no further
  feed({ loss: .5 }, 2);             // nothing gets through: the chat
  feed({}, 18);                      // good again: step by step
  feed({ loss: .5 }, 2);             // a rise that did not last ...
  feed({}, 11);                      // ... makes the next one wait longer
  return levels.join("");
}"""


def test_the_line_goes_down_soon_and_up_late(guests: Guests) -> None:
    page = guests.open(bypass_csp=True)
    page.goto("/")
    assert page.evaluate(LADDER) == "000111122222" + "33" + "333332222221111110" + "01" + "1" * 11


TROUBLES = {
    "NotAllowedError": "Allow both in the address bar",
    "NotFoundError": "Neither camera nor microphone could be used",
    "NotReadableError": "Another program is using",
}


@pytest.mark.parametrize("error", TROUBLES)
def test_what_is_wrong_with_the_devices_is_said(guests: Guests, stage: Stage, error: str) -> None:
    """And the visit can be joined all the same."""
    room = open_room(guests, stage)
    refuse = f"navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{error}'));"
    room.patient.add_init_script(refuse)
    room.patient.goto(room.path)
    expect(room.patient.locator("[data-at=problem]")).to_contain_text(TROUBLES[error])
    assert axe.violations(room.patient) == []
    room.patient.get_by_role("button", name="Join the visit").click()
    expect(room.patient.locator("#room[data-stage=waiting]")).to_be_visible()


def test_another_window_takes_over(room: Room) -> None:
    room.meet()
    other = room.patient.context.new_page()
    enter(other, room.path)
    connected(other)
    expect(room.patient.get_by_text("You have joined from another window")).to_be_visible()
    connected(room.doctor)
    sees_moving(room.doctor)


def test_without_a_script_it_says_what_is_needed(guests: Guests, room: Room) -> None:
    login = room.patient.context.storage_state()
    plain = guests.open(java_script_enabled=False, storage_state=login)
    plain.goto(room.path)
    expect(plain.get_by_text("A video call needs a script")).to_be_visible()
    plain.get_by_role("link", name="Write a message").click()
    expect(plain.locator("#chat")).to_be_visible()
