"""A whole morning with four browsers at once: two patients, the doctor, the front desk. Nobody reloads anything."""

import asyncio
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests import factories
from tests.appointments.conftest import Cast
from tests.browser.conftest import Guests
from tests.browser.stage import DESKTOP, PHONE, Stage
from tests.factories import Person
from tests.portal_server import Served, beside
from tests.queues.conftest import Morning, begun

DEADLINE = 3.0  # seconds; the promise is one, and shared machines stumble


@dataclass
class Day:
    """Eight numbers of one doctor, the third of them about to begin; somebody else waits for a time."""

    morning: Morning
    patience: Person
    other_doctor: Person

    @classmethod
    async def made(cls) -> Self:
        clinic_id, specialty_id = await factories.clinic(), await factories.specialty()
        doctor, other = [
            await factories.doctor(clinic_ids=[clinic_id], specialty_id=specialty_id, first_name=name)
            for name in ("Dora", "Odile")
        ]
        patients = [await factories.patient(first_name=name) for name in ("Patience", "Paula")]
        admin = await factories.person(factories.Role.CLINIC_ADMIN, clinic_ids=[clinic_id])
        await factories.slot(other.id, factories.tomorrow_at(9), clinic_id=clinic_id)
        cast = Cast(clinic_id, specialty_id, patients[1], doctor, admin, patients[0], other, admin)
        morning = await begun(httpx.AsyncClient(), cast, ago=25)
        for number in range(1, 9):
            await morning.book(number)
        return cls(morning, patients[0], other)

    def visit(self, number: int) -> UUID:
        return self.morning.visits[number]

    def row(self, page: Page, number: int, standing: str) -> Locator:
        return page.locator(f"#visit-{self.visit(number)}[data-standing={standing}]")


@pytest.fixture
def day(stage: Stage, tmp_path: Path) -> Iterator[Day]:
    async def make() -> Day:
        portal: Any = Served(stage.url, None, tmp_path)  # type: ignore[arg-type]  # the package's stage ends it
        async with beside(portal, stage.database_url, tmp_path):
            return await Day.made()

    with ThreadPoolExecutor(1) as pool:  # the browser's driver has a loop in this thread
        yield pool.submit(asyncio.run, make()).result()


class Watcher:
    """Says how soon a page shows what happened elsewhere, and that it was never loaded anew."""

    def __init__(self) -> None:
        self.took: list[float] = []
        self.pages: list[Page] = []

    def open(self, guests: Guests, who: Person, path: str, **options: Any) -> Page:
        page = guests.open(**options)
        page.context.add_cookies([{"name": "login", "value": who.secret, "url": guests.url}])
        self.go(page, path)
        return page

    def go(self, page: Page, path: str) -> None:
        page.goto(path)
        self.watch(page)

    def watch(self, page: Page) -> None:
        page.locator("html[data-live=on]").wait_for()
        page.evaluate("() => { window.untouched = true; }")
        if page not in self.pages:
            self.pages.append(page)

    def soon(self, *what: Locator) -> None:
        since = time.monotonic()
        for one in what:
            expect(one.first).to_be_visible(timeout=DEADLINE * 1000)
        self.took.append(time.monotonic() - since)

    def gone(self, what: Locator) -> None:
        expect(what).to_have_count(0, timeout=DEADLINE * 1000)

    def stayed(self, *pages: Page) -> None:
        for page in pages:
            assert page.evaluate("() => window.untouched"), f"{page.url} was loaded anew"


def press(page: Page, key: str, shows: Locator, watcher: Watcher) -> None:
    """One key of the doctor's, once the board's own request is done."""
    page.keyboard.press(key)
    watcher.soon(shows)


def test_a_morning_in_four_browsers(guests: Guests, day: Day) -> None:
    morning, watcher = day.morning, Watcher()
    doctor = watcher.open(guests, morning.cast.doctor, "/today", viewport=DESKTOP)
    desk = watcher.open(guests, morning.cast.admin, f"/clinic/desk?clinic={morning.cast.clinic_id}", viewport=DESKTOP)
    patient = watcher.open(guests, morning.people[3], f"/appointments/{day.visit(3)}/wait", viewport=PHONE)
    patience = watcher.open(guests, day.patience, "/waitlist", viewport=PHONE)

    # A patient checks in on the phone, another at the desk; the first two are late.
    patient.get_by_role("button", name="Check in").click()
    watcher.soon(day.row(doctor, 3, "WAITING"), day.row(desk, 3, "WAITING"))
    patient.wait_for_load_state()
    watcher.watch(patient)
    day.row(desk, 4, "COMING").get_by_role("button", name="Check in").click()
    watcher.soon(day.row(doctor, 4, "WAITING"))

    # Called, and seen by the phone in the patient's hand.
    press(doctor, "n", day.row(doctor, 3, "CALLED"), watcher)
    watcher.soon(patient.get_by_text("It is your turn"), day.row(desk, 3, "CALLED"))
    press(doctor, "s", day.row(doctor, 3, "SERVING"), watcher)
    watcher.soon(patient.get_by_text("You are with the doctor"), day.row(desk, 3, "SERVING"))
    assert "Number4" not in patient.content() and "Number2" not in patient.content()

    # A late arrival comes after the next one; somebody else did not come at all.
    day.row(desk, 2, "LATE").get_by_role("button", name="Check in").click()
    watcher.soon(day.row(doctor, 2, "WAITING"))
    assert doctor.locator("[data-standing=WAITING] .queue-no").all_inner_texts() == ["4", "2"]
    desk.once("dialog", lambda dialog: dialog.accept())
    day.row(desk, 1, "LATE").get_by_role("button", name="Did not come").click()
    watcher.soon(day.row(doctor, 1, "DONE"))

    refer(watcher, guests, day, patient)
    delay(watcher, doctor, desk, patience)
    press(doctor, "c", day.row(doctor, 3, "DONE"), watcher)
    watcher.soon(patient.get_by_text("Completed"))

    walk_in(watcher, desk, doctor)
    from_the_waitlist(watcher, guests, day, patience, doctor)
    watcher.stayed(doctor, patient)
    for number in (4, 2):
        press(doctor, "n", day.row(doctor, number, "CALLED"), watcher)
        press(doctor, "s", day.row(doctor, number, "SERVING"), watcher)
        press(doctor, "c", day.row(doctor, number, "DONE"), watcher)
    watcher.stayed(doctor)
    guests_saw = sorted(watcher.took)
    print(
        f"  {len(guests_saw)} steps seen after {guests_saw[len(guests_saw) // 2]:.2f} s, at most {guests_saw[-1]:.2f} s"
    )


def refer(watcher: Watcher, guests: Guests, day: Day, patient: Page) -> None:
    """The doctor sends the patient on, in a second window; the patient's page of the visit says so."""
    watcher.go(patient, f"/appointments/{day.visit(3)}")
    window = watcher.open(guests, day.morning.cast.doctor, "/today")
    specialty = day.morning.cast.specialty_id
    window.goto(f"/appointments/{day.visit(3)}/refer?specialty_id={specialty}&doctor_id={day.other_doctor.id}")
    window.get_by_label("Note").fill("Please look at the knee.")
    window.get_by_role("button", name="Refer and book").click()
    watcher.soon(patient.get_by_text("Please look at the knee."))
    watcher.stayed(patient)


def delay(watcher: Watcher, doctor: Page, desk: Page, patience: Page) -> None:
    doctor.keyboard.press("d")
    doctor.get_by_label("Minutes late").fill("25")
    doctor.keyboard.press("Enter")
    late = re.compile(r"\b2[5-9] minutes late")  # what was announced, or what is seen when that is more
    watcher.soon(doctor.get_by_text(late), desk.get_by_text(late))
    watcher.stayed(doctor, desk, patience)


def walk_in(watcher: Watcher, desk: Page, doctor: Page) -> None:
    """Two names and one button."""
    desk.get_by_role("link", name="Walk-in").first.click()
    new = desk.locator("#new")
    new.get_by_label("First name").fill("Wanda")
    new.get_by_label("Last name").fill("Walker")
    new.get_by_role("button", name="Take in").click()
    watcher.soon(doctor.locator("[data-standing=WAITING]", has_text="Wanda Walker"))
    desk.wait_for_url("**/clinic/desk?*")
    watcher.watch(desk)


def from_the_waitlist(watcher: Watcher, guests: Guests, day: Day, patience: Page, doctor: Page) -> None:
    """Number 7 cancels; the time is kept for whoever waits, and taken."""
    morning = day.morning
    patience.goto(f"/waitlist/new?doctor_id={morning.cast.doctor.id}")
    patience.get_by_role("button", name="Join the waitlist").click()
    patience.wait_for_url("**/waitlist")
    watcher.watch(patience)
    seventh = watcher.open(guests, morning.people[7], "/home", viewport=PHONE)
    seventh.goto(f"/appointments/{day.visit(7)}/cancel")
    seventh.get_by_label("Why do you cancel?").fill("better already")
    seventh.get_by_role("button", name="Cancel the visit").click()
    watcher.gone(day.row(doctor, 7, "COMING"))
    watcher.soon(patience.get_by_text("A time is kept for you"))
    watcher.stayed(patience)
    patience.get_by_role("link", name="See the offer").click()
    patience.get_by_text("At the clinic").first.click()
    patience.get_by_role("button", name="Book it").click()
    watcher.soon(doctor.locator("[data-standing=COMING]", has_text="Patience"))
