"""G1 for the worker: killed in the middle of a job, another takes over and nothing is lost or doubled; and what nobody was
there for is caught up once after the start."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from portal import db
from portal.ids import uuid7
from portal.settings import Settings
from tests import catalogue, factories
from tests.faults import naive_reminders
from tests.owner import as_owner
from tests.portal_server import ROOT

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("pool"), pytest.mark.G1]

VISITS = 5000 if catalogue.FULL else 230  # of each kind; jobs take a hundred at once
PORTAL = str(Path(sys.executable).with_name("portal"))
# Visits of many days at odd hours, so that no two of one person or doctor meet.
MAKE = """
WITH visit AS (
    SELECT gen_random_uuid() AS id, p.account_id AS patient_id, row_number() OVER () AS n
    FROM patient p WHERE p.account_id = ANY($2::uuid[]))
INSERT INTO appointment (id, patient_id, doctor_id, date, starts_at, ends_at, time_zone, appointment_type, status, booked_by,
    created_at)
SELECT id, patient_id, $1, (clock_timestamp() + $3::interval)::date, clock_timestamp() + $3::interval,
    clock_timestamp() + $3::interval + interval '15 minutes', 'UTC', 'IN_PERSON', 'BOOKED', patient_id,
    clock_timestamp() - interval '9 days'
FROM visit RETURNING id
"""
PEOPLE = """
WITH made AS (
    INSERT INTO account (id, email, role, status, first_name, last_name)
    SELECT gen_random_uuid(), 'reminded' || n || $2 || '@test.example', 'PATIENT', 'ACTIVE', 'Ann', 'Other'
    FROM generate_series(1, $1::int) AS n RETURNING id)
INSERT INTO patient (account_id) SELECT id FROM made RETURNING account_id
"""
# As if the minute had come; and, for a killed worker's schedule, as if half a minute had passed.
DUE = """
INSERT INTO pgqueuer_schedules (expression, entrypoint, next_run) VALUES ($1, $2, now() - interval '1 second')
ON CONFLICT (entrypoint, expression) DO UPDATE SET next_run = now() - interval '1 second',
    heartbeat = now() - interval '1 minute'
"""
TOLD = """
SELECT count(*) AS mails, count(DISTINCT account_id) AS people,
    (SELECT count(*) FROM notification WHERE kind = 'appointment.reminder') AS lines FROM mail
"""
CLOSED = """
SELECT count(*) FILTER (WHERE a.status = 'NO_SHOW') AS closed, count(h.id) AS told,
    (SELECT count(*) FROM outbox_event WHERE event_type = 'appointment.no_show') AS events,
    (SELECT count(*) FROM audit_event WHERE action = 'appointment.no_show') AS audited
FROM appointment a LEFT JOIN appointment_history h ON h.appointment_id = a.id AND h.to_status = 'NO_SHOW'
WHERE a.id = ANY($1)
"""


@contextmanager
def a_worker(settings: Settings, charges: Path, fault_at: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """`portal worker` as it is run on a cluster; killed at the end if it is still there."""
    faults = {"PORTAL_TEST_FAULTS": str(charges), "FAULT_AT": fault_at} if fault_at else {}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PORTAL_")}
    environ = {**kept, "DATABASE_URL": settings.database_url, "PORTAL_DATA": str(settings.data), **faults}
    running = subprocess.Popen(
        [PORTAL, "worker"], cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        yield running
    finally:
        running.kill()
        running.wait(10)


async def until(sql: str, *args: object, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not await db.fetch_value(sql, *args):
            await asyncio.sleep(0.1)


async def killed(settings: Settings, charges: Path, point: str, *jobs: str) -> None:
    """One worker that is killed at a named point of a job that is due."""
    (charges / f"{point}.1").touch()
    for job in jobs:
        await db.execute(DUE, *job.split(" ", 1)[::-1])
    with a_worker(settings, charges, f"{point}:kill") as running:
        await asyncio.to_thread(running.wait, 60)
        assert running.returncode == -9 and not list(charges.iterdir())


async def visits(begins_in: str) -> list[UUID]:
    people = [row["account_id"] for row in await db.fetch(PEOPLE, VISITS, uuid7().hex)]
    doctor = await factories.doctor()
    return [
        row["id"] for row in await db.fetch(MAKE.replace("$3::interval", f"interval '{begins_in}'"), doctor.id, people)
    ]


async def test_a_worker_killed_in_a_job(settings: Settings, tmp_path: Path) -> None:
    """In the first batch of reminders, between two of them, and in the first batch of missed visits."""
    await visits("23 hours")
    missed = await visits("-2 hours")
    await killed(settings, tmp_path, "in_reminders", "remind * * * * *")
    first = (await db.fetch_row(TOLD))["mails"]  # type: ignore[index]
    await killed(settings, tmp_path, "between_reminders", "remind * * * * *")
    second = (await db.fetch_row(TOLD))["mails"]  # type: ignore[index]
    await killed(settings, tmp_path, "in_no_shows", "mark_no_shows */2 * * * *")
    for job in ("remind * * * * *", "mark_no_shows */2 * * * *"):
        await db.execute(DUE, *job.split(" ", 1)[::-1])
    begun = time.monotonic()
    with a_worker(settings, tmp_path), a_worker(settings, tmp_path):
        await until(f"SELECT count(*) >= {VISITS} FROM reminder")
        await until(f"SELECT count(*) >= {VISITS} FROM appointment WHERE status = 'NO_SHOW'")
        took = time.monotonic() - begun
    told, closed = await db.fetch_row(TOLD), await db.fetch_row(CLOSED, missed)
    assert told and closed
    catalogue.figure(
        "G1", f"worker: {VISITS} reminders and {VISITS} missed visits, 3 workers killed in a job (after {first} and"
        f" {second} reminders), 2 more took over in {took:.1f} s: {told['people']} people told by {told['mails']} mails,"
        f" {closed['closed']} closed with {closed['told']} lines of history",
    )  # fmt: skip
    assert (first, second) == (0, 100)
    assert {*told.values(), *closed.values()} == {VISITS}


@pytest.mark.parametrize("order", ["send-first", "mark-first"])
async def test_the_naive_twin_doubles_or_loses(settings: Settings, order: str) -> None:
    await as_owner("DROP TABLE IF EXISTS naive_visit, naive_mail")
    await as_owner(naive_reminders.SCHEMA)
    await db.execute("INSERT INTO naive_visit SELECT generate_series(1, 20)")
    for stop in ("7", "13", "0"):
        environ = {**os.environ, "DATABASE_URL": settings.database_url}
        command = [sys.executable, "-m", "tests.faults.naive_reminders", order, stop]
        await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=environ, timeout=60, check=False)
    mails = await db.fetch_value("SELECT count(*) FROM naive_mail")
    catalogue.figure("G1", f"naive worker, {order}, killed twice: 20 people, {mails} mails")
    assert mails == (22 if order == "send-first" else 18)


async def test_what_was_missed_is_caught_up_once(settings: Settings, tmp_path: Path) -> None:
    """A nightly job; the portal is down that night, and for two more."""
    runs = "SELECT coalesce(max(runs), 0) FROM background_task WHERE name = 'delete_past_slots'"
    with a_worker(settings, tmp_path) as running:
        assert running.stdout and await asyncio.to_thread(running.stdout.readline) == b"ready\n"
        await until("SELECT count(*) = 1 FROM pgqueuer_schedules WHERE entrypoint = 'delete_past_slots'")
        running.terminate()
        assert await asyncio.to_thread(running.wait, 20) == 0
    before = await db.fetch_value(runs)
    await db.execute(
        "UPDATE pgqueuer_schedules SET next_run = now() - interval '3 days' WHERE entrypoint = 'delete_past_slots'"
    )
    with a_worker(settings, tmp_path):
        await until(f"SELECT ({runs}) > {before}", seconds=30)
        await asyncio.sleep(1)
    found = await db.fetch_row("SELECT * FROM background_task WHERE name = 'delete_past_slots'")
    coming = (
        "SELECT next_run > now() AND status = 'queued' FROM pgqueuer_schedules WHERE entrypoint = 'delete_past_slots'"
    )
    assert found and found["runs"] == before + 1 and found["last_seconds"] < 5 and await db.fetch_value(coming)
