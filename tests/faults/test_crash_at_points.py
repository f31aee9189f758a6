"""B3: a worker is killed at named points of a booking; the caller repeats it with the same key. Once, and not twice."""

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from portal import db
from portal.settings import Settings
from portal.web.idempotency import CLAIM_SECONDS
from tests import catalogue, factories
from tests.booking.attacks import booking, token_of
from tests.crowd import Call
from tests.faults import fixtures
from tests.faults.load import CUT, Line
from tests.invariants import broken, doubled
from tests.owner import as_owner

pytestmark = [pytest.mark.anyio, pytest.mark.B3]

charges, url = fixtures.charges, fixtures.armed_url
ROUNDS = 50 if catalogue.FULL else 1
# What the caller gets at last: the visit, or the news that it was made and its answer lost.
POINTS = {
    "before_claim": "booked", "after_claim": "booked", "before_booking": "booked", "after_booking": "booked",
    "before_commit": "booked", "after_commit": "request_done", "before_keeping": "request_done",
    "before_answer": "booked",
}  # fmt: skip
AGE = "UPDATE idempotency_key SET claimed_at = claimed_at - make_interval(secs => $1)"


async def killed(line: Line, charges: Path, point: str, call: Call) -> None:
    """The first attempt ends with the worker that it reached; nobody else meets the charge."""
    charge = charges / f"{point}.{call[4]}"
    charge.touch()
    for _attempt in range(5):  # on a busy machine a connection may wait too long for a worker that is being replaced
        status, body = await line.ask(call)
        assert status == CUT, (point, status, body)
        if not charge.exists():
            return
    raise AssertionError(f"nobody came to {point}")


async def repeated(line: Line, call: Call) -> tuple[str, float]:
    """Repeat until there is a final answer: which, and how long the key was nobody's to use."""
    begun = time.monotonic()
    status, body = await line.insist(call, pause=1.0 if catalogue.FULL else 0.1)
    return "booked" if status == 201 else body["code"], time.monotonic() - begun


@pytest.mark.parametrize("point", POINTS)
async def test_killed_at(settings: Settings, url: str, charges: Path, point: str) -> None:
    token = [token_of(await factories.patient()) for _ in range(ROUNDS)]
    slots = await factories.slots((await factories.doctor()).id, ROUNDS)
    complaints = [f"{point} {n}" for n in range(ROUNDS)]
    calls: list[Call] = [
        ("POST", "/api/appointments", token[n], booking(slots[n], chief_complaint=complaints[n]), f"{point}-{n}")
        for n in range(ROUNDS)
    ]
    lines = [Line([url], []) for _ in calls]
    for line, call in zip(lines, calls, strict=True):
        await killed(line, charges, point, call)
    if not catalogue.FULL:  # the quick run does not wait: it lets the time of the claims pass in the database
        status, body = await lines[0].insist(calls[0], seconds=5) if point in ("before_claim", "before_answer") else (
            await lines[0].ask(calls[0])
        )  # fmt: skip
        assert status == 201 or body["code"] == "request_running"
        await db.execute(AGE, CLAIM_SECONDS)
    answers = await asyncio.gather(*(repeated(line, call) for line, call in zip(lines, calls, strict=True)))
    longest = max(seconds for _code, seconds in answers)
    lost, twice = await doubled(settings.database_url, complaints)
    codes = Counter(code for code, _seconds in answers)
    catalogue.figure("B3", f"{point}: {ROUNDS} kills, {lost} lost, {twice} doubled, key free after {longest:.1f} s")
    assert codes == {POINTS[point]: ROUNDS} and (lost, twice) == (0, 0) and longest < CLAIM_SECONDS + 3
    assert not await broken(settings.database_url)


@pytest.mark.parametrize("point", ["before_hold", "after_hold"])
async def test_a_hold_is_kept_or_not_begun(settings: Settings, url: str, charges: Path, point: str) -> None:
    """Holding has no key and needs none: asking again gives the same hold."""
    patient, slot = await factories.patient(), await factories.slot((await factories.doctor()).id)
    line, call = Line([url], []), ("POST", f"/api/slots/{slot}/hold", token_of(patient), None, "")
    await killed(line, charges, point, call)
    holder = patient.id if point == "after_hold" else None
    assert await db.fetch_value("SELECT held_by FROM slot WHERE id = $1", slot) == holder
    assert [(await line.insist(call))[0] for _ in range(2)] == [200, 200]
    sql = "SELECT count(*) FROM audit_event WHERE action = 'slot.hold' AND subject_id = $1"
    assert await db.fetch_value(sql, str(slot)) == 1
    assert not await broken(settings.database_url)


@pytest.mark.G1
async def test_without_a_key_the_caller_is_told_a_lie(settings: Settings, url: str, charges: Path) -> None:
    """The naive twin: the same crash after the commit, and a caller who repeats without a key. Somebody else has the time,
    it seems; so the next one is taken, and the same eyes see the second visit."""
    patient, (slot, later) = await factories.patient(), await factories.slots((await factories.doctor()).id, 2)
    wanted = booking(slot, chief_complaint="without a key")
    line, call = Line([url], []), ("POST", "/api/appointments", token_of(patient), wanted, "")
    await killed(line, charges, "after_commit", call)
    status, body = await line.insist(call)
    assert (status, body["code"]) == (409, "slot_taken")
    assert await db.fetch_value("SELECT patient_id FROM appointment WHERE slot_id = $1", slot) == patient.id
    status, _ = await line.ask((*call[:3], {**wanted, "slot_id": str(later)}, ""))
    lost, twice = await doubled(settings.database_url, ["without a key"])
    catalogue.figure("G1", f"naive twin: a caller without a key, one kill, {twice} doubled")
    assert (status, lost, twice) == (201, 0, 1)


class Crash(Exception):
    """The naive twin's kill -9."""


async def naive(key: str, order: list[str], crash_after: int | None) -> str:
    """The same promise kept in two transactions, in either order."""
    if await db.fetch_value("SELECT count(*) FROM naive_done WHERE key = $1", key):
        return "done before"
    for number, table in enumerate(order):
        sql = "INSERT INTO naive_done VALUES ($1)" if table == "key" else "INSERT INTO naive_visit VALUES ($1)"
        await db.execute(sql, key)
        if number == crash_after:
            raise Crash
    return "done"


@pytest.mark.parametrize(("order", "lost", "twice"), [(["key", "visit"], 8, 0), (["visit", "key"], 0, 8)])
async def test_two_transactions_lose_or_double(pool: None, order: list[str], lost: int, twice: int) -> None:
    """The naive twin: a key kept apart from its effect. It loses, or it doubles, as often as it is killed between."""
    await as_owner("CREATE TABLE naive_done (key text); CREATE TABLE naive_visit (key text)")
    try:
        for number in range(8):
            with pytest.raises(Crash):
                await naive(str(number), order, 0)
            await naive(str(number), order, None)
        made: dict[Any, int] = dict(await db.fetch("SELECT key, count(*) FROM naive_visit GROUP BY key"))
    finally:
        await as_owner("DROP TABLE naive_done; DROP TABLE naive_visit")
    assert (8 - len(made), sum(number > 1 for number in made.values())) == (lost, twice)
