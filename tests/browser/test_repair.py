"""A session that does not take place: the doctor offers another time, and the patient takes it where they stand."""

from datetime import date

import httpx
from playwright.sync_api import Page, expect

from tests.browser.conftest import Guests
from tests.browser.stage import PASSWORD, PHONE, Stage
from tests.browser.test_two_browsers import free_times, hold
from tests.browser.test_waitlist_and_referral import follow, press

SESSION = "SELECT session_id, date FROM slot WHERE id = $1"


def book(page: Page, stage: Stage, doctor: str) -> tuple[str, str, date]:
    """A visit of the patient on this page; its address, and the session and date in which it stands."""
    time = free_times(stage, doctor, 6)[0]
    hold(page, time)
    if page.locator("[name=appointment_type][type=radio]").count():
        page.locator("main label", has_text="At the clinic").first.click()
    press(page, "Book this visit")
    page.wait_for_url("**/appointments/*")
    row = stage.ask(SESSION, time.id)[0]
    return page.url.removeprefix(stage.url), str(row["session_id"]), row["date"]


def call_off(stage: Stage, doctor: str, session_id: str, day: date) -> None:
    with httpx.Client(base_url=stage.url) as client:
        login = client.post("/api/auth/login", json={"email": doctor, "password": PASSWORD}).json()
        client.headers["Authorization"] = f"Bearer {login['access_token']}"
        wanted = {"date": str(day), "kind": "CANCELLED", "reason": "A conference"}
        client.post(f"/api/sessions/{session_id}/overrides", json=wanted).raise_for_status()


def test_another_time_is_offered_and_taken(guests: Guests, stage: Stage) -> None:
    patient, doctor = guests.open("patient46@example.com", viewport=PHONE), guests.open("doctor14@example.com")
    path, session_id, day = book(patient, stage, "doctor14@example.com")
    name = stage.ask("SELECT first_name || ' ' || last_name FROM account WHERE email = 'patient46@example.com'")[0][0]
    call_off(stage, "doctor14@example.com", session_id, day)

    patient.goto(path)
    follow(patient, "Choose how it goes on")
    expect(patient.locator("#choose")).to_contain_text("cannot take place")
    patient.locator("html[data-live=on]").wait_for()
    patient.evaluate("() => { window.untouched = true; }")

    doctor.goto("/attention")
    row = doctor.locator("tr", has_text=name).first
    row.locator("button[value=ALTERNATIVE]").click()
    expect(row).to_contain_text("Offered")

    expect(patient.locator("#choose")).to_contain_text("The clinic offers you")
    assert patient.evaluate("() => window.untouched"), "the offer came without a reload"
    press(patient, "Accept")
    expect(patient.locator("#toasts")).to_be_visible()
    statuses = stage.ask(
        "SELECT a.status FROM appointment a JOIN account p ON p.id = a.patient_id WHERE p.email = 'patient46@example.com'"
        " ORDER BY a.created_at"
    )
    assert [one["status"] for one in statuses] == ["CANCELLED", "BOOKED"]
