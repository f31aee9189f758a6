"""The screens of stock, as `screens.py` lists them: address, what is done there first, and a name of its own."""

from typing import Any

from playwright.sync_api import Page

Listed = tuple[Any, ...]  # what a Screen is made of, but for whose it is


def wrong(page: Page) -> None:
    """The main form as it stands, which shows its errors."""
    page.locator("main form[method=post]:has(.form-actions) button:not([type=button])").last.click()
    page.locator(".error-summary").wait_for()


def keys(page: Page) -> None:
    page.keyboard.press("?")
    page.locator("dialog[open]").wait_for()


def check_lines(page: Page) -> None:
    """A file with a bad line."""
    page.fill("[name=csv]", "name,batch_number,expiry_date,quantity\nIbuprofen,B1,2020-01-01,many\n")
    page.locator("main form[method=post] button").last.click()
    page.locator("#report").wait_for()


STOCK_OF_PHARMACY: list[Listed] = [
    ("/stock",),
    ("/stock", keys, "stock-keys"),
    ("/stock?q=zzzz", None, "stock-none"),
    ("/stock/items/{item}",),
    ("/stock/low",),
    ("/stock/expiring?days=365",),
    ("/stock/movements",),
    ("/stock/move/in?q=ibu",),
    ("/stock/move/in?item_id={item}",),
    ("/stock/move/in?item_id={item}", wrong, "receive-errors"),
    ("/stock/move/out?item_id={item}",),
    ("/stock/move/adjust?item_id={item}",),
    ("/stock/count?q=para",),
    ("/stock/count?q=para", wrong, "count-errors"),
    ("/stock/counts/{count}",),
    ("/stock/import",),
    ("/stock/import", check_lines, "import-errors"),
    ("/stock/recalls?batch_number={lot}",),
    ("/stock/catalog",),
    ("/stock/catalog/new",),
    ("/stock/catalog/new", wrong, "catalog-errors"),
    ("/stock/catalog/{item}",),
]
STOCK_OF_CLINIC: list[Listed] = [("/stock",), ("/stock/low",)]

# An item with a recalled batch, a batch number, and a count: columns of `PLACES`.
_BATCH = "FROM batch b JOIN pharmacist p ON p.pharmacy_id = b.location_id"
SHELF = f"""
    (SELECT b.item_id {_BATCH} WHERE b.recalled_at IS NOT NULL ORDER BY b.batch_number LIMIT 1) AS item,
    (SELECT b.batch_number {_BATCH} ORDER BY b.batch_number LIMIT 1) AS lot,
    (SELECT id FROM stock_count LIMIT 1) AS count,"""
