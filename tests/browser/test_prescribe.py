"""A doctor writes a prescription, is warned of an allergy, says why and signs; the patient has it at once and sends it."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Guests
from tests.browser.stage import Stage

SEEN = """
SELECT a.id FROM appointment a JOIN account d ON d.id = a.doctor_id JOIN account p ON p.id = a.patient_id
WHERE d.email = 'doctor@example.com' AND p.email = 'patient@example.com' AND a.status IN ('COMPLETED', 'IN_PROGRESS')
ORDER BY a.starts_at DESC LIMIT 1
"""


def test_prescribe_with_an_allergy(guests: Guests, stage: Stage) -> None:
    visit = stage.ask(SEEN)[0]["id"]
    doctor, patient = guests.open("doctor@example.com"), guests.open("patient@example.com")
    patient.goto("/prescriptions")
    patient.locator("html[data-live=on]").wait_for()
    before = patient.locator("#prescriptions .rows > li").count()
    doctor.goto(f"/appointments/{visit}/prescriptions/new")
    write(doctor)
    doctor.get_by_role("button", name="Look it over").click()
    expect(doctor.locator(".rx-warnings")).to_contain_text("allergy to Penicillin")
    doctor.get_by_role("button", name="Sign and issue").click()
    expect(doctor.locator(".error-summary")).to_contain_text("needs a reason")
    doctor.locator(".rx-warnings input:not([type=hidden])").first.fill("Taken before without trouble")
    doctor.get_by_role("button", name="Sign and issue").click()
    doctor.wait_for_url("**/prescriptions/*")
    expect(doctor.locator("main")).to_contain_text("Taken before without trouble")
    expect(patient.locator("#prescriptions .rows > li")).to_have_count(before + 1, timeout=10_000)
    patient.locator("#prescriptions .rows a").first.click()
    expect(patient.locator("svg.qr")).to_be_visible()
    patient.get_by_role("link", name="Send to a pharmacy").click()
    patient.locator("main form.inline-form button").first.click()
    expect(patient.locator("main")).to_contain_text("Sent to")


def write(page: Page) -> None:
    """One medicine in words; the quantity computes itself."""
    page.fill("[name='items.0.drug_name']", "Amoxicillin forte")
    page.fill("[name='items.0.strength']", "500 mg")
    page.fill("[name='items.0.form']", "tablets")
    page.fill("[name='items.0.dose']", "1")
    page.select_option("[name='items.0.frequency']", "THREE_TIMES_DAILY")
    page.fill("[name='items.0.duration_days']", "7")
    page.keyboard.press("Tab")
    expect(page.locator("#sum-0")).to_contain_text("21")
    page.get_by_role("button", name="Add a medicine").click()
    expect(page.locator(".pad-line")).to_have_count(2)
    page.get_by_role("button", name="Remove this medicine").last.click()
    expect(page.locator(".pad-line")).to_have_count(1)
    expect(page.locator("[name='items.0.drug_name']")).to_have_value("Amoxicillin forte")
