"""From the doctor's pad to the medicine in hand, in one row: an allergy, a signature, two pharmacies, three batches."""

from playwright.sync_api import Page, expect

from tests.browser.conftest import Guests
from tests.browser.shelves import Medicine, find, other_pharmacist, own_pharmacy
from tests.browser.stage import Stage

VISIT = """
SELECT v.id, t.date_of_birth FROM appointment v JOIN account d ON d.id = v.doctor_id
JOIN account p ON p.id = v.patient_id JOIN patient t ON t.account_id = p.id
WHERE d.email = 'doctor@example.com' AND p.email = 'patient@example.com' AND v.status IN ('COMPLETED', 'IN_PROGRESS')
ORDER BY v.starts_at DESC LIMIT 1
"""
CODE = "SELECT code FROM prescription WHERE id::text = $1"
REASON = "Taken twice since without trouble"


def test_from_the_pad_to_the_hand(guests: Guests, stage: Stage) -> None:
    visit, (own, name) = stage.ask(VISIT)[0], own_pharmacy(stage)
    medicine = Medicine(stage, "Phenoxymethylpenicillin")
    medicine.shelve(own, "SOON", 20, 4)
    medicine.shelve(own, "LATE", 200, 50)
    medicine.shelve(other_pharmacist(stage, "petra@example.com"), "THERE", 100, 50)
    doctor, patient = guests.open("doctor@example.com"), guests.open("patient@example.com")
    counter, there = guests.open("pharmacy@example.com"), guests.open("petra@example.com")
    counter.goto("/counter")
    counter.locator("html[data-live=on]").wait_for()

    rx = sign(doctor, str(visit["id"]), medicine)
    code = stage.ask(CODE, rx)[0]["code"]
    send(patient, rx, name)
    expect(counter.locator(f"[id='waits-{rx}']")).to_be_visible(timeout=5_000)  # without a reload

    give_out_a_part(counter, code, rx)
    stock = guests.open("pharmacy@example.com")
    stock.goto(f"/stock/items/{medicine.id}")
    expect(stock.locator("main")).to_contain_text("47")
    give_out_the_rest(there, code, rx, visit["date_of_birth"].isoformat())
    assert medicine.moves() == [("SOON", "DISPENSE", 4), ("LATE", "DISPENSE", 3), ("THERE", "DISPENSE", 3)]
    expect(counter.locator(f"[id='waits-{rx}']")).to_have_count(0, timeout=5_000)
    for page in (patient, doctor):
        page.goto(f"/prescriptions/{rx}")
        expect(page.locator("#fills li")).to_have_count(2)
        expect(page.locator("#fills")).to_contain_text(name)
        expect(page.locator("#prescription")).to_contain_text("Dispensed")


def sign(doctor: Page, visit: str, medicine: Medicine) -> str:
    """From the visit to the pad: found in the catalogue, warned of the allergy, a reason, signed. Its id."""
    doctor.goto(f"/appointments/{visit}")
    doctor.locator("main a[href$='/prescriptions/new']").first.click()
    doctor.fill("[name='items.0.drug_name']", medicine.name)
    doctor.locator("#found-0 button", has_text=medicine.name).click()
    expect(doctor.locator(".pad-line .rx-drug")).to_contain_text(medicine.name)
    expect(doctor.locator(".rx-supply")).to_be_attached()  # who has it nearby
    doctor.fill("[name='items.0.dose']", "1")
    doctor.select_option("[name='items.0.frequency']", "TWICE_DAILY")
    doctor.fill("[name='items.0.duration_days']", "5")
    doctor.keyboard.press("Tab")
    expect(doctor.locator("#sum-0")).to_contain_text("10")
    doctor.get_by_role("button", name="Look it over").click()
    expect(doctor.locator(".rx-warnings")).to_contain_text("allergy to Penicillin")
    doctor.locator(".rx-warnings input:not([type=hidden])").first.fill(REASON)
    doctor.get_by_role("button", name="Sign and issue").click()
    doctor.wait_for_url("**/prescriptions/*-*")
    expect(doctor.locator("main")).to_contain_text(REASON)
    return doctor.url.rsplit("/", 1)[-1]


def send(patient: Page, rx: str, pharmacy: str) -> None:
    """The patient finds it on top of the list and sends it."""
    patient.goto("/prescriptions")
    patient.locator("#prescriptions .rows a").first.click()
    patient.wait_for_url(f"**/prescriptions/{rx}")
    patient.get_by_role("link", name="Send to a pharmacy").click()
    patient.fill("main [name=q]", pharmacy)
    patient.keyboard.press("Enter")
    patient.locator("main form.inline-form button").first.click()
    expect(patient.locator("main")).to_contain_text(f"Sent to {pharmacy}")


def give_out_a_part(counter: Page, code: str, rx: str) -> None:
    """Seven of ten, from two batches, the labels, and back: by keyboard alone."""
    find(counter, code)
    counter.wait_for_url(f"**/counter/{rx}")
    expect(counter.locator("#f-identity_checked")).to_be_focused()
    counter.keyboard.press("Space")
    counter.keyboard.press("Tab")
    counter.keyboard.press("Control+A")
    counter.keyboard.type("7")
    counter.keyboard.press("Enter")
    counter.wait_for_url("**/counter/dispenses/*")
    expect(counter.locator("tbody tr")).to_have_count(2)
    expect(counter.locator("tbody")).to_contain_text("SOON")
    counter.keyboard.press("l")
    counter.wait_for_url("**/labels")
    expect(counter.locator(".label")).to_have_count(2)
    expect(counter.locator(".label").first).to_contain_text("twice a day")
    counter.go_back()
    counter.keyboard.press("F2")
    counter.wait_for_url("**/counter")


def give_out_the_rest(there: Page, code: str, rx: str, born: str) -> None:
    """Another pharmacy opens it by code and date of birth; what is left is preset."""
    there.goto("/counter")
    find(there, code.lower())
    there.locator("[name=date_of_birth]").fill(born)
    there.keyboard.press("Enter")
    there.wait_for_url(f"**/counter/{rx}")
    expect(there.locator("[name='items.0.quantity']")).to_have_value("3")
    there.keyboard.press("Space")
    there.keyboard.press("Enter")
    there.wait_for_url("**/counter/dispenses/*")
