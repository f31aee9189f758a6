"""The people of a measurement, made by plain SQL: patients who are signed in, and doctors with free times."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe
from typing import ClassVar, TypeVar
from uuid import UUID

import asyncpg

from portal.accounts import tokens
from portal.accounts.passwords import HASHER
from portal.accounts.schemas import Role
from portal.ids import uuid7
from portal.settings import Settings

PASSWORD = "portal-bench"

ACCOUNT = """
INSERT INTO account (id, email, password_hash, role, status, first_name, last_name, time_zone)
VALUES ($1, $2, $3, $4, 'ACTIVE', 'Ada', 'Bench', 'UTC')
"""
LOGIN = """
INSERT INTO login (id, account_id, kind, secret_hash, expires_at)
VALUES ($1, $2, $3, $4, clock_timestamp() + interval '1 day')
"""
CLINIC = """
INSERT INTO clinic (id, name, city, country, latitude, longitude, time_zone)
VALUES ($1, 'Clinic of the bench', 'Berlin', 'DE', 52.52, 13.405, 'UTC')
"""
PATIENT = "INSERT INTO patient (account_id, date_of_birth) VALUES ($1, '1980-02-29')"
DOCTOR = """
INSERT INTO doctor (account_id, specialty_id, consultation_fee, currency, availability_status)
VALUES ($1, (SELECT id FROM specialty ORDER BY name LIMIT 1), 50, 'EUR', 'UNAVAILABLE')
"""
# Times are there as far as anybody can look: nothing is left to be made when a page is opened.
HORIZON = "INSERT INTO slot_horizon (doctor_id, made_until) VALUES ($1, current_date + 400)"
# $4 times a day of $5 minutes each, one after the other from $3 on, for $6 days.
SLOTS = """
INSERT INTO slot (id, doctor_id, clinic_id, date, starts_at, ends_at, local_start, time_zone, service_type)
SELECT gen_random_uuid(), $1, $2, at::date, at AT TIME ZONE 'UTC', (at AT TIME ZONE 'UTC') + make_interval(mins => $5),
    at::time, 'UTC', 'BOTH'
FROM generate_series(0, $6 - 1) AS day, generate_series(0, $4 - 1) AS number,
    LATERAL (SELECT $3::timestamp + make_interval(days => day, mins => number * $5)) AS t (at)
RETURNING id
"""
TWINS = """
CREATE SCHEMA IF NOT EXISTS bare;
CREATE TABLE IF NOT EXISTS bare.slot (
    id uuid PRIMARY KEY, doctor_id uuid NOT NULL REFERENCES doctor, date date NOT NULL, starts_at timestamptz NOT NULL,
    local_start time NOT NULL, held_by uuid REFERENCES account, held_until timestamptz, appointment_id uuid);
CREATE INDEX IF NOT EXISTS bare_slot_of_day ON bare.slot (doctor_id, date, starts_at);
CREATE TABLE IF NOT EXISTS bare.appointment (
    id uuid PRIMARY KEY, slot_id uuid NOT NULL UNIQUE REFERENCES bare.slot, patient_id uuid NOT NULL REFERENCES patient);
CREATE TABLE IF NOT EXISTS bare.item (
    id uuid PRIMARY KEY, quantity numeric NOT NULL, dispensed numeric NOT NULL DEFAULT 0 CHECK (dispensed <= quantity));
CREATE TABLE IF NOT EXISTS bare.batch (id uuid PRIMARY KEY, quantity numeric NOT NULL CHECK (quantity >= 0));
CREATE TABLE IF NOT EXISTS bare.line (
    id uuid PRIMARY KEY, item_id uuid NOT NULL REFERENCES bare.item, batch_id uuid NOT NULL REFERENCES bare.batch,
    quantity numeric NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
"""
COPY_TO_TWINS = """
INSERT INTO bare.slot SELECT id, doctor_id, date, starts_at, local_start FROM slot WHERE doctor_id = ANY ($1)
"""


@dataclass
class Person:
    """Somebody with an open login of either kind."""

    role: ClassVar[Role]

    id: UUID
    email: str
    cookie: str
    api_login: UUID

    @property
    def bearer(self) -> str:
        """A new access token; each is good for five minutes."""
        return "Bearer " + tokens.new_access_token(self.id, self.role, self.api_login)


class Patient(Person):
    role = Role.PATIENT


class Doctor(Person):
    role = Role.DOCTOR


class Pharmacist(Person):
    role = Role.PHARMACY


Somebody = TypeVar("Somebody", bound=Person)


@dataclass
class Times:
    """A doctor with free times, in the order of time."""

    doctor_id: UUID
    first_day: date
    slots: list[UUID]


async def prepare(url: str, folder: Path, base_url: str) -> UUID:
    """The tables of the twins in a migrated database, and a clinic; from now on tokens can be made. The clinic's id."""
    tokens.use_keys(Settings(data=folder, base_url=base_url))
    connection = await asyncpg.connect(url)
    await connection.execute(TWINS)
    clinic_id = uuid7()
    await connection.execute(CLINIC, clinic_id)
    await connection.close()
    return clinic_id


async def make_patients(url: str, number: int) -> list[Patient]:
    """New patients who are signed in, and who hold and have booked nothing yet."""
    connection = await asyncpg.connect(url)
    made = await sign_in(connection, Patient, number)
    await connection.executemany(PATIENT, [(one.id,) for one in made])
    await connection.close()
    return made


async def sign_in(connection: "asyncpg.Connection", kind: type[Somebody], number: int) -> list[Somebody]:
    """New accounts with a login for pages and one for the API."""
    made = [kind(id := uuid7(), f"{id}@bench.example", token_urlsafe(32), uuid7()) for _ in range(number)]
    stored = HASHER.hash(PASSWORD)
    await connection.executemany(ACCOUNT, [(one.id, one.email, stored, one.role.value) for one in made])
    pages = [(uuid7(), one.id, "PAGE", sha256(one.cookie.encode()).digest()) for one in made]
    await connection.executemany(LOGIN, pages + [(one.api_login, one.id, "API", None) for one in made])
    return made


async def make_times(
    url: str, clinic_id: UUID, *, number: int = 1, days: int = 1, a_day: int, minutes: int = 15, hour: int = 0
) -> list[Times]:
    """New doctors with so many free times a day from tomorrow on; the twins get the same."""
    connection = await asyncpg.connect(url)
    begin = datetime.combine(datetime.now(UTC).date() + timedelta(days=1), datetime.min.time()) + timedelta(hours=hour)
    made = []
    for _number in range(number):
        doctor_id = uuid7()
        await connection.execute(ACCOUNT, doctor_id, f"{doctor_id}@bench.example", None, "DOCTOR")
        await connection.execute(DOCTOR, doctor_id)
        await connection.execute(
            "INSERT INTO clinic_doctor (clinic_id, doctor_id) VALUES ($1, $2)", clinic_id, doctor_id
        )
        await connection.execute(HORIZON, doctor_id)
        rows = await connection.fetch(SLOTS, doctor_id, clinic_id, begin, a_day, minutes, days)
        made.append(Times(doctor_id, begin.date(), [row["id"] for row in rows]))
    await connection.execute(COPY_TO_TWINS, [one.doctor_id for one in made])
    await connection.close()
    return made
