"""The weight of every screen, counted on the wire by the browser itself; the table is printed, and too much fails."""

from typing import Any

import httpx
import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Guests
from tests.browser.screens import NAMES, PATIENT, SCREENS, places
from tests.browser.stage import PHONE, Stage
from tests.portal_server import ROOT

KB = 1024
FIRST, LATER, PARTIAL, SCRIPTS, STYLES = 90 * KB, 20 * KB, 8 * KB, 12 * KB, 16 * KB
SMALLEST = 20 * KB  # less cannot be: then it was not the network that answered
OTHER_PAGE = "/no-such-page"  # the frame alone: whoever comes from there has the common files
PARTS = "() => [...document.querySelectorAll('main [hx-get]')].map(e => e.getAttribute('hx-get'))"


class Wire:
    """Counts the bytes of a page's answers, headers included, as the browser's network layer sees them."""

    def __init__(self, page: Page, *, empty_cache: bool = False) -> None:
        self.page = page
        self.received = 0
        self.open: dict[str, str] = {}
        self.document = ""  # the request of the page itself
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": empty_cache})
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.loadingFinished", self._answered)
        session.on("Network.loadingFailed", self._ended)
        session.on("Network.requestServedFromCache", self._ended)

    def _asked(self, event: dict[str, Any]) -> None:
        if event["type"] == "Document":
            self.document = event["requestId"]
        # A stream never ends, and its page is whole without it; of a cached favicon, and of a mark that is only posted
        # (what has been read), no end is told.
        if not any(part in event["request"]["url"] for part in ("/live?", "/icons/icon.svg", "/chat/read")):
            self.open[event["requestId"]] = event["request"]["url"]

    def _answered(self, event: dict[str, Any]) -> None:
        self.received += int(event["encodedDataLength"])
        self.open.pop(event["requestId"], None)

    def _ended(self, event: dict[str, Any]) -> None:
        self.open.pop(event["requestId"], None)

    def weigh(self, path: str) -> int:
        """Open the page; what it took until nothing was on its way any more."""
        self.received = 0
        self.open.clear()
        self.document = ""
        self.page.goto(path)
        for _ in range(500):
            if self.document and not self.open:
                return self.received
            self.page.wait_for_timeout(10)
        raise TimeoutError(f"{path} is still loading {list(self.open.values())}")


def compressed(stage: Stage, path: str, **headers: str) -> int:
    with httpx.stream("GET", stage.url + path, headers={"Accept-Encoding": "gzip", **headers}) as answer:
        assert answer.status_code == 200, path
        return sum(map(len, answer.iter_raw()))


@pytest.mark.parametrize("who", NAMES, ids=NAMES.get)
def test_weight_of_every_screen(guests: Guests, stage: Stage, who: str) -> None:
    """First: with an empty cache. Later: on a walk through all screens, each entered for the first time."""
    guests.expect("blocked by Playwright")  # the service worker: what it answers would not be counted
    where, rows, parts = places(stage), [], set()
    login: Any = guests.open(who).context.storage_state()
    fresh, walk = (
        Wire(guests.open(storage_state=login, viewport=PHONE, service_workers="block"), empty_cache=empty)
        for empty in (True, False)
    )
    walk.weigh(OTHER_PAGE)
    for screen in [screen for screen in SCREENS if screen.who == who and not screen.step and screen.status == 200]:
        path = screen.path.format_map(where)
        rows.append((screen.title, fresh.weigh(path), walk.weigh(path)))
        parts.update(fresh.page.evaluate(PARTS))
    cookie = "; ".join(f"{one['name']}={one['value']}" for one in login["cookies"])
    pieces = [(path, compressed(stage, path, Cookie=cookie, **{"HX-Request": "true"})) for path in sorted(parts)]
    print()
    for title, first, later in rows:
        print(f"{title:44} first {first / KB:5.1f} KB   later {later / KB:5.1f} KB")
    for path, size in pieces:
        print(f"{path:44} part  {size / KB:5.1f} KB")
    rows = [row for row in rows if "-room" not in row[0]]  # the video page may weigh more
    assert [row for row in rows if not (SMALLEST < row[1] <= FIRST and SMALLEST / 10 < row[2] <= LATER)] == []
    assert [piece for piece in pieces if piece[1] > PARTIAL] == []


def test_weight_of_own_scripts(stage: Stage) -> None:
    names = [file.relative_to(ROOT) for file in (ROOT / "static" / "js").rglob("*.js") if "video" not in str(file)]
    sizes = {name.name: compressed(stage, f"/{name}") for name in names}
    print(f"\nown scripts: {sum(sizes.values()) / KB:.1f} of {SCRIPTS / KB:.0f} KB {sizes}")
    assert sum(sizes.values()) <= SCRIPTS


def test_weight_of_own_styles(stage: Stage, guests: Guests) -> None:
    """What the pages of a visit load, which load the most: the sheets of all pages and those of their family."""
    page, where = guests.open(PATIENT), places(stage)
    for path in ("/appointments/{visit}", "/doctors/{doctor}"):
        page.goto(path.format_map(where))
        sheets = page.evaluate(
            "() => [...document.querySelectorAll('link[rel=stylesheet]')].map(e => e.getAttribute('href'))"
        )
        size = sum(compressed(stage, sheet) for sheet in sheets)
        print(f"own styles of {path}: {size / KB:.1f} of {STYLES / KB:.0f} KB")
        assert size <= STYLES
