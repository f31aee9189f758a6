"""Live pages in many tabs, in the background, over a restart and after a logout."""

import time
from pathlib import Path

from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Guests
from tests.browser.stage import Stage
from tests.browser.test_two_browsers import Time, free_times, hold, watch
from tests.portal_server import served
from tests.services import free_port

TABS = 8


HIDE = """() => { let hidden = false;
  for (const [name, value] of [["hidden", () => hidden], ["visibilityState", () => hidden ? "hidden" : "visible"]])
    Object.defineProperty(document, name, { get: value, configurable: true });
  window.show = (yes) => { hidden = !yes; document.dispatchEvent(new Event("visibilitychange")); };
  %s }"""


def like_a_window(page: Page, *, hidden: bool = False) -> Page:
    """A headless browser shows all its tabs at once; a person sees one. Tabs made so are hidden and shown by hand."""
    page.add_init_script(f"({HIDE % ('hidden = true;' if hidden else '')})()")
    return page


def show(page: Page, others: list[Page] | None = None) -> None:
    for other in others or []:
        if other is not page:
            other.evaluate("() => window.show(false)")
    page.evaluate("() => window.show(true)")


def wait_for_state(page: Page, slot: Time, wanted: str) -> None:
    page.locator(f"#slot-{slot.id}[data-state={wanted}]").wait_for(state="attached")


def test_eight_tabs_of_one_browser_stay_current_and_requests_still_answer(guests: Guests, stage: Stage) -> None:
    slot = free_times(stage, "doctor10@example.com", 3)[0]
    context = guests.open("patient41@example.com").context
    tabs = [like_a_window(context.new_page(), hidden=number > 2) for number in range(TABS)]
    for number, tab in enumerate(tabs):  # the later ones are opened in the background, and are never looked at before
        if number < 3:
            tab.goto(slot.page)
            show(tab, tabs[:number])
        else:
            tab.goto(slot.page)
    other = guests.open("patient42@example.com")
    hold(other, slot)
    for number, tab in enumerate(tabs):
        show(tab, tabs)
        wait_for_state(tab, slot, "HELD")
        since = time.monotonic()
        assert tab.evaluate("() => fetch('/health').then(answer => answer.status)") == 200
        print(f"  tab {number + 1}: another request answered in {(time.monotonic() - since) * 1000:.0f} ms")
    other.goto(slot.page)
    other.locator(".my-hold button").first.click()
    for tab in tabs:
        show(tab, tabs)
        wait_for_state(tab, slot, "OPEN")


def test_a_page_in_the_background_lets_go_and_catches_up(guests: Guests, stage: Stage) -> None:
    slot = free_times(stage, "doctor11@example.com", 3)[0]
    page = like_a_window(guests.open())
    watch(page, slot)
    with page.expect_event("requestfailed", lambda request: "/live?" in request.url):
        page.evaluate("() => window.show(false)")  # the stream ends here
    other = guests.open("patient43@example.com")
    hold(other, slot)
    assert page.locator(f"#slot-{slot.id}").get_attribute("data-state") == "OPEN"
    show(page)
    wait_for_state(page, slot, "HELD")


def test_a_restart_of_the_server_is_survived(guests: Guests, stage: Stage, tmp_path: Path) -> None:
    """The page reconnects by itself and shows what happened while it was away."""
    slot, port = free_times(stage, "doctor12@example.com", 3)[0], free_port()
    settings = {"DATABASE_URL": stage.database_url, "PORTAL_RATE_LIMIT": "0", "PORTAL_KEYS": ""}
    for words in ("ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED_ENCODING", "htmx:sse:error"):
        guests.expect(words)
    with served("--demo", data=tmp_path, port=port, **settings) as portal:
        page = guests.open(url=portal.url)
        watch(page, slot)
        assert portal.stop() == 0
    expect(page.locator("html[data-live=off]")).to_be_attached()
    stage.ask(
        "UPDATE slot SET held_by = (SELECT id FROM account WHERE email = 'patient44@example.com'),"
        " held_until = now() + interval '5 minutes', changed_at = now() WHERE id = $1 RETURNING id",
        slot.id,
    )
    with served("--demo", data=tmp_path, port=port, **settings):
        page.locator("html[data-live=on]").wait_for(timeout=15_000)
        wait_for_state(page, slot, "HELD")


def test_a_stream_that_did_not_open_is_asked_for_again(guests: Guests, stage: Stage) -> None:
    """No network in the moment in which the page is opened, then a portal that is too busy."""
    for words in ("ERR_INTERNET_DISCONNECTED", "503 (Service Unavailable)", "Failed to fetch"):
        guests.expect(words)
    slot = free_times(stage, "doctor13@example.com", 3)[0]
    page, troubles = guests.open(), [None, 503]

    def answer(route: Route) -> None:
        if not troubles:
            route.continue_()
        elif (status := troubles.pop(0)) is None:
            route.abort("internetdisconnected")
        else:
            route.fulfill(status=status, headers={"Retry-After": "1"})

    page.route("**/live?*", answer)
    page.goto(slot.page)
    expect(page.locator("html[data-live=off]")).to_be_attached()
    hold(guests.open("patient46@example.com"), slot)  # nobody tells this page now
    page.locator("html[data-live=on]").wait_for(timeout=25_000)
    assert not troubles
    wait_for_state(page, slot, "HELD")
    assert not page.locator("#toasts .toast").count()  # a page that is not live yet is no failure of what somebody did


def test_a_logout_in_one_tab_ends_the_streams_of_the_others(guests: Guests) -> None:
    guests.expect("/live?")
    guests.expect("htmx:sse:error")
    page = guests.open("patient45@example.com")
    page.locator("html[data-live=on]").wait_for()
    other = page.context.new_page()
    other.goto("/appointments")
    other.locator("html[data-live=on]").wait_for()
    since = time.monotonic()
    page.locator("summary.avatar").click()
    page.get_by_role("button", name="Log out").click()
    other.wait_for_url("**/login**")
    print(f"  the other tab shows the log-in page after {(time.monotonic() - since) * 1000:.0f} ms")
