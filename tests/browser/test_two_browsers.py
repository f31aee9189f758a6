"""Two browsers, one day: what one person does with a time, the other sees at once, and nobody reloads anything."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Guests
from tests.browser.stage import Stage
from tests.portal_server import served

DEADLINE = 2.0  # seconds; the promise is one, and shared machines stumble
SHORT_HOLD = 3  # seconds

FREE_SLOTS = """
SELECT s.id, s.doctor_id, s.date FROM slot s JOIN account a ON a.id = s.doctor_id
WHERE a.email = $1 AND NOT s.overflow AND NOT s.disabled AND s.appointment_id IS NULL AND s.held_by IS NULL
    AND s.starts_at > now() + make_interval(days => $2, mins => 5)
ORDER BY s.starts_at LIMIT $3
"""


@dataclass(frozen=True)
class Time:
    """One free time of a doctor."""

    id: str
    page: str


def free_times(stage: Stage, doctor: str, days: int = 1, count: int = 1) -> list[Time]:
    rows = stage.ask(FREE_SLOTS, doctor, days, count)
    return [Time(str(row["id"]), f"/doctors/{row['doctor_id']}?week={row['date']}") for row in rows]


@pytest.fixture
def free_time(stage: Stage) -> Time:
    return free_times(stage, "doctor3@example.com", 3)[0]


def sees(page: Page, slot: Time, state: str, since: float, what: str, deadline: float = DEADLINE) -> None:
    """The page shows the state without a reload; how long it took is printed."""
    page.locator(f"#slot-{slot.id}[data-state={state}]").wait_for(state="attached", timeout=deadline * 1000)
    print(f"  {what}: {(time.monotonic() - since) * 1000:.0f} ms")


def watch(page: Page, slot: Time) -> None:
    """Open the day and wait for its live stream."""
    page.goto(slot.page)
    page.locator("html[data-live=on]").wait_for()


def hold(page: Page, slot: Time) -> float:
    """Keep the time; when the request was sent."""
    page.goto(slot.page)
    since = time.monotonic()
    page.locator(f"#time-{slot.id}").click()
    page.wait_for_url(f"**/slots/{slot.id}/book")
    return since


def test_a_held_and_released_time_is_seen_by_the_other(guests: Guests, free_time: Time) -> None:
    mine, other = guests.open("patient11@example.com"), guests.open()
    watch(other, free_time)
    other.evaluate("() => { window.untouched = true; }")
    sees(other, free_time, "HELD", hold(mine, free_time), "held")
    slot = other.locator(f"#slot-{free_time.id}")
    assert "held by somebody" in slot.inner_text()
    assert not slot.evaluate("e => e.hasAttribute('data-mine')")
    mine.goto(free_time.page)
    expect(mine.locator(f"#slot-{free_time.id}[data-mine]")).to_be_attached()
    expect(mine.locator(".my-hold")).to_be_visible()
    since = time.monotonic()
    mine.locator(".my-hold button").click()
    sees(other, free_time, "OPEN", since, "released")
    assert other.evaluate("() => window.untouched"), "the page was not loaded anew"


def test_nobody_sees_who_holds(guests: Guests, stage: Stage, free_time: Time) -> None:
    mine, other = guests.open("patient12@example.com"), guests.open("patient13@example.com")
    names = stage.ask("SELECT first_name, last_name, id FROM account WHERE email = 'patient12@example.com'")[0]
    watch(other, free_time)
    sees(other, free_time, "HELD", hold(mine, free_time), "held")
    for word in (f"{names['first_name']} {names['last_name']}", "patient12", str(names["id"])):
        assert word not in other.content()
    mine.goto(free_time.page)
    mine.locator(".my-hold button").click()
    other.locator(f"#slot-{free_time.id}[data-state=OPEN]").wait_for(state="attached")


@pytest.fixture(scope="module")
def hasty(stage: Stage) -> Iterator[str]:
    """The same portal where a hold ends after three seconds."""
    hurry = {"PORTAL_RATE_LIMIT": "0", "PORTAL_HOLD_SECONDS": str(SHORT_HOLD)}
    with served("--demo", DATABASE_URL=stage.database_url, **hurry) as portal:
        yield portal.url


def test_a_hold_that_ends_by_itself_is_seen_by_the_other(guests: Guests, stage: Stage, hasty: str) -> None:
    slot = free_times(stage, "doctor4@example.com", 3)[0]
    mine, other = guests.open("patient14@example.com", url=hasty), guests.open(url=hasty)
    watch(other, slot)
    since = hold(mine, slot)
    sees(other, slot, "HELD", since, "held")
    expect(mine.locator("[data-countdown]").first).to_be_visible()
    sees(other, slot, "OPEN", since + SHORT_HOLD, "free after expiry", SHORT_HOLD + DEADLINE)


def test_a_booking_reaches_everyone_without_a_reload(guests: Guests, stage: Stage) -> None:
    slot = free_times(stage, "doctor@example.com", 0)[0]
    mine, other, doctor = guests.open("patient15@example.com"), guests.open(), guests.open("doctor@example.com")
    watch(other, slot)
    doctor.goto(
        "/today?date=" + slot.page.partition("week=")[2]
    )  # late in the evening the next free time is tomorrow's
    doctor.locator("html[data-live=on]").wait_for()
    doctor.evaluate("() => { window.untouched = true; }")
    hold(mine, slot)
    mine.fill("[name=chief_complaint]", "Sore throat since Monday")
    since = time.monotonic()
    mine.locator("label", has_text="At the clinic").click()
    mine.locator("form[action$='/book'] button").click()
    mine.wait_for_url("**/appointments/*")
    sees(other, slot, "BOOKED", since, "booked, for the other patient")
    doctor.get_by_text("Sore throat since Monday").wait_for(timeout=DEADLINE * 1000)
    print(f"  booked, on the doctor's day: {(time.monotonic() - since) * 1000:.0f} ms")
    assert doctor.evaluate("() => window.untouched"), "the doctor's day was not loaded anew"
    mine.locator("main a[href$='/cancel']").click()
    mine.wait_for_url("**/cancel")
    mine.fill("[name=reason]", "I feel better")
    since = time.monotonic()
    mine.locator("form[action$='/cancel'] button").click()
    sees(other, slot, "OPEN", since, "cancelled, free again")
