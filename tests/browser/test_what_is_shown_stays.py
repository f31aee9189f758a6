"""A refusal, an event or a slip of the hand takes nothing away that somebody sees or types."""

from playwright.sync_api import expect

from tests.browser.conftest import Guests
from tests.browser.screens import CLINIC, PATIENT, places
from tests.browser.stage import PHONE, Stage

STALE = """() => {
  document.querySelector('meta[name="csrf-token"]').content = "stale";
  for (const field of document.querySelectorAll('input[name="csrf_token"]')) field.value = "stale";
}"""
IN_CACHE = "async path => (await caches.match(path)) !== undefined"


def test_a_refused_part_is_a_message_beside_what_is_shown(guests: Guests, stage: Stage) -> None:
    guests.expect("status of 403")
    page = guests.open(CLINIC)
    page.goto("/clinic/appointments?date={visit_day}".format_map(places(stage)))
    rows = page.locator("#day tbody tr").count()
    page.evaluate(STALE)
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator("#day form[hx-post] button").first.click()
    toast = page.locator("#toasts .toast[data-tone=danger]")
    expect(toast).to_be_visible()
    assert page.locator("#day tbody tr").count() == rows > 0
    toast.locator("[data-dismiss]").click()
    expect(toast).to_be_hidden()


def test_going_back_shows_the_whole_page(guests: Guests) -> None:
    """The browser has a part of the same address in its cache."""
    page = guests.open(viewport=PHONE)
    page.goto("/doctors")
    with page.expect_response(lambda answer: "HX-Request".lower() in answer.request.headers):
        page.locator("form[hx-push-url] select").first.select_option(index=1)
    page.wait_for_url("**/doctors?**")
    found = page.locator("#results").inner_text()
    page.locator("#results a[href^='/doctors/']").first.click()
    page.wait_for_url("**/doctors/*")
    page.go_back()
    expect(page.locator(".site-header")).to_be_visible()
    assert page.locator("#results").inner_text() == found


def test_what_is_typed_in_an_emergency_stays(guests: Guests) -> None:
    page = guests.open("patient12@example.com", viewport=PHONE)
    page.goto("/emergencies")
    page.locator("html[data-live=on]").wait_for()
    page.locator("textarea[name=description]").fill("Strong chest pain")
    page.evaluate("() => htmx.trigger(document.getElementById('live'), 'resync')")
    page.wait_for_timeout(500)  # the time in which the page would read itself anew
    assert page.locator("textarea[name=description]").input_value() == "Strong chest pain"


def test_an_allergy_is_removed_once_it_was_asked(guests: Guests, stage: Stage) -> None:
    page = guests.open(PATIENT)
    page.goto("/record")
    entries = page.locator("form[action$='/allergies/remove']")
    before = entries.count()
    assert before > 0
    page.once("dialog", lambda dialog: dialog.dismiss())
    entries.first.locator("button").click()
    page.goto("/record")
    assert entries.count() == before


def test_only_what_is_right_for_ever_is_kept_on_the_device(guests: Guests) -> None:
    page = guests.open(PATIENT)
    page.goto("/home")
    page.evaluate("() => navigator.serviceWorker.ready.then(() => 0)")
    page.reload()
    wrong, right = "/static/js/wall.js?v=000000000000", page.locator("link[rel=stylesheet]").first.get_attribute("href")
    page.evaluate("path => fetch(path).then(answer => answer.text())", wrong)
    assert page.evaluate(IN_CACHE, right)
    assert not page.evaluate(IN_CACHE, wrong)
