"""The whole portal in this process, and ways to look past it into the rows."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar import Litestar

from portal import db
from portal.errors import Conflict, NotFound
from portal.settings import Settings


@pytest.fixture(scope="module")
async def app(settings: Settings) -> AsyncIterator[Litestar]:
    from portal.app import create_app

    app = create_app(settings)
    async with app.lifespan():
        yield app


@pytest.fixture
async def client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver.local") as client:
        yield client


async def row_of(slot_id: UUID) -> Any:
    return await db.fetch_row("SELECT *, held_until > clock_timestamp() AS held FROM slot WHERE id = $1", slot_id)


async def end_hold(slot_id: UUID) -> None:
    """Let a hold have run out a moment ago, as seen by the database's clock."""
    await db.execute("UPDATE slot SET held_until = clock_timestamp() - interval '1 ms' WHERE id = $1", slot_id)


async def book(slot_id: UUID, patient_id: UUID) -> UUID:
    """An appointment on a slot, by plain SQL."""
    return await db.fetch_value(
        "WITH made AS (INSERT INTO appointment (id, slot_id, patient_id, doctor_id, clinic_id, session_id, date,"
        " starts_at, ends_at, time_zone, overflow, appointment_type, status, booked_by, queue_position)"
        " SELECT gen_random_uuid(), id, $2, doctor_id, clinic_id, session_id, date, starts_at, ends_at, time_zone,"
        " overflow, CASE service_type WHEN 'VIRTUAL' THEN 'VIRTUAL' ELSE 'IN_PERSON' END,"
        " 'BOOKED', $2, position FROM slot WHERE id = $1 RETURNING id, slot_id)"
        " UPDATE slot SET appointment_id = made.id, held_by = NULL, held_until = NULL FROM made"
        " WHERE slot.id = made.slot_id RETURNING made.id",
        slot_id, patient_id,
    )  # fmt: skip


@contextmanager
def published(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, str]]]:
    """The live events that leave after a commit: topic and name."""
    from portal import live

    told: list[tuple[str, str]] = []
    with monkeypatch.context() as patch:
        patch.setattr(live, "_send", lambda message: told.append((message.topic, message.event)))
        yield told


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The SQL statements that run meanwhile."""
    said: list[str] = []

    def counting(run: Callable[..., Any]) -> Callable[..., Any]:
        async def count(sql: str, *args: Any) -> Any:
            said.append(sql)
            return await run(sql, *args)

        return count

    with monkeypatch.context() as patch:
        for name in ("fetch", "fetch_row", "fetch_value", "execute"):
            patch.setattr(db, name, counting(getattr(db, name)))
        yield said


async def in_parallel(work: Iterable[Callable[[], Awaitable[Any]]], callers: int = 48) -> list[Any]:
    """Do all of it with so many callers at once; what each answered or raised."""
    waiting, answers = iter(list(work)), []

    async def call() -> None:
        for one in waiting:
            try:
                answers.append(await one())
            except (Conflict, NotFound) as refusal:
                answers.append(refusal)

    await asyncio.gather(*(call() for _ in range(callers)))
    return answers
