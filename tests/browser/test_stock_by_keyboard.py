"""A pharmacist receives, adjusts and counts without touching the mouse, and what is open elsewhere hears of it."""

from datetime import date, timedelta
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.conftest import Guests
from tests.browser.screens import PHARMACY
from tests.browser.stage import Stage

HELD = """
SELECT b.id, b.quantity FROM batch b JOIN catalog_item i ON i.id = b.item_id JOIN pharmacist p ON p.pharmacy_id = b.location_id
JOIN account a ON a.id = p.account_id AND a.email = 'pharmacy@example.com'
WHERE i.name = 'Cetirizine' AND ($1 = '' OR b.batch_number = $1) ORDER BY b.expiry_date
"""


def held(stage: Stage, number: str = "") -> list[Any]:
    return stage.ask(HELD, number)


def tab(page: Page, times: int = 1) -> None:
    for _time in range(times):
        page.keyboard.press("Tab")


def here(page: Page, selector: str) -> None:
    """Where the keyboard is."""
    expect(page.locator(f"{selector}:focus")).to_have_count(1)


def test_receive_adjust_and_count_with_keys_alone(guests: Guests, stage: Stage) -> None:
    watching = guests.open(PHARMACY)
    watching.goto("/stock?q=cetirizine")
    expect(watching.locator("html[data-live=on]")).to_be_attached()
    before = watching.locator("#shelf .amount").first.inner_text()

    page = guests.open(PHARMACY)
    page.goto("/stock")
    page.keyboard.press("i")  # receive
    here(page, "#choose-q")
    page.keyboard.type("cetir")
    expect(page.locator("#found a").first).to_contain_text("Cetirizine 10 mg")
    tab(page, 2)
    here(page, "#found a")
    page.keyboard.press("Enter")
    here(page, "#f-batch_number")
    page.keyboard.type("KEYS-1")
    tab(page)
    page.keyboard.type((date.today() + timedelta(days=500)).strftime("%d%m%Y"))  # as an English browser takes it
    page.locator("#f-expiry_date").evaluate("field => field.value") or page.locator("#f-expiry_date").fill("2029-01-31")
    page.locator("#f-quantity").focus()
    page.keyboard.type("30")
    tab(page)
    page.keyboard.type("0.05")
    tab(page)
    page.keyboard.type("0.10")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Received: 30 tablets of Cetirizine 10 mg tablet.")
    assert [float(row["quantity"]) for row in held(stage, "KEYS-1")] == [30]
    expect(watching.locator("#shelf .amount").first).not_to_have_text(before)  # told of it, and asked anew

    page.keyboard.press("a")  # adjust
    here(page, "#f-quantity")
    page.keyboard.type("-2")
    tab(page)
    here(page, "#f-batch_id")
    page.keyboard.type("KEYS")
    tab(page)
    page.keyboard.type("Two were broken")
    page.keyboard.press("Enter")
    expect(page.locator(".toast")).to_contain_text("Adjusted by 2 tablets")
    assert [float(row["quantity"]) for row in held(stage, "KEYS-1")] == [28]

    page.goto("/stock/count?q=cetirizine")
    here(page, "[name$='.counted']")
    for number, row in enumerate(held(stage)):
        page.keyboard.type(f"{float(row['quantity']) - (1 if number == 0 else 0):g}")
        tab(page)
    page.keyboard.type("By hand")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Count of")
    expect(page.locator("main")).to_contain_text("1 differs")
    page.keyboard.press("?")


def test_without_javascript(guests: Guests, stage: Stage) -> None:
    page = guests.open(PHARMACY, java_script_enabled=False)
    page.goto("/stock")
    page.get_by_role("link", name="Receive").first.click()
    page.fill("#choose-q", "loratadine")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Loratadine 10 mg").first.click()
    page.fill("#f-batch_number", "PLAIN-1")
    page.fill("#f-expiry_date", "2029-05-31")
    page.fill("#f-quantity", "12.5")
    page.fill("#f-cost_price", "0.04")
    page.fill("#f-selling_price", "x")
    page.get_by_role("button", name="Receive").click()
    expect(page.locator(".error-summary")).to_contain_text("Price of one")
    expect(page.locator("#f-quantity")).to_have_value("12.5")
    page.fill("#f-selling_price", "0.08")
    page.get_by_role("button", name="Receive").click()
    expect(page.locator("main")).to_contain_text("PLAIN-1")
    page.get_by_role("link", name="Sell").click()
    page.fill("#f-quantity", "5000")
    page.fill("#f-reason", "Too much")
    page.get_by_role("button", name="Sell").click()
    expect(page.locator(".error-summary")).to_contain_text("not enough")
