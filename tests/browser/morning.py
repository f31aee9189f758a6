"""A clinic of its own on the stage, with a session that runs at this moment: a doctor, a front desk, and booked patients."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx

from tests.browser.stage import PASSWORD, Stage
from tests.queues.conftest import noon_zone

_numbers = count(1)
CLINIC = "INSERT INTO clinic (id, name, time_zone, city, country) VALUES ($1, $2, $3, 'Berlin', 'DE') RETURNING id"
WORK = """
WITH people AS (UPDATE account SET status = 'ACTIVE', time_zone = $4 WHERE id IN ($2, $3) RETURNING id),
admin AS (INSERT INTO clinic_admin (clinic_id, account_id) VALUES ($1, $3)),
doctor AS (INSERT INTO clinic_doctor (clinic_id, doctor_id) VALUES ($1, $2))
SELECT count(*) FROM people
"""
SESSION = """
INSERT INTO weekly_session (id, doctor_id, clinic_id, day_of_week, session_start_time, session_end_time, service_type,
    max_queue_size, estimated_consultation_minutes, effective_from) VALUES ($1, $2, $3, $4, $5, $6, 'BOTH', $7, 15, $8)
RETURNING id
"""
SLOT = """
INSERT INTO slot (id, doctor_id, session_id, clinic_id, date, position, starts_at, ends_at, local_start, time_zone,
    service_type, overflow) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'BOTH', false) RETURNING id
"""
VISIT = """
WITH visit AS (
    INSERT INTO appointment (id, slot_id, patient_id, doctor_id, clinic_id, session_id, date, starts_at, ends_at, time_zone,
        appointment_type, status, booked_by, queue_position)
    SELECT $2, id, $3, doctor_id, clinic_id, session_id, date, starts_at, ends_at, time_zone, 'IN_PERSON', 'BOOKED', $3, position
    FROM slot WHERE id = $1
), told AS (
    INSERT INTO appointment_history (appointment_id, actor_id, to_status) VALUES ($2, $3, 'BOOKED')
)
UPDATE slot SET appointment_id = $2 WHERE id = $1 RETURNING id
"""


@dataclass
class Morning:
    """Who is in it: mail addresses by number, and the ids of their visits."""

    doctor: str
    admin: str
    clinic_id: UUID
    session_id: UUID
    patients: dict[int, str]
    visits: dict[int, UUID]


def person(stage: Stage, role: str, first: str, last: str) -> tuple[str, UUID]:
    """An account that was registered as everybody registers."""
    email = f"{first}.{last}{next(_numbers)}@morning.example".lower()
    names = {"first_name": first, "last_name": last}
    account = {"email": email, "password": PASSWORD, "role": role, **names}
    if role == "DOCTOR":
        account |= {"title": "Dr.", "licence_number": "DE-1"}
    answer = httpx.post(f"{stage.url}/api/auth/register", json=account).raise_for_status()
    return email, UUID(answer.json()["user"]["id"])


def make_morning(stage: Stage, booked: tuple[str, ...], *, places: int = 8, ago: int = 20) -> Morning:
    """A session that began so many minutes ago; those named have booked its first places."""
    zone, clinic_id, session_id = noon_zone(), uuid4(), uuid4()
    begin = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=ago)
    local = begin.astimezone(ZoneInfo(zone))
    end = (local + timedelta(minutes=15 * places)).time()
    stage.ask(CLINIC, clinic_id, f"Morning Clinic {next(_numbers)}", zone)
    doctor, doctor_id = person(stage, "DOCTOR", "Dora", "Day")
    admin, admin_id = person(stage, "CLINIC_ADMIN", "Fritz", "Front")
    stage.ask(WORK, clinic_id, doctor_id, admin_id, zone)
    day: Any = local.date()
    stage.ask(
        SESSION, session_id, doctor_id, clinic_id, day.isoweekday(), time(local.hour, local.minute), end, places, day
    )
    slots = []
    for number in range(places):
        start = begin + timedelta(minutes=15 * number)
        wall, slot = start.astimezone(ZoneInfo(zone)).time(), uuid4()
        ends = start + timedelta(minutes=15)
        stage.ask(SLOT, slot, doctor_id, session_id, clinic_id, day, number + 1, start, ends, wall, zone)
        slots.append(slot)
    found = Morning(doctor, admin, clinic_id, session_id, {}, {})
    for number, name in enumerate(booked, 1):
        found.patients[number], patient_id = person(stage, "PATIENT", name, "Morning")
        found.visits[number] = uuid4()
        stage.ask(VISIT, slots[number - 1], found.visits[number], patient_id)
    return found
