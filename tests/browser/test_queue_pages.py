"""Queues in real browsers: a doctor with keys alone, everybody without JavaScript, and what open pages hear of each other."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Guests
from tests.browser.morning import Morning, make_morning
from tests.browser.stage import PHONE, Stage

SOON = 1000  # milliseconds in which every open page is right


def press(page: Page, key: str, then: str) -> None:
    """One key, and what the board shows after it."""
    page.keyboard.press(key)
    expect(page.locator(then)).to_be_visible()


def check_in(stage: Stage, morning: Morning, *numbers: int) -> None:
    wanted = [morning.visits[number] for number in numbers]
    stage.ask(
        "UPDATE appointment SET status = 'CHECKED_IN', queue_rank = queue_position, checked_in_at = now()"
        " WHERE id = ANY($1) RETURNING id",
        wanted,
    )


@pytest.fixture
def morning(stage: Stage) -> Morning:
    """Names too long to occur by chance in a token."""
    return make_morning(stage, ("Adalind", "Benedikt", "Cleomena", "Dankmar"))


def listening(page: Page) -> None:
    expect(page.locator("html[data-live=on]")).to_be_attached()


def test_a_doctors_day_with_keys_alone(guests: Guests, stage: Stage, morning: Morning) -> None:
    check_in(stage, morning, 1, 2, 3)
    page = guests.open(morning.doctor)
    listening(page)
    standing = "[id='visit-{}'][data-standing={}]"
    press(page, "n", standing.format(morning.visits[1], "CALLED"))
    press(page, "m", standing.format(morning.visits[1], "WAITING"))
    press(page, "n", standing.format(morning.visits[2], "CALLED"))
    press(page, "s", standing.format(morning.visits[2], "SERVING"))
    press(page, "o", "textarea[name=doctor_notes]:focus")
    page.keyboard.type("Rest and tea")
    page.keyboard.press("Shift+Tab")
    press(page, "c", standing.format(morning.visits[2], "DONE"))
    press(page, "n", standing.format(morning.visits[3], "CALLED"))
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.keyboard.press("x")
    page.wait_for_function("() => true")
    expect(page.locator(standing.format(morning.visits[3], "CALLED"))).to_be_visible()
    assert "cannot be taken back" in asked[0]
    page.once("dialog", lambda dialog: dialog.accept())
    press(page, "x", standing.format(morning.visits[3], "DONE"))
    press(page, "d", "input[name=delay_minutes]:focus")
    page.keyboard.type("90")
    page.keyboard.press("Enter")
    expect(page.locator("input[name=delay_minutes]")).to_be_hidden()
    expect(page.locator("[data-delay]")).to_contain_text(re.compile(r"9\d minutes late"))
    press(page, "?", "dialog#keys")
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    page.wait_for_url("**/walk-in?**")
    page.get_by_label("First name").fill("Nia")
    page.get_by_label("Last name").fill("Now")
    page.keyboard.press("Enter")
    page.wait_for_url("**/today")
    expect(page.get_by_text("Nia Now", exact=True)).to_be_visible()
    row = stage.ask("SELECT patient_summary FROM visit_note WHERE appointment_id = $1", morning.visits[2])[0]
    assert row["patient_summary"] == "Rest and tea"


def test_open_pages_hear_of_each_other_and_typed_text_stays(guests: Guests, stage: Stage, morning: Morning) -> None:
    """Doctor, front desk, a patient's phone and the screen in the waiting room, without a reload."""
    check_in(stage, morning, 1, 2)
    doctor, desk = guests.open(morning.doctor), guests.open(morning.admin)
    phone = guests.open(morning.patients[2], viewport=PHONE)
    desk.goto("/clinic/walls")
    desk.fill("#f-name", "Hall")
    desk.get_by_role("button", name="Make a link").click()
    link = re.sub(r"^https?://[^/]+", "", desk.locator("#wall-link").inner_text())
    wall = guests.open()
    wall.goto(link)
    phone.goto(f"/appointments/{morning.visits[2]}/wait")
    desk.goto("/clinic/desk")
    pages = (doctor, desk, phone, wall)
    for page in pages:
        listening(page)
        page.evaluate("window.stayed = true")
    expect(phone.locator(".place-ahead")).to_contain_text("1 person is ahead")
    doctor.get_by_role("button", name="Call next").click()
    expect(wall.locator(".wall-now")).to_contain_text("1", timeout=SOON)
    expect(desk.locator("[data-standing=CALLED]")).to_contain_text("Adalind", timeout=SOON)
    expect(phone.locator(".place-ahead")).to_contain_text("You are next", timeout=SOON)
    doctor.get_by_role("button", name="Start", exact=False).first.click()
    doctor.locator("summary", has_text="Notes and times").click()
    notes = doctor.get_by_label("For the patient", exact=False).first
    notes.fill("half a sen")
    desk.locator(f"[id='visit-{morning.visits[3]}']").get_by_role("button", name="Check in").click()
    expect(doctor.locator(f"[id='visit-{morning.visits[3]}'][data-standing=WAITING]")).to_be_visible(timeout=SOON)
    expect(notes).to_be_focused()
    doctor.keyboard.type("tence")
    expect(notes).to_have_value("half a sentence")
    doctor.get_by_role("button", name="Complete").click()
    doctor.get_by_role("button", name="Call next").click()
    expect(phone.get_by_text("It is your turn")).to_be_visible(timeout=SOON)
    expect(wall.locator(".wall-now")).to_contain_text("2", timeout=SOON)
    text = phone.content() + wall.content()
    assert not any(name in text for name in ("Adalind", "Cleomena", "Dankmar")), "nobody sees another's name"
    assert all(page.evaluate("window.stayed") for page in pages), "no page was loaded anew"


def test_everything_that_matters_works_without_javascript(guests: Guests, stage: Stage, morning: Morning) -> None:
    off: dict[str, Any] = {"java_script_enabled": False}
    patient = guests.open(morning.patients[1], viewport=PHONE, **off)
    patient.goto(f"/appointments/{morning.visits[1]}/wait")
    patient.get_by_role("button", name="Check in").click()
    expect(patient.locator(".place-number")).to_have_text("1")
    expect(patient.get_by_text("You are next")).to_be_visible()
    doctor = guests.open(morning.doctor, **off)
    doctor.get_by_role("button", name="Call next").click()
    patient.get_by_role("link", name="Show how it stands now").click()
    expect(patient.get_by_text("It is your turn")).to_be_visible()
    doctor.get_by_role("button", name="Start").first.click()
    doctor.locator("summary", has_text="Notes and times").click()
    doctor.locator("[name=doctor_notes]").fill("Plain")
    doctor.get_by_role("button", name="Complete").click()
    expect(doctor.locator(f"[id='visit-{morning.visits[1]}'][data-standing=DONE]")).to_be_visible()
    desk = guests.open(morning.admin, **off)
    desk.goto("/clinic/desk")
    desk.get_by_label("Who is here?").fill("ben mor")
    desk.get_by_role("button", name="Search").click()
    desk.locator("#found").get_by_role("button", name="Check in").click()
    desk.get_by_role("button", name="Call next").click()
    expect(desk.locator("[data-standing=CALLED]")).to_contain_text("Benedikt")
