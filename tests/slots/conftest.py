"""The whole portal in this process, and ways to look past it into the rows."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import UUID

from portal import db
from portal.errors import Conflict, NotFound, Unavailable
from tests.clients import app, client

__all__ = ["app", "client"]


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


async def in_parallel(work: Iterable[Callable[[], Awaitable[Any]]], callers: int = 48) -> list[Any]:
    """Do all of it with so many callers at once; what each answered or raised. A busy machine is asked again."""
    waiting, answers = deque(work), []

    async def call() -> None:
        while waiting:
            one = waiting.popleft()
            try:
                answers.append(await one())
            except (Conflict, NotFound) as refusal:
                answers.append(refusal)
            except Unavailable:
                waiting.append(one)
                await asyncio.sleep(0.1)

    await asyncio.gather(*(call() for _ in range(callers)))
    return answers
