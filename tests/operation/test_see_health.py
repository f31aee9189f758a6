"""The health page and its twin: what is well, late, failing or gone; parked events and held jobs get a new start."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from litestar import Litestar

from portal import db, liveness, outbox
from portal.accounts.schemas import Role
from portal.app import DOMAINS
from portal.app import part as part_of
from portal.ids import uuid7
from portal.operation import queries, states
from portal.operation.schemas import State
from portal.settings import Settings
from portal.web.render import TEMPLATES
from tests import factories
from tests.clients import a_client, audited, submit
from tests.factories import Person

pytestmark = pytest.mark.anyio

PAGE, API = "/admin/health", "/api/admin/health"
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
PARK = """
INSERT INTO outbox_event (id, event_type, aggregate_id, data, attempts, last_error, dead_at)
VALUES ($1, 'user.verified', gen_random_uuid(), '{}', 12, 'DeliveryError: Mrs Secret', clock_timestamp())
"""
HOLD = "INSERT INTO pgqueuer (priority, status, entrypoint, payload, attempts) VALUES (0, 'failed', 'mail', '{}', 5)"
GONE = """
INSERT INTO running_process (id, kind, host, pid, version, memory_bytes, seen_at)
VALUES ($1, 'WORKER', 'far', 7, '1', 1, clock_timestamp() - interval '5 minutes')
"""


@pytest.fixture
async def admin(app: Litestar) -> Person:
    return await factories.person(Role.SYSTEM_ADMIN)


async def parked() -> UUID:
    event = uuid7()
    await db.execute(PARK, event)
    return event


async def waits(event: UUID) -> bool:
    sql = "SELECT dead_at IS NULL AND attempts = 0 AND due_at <= clock_timestamp() FROM outbox_event WHERE id = $1"
    return bool(await db.fetch_value(sql, event))


async def health(client: httpx.AsyncClient, admin: Person) -> dict[str, Any]:
    answer = await client.get(API, headers=admin.bearer)
    assert answer.status_code == 200
    return dict(answer.json())


def part(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in found["parts"] if one["name"] == name)


async def test_both_faces_tell_the_same(app: Litestar, client: httpx.AsyncClient, admin: Person) -> None:
    with liveness.turn("LOOP", "relay", 2.0):
        pass
    await liveness.write()
    found = await health(client, admin)
    assert part(found, "postgresql")["state"] == "GOOD" and part(found, "redis")["state"] == "OFF"
    assert [one["name"] for one in found["tasks"]].count("relay") == 1
    async with a_client(app, admin) as browser:
        page = await browser.get(PAGE)
    assert page.status_code == 200 and "Delivery of events" in page.text and "every 10s" in page.text


@pytest.mark.parametrize("role", [Role.PATIENT, Role.DOCTOR, Role.CLINIC_ADMIN, Role.PHARMACY])
async def test_only_a_system_admin_sees_it(client: httpx.AsyncClient, role: Role) -> None:
    person = await factories.person(role)
    assert (await client.get(API, headers=person.bearer)).status_code == 403
    assert (await client.post(f"{API}/jobs/run-again", headers=person.bearer)).status_code == 403


async def test_a_portal_of_its_own_needs_a_worker(settings: Settings, admin: Person) -> None:
    found = [await queries.health(settings), await queries.health(replace(settings, embedded=True))]
    alone, embedded = ({one.name: one.state for one in health.parts}["processes"] for health in found)
    assert alone is State.BAD and embedded is not State.BAD


async def test_a_process_that_vanished_is_named(client: httpx.AsyncClient, admin: Person) -> None:
    process = uuid4()
    await db.execute(GONE, process)
    found = await health(client, admin)
    assert {one["id"]: one["vanished"] for one in found["processes"]}[str(process)] is True
    assert part(found, "processes")["figures"]["vanished"] >= 1


async def test_one_parked_event_is_sent_again(client: httpx.AsyncClient, admin: Person) -> None:
    event, other = await parked(), await parked()
    shown = (await health(client, admin))["dead_events"]
    assert {"DeliveryError"} == {one["error"] for one in shown} and "Secret" not in str(shown)
    answer = await client.post(f"{API}/events/{event}/send-again", headers=admin.bearer)
    assert (answer.status_code, answer.json()) == (200, {"count": 1})
    assert await waits(event) and not await waits(other)
    assert await audited("event.send_again", event) == 1
    again = await client.post(f"{API}/events/{event}/send-again", headers=admin.bearer)
    unknown = await client.post(f"{API}/events/{uuid4()}/send-again", headers=admin.bearer)
    assert again.status_code == unknown.status_code == 404 and await audited("event.send_again", event) == 1
    await outbox.send_again(other)


async def test_all_parked_events_are_sent_again_from_the_page(app: Litestar, admin: Person) -> None:
    events = [await parked() for _ in range(3)]
    async with a_client(app, admin) as browser:
        answer = await submit(browser, PAGE, {}, f"{PAGE}/events/send-again")
        told = await browser.get(answer.headers["location"])
    assert answer.status_code == 303 and "3 events are sent again." in told.text
    assert [await waits(event) for event in events] == [True] * 3
    assert [await audited("event.send_again", event) for event in events] == [1] * 3


async def test_what_a_restore_holds_back_is_told_and_left(client: httpx.AsyncClient, admin: Person) -> None:
    """It may have been sent before: neither button lets it go."""
    event, before = uuid7(), (await health(client, admin))["restored"]
    await db.execute(PARK.replace("DeliveryError: Mrs Secret", "held by a restore: may have been delivered"), event)
    await db.execute(HOLD)
    await db.execute("""UPDATE pgqueuer SET headers = '{"held_by": "restore"}'""")
    found = await health(client, admin)
    assert found["restored"] == before + 2 and part(found, "jobs")["figures"]["held"] == 0
    assert str(event) not in str(found["dead_events"])
    for button in ("events/send-again", "jobs/run-again"):
        assert (await client.post(f"{API}/{button}", headers=admin.bearer)).json() == {"count": 0}
    assert not await waits(event)
    await db.execute("DELETE FROM pgqueuer")
    await outbox.send_again(event)


async def test_held_jobs_run_again(app: Litestar, client: httpx.AsyncClient, admin: Person) -> None:
    await db.execute(HOLD)
    found = await health(client, admin)
    assert part(found, "jobs")["state"] == "LOOK" and part(found, "jobs")["figures"]["held"] == 1
    assert [(one["name"], one["held"]) for one in found["queues"]] == [("mail", 1)]
    async with a_client(app, admin) as browser:
        answer = await submit(browser, PAGE, {}, f"{PAGE}/jobs/run-again")
    assert answer.status_code == 303 and await audited("jobs.run_again", 1) == 1
    assert await db.fetch_value("SELECT count(*) FROM pgqueuer WHERE status = 'queued' AND attempts = 0") == 1
    await db.execute("DELETE FROM pgqueuer")


def test_whatever_runs_has_a_name_on_the_page() -> None:
    page = (TEMPLATES / "operation" / "health.html").read_text()
    modules = [module for name in DOMAINS if (module := part_of(name, "jobs"))]
    names = [one.name for module in modules for kind in ("JOBS", "SCHEDULES") for one in getattr(module, kind, ())]
    assert len(names) == len(set(names)) >= 12
    assert not [name for name in names if f'"{name}": _(' not in page]


def task(**more: Any) -> dict[str, Any]:
    return {"kind": "SCHEDULE", "failures_in_row": 0, "due_at": NOW + timedelta(minutes=1), **more}


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (task(), State.GOOD),
        (task(due_at=None, kind="JOB"), State.GOOD),
        (task(due_at=NOW - timedelta(minutes=1)), State.GOOD),
        (task(due_at=NOW - timedelta(minutes=3)), State.LOOK),
        (task(due_at=NOW - timedelta(minutes=11)), State.BAD),
        (task(kind="LOOP", due_at=NOW - timedelta(seconds=20)), State.GOOD),
        (task(kind="LOOP", due_at=NOW - timedelta(seconds=40)), State.LOOK),
        (task(failures_in_row=1), State.LOOK),
        (task(failures_in_row=3), State.BAD),
    ],
)
def test_late_and_failing(row: dict[str, Any], state: State) -> None:
    assert states.of_task(row, NOW) is state


def test_thresholds() -> None:
    waiting = {"waiting": 1, "oldest_seconds": 61.0, "dead": 0}
    assert states.outbox(waiting, has_listener=False).state is State.OFF
    assert states.outbox(waiting, has_listener=True).state is State.LOOK
    assert states.outbox({**waiting, "oldest_seconds": 601.0}, has_listener=True).state is State.BAD
    assert states.outbox({**waiting, "oldest_seconds": 1.0, "dead": 1}, has_listener=True).state is State.LOOK
    assert [states.disk(free, 10**12).state for free in (10**11, 10**9, 10**8)] == [State.GOOD, State.LOOK, State.BAD]
    assert states.answering("redis", {"redis": None}).state is State.BAD
    assert states.worst([State.OFF, State.LOOK, State.GOOD]) is State.LOOK
