"""The counter takes back what it gave out, by one key."""

from typing import Any

import httpx
from playwright.sync_api import expect

from tests.browser.conftest import Guests
from tests.browser.shelves import Medicine, find, own_pharmacy
from tests.browser.stage import PASSWORD, Stage

VISIT = """
SELECT v.id, p.email, t.date_of_birth, v.patient_id FROM appointment v JOIN account d ON d.id = v.doctor_id
JOIN account p ON p.id = v.patient_id JOIN patient t ON t.account_id = p.id
WHERE d.email = 'doctor@example.com' AND v.status = 'COMPLETED' AND t.date_of_birth IS NOT NULL ORDER BY v.starts_at DESC LIMIT 1
"""


def prescribed(stage: Stage, visit: Any, medicine: Medicine) -> dict[str, Any]:
    """Signed by the doctor of the visit, as a program does it."""
    account = {"email": "doctor@example.com", "password": PASSWORD}
    token = httpx.post(f"{stage.url}/api/auth/login", json=account).raise_for_status().json()["access_token"]
    wanted = {
        "catalog_item_id": str(medicine.id), "dose": 1, "dose_unit": "TABLETS", "frequency": "TWICE_DAILY",
        "duration_days": 5, "quantity": 10, "unit": "TABLETS", "instructions": "With water",
    }  # fmt: skip
    body = {"appointment_id": str(visit["id"]), "items": [wanted]}
    answer = httpx.post(f"{stage.url}/api/prescriptions", json=body, headers={"Authorization": f"Bearer {token}"})
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def test_taken_back_by_one_key(guests: Guests, stage: Stage) -> None:
    visit, medicine = stage.ask(VISIT)[0], Medicine(stage)
    medicine.shelve(own_pharmacy(stage)[0], "BACK", 20, 40)
    rx = prescribed(stage, visit, medicine)
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
    assert medicine.moves() == [("BACK", "DISPENSE", 10), ("BACK", "RETURN", 10)]
