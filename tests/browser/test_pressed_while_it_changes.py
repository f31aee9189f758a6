"""A page that follows events may change under the hand: what is pressed or typed is meant for whom it was meant for."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.browser.conftest import Guests
from tests.browser.morning import Morning, make_morning
from tests.browser.stage import PHONE, Stage

ARRIVE = """
UPDATE appointment SET status = 'CHECKED_IN', queue_rank = queue_position, checked_in_at = now()
WHERE id = ANY ($1) RETURNING id
"""
STATUS = "SELECT status FROM appointment WHERE id = $1"


@pytest.fixture
def morning(stage: Stage) -> Morning:
    """Two patients of a session are in the waiting room, one is not there yet."""
    made = make_morning(stage, ("Adalind", "Benedikt", "Cleomena"))
    stage.ask(ARRIVE, [made.visits[1], made.visits[2]])
    return made


def board(guests: Guests, morning: Morning) -> Page:
    page = guests.open(morning.doctor)
    expect(page.locator("html[data-live=on]")).to_be_attached()
    return page


def place(page: Page, morning: Morning, number: int, standing: str) -> Locator:
    return page.locator(f"[id='visit-{morning.visits[number]}'][data-standing={standing}]")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).first.click()


@contextmanager
def behind(page: Page) -> Iterator[None]:
    """What happens inside the block reaches the page in one step, as over a bad line."""
    waiting: list[Route] = []
    page.route("**/today*", lambda route: waiting.append(route))
    yield
    while not waiting:
        page.wait_for_timeout(20)
    for one in waiting:
        one.continue_()
    page.unroute("**/today*")


def test_a_button_does_not_become_another(guests: Guests, stage: Stage, morning: Morning) -> None:
    """Pressed for a check-in that somebody else has made meanwhile, the row's next button stands under the hand."""
    asked: list[str] = []
    page, other = guests.open(morning.admin, viewport=PHONE), guests.open(morning.admin)
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    for one in (page, other):
        one.goto("/clinic/appointments")
        expect(one.locator("html[data-live=on]")).to_be_attached()
    first, again = (one.locator(f"[id='row-{morning.visits[3]}']").get_by_role("button") for one in (page, other))
    first.filter(has_text="Check in").hover()
    page.mouse.down()
    again.filter(has_text="Check in").click()
    expect(first.filter(has_text="Check in")).to_have_count(0)
    page.mouse.up()
    page.wait_for_timeout(300)  # in which a question would have been asked, or a request answered
    assert asked == []
    assert stage.ask(STATUS, morning.visits[3])[0]["status"] == "CHECKED_IN"


def test_notes_do_not_become_the_next_patients(guests: Guests, morning: Morning) -> None:
    page, other = board(guests, morning), board(guests, morning)
    press(page, "Call next")
    press(page, "Start")
    place(page, morning, 1, "SERVING").locator("summary").click()
    page.get_by_label("For the patient").fill("Meant for Adalind")
    with behind(page):
        for name in ("Complete", "Call next", "Start"):
            press(other, name)
        expect(place(other, morning, 2, "SERVING")).to_be_visible()
    expect(place(page, morning, 2, "SERVING")).to_be_visible()
    assert page.locator("textarea[name=doctor_notes]").input_value() == ""
