"""The notes of a visit save as they are typed: no lost network, no reload and no second tab loses a word."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Guests
from tests.browser.screens import DOCTOR
from tests.browser.stage import Stage

BEGUN = """
UPDATE appointment SET status = 'IN_PROGRESS', actual_start_time = now() - interval '5 minutes' WHERE id = (
    SELECT a.id FROM appointment a JOIN account d ON d.id = a.doctor_id AND d.email = 'doctor@example.com'
    WHERE a.status = 'BOOKED' AND a.starts_at > now() + interval '2 days' ORDER BY a.starts_at DESC LIMIT 1)
RETURNING id
"""
LEFT = "UPDATE appointment SET status = 'CANCELLED' WHERE id = $1"
STORED = "SELECT private_notes, diagnosis, version FROM visit_note WHERE appointment_id = $1"


@pytest.fixture
def visit(stage: Stage) -> Iterator[str]:
    """Somebody is with the demo doctor."""
    found = str(stage.ask(BEGUN)[0]["id"])
    yield found
    stage.ask(LEFT, found)


def opened(page: Page, visit: str) -> Page:
    page.goto(f"/appointments/{visit}/visit")
    return page


def is_saved(page: Page) -> None:
    expect(page.locator("#notes-state")).to_contain_text("Saved at")


def notes(page: Page, name: str = "private_notes") -> str:
    return page.input_value(f"[name={name}]")


def second_tab(page: Page, visit: str) -> Page:
    return opened(page.context.new_page(), visit)


def test_what_is_typed_saves_itself(guests: Guests, stage: Stage, visit: str) -> None:
    page = opened(guests.open(DOCTOR), visit)
    expect(page.locator("[role=timer]")).to_have_text(re.compile(r"5:\d\d"))
    page.fill("[name=private_notes]", "Wheezing at night")
    is_saved(page)
    page.fill("[name=diagnosis]", "Asthma")
    page.locator("[name=diagnosis]").press("Tab")
    expect(page.locator("[name=version]")).to_have_value("2")
    row = stage.ask(STORED, visit)[0]
    assert (row["private_notes"], row["diagnosis"]) == ("Wheezing at night", "Asthma")
    page.reload()
    assert notes(page) == "Wheezing at night"


def test_another_tab_follows_and_two_texts_stand_side_by_side(guests: Guests, stage: Stage, visit: str) -> None:
    for words in ("ERR_INTERNET_DISCONNECTED", "409"):
        guests.expect(words)
    first = opened(guests.open(DOCTOR), visit)
    second = second_tab(first, visit)
    first.fill("[name=private_notes]", "Both see this")
    is_saved(first)
    expect(second.locator("[name=private_notes]")).to_have_value("Both see this")
    first.context.set_offline(True)
    first.fill("[name=private_notes]", "Written in the first")
    second.fill("[name=private_notes]", "Written in the second")
    for tab in (first, second):
        expect(tab.locator("#notes-state")).to_contain_text("No connection")
    first.context.set_offline(False)
    told = [tab for tab in (first, second) if _is_told(tab)]
    assert len(told) == 1, "one has saved, and the other is told"
    mine, theirs = ("first", "second") if told[0] is first else ("second", "first")
    panel = told[0].locator("#meanwhile")
    expect(panel).to_contain_text(f"Written in the {theirs}")
    assert notes(told[0]) == f"Written in the {mine}"
    panel.get_by_role("button", name="Add to mine").click()
    told[0].get_by_role("button", name="Save", exact=True).click()
    is_saved(told[0])
    expect(panel).to_be_empty()
    stored = stage.ask(STORED, visit)[0]["private_notes"]
    assert stored == f"Written in the {mine}\n\nWritten in the {theirs}"


def _is_told(tab: Page) -> bool:
    """Whether this tab ends up with both texts; the other one with its own saved."""
    expect(tab.locator("#notes-state")).to_contain_text(re.compile("Saved at|Changed elsewhere"))
    return "Changed elsewhere" in tab.locator("#notes-state").inner_text()


def test_typed_without_a_network_and_saved_when_it_is_back(guests: Guests, stage: Stage, visit: str) -> None:
    guests.expect("ERR_INTERNET_DISCONNECTED")
    page = opened(guests.open(DOCTOR), visit)
    page.context.set_offline(True)
    page.fill("[name=private_notes]", "Typed in a tunnel")
    expect(page.locator("#notes-state")).to_contain_text("No connection")
    page.locator("[name=private_notes]").press("End")
    page.keyboard.type(", and more of it")
    page.context.set_offline(False)
    is_saved(page)
    assert stage.ask(STORED, visit)[0]["private_notes"] == "Typed in a tunnel, and more of it"
    assert page.evaluate("() => sessionStorage.length") == 0


def test_a_reload_brings_back_what_was_not_saved(guests: Guests, stage: Stage, visit: str) -> None:
    guests.expect("503")
    page = opened(guests.open(DOCTOR), visit)
    page.route("**/visit/save", lambda route: route.fulfill(status=503, body=""))
    page.fill("[name=private_notes]", "Not yet stored")
    expect(page.locator("#notes-state")).to_contain_text("No connection")
    page.on("dialog", lambda dialog: dialog.accept())  # the browser asks whether to leave
    page.unroute("**/visit/save")
    page.reload()
    is_saved(page)
    assert notes(page) == "Not yet stored"
    assert stage.ask(STORED, visit)[0]["private_notes"] == "Not yet stored"


def test_the_visit_ends_with_what_was_typed_last(guests: Guests, stage: Stage, visit: str) -> None:
    page = opened(guests.open(DOCTOR), visit)
    page.fill("[name=private_notes]", "The last words")
    page.get_by_role("button", name="Complete the visit").click()
    expect(page.get_by_role("button", name="Save the amendment")).to_be_visible()
    assert stage.ask(STORED, visit)[0]["private_notes"] == "The last words"
    assert stage.ask("SELECT status FROM appointment WHERE id = $1", visit)[0]["status"] == "COMPLETED"
    page.fill("[name=private_notes]", "An amendment")
    expect(page.locator("#notes-state")).to_contain_text("Not saved yet")
    page.get_by_role("button", name="Save the amendment").click()
    page.locator(".toast", has_text="Saved").wait_for()
    assert stage.ask(STORED, visit)[0]["version"] == 2


def test_without_javascript(guests: Guests, stage: Stage, visit: str) -> None:
    page = guests.open(DOCTOR, java_script_enabled=False)
    stale = second_tab(page, visit)
    opened(page, visit)
    page.fill("[name=private_notes]", "By a plain form")
    page.get_by_role("button", name="Save", exact=True).click()
    assert notes(page) == "By a plain form"
    stale.fill("[name=private_notes]", "From an old page")
    stale.get_by_role("button", name="Save", exact=True).click()
    expect(stale.locator("#meanwhile")).to_contain_text("By a plain form")
    assert notes(stale) == "From an old page"
    stale.fill("[name=private_notes]", "From both")
    stale.get_by_role("button", name="Save", exact=True).click()
    assert stage.ask(STORED, visit)[0]["private_notes"] == "From both"
