"""From the doctor's signature to the medicine in hand: sent by the patient, seen live, given out by keyboard alone."""

from typing import Any
from uuid import UUID, uuid4

import httpx
from playwright.sync_api import Page, expect

from tests.browser.conftest import Guests
from tests.browser.stage import PASSWORD, Stage

VISIT = """
SELECT v.id, p.email, t.date_of_birth, v.patient_id FROM appointment v JOIN account d ON d.id = v.doctor_id
JOIN account p ON p.id = v.patient_id JOIN patient t ON t.account_id = p.id
WHERE d.email = 'doctor@example.com' AND v.status = 'COMPLETED' AND t.date_of_birth IS NOT NULL ORDER BY v.starts_at DESC LIMIT 1
"""
ITEM = """
INSERT INTO catalog_item (id, name, active_ingredient, form, strength, unit_type)
VALUES ($1::uuid, 'Counterol ' || right($1::uuid::text, 8), right($1::uuid::text, 12), 'tablet', '400 mg', 'TABLETS') RETURNING id
"""
BATCH = """
WITH made AS (
    INSERT INTO batch (id, item_id, location_id, batch_number, expiry_date, cost_price, selling_price, currency)
    VALUES (gen_random_uuid(), $1, $2, $3, current_date + $4::int, 1, 2, 'EUR') RETURNING *
) SELECT * FROM made
"""
RECEIVED = """
INSERT INTO stock_transaction (item_id, batch_id, location_id, transaction_type, quantity, balance, actor_id)
VALUES ($1, $2, $3, 'IN', $4, 0, gen_random_uuid()) RETURNING id
"""
PHARMACIST = """
WITH who AS (
    INSERT INTO account (id, email, password_hash, role, status, first_name, last_name, time_zone)
    SELECT gen_random_uuid(), $1, password_hash, role, 'ACTIVE', 'Petra', 'Other', time_zone FROM account
    WHERE email = 'pharmacy@example.com' RETURNING id
)
INSERT INTO pharmacist (account_id, pharmacy_id) SELECT who.id, f.id FROM who, pharmacy f WHERE f.id <> $2 AND f.active LIMIT 1
RETURNING pharmacy_id
"""
OWN = """
SELECT p.pharmacy_id, f.name FROM pharmacist p JOIN account a ON a.id = p.account_id JOIN pharmacy f ON f.id = p.pharmacy_id
WHERE a.email = 'pharmacy@example.com'
"""
LEDGER = """
SELECT b.batch_number, t.transaction_type, t.quantity::int AS quantity FROM stock_transaction t JOIN batch b ON b.id = t.batch_id
WHERE t.item_id = $1 AND t.transaction_type <> 'IN' ORDER BY t.created_at
"""


def shelve(stage: Stage, item: UUID, pharmacy: UUID, number: str, days: int, quantity: int) -> None:
    batch = stage.ask(BATCH, item, pharmacy, number, days)[0]["id"]
    stage.ask(RECEIVED, item, batch, pharmacy, quantity)


def as_doctor(stage: Stage) -> dict[str, str]:
    body = {"email": "doctor@example.com", "password": PASSWORD}
    signed_in = httpx.post(f"{stage.url}/api/auth/login", json=body).raise_for_status().json()
    return {"Authorization": f"Bearer {signed_in['access_token']}"}


def prescribed(stage: Stage, visit: Any, item: UUID) -> dict[str, Any]:
    """Signed by the doctor of the visit, as a program does it."""
    wanted = {
        "catalog_item_id": str(item), "dose": 1, "dose_unit": "TABLETS", "frequency": "TWICE_DAILY", "duration_days": 5,
        "quantity": 10, "unit": "TABLETS", "instructions": "With water",
    }  # fmt: skip
    body = {"appointment_id": str(visit["id"]), "items": [wanted]}
    answer = httpx.post(f"{stage.url}/api/prescriptions", json=body, headers=as_doctor(stage))
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def find(page: Page, code: str) -> None:
    """The field is in focus: a scanner or two hands type, and Enter."""
    expect(page.locator("#find")).to_be_focused()
    page.keyboard.type(code)
    page.keyboard.press("Enter")


def test_from_the_doctor_to_the_hand(guests: Guests, stage: Stage) -> None:
    visit, own, item = stage.ask(VISIT)[0], stage.ask(OWN)[0], uuid4()
    stage.ask(ITEM, item)
    other = stage.ask(PHARMACIST, "petra@example.com", own["pharmacy_id"])[0]["pharmacy_id"]
    shelve(stage, item, own["pharmacy_id"], "SOON", 20, 4)
    shelve(stage, item, own["pharmacy_id"], "LATE", 200, 50)
    shelve(stage, item, other, "THERE", 100, 50)
    rx = prescribed(stage, visit, item)
    counter, patient = guests.open("pharmacy@example.com"), guests.open(visit["email"])
    counter.goto("/counter")
    expect(counter.locator("html[data-live=on]")).to_be_attached()
    patient.goto(f"/prescriptions/{rx['id']}/send?q={own['name']}")
    patient.locator("main form[method=post] button").first.click()
    expect(counter.locator(f"[id='waits-{rx['id']}']")).to_be_visible(timeout=5_000)  # without a reload

    find(counter, rx["code"])
    counter.wait_for_url(f"**/counter/{rx['id']}")
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

    there = guests.open("petra@example.com")
    there.goto("/counter")
    find(there, rx["code"].lower())
    there.locator("[name=date_of_birth]").fill(visit["date_of_birth"].isoformat())
    there.keyboard.press("Enter")
    there.wait_for_url(f"**/counter/{rx['id']}")
    expect(there.locator("[name='items.0.quantity']")).to_have_value("3")  # preset to the rest
    there.keyboard.press("Space")
    there.keyboard.press("Enter")
    there.wait_for_url("**/counter/dispenses/*")
    assert [tuple(row) for row in stage.ask(LEDGER, item)] == [
        ("SOON", "DISPENSE", 4), ("LATE", "DISPENSE", 3), ("THERE", "DISPENSE", 3),
    ]  # fmt: skip
    expect(counter.locator(f"[id='waits-{rx['id']}']")).to_have_count(0, timeout=5_000)
    doctor = guests.open("doctor@example.com")
    for page in (patient, doctor):
        page.goto(f"/prescriptions/{rx['id']}")
        expect(page.locator("#fills li")).to_have_count(2)
        expect(page.locator("#fills")).to_contain_text(own["name"])
        expect(page.locator("#prescription")).to_contain_text("Dispensed")


def test_taken_back_by_one_key(guests: Guests, stage: Stage) -> None:
    visit, own, item = stage.ask(VISIT)[0], stage.ask(OWN)[0], uuid4()
    stage.ask(ITEM, item)
    shelve(stage, item, own["pharmacy_id"], "BACK", 20, 40)
    rx = prescribed(stage, visit, item)
    counter = guests.open("pharmacy@example.com")
    counter.goto("/counter")
    find(counter, rx["code"])
    counter.locator("[name=date_of_birth]").fill(visit["date_of_birth"].isoformat())
    counter.keyboard.press("Enter")
    counter.wait_for_url(f"**/counter/{rx['id']}")
    counter.keyboard.press("Enter")  # nobody has looked at a document
    expect(counter.locator(".error-summary")).to_contain_text("Compare name and date of birth")
    counter.locator("#f-identity_checked").focus()
    counter.keyboard.press("Space")
    counter.keyboard.press("F8")
    counter.wait_for_url("**/counter/dispenses/*")
    expect(counter.locator("[data-countdown]")).to_contain_text("14:")
    counter.keyboard.press("u")
    counter.wait_for_url(f"**/counter/{rx['id']}")
    expect(counter.locator("#paper")).to_contain_text("taken back")
    assert [tuple(row) for row in stage.ask(LEDGER, item)] == [("BACK", "DISPENSE", 10), ("BACK", "RETURN", 10)]
