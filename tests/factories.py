"""Rows to test with, made by plain SQL: a fixed cast and the things they act on. Each returns what a test needs."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from itertools import count
from secrets import token_urlsafe
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from portal import db
from portal.accounts.schemas import AccountStatus, Actor, Role
from portal.ids import uuid7

_numbers = count(1)
PASSWORD_HASH = "$argon2id$v=19$m=19456,t=2,p=1$no-one-signs-in-with-this"


@dataclass
class Person:
    """An account with an open page login (`secret` is its cookie) and an API login (`actor.login_id`)."""

    actor: Actor
    secret: str
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> UUID:
        return self.actor.id

    @property
    def bearer(self) -> dict[str, str]:
        from portal.accounts import tokens

        return {"Authorization": f"Bearer {tokens.issue_access_token(self.actor)}"}


async def person(
    role: Role, *, status: str = "ACTIVE", first_name: str = "Ada", time_zone: str = "UTC", **more: Any
) -> Person:
    """An account of any role with its profile row."""
    number = next(_numbers)
    account_id, api_login, page_login, secret = uuid7(), uuid7(), uuid7(), token_urlsafe(32)
    email = more.get("email", f"{role.value.lower()}{number}@test.example")
    last_name = more.get("last_name", f"Cast{number}")
    await db.execute(
        "INSERT INTO account (id, email, password_hash, role, status, first_name, last_name, time_zone)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        account_id, email, PASSWORD_HASH, role.value, status, first_name, last_name, time_zone,
    )  # fmt: skip
    for login, kind, digest in ((api_login, "API", None), (page_login, "PAGE", sha256(secret.encode()).digest())):
        await db.execute(
            "INSERT INTO login (id, account_id, kind, secret_hash, expires_at)"
            " VALUES ($1, $2, $3, $4, clock_timestamp() + interval '1 day')",
            login, account_id, kind, digest,
        )  # fmt: skip
    await _profile(role, account_id, more)
    actor = Actor(
        id=account_id, role=role, status=AccountStatus(status), first_name=first_name, last_name=last_name, email=email,
        locale="en", time_zone=time_zone, appearance="auto", login_id=api_login,
        clinic_ids=tuple(more.get("clinic_ids", ())), pharmacy_id=more.get("pharmacy_id"),
    )  # fmt: skip
    return Person(actor, secret, {"login": secret})


async def _profile(role: Role, account_id: UUID, more: dict[str, Any]) -> None:
    clinic_ids = more.get("clinic_ids", ())
    if role is Role.PATIENT:
        await db.execute("INSERT INTO patient (account_id, date_of_birth) VALUES ($1, '1980-02-29')", account_id)
    elif role is Role.DOCTOR:
        await db.execute(
            "INSERT INTO doctor (account_id, specialty_id, consultation_fee, currency) VALUES ($1, $2, $3, 'USD')",
            account_id, more.get("specialty_id"), more.get("fee", 50),
        )  # fmt: skip
        for clinic_id in clinic_ids:
            await db.execute("INSERT INTO clinic_doctor (clinic_id, doctor_id) VALUES ($1, $2)", clinic_id, account_id)
    elif role is Role.CLINIC_ADMIN:
        for clinic_id in clinic_ids:
            await db.execute("INSERT INTO clinic_admin (clinic_id, account_id) VALUES ($1, $2)", clinic_id, account_id)
    elif role is Role.PHARMACY:
        await db.execute(
            "INSERT INTO pharmacist (account_id, pharmacy_id) VALUES ($1, $2)", account_id, more.get("pharmacy_id")
        )


async def patient(**more: Any) -> Person:
    return await person(Role.PATIENT, **more)


async def doctor(**more: Any) -> Person:
    return await person(Role.DOCTOR, **more)


async def clinic(time_zone: str = "UTC", name: str = "", **more: Any) -> UUID:
    clinic_id = uuid7()
    await db.execute(
        "INSERT INTO clinic (id, name, time_zone, city, country, latitude, longitude)"
        " VALUES ($1, $2, $3, $4, 'DE', $5, $6)",
        clinic_id, name or f"Clinic {next(_numbers)}", time_zone, more.get("city", "Berlin"),
        more.get("latitude", 52.52), more.get("longitude", 13.405),
    )  # fmt: skip
    return clinic_id


async def specialty(name: str = "") -> UUID:
    specialty_id = uuid7()
    await db.execute(
        "INSERT INTO specialty (id, name) VALUES ($1, $2)", specialty_id, name or f"Specialty {next(_numbers)}"
    )
    return specialty_id


async def session(doctor_id: UUID, clinic_id: UUID | None = None, **more: Any) -> UUID:
    """A weekly session on `day` (a date): 09:00–12:00, 12 places of 15 minutes, unless told otherwise."""
    session_id = uuid7()
    day: date = more.get("day", date.today() + timedelta(days=1))
    await db.execute(
        "INSERT INTO weekly_session (id, doctor_id, clinic_id, day_of_week, session_start_time, session_end_time,"
        " service_type, max_queue_size, estimated_consultation_minutes, effective_from)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        session_id, doctor_id, clinic_id, day.isoweekday(), more.get("start", time(9)), more.get("end", time(12)),
        more.get("service_type", "BOTH" if clinic_id else "VIRTUAL"), more.get("places", 12), more.get("minutes", 15),
        more.get("effective_from", day - timedelta(days=7)),
    )  # fmt: skip
    return session_id


async def slot(doctor_id: UUID, start: datetime | None = None, **more: Any) -> UUID:
    """A slot made by hand; by default the next free quarter of an hour from tomorrow 09:00 UTC."""
    slot_id, zone = uuid7(), more.get("time_zone", "UTC")
    begin = start or datetime.combine(date.today() + timedelta(days=1), time(9), UTC)
    local = begin.astimezone(ZoneInfo(zone))
    await db.execute(
        "INSERT INTO slot (id, doctor_id, clinic_id, date, starts_at, ends_at, local_start, time_zone, service_type)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        slot_id, doctor_id, more.get("clinic_id"), local.date(), begin,
        begin + timedelta(minutes=more.get("minutes", 15)), local.time(), zone, more.get("service_type", "BOTH"),
    )  # fmt: skip
    return slot_id


async def slots(doctor_id: UUID, number: int, **more: Any) -> list[UUID]:
    """Consecutive quarter hours from tomorrow 09:00 UTC."""
    begin = datetime.combine(date.today() + timedelta(days=1), time(9), UTC)
    return [await slot(doctor_id, begin + timedelta(minutes=15 * n), **more) for n in range(number)]


def tomorrow_at(hour: int, days: int = 1) -> datetime:
    """A full hour of a coming day, in UTC."""
    return datetime.combine(date.today() + timedelta(days=days), time(hour), UTC)
