"""Browsers for the tests: a page per person, which fails its test when the browser complains about anything."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from tests.browser.stage import DESKTOP, Stage, chromium, log_in, portal_stage
from tests.portal_server import ROOT

PICTURES = ROOT / "var" / "failures"
OUTCOME: pytest.StashKey[bool] = pytest.StashKey()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    if report.failed:
        item.stash[OUTCOME] = True
    return report


@pytest.fixture(scope="package")
def stage() -> Iterator[Stage]:
    with portal_stage() as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """For this package only: while the driver runs, no other event loop can in this thread."""
    with chromium() as running:
        yield running


class Guests:
    """The browsers of one test: each person has a context of their own, and what it complains of is kept."""

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser = browser
        self.url = url
        self.contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.expected: list[str] = []

    def open(self, email: str = "", url: str = "", **options: Any) -> Page:
        """A new browser window; signed in as `email` where one is given."""
        context = self.browser.new_context(
            base_url=url or self.url,
            **{"viewport": DESKTOP, "locale": "en-GB", "timezone_id": "Europe/Berlin", **options},
        )
        context.set_default_timeout(10_000)
        context.on("console", self._heard)
        context.on("weberror", lambda error: self.complaints.append(f"uncaught: {error.error}"))
        self.contexts.append(context)
        page = context.new_page()
        if email:
            log_in(page, email)
        return page

    def expect(self, words: str) -> None:
        """A complaint with these words belongs to the test, such as the lost connection of a stopped server."""
        self.expected.append(words)

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        place = message.location.get("url", "")
        own_status = "status of 4" in message.text and message.page is not None and place == message.page.url
        if not own_status:  # the page itself may be a 404, a 409 or a form with errors
            self.complaints.append(f"{message.type}: {message.text} ({place})")

    def surprises(self) -> list[str]:
        return [text for text in self.complaints if not any(words in text for words in self.expected)]

    def close(self) -> None:
        for context in self.contexts:
            context.close()

    def photograph(self, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        pages = [page for context in self.contexts for page in context.pages]
        for number, page in enumerate(pages):
            page.screenshot(path=PICTURES / f"{name}-{number}.png", full_page=True)


@pytest.fixture
def guests(stage: Stage, browser: Browser, request: pytest.FixtureRequest) -> Iterator[Guests]:
    here = Guests(browser, stage.url)
    yield here
    if request.node.stash.get(OUTCOME, False):
        here.photograph(request.node.name.replace("/", "-"))
    here.close()
    assert here.surprises() == [], "the browser complained"
