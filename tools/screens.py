"""Every screen of every role as a picture: phone and desktop, light and dark, the patient's and visitor's also in Arabic.

`make screens` writes them to `var/screens/` with an index page to look through. The list is the one that the tests use.
Words after the command choose: `tools/screens.py patient-home phone` takes the screens that have all of them in their names.
"""

import sys
from pathlib import Path

from playwright.sync_api import Browser, Error, Page

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.browser.conftest import Guests
from tests.browser.rooms import connected, enter, open_room, weaken
from tests.browser.screens import NAMES, PATIENT, SCREENS, VISITOR, Screen, arrive, places
from tests.browser.stage import DESKTOP, PHONE, Stage, chromium, log_in, portal_stage
from tests.portal_server import ROOT

FOLDER = ROOT / "var" / "screens"
SIZES = {"phone": PHONE, "desktop": DESKTOP}
ARABIC = (VISITOR, PATIENT)


def take(page: Page, screen: Screen, where: dict[str, str], variant: str) -> str:
    try:
        arrive(page, screen, where)
    except (AssertionError, Error) as problem:  # the picture shows what there is instead
        print(f"{screen.title} {variant}: {str(problem).splitlines()[0]}")
    width, height = (page.viewport_size or PHONE).values()
    if page.locator("dialog[open], .toast").count() == 0:  # a window as high as the page: bars stand where they belong
        page.set_viewport_size(
            {"width": width, "height": max(height, page.evaluate("() => document.body.scrollHeight"))}
        )
        page.evaluate("() => scrollTo(0, 0)")
    path = FOLDER / f"{screen.title}-{variant}.png"
    page.screenshot(path=path, animations="disabled")
    page.set_viewport_size({"width": width, "height": height})
    return path.name


def wanted(screen: Screen, variant: str) -> bool:
    return all(word in f"{screen.title}-{variant}" for word in sys.argv[1:])


def take_role(browser: Browser, stage: Stage, who: str, variants: list[tuple[str, str, str]]) -> dict[str, list[str]]:
    """All screens of one person in all variants: screen → pictures."""
    where, pictures = places(stage), {}
    login = None
    for size, scheme, language in variants:
        context = browser.new_context(
            base_url=stage.url, viewport=SIZES[size], color_scheme=scheme, storage_state=login,
            locale="en-GB" if language == "en" else language,
        )  # fmt: skip
        page = context.new_page()
        if who and login is None:
            log_in(page, who)
            login = context.storage_state()
        stage.ask("UPDATE account SET locale = $2 WHERE email = $1 RETURNING id", who, language)
        for screen in [one for one in SCREENS if one.who == who]:
            variant = f"{size}-{scheme}-{language}"
            if wanted(screen, variant):
                pictures.setdefault(screen.title, []).append(take(page, screen, where, variant))
        context.close()
    return pictures


def take_meetings(browser: Browser, stage: Stage, variants: list[tuple[str, str, str]]) -> dict[str, list[str]]:
    """What two people see of each other in a video visit, which no address alone shows."""
    pictures: dict[str, list[str]] = {}
    for size, scheme, language in variants:
        guests = Guests(browser, stage.url)
        room = open_room(guests, stage, viewport=SIZES[size], color_scheme=scheme)

        def take_as(name: str, page: Page, variant: str = f"{size}-{scheme}-{language}") -> None:
            path = FOLDER / f"meeting-{name}-{variant}.png"
            page.screenshot(path=path)
            pictures.setdefault(f"meeting-{name}", []).append(path.name)

        enter(room.patient, room.path)
        take_as("waiting", room.patient)
        enter(room.doctor, room.path)
        connected(room.patient)
        room.doctor.locator("[data-at=line]").get_by_text("line").wait_for()
        take_as("call", room.patient)
        take_as("call-doctor", room.doctor)
        room.doctor.locator("[data-do=chat]").click()
        take_as("chat", room.doctor)
        room.doctor.locator("[data-do=close]").click()
        room.doctor.locator("[data-do=share]").click()
        room.patient.locator("#room[data-sharing=theirs]").wait_for()
        room.patient.wait_for_timeout(1000)
        take_as("screen", room.patient)
        room.doctor.locator("[data-do=share]").click()
        weaken(room.patient, 0.5)
        room.doctor.locator("#room[data-level=voice]").wait_for()
        weaken(room.patient, 0.1)
        take_as("voice-only", room.doctor)
        room.doctor.get_by_role("link", name="End the visit").click()
        take_as("end", room.doctor)
        room.doctor.locator("[data-close]").first.click()
        room.patient.goto("about:blank")
        room.doctor.locator("#room[data-far=lost]").wait_for(timeout=20_000)
        take_as("reconnecting", room.doctor)
        room.doctor.locator("[data-do=leave]").click()
        room.doctor.get_by_role("heading", name="You have left").wait_for()
        take_as("left", room.doctor)
        room.doctor.goto("/today")
        room.doctor.get_by_role("link", name="join").first.wait_for()
        take_as("rejoin", room.doctor)
        guests.close()
    return pictures


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.png") if not sys.argv[1:] else []:
        old.unlink()
    variants = [(size, scheme, "en") for size in SIZES for scheme in ("light", "dark")]
    pictures: dict[str, list[str]] = {}
    with portal_stage() as stage, chromium() as browser:
        for who in NAMES:
            more = [("phone", "light", "ar"), ("desktop", "light", "ar")] if who in ARABIC else []
            pictures |= take_role(browser, stage, who, variants + more)
        if not sys.argv[1:] or "meeting" in sys.argv[1:]:
            pictures |= take_meetings(browser, stage, variants)
    rows = "".join(
        f"<h2>{title}</h2>" + "".join(f'<a href="{n}"><img src="{n}" alt="{n}" height="420"></a> ' for n in names)
        for title, names in pictures.items()
    )
    (FOLDER / "index.html").write_text(f"<!doctype html><meta charset=utf-8><title>Screens</title>{rows}")
    print(f"{sum(map(len, pictures.values()))} pictures: {FOLDER / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
