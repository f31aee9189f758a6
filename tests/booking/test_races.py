"""Races over real HTTP: three server processes, two client processes with 24 connections each.

The same attacks on the naive twin, which must fail them, are in test_race_twins.py.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import date, timedelta
from uuid import UUID

import pytest

from portal import db
from portal.accounts.schemas import Actor, Role
from portal.appointments.actions import move
from portal.appointments.schemas import AppointmentType
from portal.booking.actions import book
from portal.booking.schemas import NewAppointment
from portal.settings import Settings
from tests import catalogue, factories
from tests.appointments.life import DECLARED
from tests.booking import attacks
from tests.booking.attacks import PLACES, Answers, token_of
from tests.crowd import Call
from tests.faults.stage import workers
from tests.invariants import broken
from tests.owner import as_owner

pytestmark = [pytest.mark.anyio, pytest.mark.race]
FULL = catalogue.FULL
QUEUE = 200 if FULL else 60  # places of a session
WAITING = "SELECT id, doctor_id, queue_position FROM appointment WHERE doctor_id = ANY($1) AND status = 'BOOKED'"
TODAY = "UPDATE appointment SET date = (clock_timestamp() AT TIME ZONE 'UTC')::date WHERE id = $1 AND status = 'BOOKED'"
# From its booking to its end a visit has its number for itself.
TWICE = """
WITH stay AS (
    SELECT a.id, a.session_id, a.queue_position, a.created_at AS since, coalesce((SELECT min(at) FROM appointment_history h
        WHERE h.appointment_id = a.id AND h.to_status IN ('CANCELLED', 'NO_SHOW')), 'infinity') AS until
    FROM appointment a WHERE a.doctor_id = ANY($1)
) SELECT count(*) FROM stay a JOIN stay b USING (session_id, queue_position) WHERE a.since < b.since AND a.until > b.since
"""
STEPS = """
SELECT from_status, to_status, count(*) FROM appointment_history h JOIN appointment a ON a.id = h.appointment_id
WHERE a.doctor_id = $1 AND from_status IS NOT NULL GROUP BY 1, 2
"""


@pytest.fixture(scope="module")
async def url(settings: Settings, pool: None) -> AsyncIterator[str]:
    """Three workers on this module's database."""
    with workers(settings, 3) as portal:
        yield portal.url


@pytest.mark.A1
async def test_one_winner_a_slot(url: str) -> None:
    """42 attempts on each slot."""
    slots = 250 if FULL else 60
    doctor = await factories.doctor()
    people = [token_of(await factories.patient()) for _ in range(42)]
    begun = time.perf_counter()
    answers, busy = await attacks.all_want_all(url, people, await factories.slots(doctor.id, slots))
    seconds = time.perf_counter() - begun
    statuses = Counter(status for status, _body in answers)
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
    catalogue.figure(
        "A1", f"{len(answers)} attempts in {seconds:.1f} s: {dict(statuses)}, {busy} put off, {doubles} doubles"
    )
    if FULL:  # the time and the 503s depend on the machine: they are judged where nothing else runs
        assert busy == 0 and seconds < 60
    assert statuses == {201: slots, 409: slots * 41} and doubles == 0 and agree == events == slots


@pytest.mark.A3
async def test_nobody_steals_a_hold(url: str) -> None:
    """While A keeps a slot, others try to book and to hold it; A books it in the middle of the attempts."""
    times = 60 if FULL else 20
    owners, _ends = await attacks.kept(times, "1 hour")
    won, calls = await attacks.steal(url, owners)
    catalogue.figure(
        "A3", f"{won.count(False)} steals in {calls} calls, {won.count(True)} of {times} booked by the holder"
    )
    assert won == [True] * times and calls >= 50 * times


@pytest.mark.A4
async def test_no_hold_is_used_late(url: str) -> None:
    """Holds that end while they are used: whatever was booked after the end, by the database's clock, was late."""
    owners, ends = await attacks.kept(*((1000, "8 seconds") if FULL else (200, "3 seconds")))
    codes = await attacks.use_all(url, owners)
    made = dict(await db.fetch("SELECT slot_id, created_at FROM appointment WHERE slot_id = ANY($1)", list(owners)))
    late = attacks.late(made, ends)
    catalogue.figure("A4", f"{len(owners)} uses: {codes[201]} in time, {codes['hold_expired']} refused, {late} late")
    assert not late and set(codes) <= {201, "hold_expired"}


@pytest.mark.A6
async def test_confirming_cannot_double(url: str) -> None:
    """Two patients on the confirm page of one time, and then one of them twice on the visit."""
    pairs = 500 if FULL else 100
    booked, confirmed = await attacks.two_confirm(url, await factories.slots((await factories.doctor()).id, pairs))
    catalogue.figure(
        "A6", f"{pairs} pairs: one booked {booked[1]} times, one confirmed {confirmed[1]} times, 0 doubles"
    )
    assert booked == confirmed == {1: pairs}


@pytest.mark.A9
async def test_joining_a_session_leaves_no_gap(url: str) -> None:
    """N places, N + 200 joiners; numbers are given in the order in which the database gives the places."""
    day = date.today() + timedelta(days=2)
    doctor = await factories.doctor()
    session_id = await factories.session(doctor.id, day=day, places=PLACES, service_type="VIRTUAL")
    numbers, others = await attacks.join(url, session_id, day)
    in_time = await db.fetch(
        "SELECT queue_position FROM appointment WHERE session_id = $1 ORDER BY created_at", session_id
    )
    furthest = max(abs(row["queue_position"] - place) for place, row in enumerate(in_time, 1))
    catalogue.figure(
        "A9",
        f"{PLACES + 200} joiners, {PLACES} places: {len(numbers)} joined without a gap, at most {furthest} out of order",
    )
    assert numbers == list(range(1, PLACES + 1)) and others == {"session_full": 200}


async def reception(doctors: dict[UUID, Actor], closed: asyncio.Event) -> Counter[str]:
    """Whoever has booked is checked in; every fourth place is first given to somebody who does not come."""
    done, missed = Counter[str](), set[tuple[UUID, int]]()
    while not closed.is_set():
        for row in await db.fetch(WAITING, list(doctors)):
            place = row["doctor_id"], row["queue_position"]
            action = "no-show" if place[1] % 4 == 0 and place not in missed else "check-in"
            missed.add(place)
            await db.execute(TODAY, row["id"])  # for check-in is of the day
            await move(doctors[row["doctor_id"]], row["id"], action)
            done[action] += 1
        await asyncio.sleep(0.01)
    return done


async def crowded_sessions() -> tuple[dict[UUID, Actor], list[Call]]:
    """A session of each doctor, on days apart, and everybody who wants to join it, every fifth brought by the doctor."""
    joiners, doctors, calls = [await factories.patient() for _ in range(QUEUE + 200)], {}, list[Call]()
    for number in range(25 if FULL else 1):
        clinic_id, day = await factories.clinic(), date.today() + timedelta(days=2 + number)
        doctor = await factories.doctor(clinic_ids=[clinic_id])
        session_id = await factories.session(doctor.id, clinic_id, day=day, places=QUEUE, minutes=5)
        doctors[doctor.id] = doctor.actor
        body = {"session_id": str(session_id), "date": day.isoformat(), "appointment_type": "IN_PERSON"}
        for place, who in enumerate(joiners):
            by, more = (doctor, {"patient_id": str(who.id)}) if place % 5 == 0 else (who, {})
            calls.append(("POST", "/api/appointments", token_of(by), {**body, **more}, ""))
    return doctors, calls


@pytest.mark.A9
async def test_a_number_is_one_persons_at_a_time(settings: Settings, url: str) -> None:
    """Places are joined, checked in, missed and given again, all at once."""
    doctors, calls = await crowded_sessions()
    closed = asyncio.Event()
    serving = asyncio.create_task(reception(doctors, closed))
    answers = await attacks.pressed(url, calls)
    closed.set()
    done = await serving
    joined = sum(status == 201 for status, _body in answers)
    refusals = {body["code"] for status, body in answers if status != 201}
    twice = await db.fetch_value(TWICE, list(doctors))
    catalogue.figure(
        "A9", f"{joined} numbers given among {done.total()} arrivals and absences, {twice} held by two at a time"
    )
    assert twice == 0 and refusals <= {"session_full"} and joined >= QUEUE * len(doctors) and done["no-show"] > 0
    assert not await broken(settings.database_url)


@pytest.mark.A8
async def test_each_visit_ends_once(settings: Settings, url: str) -> None:
    """Patient, doctor and clinic lead the same visits on at random, all at once."""
    number, clinic_id = 300 if FULL else 40, await factories.clinic()
    doctor, patient = await factories.doctor(clinic_ids=[clinic_id]), await factories.patient()
    admin = await factories.person(Role.CLINIC_ADMIN, clinic_ids=[clinic_id])
    visits = []
    for slot in await factories.slots(doctor.id, number, clinic_id=clinic_id):
        wanted = NewAppointment(slot_id=slot, appointment_type=AppointmentType.IN_PERSON)
        visits.append(str((await book(patient.actor, wanted, 56)).id))
    tokens = {"PATIENT": token_of(patient), "DOCTOR": token_of(doctor), "CLINIC_ADMIN": token_of(admin)}
    tried = await attacks.lead(url, visits, tokens, 35)
    once = sum(attacks.ends(one) == 1 for one in tried)
    won = sum(status == 200 for one in tried for _action, status in one)
    steps = await db.fetch(STEPS, doctor.id)
    catalogue.figure(
        "A8", f"{35 * number} transitions at random: {won} made, {once} of {number} visits ended exactly once"
    )
    assert once == number and sum(row["count"] for row in steps) == won
    assert {(row["from_status"], row["to_status"]) for row in steps} <= {
        (source, target) for _roles, sources, target in DECLARED.values() for source in sources
    }
    assert {status for one in tried for _action, status in one} <= {200, 403, 409}
    assert not await broken(settings.database_url)


def ids_of(first: Answers, later: Answers, keys: int) -> list[set[str]]:
    """What each key brought, whenever it was asked."""
    found: list[set[str]] = [set() for _ in range(keys)]
    for number, (status, body) in enumerate(first):
        if status < 300:
            found[number // 20].add(body["id"])
    for number, (status, body) in enumerate(later):
        assert status < 300
        found[number % keys].add(body["id"])
    return found


@pytest.mark.B1
async def test_one_effect_a_key(url: str) -> None:
    """Each booking, and then each confirmation, asked 20 times at once and 5 times later with one key."""
    keys = 500 if FULL else 40
    doctor = await factories.doctor()
    bookings = await attacks.bookings_with_keys(await factories.slots(doctor.id, keys))
    first, later = await attacks.repeat(url, bookings)
    visits = [one.pop() for one in ids_of(first, later, keys) if len(one) == 1]
    confirm = [
        ("POST", f"/api/appointments/{visit}/confirm", call[2], None, "c" + call[4])
        for visit, call in zip(visits, bookings, strict=True)
    ]
    confirmed = await attacks.repeat(url, confirm)
    assert [len(one) for one in ids_of(*confirmed, keys)] == [1] * keys
    sql = (
        "SELECT count(*) FROM appointment_history h JOIN appointment a ON a.id = h.appointment_id WHERE doctor_id = $1"
    )
    effects = await db.fetch_value(sql, doctor.id)
    running = {body["code"] for status, body in [*first, *confirmed[0]] if status >= 300}
    catalogue.figure("B1", f"3 workers, {2 * keys} keys to book and to confirm, 25 times each: {effects} effects")
    assert effects == 2 * keys and running <= {"request_running"}


@pytest.mark.A10
async def test_a_time_that_was_left_can_be_booked_again(url: str) -> None:
    """Book, then cancel, miss or move, then book again."""
    cycles = 1000 if FULL else 60
    begun = time.perf_counter()
    whole = await attacks.book_and_end(url, cycles)
    catalogue.figure("A10", f"{whole} of {cycles} cycles in {time.perf_counter() - begun:.1f} s")
    assert whole == cycles


@pytest.mark.A10
async def test_without_the_guard_a_cancelled_time_stays_taken(url: str) -> None:
    """The naive twin of the cycles: an end that changes the visit and forgets its slot."""
    await as_owner("ALTER TABLE appointment DISABLE TRIGGER appointment_ended")
    try:
        whole = await attacks.book_and_end(url, 10)
    finally:
        await as_owner("ALTER TABLE appointment ENABLE TRIGGER appointment_ended")
    catalogue.figure("A10", f"naive twin: {whole} of 10 cycles")
    assert whole < 10
