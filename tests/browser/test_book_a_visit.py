"""A patient's whole way, from the search to a cancelled visit: with JavaScript, without it, and by the keyboard alone."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Guests
from tests.browser.stage import PASSWORD, PHONE, Stage

WAYS: dict[str, dict[str, Any]] = {"with JavaScript": {}, "without JavaScript": {"java_script_enabled": False}}
way = pytest.mark.parametrize("options", WAYS.values(), ids=WAYS)


def doctor_named(stage: Stage, email: str) -> tuple[str, str]:
    row = stage.ask("SELECT id, last_name FROM account WHERE email = $1", email)[0]
    return str(row["id"]), row["last_name"]


def press(page: Page, action: str) -> None:
    """The button of the form with this action."""
    page.locator(f"main form[action$='{action}'] button:not([type=button])").click()


def find_doctor(page: Page, name: str) -> None:
    page.goto("/")
    page.fill("main [name=q]", name)
    page.locator("form[role=search] button", has_text="Search").click()
    page.locator("main h3 a", has_text=name).first.click()
    expect(page.locator("h1")).to_contain_text(name)


def choose_time(page: Page) -> None:
    """Press the first free time of the next week: one that nobody else of these tests looks for."""
    page.locator("a[rel=next]").click()
    page.wait_for_url("**week=**")
    page.locator(".slot[data-state=OPEN] button >> visible=true").first.click()


def book(page: Page, words: str) -> None:
    """From the form with its countdown to the visit."""
    expect(page.locator("#hold")).to_contain_text("kept for you")
    choice = page.locator("label", has_text="At the clinic")
    if choice.count():
        choice.click()
    page.fill("[name=chief_complaint]", words)
    press(page, "/book")
    page.wait_for_url("**/appointments/*")
    expect(page.locator("#toasts")).to_contain_text("booked")
    expect(page.locator("main")).to_contain_text(words)


def cancel(page: Page) -> None:
    page.locator("main a[href$='/cancel']").click()
    page.fill("[name=reason]", "I feel better")
    press(page, "/cancel")
    expect(page.locator("#toasts")).to_contain_text("cancelled")
    expect(page.locator("main .tag", has_text="Cancelled").first).to_be_visible()


@way
def test_search_log_in_hold_book_and_cancel(guests: Guests, stage: Stage, options: dict[str, Any]) -> None:
    page = guests.open(viewport=PHONE, **options)
    find_doctor(page, doctor_named(stage, "doctor5@example.com")[1])
    choose_time(page)
    page.wait_for_url("**/login**")
    page.fill("[name=email]", "patient21@example.com" if options else "patient22@example.com")
    page.fill("[name=password]", PASSWORD)
    press(page, "/login")
    page.wait_for_url("**/slots/*/hold")
    press(page, "/hold")
    page.wait_for_url("**/slots/*/book")
    book(page, "A cough that does not end")
    cancel(page)
    page.goto("/appointments")
    expect(page.locator("main")).not_to_contain_text("A cough")


@way
def test_a_new_patient_registers_on_the_way_and_joins_a_queue(
    guests: Guests, stage: Stage, options: dict[str, Any]
) -> None:
    page = guests.open(**options)
    find_doctor(page, doctor_named(stage, "doctor6@example.com")[1])
    page.locator("a[rel=next]").click()
    page.locator(".day-after summary >> visible=true").first.click()
    page.locator(".day-after[open] a").first.click()
    page.wait_for_url("**/login**")
    page.locator("main a[href^='/register']").click()
    page.locator("main a[href^='/register/patient']").click()
    press(page, "/register/patient")
    expect(page.locator(".error-summary")).to_be_visible()
    for name, value in {
        "first_name": "Leïla",
        "last_name": "Ben-Abdallah Østergård",
        "email": f"leila{len(options)}@example.com",
        "password": "three small words",
    }.items():
        page.fill(f"[name={name}]", value)
    press(page, "/register/patient")
    page.wait_for_url("**/sessions/*/join?**")
    place = page.locator(".place-number").inner_text()
    choice = page.locator("label", has_text="At the clinic")
    if choice.count():
        choice.click()
    press(page, "/join")
    page.wait_for_url("**/appointments/*")
    expect(page.locator("main")).to_contain_text(re.compile(rf"Place in the queue\s*{place}"))


FOCUS = """selector => {
  const at = document.activeElement, box = at.getBoundingClientRect(), style = getComputedStyle(at);
  const marked = at.matches("body, [type=date]") || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2);
  const inView = at.matches("body") || (box.width > 0 && box.bottom > 0 && box.top < innerHeight);
  return [at.matches(selector), marked && inView, at.outerHTML.slice(0, 120)];
}"""  # a date field marks the part of it that has the focus


def tab_to(page: Page, selector: str, most: int = 90) -> None:
    """Press Tab until the element has the focus, and see that each stop on the way shows it."""
    for _ in range(most):
        page.keyboard.press("Tab")
        there, shown, element = page.evaluate(FOCUS, selector)
        assert shown, f"the focus cannot be seen on {element}"
        if there:
            return
    raise AssertionError(f"{selector} cannot be reached by the Tab key")


def enter(page: Page, address: str) -> None:
    """Press Enter, and wait for the page that follows."""
    page.keyboard.press("Enter")
    page.wait_for_url(address)


def test_the_same_by_the_keyboard_alone(guests: Guests, stage: Stage) -> None:
    doctor_id, name = doctor_named(stage, "doctor7@example.com")
    page = guests.open()
    page.goto("/")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_attribute("href", "#main")
    page.keyboard.press("Enter")
    tab_to(page, "[name=q]", 2)
    page.keyboard.type(name)
    enter(page, "**/doctors?**")
    tab_to(page, f"main h3 a[href='/doctors/{doctor_id}']")
    enter(page, f"**/doctors/{doctor_id}")
    tab_to(page, "a[rel=next]")
    enter(page, "**week=**")
    tab_to(page, ".slot[data-state=OPEN] button")
    enter(page, "**/login**")
    tab_to(page, "[name=email]")
    page.keyboard.type("patient23@example.com")
    tab_to(page, "[name=password]", 1)
    page.keyboard.type(PASSWORD)
    enter(page, "**/slots/*/hold")
    tab_to(page, "form[action$='/hold'] button")
    enter(page, "**/slots/*/book")
    if page.locator("[name=appointment_type][type=radio]").count():
        tab_to(page, "[name=appointment_type]")
        page.keyboard.press("Space")
    tab_to(page, "[name=chief_complaint]")
    page.keyboard.type("By the keyboard")
    tab_to(page, "form[action$='/book'] button", 1)
    enter(page, "**/appointments/*")
    tab_to(page, "main a[href$='/cancel']")
    enter(page, "**/cancel")
    tab_to(page, "[name=reason]")
    page.keyboard.type("Only a test of the keys")
    tab_to(page, "form[action$='/cancel'] button", 1)
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("cancelled")


def test_menus_and_dialogs_give_the_focus_back(guests: Guests) -> None:
    page = guests.open("doctor@example.com")
    menu = page.locator("summary.avatar")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Settings")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("link", name="Settings")).not_to_be_visible()
    expect(menu).to_be_focused()
    page.keyboard.press("?")
    dialog = page.locator("dialog[open]")
    expect(dialog).to_be_visible()
    assert dialog.evaluate("e => e.contains(document.activeElement)")
    page.keyboard.press("Tab")
    assert dialog.evaluate("e => e.contains(document.activeElement) || document.activeElement === document.body")
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    expect(menu).to_be_focused()


def test_an_error_takes_the_focus_to_its_field(guests: Guests) -> None:
    page = guests.open()
    page.goto("/register/patient")
    press(page, "/register/patient")
    expect(page.locator(".error-summary")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("[name=first_name]")).to_be_focused()


def test_a_time_just_taken_leads_to_others(guests: Guests, stage: Stage) -> None:
    doctor_id, _name = doctor_named(stage, "doctor8@example.com")
    week = (datetime.now(UTC) + timedelta(days=14)).date()
    one, two = guests.open("patient24@example.com"), guests.open("patient25@example.com", java_script_enabled=False)
    for page in (one, two):
        page.goto(f"/doctors/{doctor_id}?week={week}")
    slot = one.locator(".slot[data-state=OPEN] button").first.get_attribute("id")
    one.locator(f"#{slot}").click()
    one.wait_for_url("**/book")
    two.locator(f"#{slot}").click()
    expect(two.locator("main [role=alert]")).to_contain_text("Somebody is just taking this time")
    two.locator("main [role=alert] button").first.click()
    two.wait_for_url("**/book")
