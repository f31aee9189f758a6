"""Races over real HTTP: three server processes, two client processes with 24 connections each."""

import asyncio
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from portal import db
from portal.accounts import tokens
from portal.settings import Settings
from tests import factories
from tests.crowd import Call, press
from tests.factories import Person
from tests.portal_server import ROOT, served
from tests.services import free_port, redis, wait_for_port

pytestmark = [pytest.mark.anyio, pytest.mark.race]
FULL = os.environ.get("PORTAL_RACES") == "full"  # every race at its full size


@pytest.fixture(scope="module")
async def url(settings: Settings, pool: None) -> AsyncIterator[str]:
    """Three workers on this module's database, sharing their keys with the test."""
    environment = {"DATABASE_URL": settings.database_url, "PORTAL_RATE_LIMIT": "0"}
    with redis() as shared, served("--workers", "3", data=settings.data, REDIS_URL=shared.url, **environment) as portal:
        tokens.use_keys(replace(settings, base_url=portal.url))
        yield portal.url


def token_of(who: Person) -> str:
    return tokens.issue_access_token(who.actor)


def booking(slot_id: UUID | str, **more: Any) -> dict[str, Any]:
    return {"slot_id": str(slot_id), "appointment_type": "IN_PERSON", **more}


def calls_for(people: dict[str, Any], slot_ids: list[UUID]) -> list[Call]:
    """Everybody wants every slot, slot by slot."""
    return [("POST", "/api/appointments", token, booking(slot), "") for slot in slot_ids for token in people]


async def pressed(url: str, calls: list[Call], **more: Any) -> tuple[list[tuple[int, Any]], float]:
    begun = time.perf_counter()
    answers = await asyncio.to_thread(press, url, calls, **more)
    return answers, time.perf_counter() - begun


async def test_one_winner_a_slot(url: str) -> None:
    """42 attempts on each of 250 slots."""
    doctor = await factories.doctor()
    people = {token_of(await factories.patient()): None for _ in range(42)}
    slot_ids = await factories.slots(doctor.id, 250)
    answers, seconds = await pressed(url, calls_for(people, slot_ids))
    statuses = Counter(status for status, _body in answers)
    codes = Counter(body["code"] for status, body in answers if status == 409)
    doubles = await db.fetch_value(
        "SELECT count(*) FROM (SELECT slot_id FROM appointment WHERE doctor_id = $1 GROUP BY slot_id HAVING count(*) > 1) x",
        doctor.id,
    )
    agree = await db.fetch_value(
        "SELECT count(*) FROM slot s JOIN appointment a ON a.id = s.appointment_id AND a.slot_id = s.id"
        " WHERE s.doctor_id = $1", doctor.id,
    )  # fmt: skip
    events = await db.fetch_value(
        "SELECT count(*) FROM outbox_event o JOIN appointment a ON a.id = o.aggregate_id WHERE a.doctor_id = $1",
        doctor.id,
    )
    print(f"{len(answers)} attempts in {seconds:.1f} s: {dict(statuses)} {dict(codes)}, {doubles} doubles")
    assert statuses == {201: 250, 409: 10_250} and doubles == 0 and agree == events == 250


async def test_the_naive_twin_doubles(settings: Settings, url: str) -> None:
    await db.execute("CREATE TABLE naive_booking (slot_id uuid)")
    slot_ids = [factories.uuid7() for _ in range(250)]
    with naive(settings.database_url) as twin:
        await pressed(twin, calls_for(dict.fromkeys(map(str, range(42))), slot_ids))
    doubles = await db.fetch_value(
        "SELECT count(*) FROM (SELECT slot_id FROM naive_booking GROUP BY slot_id HAVING count(*) > 1) x"
    )
    print(f"naive twin: {doubles} of 250 slots booked more than once")
    assert doubles > 0


@contextmanager
def naive(database_url: str) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "tests.booking.naive:app", "--workers", "3", "--port", str(port),
         "--log-level", "critical"],
        cwd=ROOT, env={**os.environ, "NAIVE_DATABASE_URL": database_url},
    )  # fmt: skip
    try:
        wait_for_port(port)
        time.sleep(1)  # the other two workers
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


async def kept(number: int, seconds: str) -> tuple[dict[UUID, str], dict[UUID, datetime]]:
    """Slots of several doctors, each kept by a patient of its own for as long as the SQL text says: whose, until when."""
    slot_ids = [
        await factories.slot((await factories.doctor()).id, factories.tomorrow_at(9, 1 + n % 3)) for n in range(number)
    ]
    owners = [await factories.patient() for _ in slot_ids]
    rows = await db.fetch(
        "UPDATE slot SET held_by = p.id, held_until = clock_timestamp() + $3::text::interval * (0.1 + random())"
        " FROM unnest($1::uuid[], $2::uuid[]) AS p (slot, id) WHERE slot.id = p.slot RETURNING slot.id, held_until",
        slot_ids, [one.id for one in owners], seconds,
    )  # fmt: skip
    return dict(zip(slot_ids, map(token_of, owners), strict=True)), dict(rows)


async def test_nobody_steals_a_hold(url: str) -> None:
    """While A keeps a slot, others try to book and to hold it; A books it in the middle of the attempts."""
    owners, _ends = await kept(60, "1 hour")
    thieves = [token_of(await factories.patient()) for _ in range(10)]
    calls: list[Call] = []
    for slot, own in owners.items():
        attempts: list[Call] = [("POST", "/api/appointments", thief, booking(slot), "") for thief in thieves * 4]
        attempts += [("POST", f"/api/slots/{slot}/hold", thief, None, "") for thief in thieves]
        attempts.insert(len(attempts) // 2, ("POST", "/api/appointments", own, booking(slot), ""))
        calls += attempts
    answers, seconds = await pressed(url, calls)
    own = set(owners.values())
    won = [call[2] in own for call, (status, _body) in zip(calls, answers, strict=True) if status in (200, 201)]
    print(
        f"{len(calls)} calls in {seconds:.1f} s: {won.count(False)} steals, {won.count(True)} of 60 booked by the holder"
    )
    assert won == [True] * 60 and len(calls) >= 3000


async def test_no_hold_is_used_late(url: str) -> None:
    """Holds that end while they are used: whatever was booked after the end, by the database's clock, was late."""
    owners, ends = await kept(1000 if FULL else 300, "3 seconds")
    calls: list[Call] = [("POST", "/api/appointments", own, booking(slot), "") for slot, own in owners.items()]
    answers, seconds = await pressed(url, calls)
    codes = Counter(body["code"] if status == 409 else status for status, body in answers)
    made = dict(await db.fetch("SELECT slot_id, created_at FROM appointment WHERE slot_id = ANY($1)", list(owners)))
    late = [at - ends[slot] for slot, at in made.items() if at > ends[slot] + timedelta(milliseconds=100)]
    print(f"{len(calls)} uses in {seconds:.1f} s: {dict(codes)}, {len(late)} late")
    assert not late and set(codes) == {201, "hold_expired"}


async def test_joining_a_session_leaves_no_gap(url: str) -> None:
    """N places, N + 200 joiners."""
    places, day = 100, date.today() + timedelta(days=2)
    doctor = await factories.doctor()
    session_id = await factories.session(doctor.id, day=day, places=places, service_type="VIRTUAL")
    body = {"session_id": str(session_id), "date": day.isoformat(), "appointment_type": "VIRTUAL"}
    joiners = [token_of(await factories.patient()) for _ in range(places + 200)]
    answers, seconds = await pressed(url, [("POST", "/api/appointments", one, body, "") for one in joiners])
    numbers = sorted(answer["queue_position"] for status, answer in answers if status == 201)
    others = Counter(answer["code"] for status, answer in answers if status != 201)
    print(f"{len(joiners)} joiners for {places} places in {seconds:.1f} s: {len(numbers)} joined, {dict(others)}")
    assert numbers == list(range(1, places + 1)) and others == {"session_full": 200}


async def test_one_effect_a_key(url: str) -> None:
    """Each booking asked 20 times at once and 5 times later with one key; other bookings of other keys beside it."""
    keys = 500 if FULL else 60
    doctor = await factories.doctor()
    people = [token_of(await factories.patient()) for _ in range(10)]
    slot_ids = await factories.slots(doctor.id, keys)
    once: list[Call] = [
        ("POST", "/api/appointments", people[n % 10], booking(slot), f"key-{n}") for n, slot in enumerate(slot_ids)
    ]
    answers, _seconds = await pressed(url, [call for call in once for _ in range(20)])
    later, _seconds = await pressed(url, once * 5)
    statuses = Counter(body.get("code", status) for status, body in answers)
    ids: dict[int, set[str]] = {}
    for number, (status, body) in enumerate(answers):
        if status == 201:
            ids.setdefault(number // 20, set()).add(body["id"])
    for number, (status, body) in enumerate(later):
        assert status == 201
        ids[number % keys].add(body["id"])
    effects = await db.fetch_value("SELECT count(*) FROM appointment WHERE doctor_id = $1", doctor.id)
    print(f"{keys} keys, 25 times each: {effects} effects, first answers {dict(statuses)}")
    assert effects == keys and all(len(found) == 1 for found in ids.values()) and len(ids) == keys
    assert statuses.keys() <= {201, "request_running"}


async def test_a_cancelled_time_can_be_booked_again(url: str) -> None:
    """Book, then cancel or miss, then book again: 100 times, or 1,000."""
    cycles = 1000 if FULL else 100
    doctor, patient = await factories.doctor(), await factories.patient()
    slot_id = await factories.slot(doctor.id)
    day = {"from": (date.today() + timedelta(days=1)).isoformat()}
    begun = time.perf_counter()
    async with httpx.AsyncClient(base_url=f"{url}/api") as client:
        for cycle in range(cycles):
            visit = await client.post("/appointments", json=booking(slot_id), headers=patient.bearer)
            [booked] = (await client.get(f"/doctors/{doctor.id}/slots", params=day)).json()["slots"]
            how, who, body = [("cancel", patient, {"reason": "x"}), ("no-show", doctor, {"reason": "x"})][cycle % 2]
            ended = await client.post(f"/appointments/{visit.json()['id']}/{how}", json=body, headers=who.bearer)
            [free] = (await client.get(f"/doctors/{doctor.id}/slots", params=day)).json()["slots"]
            assert (visit.status_code, booked["state"], ended.status_code, free["state"]) == (
                201,
                "BOOKED",
                200,
                "OPEN",
            )
    print(f"{cycles} cycles in {time.perf_counter() - begun:.1f} s")
