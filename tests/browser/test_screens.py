"""Every screen: on the list, without a barrier, and within its frame at any width, in both colour schemes and directions."""

import pytest

from portal.app import create_app
from portal.settings import Settings
from portal.web import guards
from tests.browser import axe
from tests.browser.conftest import Guests
from tests.browser.screens import NAMES, NO_SCREEN, SCREENS, arrive, places
from tests.browser.stage import DESKTOP, PHONE, Stage

WIDER_THAN_THE_WINDOW = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > wide + 1
      || e.getBoundingClientRect().left < -1)
    .filter(e => !e.closest(".visually-hidden, .skip-link"))
    .slice(-4).map(e => e.outerHTML.slice(0, 120));
}"""


@pytest.fixture(scope="module")
def where(stage: Stage) -> dict[str, str]:
    return places(stage)


@pytest.mark.parametrize("who", NAMES, ids=NAMES.get)
def test_no_screen_has_a_barrier(guests: Guests, where: dict[str, str], who: str) -> None:
    wrong: list[str] = []
    page = guests.open(who)
    for screen in [screen for screen in SCREENS if screen.who == who]:
        arrive(page, screen, where)
        for size in (PHONE, DESKTOP):
            page.set_viewport_size(size)
            for scheme, options in (("light", axe.WHOLE), ("dark", axe.COLOURS)):
                page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                wrong += [f"{screen.title} {size['width']} {scheme}: {text}" for text in axe.violations(page, options)]
        for width in (320, 640):  # 320 is 1280 at 400 % (WCAG 1.4.10), 640 is 1280 at 200 %
            page.set_viewport_size({"width": width, "height": 800})
            wrong += [f"{screen.title} is wider than {width}: {text}" for text in page.evaluate(WIDER_THAN_THE_WINDOW)]
    assert wrong == [], "\n".join(wrong)


def page_routes() -> set[str]:
    """The addresses of the portal's pages that a person can open."""
    app = create_app(Settings())
    found = set()
    for path, handler in guards.handlers(app):
        if "GET" in guards.methods(handler) and not path.startswith(NO_SCREEN):
            found.add(path)
    return found


def test_every_page_of_the_portal_is_on_the_list() -> None:
    listed = {as_route(screen.path) for screen in SCREENS}
    routes = {as_route(path) for path in page_routes()}
    covered = {route for route in routes for path in listed if fits(path, route)}
    assert routes - covered == set(), "add these to tests/browser/screens.py"


def as_route(path: str) -> tuple[str, ...]:
    """The address in parts; a parameter is `*`."""
    return tuple("*" if part.startswith("{") else part for part in path.partition("?")[0].strip("/").split("/"))


def fits(path: tuple[str, ...], route: tuple[str, ...]) -> bool:
    return len(path) == len(route) and all(
        one in ("*", other) or other == "*" for one, other in zip(path, route, strict=True)
    )
