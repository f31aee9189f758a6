"""Every screen: on the list, without a barrier, and within its frame at any width, in both colour schemes and directions."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from portal.app import create_app
from portal.settings import Settings
from portal.web import guards
from tests.browser import axe, screens_prescriptions
from tests.browser.conftest import Guests
from tests.browser.screens import (
    ADMIN,
    CLINIC,
    DOCTOR,
    NAMES,
    NO_SCREEN,
    PATIENT,
    SCREENS,
    VISITOR,
    arrive,
    places,
)
from tests.browser.stage import DESKTOP, PHONE, Stage

WIDER_THAN_THE_WINDOW = """() => {
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > wide + 1
      || e.getBoundingClientRect().left < -1)
    .filter(e => !e.closest(".visually-hidden, .skip-link"))
    .slice(-4).map(e => e.outerHTML.slice(0, 120));
}"""


# A link to one thing of many stands for all of its kind.
LINKS = """() => [...new Set([...document.querySelectorAll("a[href^='/']")].map(a => a.getAttribute("href").split("#")[0])
  .filter(href => href && !href.startsWith("//")))].filter((href, at, all) =>
    at === all.findIndex(other => other.replace(/[0-9a-f-]{36}/g, "") === href.replace(/[0-9a-f-]{36}/g, "")))"""

# Labels, live updates and scripts find a thing by its name: the first of two would get what is meant for the second.
TWICE = """() => { const ids = [...document.querySelectorAll("[id]")].map(e => e.id);
  return [...new Set(ids.filter((id, at) => ids.indexOf(id) !== at))]; }"""


@pytest.fixture(scope="module")
def where(stage: Stage) -> dict[str, str]:
    return places(stage)


# A bar that stays in sight covers whatever is scrolled under it, which is no barrier: it is measured where it belongs.
SETTLE = """() => document.querySelectorAll(".call-next, .my-hold, .counter-end, .notes-bar")
  .forEach(bar => { bar.style.position = "static"; })"""


def barriers(page: Page, size: dict[str, int], schemes: dict[str, Any]) -> list[str]:
    """What axe finds at this size: with everything in the light, and only what colours can spoil in the dark."""
    page.set_viewport_size(size)
    page.evaluate(SETTLE)
    found = []
    for scheme, options in schemes.items():
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found += [f"at {size['width']}, {scheme}: {text}" for text in axe.violations(page, options)]
    return found


def too_wide(page: Page, *widths: int) -> list[str]:
    """What makes the page scroll sideways."""
    found = []
    for width in widths:
        page.set_viewport_size({"width": width, "height": 800})
        found += [f"is wider than {width}: {text}" for text in page.evaluate(WIDER_THAN_THE_WINDOW)]
    return found


@pytest.mark.parametrize("who", NAMES, ids=NAMES.get)
def test_no_screen_has_a_barrier(guests: Guests, stage: Stage, where: dict[str, str], who: str) -> None:
    """axe at 0, on a phone and a desktop, light and dark; nothing scrolls sideways, no dead links, no id twice."""
    wrong, links = [], set()
    page = guests.open(who)
    for screen in [screen for screen in SCREENS if screen.who == who]:
        arrive(page, screen, where)
        found = barriers(page, PHONE, {"light": axe.WHOLE, "dark": axe.COLOURS})
        if not screen.step:
            found += barriers(page, DESKTOP, {"light": axe.WHOLE, "dark": axe.COLOURS})
        found += too_wide(page, 320, 640)  # 1280 at 400 % (WCAG 1.4.10) and at 200 %
        found += [f"has two of #{name}" for name in page.evaluate(TWICE)]
        wrong += [f"{screen.title} {text}" for text in found]
        links.update(page.evaluate(LINKS))
    wrong += [f"a dead link: {path}" for path in sorted(links) if is_dead(stage, page, path)]
    assert wrong == [], "\n".join(wrong)


def is_dead(stage: Stage, page: Page, path: str) -> bool:
    return page.context.request.get(stage.url + path, max_redirects=0).status == 404


@pytest.mark.parametrize("who", [VISITOR, PATIENT], ids=["visitor", "patient"])
def test_no_screen_breaks_from_right_to_left(guests: Guests, stage: Stage, where: dict[str, str], who: str) -> None:
    page = guests.open(who, locale="ar", viewport=PHONE)
    stage.ask("UPDATE account SET locale = 'ar' WHERE email = $1 RETURNING id", who)
    wrong = []
    for screen in [screen for screen in SCREENS if screen.who == who and not screen.step]:
        arrive(page, screen, where)
        assert page.locator("html[dir=rtl][lang=ar]").count() == 1, screen.title
        found = barriers(page, PHONE, {"light": axe.WHOLE}) + too_wide(page, 320)
        wrong += [f"{screen.title} {text}" for text in found]
    stage.ask("UPDATE account SET locale = 'en' WHERE email = $1 RETURNING id", who)
    assert wrong == [], "\n".join(wrong)


# How far each name of the bar at the bottom stands from the next one, in pixels.
APART = """() => { const names = [...document.querySelectorAll(".site-nav span")].map(e => {
    const range = document.createRange(); range.selectNodeContents(e); return range.getBoundingClientRect(); });
  return names.slice(1).map((name, at) => Math.round(name.left - names[at].right)); }"""


@pytest.mark.parametrize("who", [PATIENT, DOCTOR, CLINIC, ADMIN], ids=NAMES.get)
def test_names_of_the_bar_keep_apart_on_the_smallest_phone(guests: Guests, who: str) -> None:
    """The name of the page one is on is bold, so each is opened."""
    page = guests.open(who, viewport={"width": 320, "height": 640})
    for path in page.locator(".site-nav a").evaluate_all("links => links.map(link => link.getAttribute('href'))"):
        page.goto(path)
        apart = page.evaluate(APART)
        assert len(apart) >= 4 and min(apart) > 0, f"{path}: {apart}"


LONG = {
    PATIENT: ["/home", "/settings", "/appointments/{visit}", "/record", "/doctors/{doctor}", "/slots/{slot}/book"],
    DOCTOR: ["/today?date={visit_day}", "/appointments", "/appointments/{visit}", "/patients/{patient}", "/schedule"],
    CLINIC: ["/clinic/appointments?date={visit_day}", "/clinic/doctors", "/appointments/{visit}"],
    ADMIN: ["/admin/users?q=patient@example.com", "/admin/audit"],
}
RENAME = "UPDATE account SET first_name = $2, last_name = $3 WHERE email = $1 RETURNING first_name"


def test_long_names_break_no_screen(guests: Guests, stage: Stage, where: dict[str, str]) -> None:
    names = stage.ask("SELECT email, first_name, last_name FROM account WHERE email = ANY($1)", [PATIENT, DOCTOR])
    for email, *_rest in names:
        stage.ask(
            RENAME, email, "Wolfeschlegelsteinhausenbergerdorff", "Uvuvwevwevwe-Onyetenyevwe Ugwemuhwem Ossas-" * 2
        )
    wrong = []
    for who, paths in LONG.items():
        page = guests.open(who)
        for path in paths:
            page.goto(path.format_map(where))
            wrong += [f"{path} {text}" for text in too_wide(page, 320, 1440)]
        page.locator("summary.avatar").click()
        wrong += [f"the menu {text}" for text in too_wide(page, 320)]
    for name in names:
        stage.ask(RENAME, *name)
    assert wrong == [], "\n".join(wrong)


def page_routes() -> set[str]:
    """The addresses of the portal's pages that a person can open."""
    app = create_app(Settings())
    found = set()
    for path, handler in guards.handlers(app):
        is_part = path.startswith(NO_SCREEN) or as_route(path) in map(as_route, screens_prescriptions.NO_SCREEN)
        if "GET" in guards.methods(handler) and not is_part:
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


def test_a_turned_device_shows_whole_days_at_once(guests: Guests, where: dict[str, str]) -> None:
    """A phone's row of days is as high as the day in view; on a wide window no time may hang over what is below."""
    page = guests.open(VISITOR, viewport=PHONE)
    page.goto("/doctors/{doctor}?week={kept_day}".format_map(where))
    days = page.locator("[data-days]")
    expect(days).to_have_attribute("style", re.compile("block-size"))
    page.set_viewport_size(DESKTOP)
    days.evaluate("days => { days.style.blockSize = '120px'; }")
    assert days.bounding_box()["height"] > 200
    assert axe.violations(page) == []
