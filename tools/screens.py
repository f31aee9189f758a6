"""Every screen of every role as a picture: phone and desktop, light and dark; patients, doctors and pharmacists also in Arabic.

`make screens` writes them to `var/screens/` with an index page to look through. The list is the one that the tests use.
Words after the command choose: `tools/screens.py patient-home phone` takes the screens that have all of them in their names.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Error, Page

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.browser.conftest import Guests
from tests.browser.rooms import Room, connected, enter, open_room, weaken
from tests.browser.screens import DOCTOR, NAMES, PATIENT, PHARMACY, SCREENS, VISITOR, Screen, arrive, places
from tests.browser.stage import DESKTOP, PHONE, Stage, chromium, log_in, portal_stage
from tests.portal_server import ROOT

FOLDER = ROOT / "var" / "screens"
SIZES = {"phone": PHONE, "desktop": DESKTOP}
ARABIC = (VISITOR, PATIENT, DOCTOR, PHARMACY)
ARABIC_VARIANTS = [("phone", "light", "ar"), ("desktop", "light", "ar")]


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
        stage.ask("UPDATE account SET locale = $1 WHERE role IN ('PATIENT', 'DOCTOR') RETURNING id", language)

        def take_as(name: str, page: Page, variant: str = f"{size}-{scheme}-{language}") -> None:
            path = FOLDER / f"meeting-{name}-{variant}.png"
            page.screenshot(path=path, animations="disabled")
            pictures.setdefault(f"meeting-{name}", []).append(path.name)

        take_call(room, take_as)
        take_end(room, take_as)
        guests.close()
    return pictures


def take_call(room: Room, take_as: Callable[[str, Page], None]) -> None:
    """From the waiting room to a line that hardly carries the voice."""
    patient, doctor = room.patient, room.doctor
    enter(patient, room.path)
    take_as("waiting", patient)
    enter(doctor, room.path)
    connected(patient)
    doctor.locator("[data-at=line]:not(:empty)").wait_for()
    take_as("call", patient)
    take_as("call-doctor", doctor)
    doctor.locator("[data-do=chat]").click()
    take_as("chat", doctor)
    doctor.locator("[data-do=close]").click()
    doctor.locator("[data-do=share]").click()
    patient.locator("#room[data-sharing=theirs]").wait_for()
    patient.wait_for_timeout(1000)
    take_as("screen", patient)
    doctor.locator("[data-do=share]").click()
    weaken(patient, 0.5)
    doctor.locator("#room[data-level=voice]").wait_for()
    weaken(patient, 0.1)
    take_as("voice-only", doctor)


def take_end(room: Room, take_as: Callable[[str, Page], None]) -> None:
    """The other one is lost; the doctor leaves, comes back, and ends the visit."""
    patient, doctor = room.patient, room.doctor
    patient.goto("about:blank")
    doctor.locator("#room[data-far=lost]").wait_for(timeout=20_000)
    take_as("reconnecting", doctor)
    doctor.locator("[data-do=leave]").click()
    doctor.locator("#room[data-stage=left]").wait_for()
    take_as("left", doctor)
    doctor.goto("/today")
    doctor.locator(f"a[href='{room.path}']").first.wait_for()
    take_as("rejoin", doctor)
    enter(doctor, room.path)
    doctor.locator("[data-dialog=room-end]").click()
    take_as("end", doctor)
    doctor.locator("dialog[open] [data-kind=danger]").click()
    for name, page in (("over", patient), ("over-doctor", doctor)):
        page.goto(room.path)
        page.locator("main h1").wait_for()
        take_as(name, page)


def main() -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.png") if not sys.argv[1:] else []:
        old.unlink()
    variants = [(size, scheme, "en") for size in SIZES for scheme in ("light", "dark")]
    pictures: dict[str, list[str]] = {}
    with portal_stage() as stage, chromium() as browser:
        for who in NAMES:
            more = ARABIC_VARIANTS if who in ARABIC else []
            pictures |= take_role(browser, stage, who, variants + more)
        if not sys.argv[1:] or "meeting" in sys.argv[1:]:
            pictures |= take_meetings(browser, stage, [*variants, *ARABIC_VARIANTS])
    rows = "".join(
        f"<h2>{title}</h2>" + "".join(f'<a href="{n}"><img src="{n}" alt="{n}" height="420"></a> ' for n in names)
        for title, names in pictures.items()
    )
    (FOLDER / "index.html").write_text(f"<!doctype html><meta charset=utf-8><title>Screens</title>{rows}")
    print(f"{sum(map(len, pictures.values()))} pictures: {FOLDER / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
