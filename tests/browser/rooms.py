"""A video visit on the stage, and its two people in the room."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser.conftest import Guests
from tests.browser.stage import Stage

# A visit by video whose patient is there; the room of somebody who is checked in is open, whatever the clock says. People
# whom no other test has left in a room come first, since that room is offered to them on every page.
ARRIVE = """
UPDATE appointment a SET status = 'CHECKED_IN', checked_in_at = now(), queue_rank = a.queue_position
FROM account p, account d, video_session v
WHERE a.id = (SELECT b.id FROM appointment b JOIN video_session w ON w.appointment_id = b.id AND w.status = 'SCHEDULED'
        JOIN account q ON q.id = b.patient_id
    WHERE b.status = 'BOOKED' AND b.starts_at > now() + interval '2 days' AND q.email <> 'patient@example.com'
    ORDER BY EXISTS (SELECT FROM video_session o WHERE o.status IN ('WAITING', 'ACTIVE')
        AND (o.doctor_id = b.doctor_id OR o.patient_id = b.patient_id)), b.starts_at LIMIT 1)
    AND p.id = a.patient_id AND d.id = a.doctor_id AND v.appointment_id = a.id
RETURNING a.id, v.id AS session_id, p.email AS patient, d.email AS doctor
"""
# The same for one patient with the demo's doctor: what is open already stays so. Also a room that is closed.
IN_ROOM = "patient9@example.com"
ROOM = """
WITH who AS (SELECT id FROM account WHERE email = $1), visit AS (
    SELECT a.id FROM appointment a JOIN account d ON d.id = a.doctor_id AND d.email = 'doctor@example.com'
    JOIN video_session v ON v.appointment_id = a.id AND v.status IN ('SCHEDULED', 'WAITING'), who
    WHERE a.status IN ('BOOKED', 'CHECKED_IN') AND a.starts_at > now() + interval '3 days'
    ORDER BY a.patient_id = who.id AND a.status = 'CHECKED_IN' DESC, a.starts_at LIMIT 1
), moved AS (
    UPDATE video_session v SET patient_id = who.id FROM visit, who WHERE v.appointment_id = visit.id RETURNING v.id
), here AS (
    UPDATE appointment a SET patient_id = who.id, status = 'CHECKED_IN', queue_rank = queue_position,
        checked_in_at = coalesce(checked_in_at, now()) FROM visit, who WHERE a.id = visit.id RETURNING a.id
)
SELECT moved.id AS room, (SELECT v.id FROM video_session v JOIN account d ON d.id = v.doctor_id
    AND d.email = 'doctor@example.com' WHERE v.status = 'COMPLETED' LIMIT 1) AS closed_room FROM moved, here
"""


@dataclass
class Room:
    """One visit: where it is, and the pages of its two people."""

    stage: Stage
    appointment_id: str
    path: str
    patient: Page
    doctor: Page

    def states(self) -> tuple[str, str]:
        """Of the session and of its appointment."""
        sql = "SELECT v.status, a.status FROM appointment a JOIN video_session v ON v.appointment_id = a.id WHERE a.id::text = $1"
        row = self.stage.ask(sql, self.appointment_id)[0]
        return row[0], row[1]

    def trail(self) -> list[str]:
        sql = (
            "SELECT event_type FROM video_event e JOIN video_session v ON v.id = e.video_session_id"
            " WHERE v.appointment_id::text = $1 ORDER BY at, e.id"
        )
        return [row[0] for row in self.stage.ask(sql, self.appointment_id)]

    def meet(self) -> None:
        """Both join; when this returns they see each other."""
        for page in (self.patient, self.doctor):
            enter(page, self.path)
        for page in (self.patient, self.doctor):
            connected(page)


def open_room(guests: Guests, stage: Stage, other: Guests | None = None, **options: Any) -> Room:
    """A visit with its two people logged in, the doctor in another browser where one is given."""
    row = stage.ask(ARRIVE)[0]
    patient, doctor = guests.open(row["patient"], **options), (other or guests).open(row["doctor"], **options)
    return Room(stage, str(row["id"]), f"/video/sessions/{row['session_id']}", patient, doctor)


def enter(page: Page, path: str) -> None:
    page.goto(path)
    page.locator("#room[data-near=on]").wait_for()
    page.locator("html[data-live=on]").wait_for(state="attached")
    page.locator("[data-do=join]").click()
    page.locator("#room:is([data-stage=waiting], [data-stage=call])").wait_for()


def wait_in_room(page: Page) -> None:
    """From the look at the own camera to the wait for the other one."""
    page.locator("[data-do=join]").click()
    page.locator("#room[data-stage=waiting]").wait_for()


def connected(page: Page, timeout: float = 15_000) -> None:
    page.locator("#room[data-stage=call][data-far=connected]").wait_for(timeout=timeout)


FRAMES = "at => { const q = document.querySelector(`[data-at=${at}]`).getVideoPlaybackQuality(); return q.totalVideoFrames; }"
MOVES = """([at, before]) => document.querySelector(`[data-at=${at}]`).getVideoPlaybackQuality().totalVideoFrames > before + 5"""


def sees_moving(page: Page, at: str = "far", timeout: float = 10_000) -> None:
    """Frames of the other side arrive."""
    before = page.evaluate(FRAMES, at)
    page.wait_for_function(MOVES, arg=[at, before], timeout=timeout)


# What the browser finds out about its line, made worse from without: `weak` is the share of packets that get lost.
WEAKEN = """() => {
  const real = RTCPeerConnection.prototype.getStats;
  RTCPeerConnection.prototype.getStats = async function () {
    const found = new Map(await real.call(this));
    if (window.weak) found.set("weak", { id: "weak", type: "remote-inbound-rtp", fractionLost: window.weak });
    return found;
  };
}"""


def weaken(page: Page, share: float) -> None:
    """From now on this browser's line loses so much."""
    if not page.evaluate("() => 'weak' in window"):
        page.evaluate(WEAKEN)
    page.evaluate("share => { window.weak = share; }", share)


@contextmanager
def cut_off(browser: Browser, page: Page) -> Iterator[None]:
    """No network for a browser: it is told so, and what carries its calls stands still, which being told does not touch."""
    network = _network_process(browser)
    page.context.set_offline(True)
    os.kill(network, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(network, signal.SIGCONT)
        page.context.set_offline(False)


def _network_process(browser: Browser) -> int:
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    (network,) = [
        one["id"] for one in found if b"network.mojom.NetworkService" in Path(f"/proc/{one['id']}/cmdline").read_bytes()
    ]
    return int(network)
