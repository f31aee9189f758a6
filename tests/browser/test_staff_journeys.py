"""What staff do on an ordinary day: plan hours, make times, add and verify doctors, and look after their own account."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Guests
from tests.browser.stage import PASSWORD, Stage, log_in


def press(page: Page, words: str) -> None:
    page.locator("main").get_by_role("button", name=words, exact=True).click()


def follow(page: Page, words: str) -> None:
    page.locator("main").get_by_role("link", name=words).first.click()


def test_a_doctor_plans_a_session_and_an_exception(guests: Guests) -> None:
    page = guests.open("doctor9@example.com")
    page.goto("/schedule")
    follow(page, "Add a session")
    page.select_option("[name=day_of_week]", label="Sunday")
    page.fill("[name=session_start_time]", "06:00")
    page.fill("[name=session_end_time]", "07:00")
    page.fill("[name=estimated_consultation_minutes]", "20")
    page.fill("[name=max_queue_size]", "4")
    press(page, "See what changes")
    expect(page.locator("h1")).to_have_text("Add this session?")
    expect(page.locator("main")).to_contain_text("3 visits, 20 minutes each")
    expect(page.locator("main")).to_contain_text(re.compile(r"Free times added\s*(2[4-9]|3[0-9])"))
    press(page, "Save")
    expect(page.locator("#toasts")).to_contain_text("The session is in the schedule")
    sunday = page.locator(".plan-day", has=page.locator("h3", has_text="Sunday"))
    sunday.get_by_role("link", name="Add an exception").first.click()
    date = page.evaluate(
        "() => { const d = new Date(); d.setDate(d.getDate() + 14 + (7 - d.getDay()) % 7); return d.toLocaleDateString('sv'); }"
    )
    page.fill("[name=date]", date)
    page.fill("[name=reason]", "Congress")
    press(page, "See what changes")
    expect(page.locator("main")).to_contain_text("No booked visit is touched")
    expect(page.locator("main")).to_contain_text(re.compile(r"Free times removed\s*4"))
    press(page, "Save")
    expect(page.locator("main")).to_contain_text("Congress")
    press(page, "Undo")
    expect(page.locator("main")).not_to_contain_text("Congress")


def test_a_clinic_makes_many_times_and_invites_a_doctor(guests: Guests) -> None:
    page = guests.open("clinic@example.com")
    page.goto("/clinic/doctors")
    page.get_by_role("link", name="Schedule Dr. med. Eva Lindqvist").click()
    follow(page, "Add times by hand")
    page.fill("[name=start]", "19:00")
    page.fill("[name=end]", "20:00")
    page.fill("[name=minutes]", "30")
    tomorrow = "() => new Date(Date.now() + 864e5 * 3).toISOString().slice(0, 10)"
    page.fill("[name=from]", page.evaluate(tomorrow))
    page.fill("[name=to]", page.evaluate(tomorrow))
    press(page, "See what is added")
    expect(page.locator("main")).to_contain_text("2 times will be added")
    press(page, "Add them")
    expect(page.locator("#toasts")).to_be_visible()
    page.goto("/clinic/doctors")
    page.fill("[name=email]", "new.doctor@example.com")
    page.fill("[name=first_name]", "Ingeborg")
    page.fill("[name=last_name]", "Wölfflin")
    press(page, "Send the invitation")
    expect(page.locator("main")).to_contain_text("Wölfflin")
    page.goto("/demo/outbox")
    expect(page.locator("main")).to_contain_text("new.doctor@example.com")


def test_a_doctor_registers_waits_and_is_verified(guests: Guests) -> None:
    doctor, admin = guests.open(), guests.open("admin@example.com")
    doctor.goto("/register/doctor")
    for name, value in {"first_name": "Tendai", "last_name": "Moyo-Achterberg", "licence_number": "ZW-5521"}.items():
        doctor.fill(f"[name={name}]", value)
    doctor.fill("[name=email]", "tendai@example.com")
    doctor.fill("[name=password]", "three small words")
    press(doctor, "Create account")
    doctor.wait_for_url("**/waiting")
    doctor.goto("/today")
    expect(doctor.locator("main")).to_contain_text("Your account is being checked")
    admin.goto("/admin/verification")
    press(admin, "Verify Tendai Moyo-Achterberg")
    expect(admin.locator("#toasts")).to_contain_text("Tendai")
    doctor.goto("/today")
    expect(doctor.locator("h1")).to_have_text("Today")


def test_language_and_appearance_stay_chosen(guests: Guests) -> None:
    page = guests.open("patient31@example.com")
    page.goto("/settings")
    page.locator("main button[value=ar]").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    expect(page.locator("html")).to_have_attribute("lang", "ar")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    page.locator("main button[value=dark]").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    other = guests.open("patient31@example.com")
    expect(other.locator("html")).to_have_attribute("dir", "rtl")
    other.goto("/settings")
    other.locator("main button[value=en]").click()
    expect(other.locator("html")).to_have_attribute("dir", "ltr")


def test_another_login_can_be_ended(guests: Guests) -> None:
    guests.expect("/live?")
    guests.expect("htmx:sse:error")
    here, there = guests.open("patient32@example.com"), guests.open("patient32@example.com")
    there.locator("html[data-live=on]").wait_for()
    here.goto("/settings/logins")
    press(here, "End this login")
    there.wait_for_url("**/login**")  # by itself
    here.goto("/appointments")
    expect(here.locator("h1")).to_have_text("Appointments")


def test_a_password_is_changed(guests: Guests) -> None:
    page = guests.open("patient33@example.com")
    page.goto("/settings/password")
    page.fill("[name=current_password]", "not my password")
    page.fill("[name=new_password]", "three other words")
    press(page, "Change password")
    expect(page.locator(".error-summary")).to_be_visible()
    page.fill("[name=current_password]", PASSWORD)
    page.fill("[name=new_password]", "three other words")
    press(page, "Change password")
    expect(page.locator("#toasts .toast")).to_be_visible()
    log_in(guests.open(), "patient33@example.com", "three other words")


def test_a_forgotten_password_is_replaced_by_mail(guests: Guests, stage: Stage) -> None:
    page = guests.open()
    page.goto("/login")
    follow(page, "forgotten")
    page.fill("[name=email]", "patient34@example.com")
    press(page, "Send the link")
    expect(page.locator("h1")).to_have_text("Look at your mail")
    page.goto("/demo/outbox")
    link = page.locator(".card", has_text="patient34@example.com").locator("a[href*='/reset-password/']").first
    page.goto(str(link.get_attribute("href")))
    page.fill("[name=password]", "three small words")
    press(page, "Save the password")
    log_in(guests.open(), "patient34@example.com", "three small words")
