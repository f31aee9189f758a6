"""Races over real HTTP: three server processes, two client processes with 24 connections each.

The same attacks on the naive twin, which must fail them, are in test_race_twins.py.
"""

import os
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from portal import db
from portal.accounts import tokens
from portal.settings import Settings
from tests import factories
from tests.booking import attacks
from tests.booking.attacks import PLACES, token_of
from tests.portal_server import served
from tests.services import redis

pytestmark = [pytest.mark.anyio, pytest.mark.race]
FULL = os.environ.get("PORTAL_RACES") == "full"  # every race at its full size


@pytest.fixture(scope="module")
async def url(settings: Settings, pool: None) -> AsyncIterator[str]:
    """Three workers on this module's database, sharing their keys with the test."""
    environment = {"DATABASE_URL": settings.database_url, "PORTAL_RATE_LIMIT": "0"}
    with redis() as shared, served("--workers", "3", data=settings.data, REDIS_URL=shared.url, **environment) as portal:
        tokens.use_keys(replace(settings, base_url=portal.url))
        yield portal.url


async def test_one_winner_a_slot(url: str) -> None:
    """42 attempts on each of 250 slots."""
    doctor = await factories.doctor()
    people = [token_of(await factories.patient()) for _ in range(42)]
    answers, seconds = await attacks.all_want_all(url, people, await factories.slots(doctor.id, 250))
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


async def test_nobody_steals_a_hold(url: str) -> None:
    """While A keeps a slot, others try to book and to hold it; A books it in the middle of the attempts."""
    owners, _ends = await attacks.kept(60, "1 hour")
    won, calls, seconds = await attacks.steal(url, owners)
    print(f"{calls} calls in {seconds:.1f} s: {won.count(False)} steals, {won.count(True)} of 60 booked by the holder")
    assert won == [True] * 60 and calls >= 3000


async def test_no_hold_is_used_late(url: str) -> None:
    """Holds that end while they are used: whatever was booked after the end, by the database's clock, was late."""
    owners, ends = await attacks.kept(1000 if FULL else 300, "3 seconds")
    codes, seconds = await attacks.use_all(url, owners)
    made = dict(await db.fetch("SELECT slot_id, created_at FROM appointment WHERE slot_id = ANY($1)", list(owners)))
    late = attacks.late(made, ends)
    print(f"{len(owners)} uses in {seconds:.1f} s: {dict(codes)}, {late} late")
    assert not late and set(codes) == {201, "hold_expired"}


async def test_joining_a_session_leaves_no_gap(url: str) -> None:
    """N places, N + 200 joiners."""
    day = date.today() + timedelta(days=2)
    doctor = await factories.doctor()
    session_id = await factories.session(doctor.id, day=day, places=PLACES, service_type="VIRTUAL")
    numbers, others, seconds = await attacks.join(url, session_id, day)
    print(f"{PLACES + 200} joiners for {PLACES} places in {seconds:.1f} s: {len(numbers)} joined, {dict(others)}")
    assert numbers == list(range(1, PLACES + 1)) and others == {"session_full": 200}


async def test_one_effect_a_key(url: str) -> None:
    """Each booking asked 20 times at once and 5 times later with one key; other bookings of other keys beside it."""
    keys = 500 if FULL else 60
    doctor = await factories.doctor()
    answers, later = await attacks.repeat(url, await factories.slots(doctor.id, keys))
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
    begun = time.perf_counter()
    whole = await attacks.book_and_end(url, cycles)
    print(f"{whole} of {cycles} cycles in {time.perf_counter() - begun:.1f} s")
    assert whole == cycles


async def test_without_the_guard_a_cancelled_time_stays_taken(url: str) -> None:
    """The naive twin of the cycles: an end that changes the visit and forgets its slot."""
    await db.execute("ALTER TABLE appointment DISABLE TRIGGER appointment_ended")
    try:
        whole = await attacks.book_and_end(url, 10)
    finally:
        await db.execute("ALTER TABLE appointment ENABLE TRIGGER appointment_ended")
    print(f"naive twin: {whole} of 10 cycles")
    assert whole < 10
