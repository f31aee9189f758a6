"""A cancelled time reaches whoever waits for it, by itself; and from one visit to the next doctor."""

import time

import httpx
from playwright.sync_api import Page, expect

from tests.browser.conftest import Guests
from tests.browser.stage import PASSWORD, Stage
from tests.browser.test_two_browsers import free_times, hold

SEEN = """
SELECT v.id FROM appointment v JOIN account a ON a.id = v.doctor_id
WHERE a.email = 'doctor@example.com' AND v.status = 'COMPLETED' ORDER BY v.starts_at DESC LIMIT 1
"""
OTHERS = """
SELECT sp.name FROM doctor d JOIN account a ON a.id = d.account_id JOIN specialty sp ON sp.id = d.specialty_id
WHERE a.email <> 'doctor@example.com' AND EXISTS (SELECT FROM slot s WHERE s.doctor_id = d.account_id
    AND s.appointment_id IS NULL AND NOT s.disabled AND NOT s.overflow AND s.service_type = 'BOTH' AND s.starts_at > now())
LIMIT 1
"""


def press(page: Page, words: str) -> None:
    page.locator("main").get_by_role("button", name=words, exact=True).click()


def follow(page: Page, words: str) -> None:
    page.locator("main").get_by_role("link", name=words).first.click()


def test_a_cancelled_time_is_kept_for_whoever_waits(guests: Guests, stage: Stage) -> None:
    account = {
        "email": "hopeful@example.com",
        "password": PASSWORD,
        "role": "PATIENT",
        "first_name": "Nadia",
        "last_name": "Hope",
    }
    httpx.post(f"{stage.url}/api/auth/register", json=account).raise_for_status()  # with no visit at any time
    has, waits = guests.open("patient41@example.com"), guests.open(account["email"])
    free = free_times(stage, "doctor6@example.com", 5)[0]
    hold(has, free)
    if has.locator("[name=appointment_type][type=radio]").count():
        has.locator("main label", has_text="At the clinic").first.click()
    press(has, "Book this visit")
    has.wait_for_url("**/appointments/*")
    waits.goto(free.page)
    follow(waits, "Join the waitlist")
    press(waits, "Join the waitlist")
    waits.wait_for_url("**/waitlist")
    waits.goto("/home")
    waits.locator("html[data-live=on]").wait_for()
    follow(has, "Cancel the visit")
    has.fill("[name=reason]", "I am well again")
    since = time.monotonic()
    press(has, "Cancel the visit")
    expect(waits.locator("#kept-times")).to_contain_text("A time is kept for you", timeout=10_000)  # a worker's doing
    print(f"  cancelled, offered and seen: {(time.monotonic() - since) * 1000:.0f} ms")
    follow(waits, "See the offer")
    expect(waits.locator("[data-countdown]")).to_contain_text("9:", timeout=5_000)
    if waits.locator("[name=appointment_type][type=radio]").count():
        waits.locator("main label", has_text="At the clinic").first.click()
    press(waits, "Book it")
    waits.wait_for_url("**/appointments/*")
    expect(waits.locator("#toasts")).to_contain_text("Your visit is booked")


def test_a_doctor_refers_plans_and_is_away(guests: Guests, stage: Stage) -> None:
    page = guests.open("doctor@example.com")
    page.goto(f"/appointments/{stage.ask(SEEN)[0]['id']}")
    follow(page, "Refer to another doctor")
    page.select_option("[name=specialty_id]", label=stage.ask(OTHERS)[0]["name"])
    press(page, "Show doctors")
    page.locator("main a", has_text="Choose").first.click()
    page.fill("[name=note]", "Please look at the knee.")
    press(page, "Refer and book")
    page.wait_for_url("**/visit")
    expect(page.locator("#visit-next")).to_contain_text("Please look at the knee.")
    follow(page, "Plan a follow-up")
    page.locator("main").get_by_role("link", name="In 2 weeks").click()
    page.locator("main button[name=slot_id]").first.click()
    expect(page.locator("#toasts")).to_contain_text("The follow-up is booked")
    page.locator("header summary", has_text="Your status").click()
    page.locator("header").get_by_role("button", name="Away").click()
    expect(page.locator("header .own-status")).to_contain_text("Away")
