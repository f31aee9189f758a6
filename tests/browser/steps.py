"""What is done on a screen before its picture is taken."""

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


def make_link(page: Page) -> None:
    page.fill("#f-name", "Ground floor")
    page.get_by_role("button", name="Make a link").click()
    page.locator("#wall-link").wait_for()


def keep_and_look(page: Page) -> None:
    """The grid with an own hold on it."""
    grid = page.url
    page.locator(".slot[data-state=OPEN] button >> visible=true").first.click()
    page.wait_for_url("**/book")
    page.goto(grid)
    page.locator(".my-hold").first.wait_for()


def preview(page: Page) -> None:
    """The second step of a schedule form: what the change does."""
    page.locator("main form[method=post] button:not([type=button])").last.click()
    page.locator("h1").wait_for()


def change_language(page: Page) -> None:
    """Any answer that says what was done, as a message."""
    page.locator("main form[method=post] button:not([type=button])").last.click()
    page.locator(".toast").wait_for()


def call_for_help(page: Page) -> None:
    """Unless the call of another picture still waits."""
    if page.locator("[data-sos]").count():
        page.locator("[data-sos]").click()
        page.locator("form[action$='/cancel']").wait_for()


def leave_unchecked(page: Page) -> None:
    """What is asked for before anybody has looked at a document."""
    page.locator("main form[method=post] .counter-end button").click()
    page.locator(".error-summary").wait_for()
