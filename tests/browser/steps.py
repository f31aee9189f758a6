"""What is done on many screens before their picture is taken."""

from playwright.sync_api import Page


def submit(page: Page) -> None:
    """The main form as it stands, emptied of what the browser would check itself, which shows its errors."""
    page.locator("main form[method=post]:has(.form-actions) button:not([type=button])").last.click()
    page.locator(".error-summary").wait_for()


def open_menu(page: Page) -> None:
    page.locator("details[data-menu] summary").last.click()


def show_keys(page: Page) -> None:
    page.keyboard.press("?")
    page.locator("dialog[open]").wait_for()


def clear_and_submit(page: Page) -> None:
    for box in page.locator("main form[method=post] :is(input[type=text], input[type=time], input[type=number])").all():
        box.fill("")
    submit(page)


def clear_and_submit_dates(page: Page) -> None:
    page.locator("[name=to]").fill("2020-01-01")
    submit(page)
