"""The bare twin of the web rows: Litestar, asyncpg and Jinja doing the least that could be called the same work.

No login, no audit, no history, no events, no limits, no security headers: what the framework, the driver, the templates and
PostgreSQL cost by themselves.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Annotated, Any
from uuid import UUID, uuid4

import asyncpg
from jinja2 import Environment
from litestar import Litestar, Request, get, post
from litestar.params import FromPath, QueryParameter
from litestar.response import Response

HOLD = """
UPDATE bare.slot SET held_by = $2, held_until = now() + interval '5 minutes'
WHERE id = $1 AND appointment_id IS NULL AND (held_by IS NULL OR held_by = $2 OR held_until < now()) RETURNING held_until
"""
BOOK = """
UPDATE bare.slot SET appointment_id = $3, held_by = NULL, held_until = NULL
WHERE id = $1 AND appointment_id IS NULL AND (held_by IS NULL OR held_by = $2 OR held_until < now()) RETURNING id
"""
APPOINTMENT = "INSERT INTO bare.appointment (id, slot_id, patient_id) VALUES ($1, $2, $3)"
FILL = (
    "UPDATE bare.item SET dispensed = dispensed + 10 WHERE id = $1 AND dispensed + 10 <= quantity RETURNING dispensed"
)
TAKE = "UPDATE bare.batch SET quantity = quantity - 10 WHERE id = $1 AND quantity >= 10 RETURNING quantity"
LINE = "INSERT INTO bare.line (id, item_id, batch_id, quantity) VALUES ($1, $2, $3, 10)"
WEEK = """
SELECT id, starts_at, local_start, appointment_id, held_until > now() AS held FROM bare.slot
WHERE doctor_id = $1 AND date BETWEEN $2 AND $3 ORDER BY starts_at
"""
FOUND = """
SELECT d.account_id, a.first_name, a.last_name, d.consultation_fee, slots.times
FROM doctor d JOIN account a ON a.id = d.account_id, LATERAL (
    SELECT array_agg(starts_at) AS times FROM (
        SELECT starts_at FROM slot WHERE doctor_id = d.account_id AND starts_at > now() AND appointment_id IS NULL
        AND NOT disabled AND NOT overflow ORDER BY starts_at LIMIT 4) AS next) AS slots
WHERE d.account_id = ANY ($1::uuid[])
"""
JINJA = Environment(autoescape=True)
PAGE = JINJA.from_string(
    """<!doctype html><ul>
{% for s in slots %}<li id="slot-{{ s.id }}">
  {% if s.appointment_id %}<s>{% elif s.held %}<span>{% else %}<button formaction="/slots/{{ s.id }}/hold">{% endif %}
  <time datetime="{{ s.starts_at.isoformat() }}">{{ s.local_start.strftime("%H:%M") }}</time></li>
{% endfor %}</ul>"""
)
DOCTORS = JINJA.from_string(
    """<!doctype html><ul>
{% for d in doctors %}<li>{{ d.first_name }} {{ d.last_name }} {{ d.consultation_fee }}
  {% for t in d.times or [] %} <a href="/slots/{{ d.account_id }}">{{ t.strftime("%H:%M") }}</a>{% endfor %}</li>
{% endfor %}</ul>"""
)


@post("/slots/{slot_id:uuid}/hold/{patient_id:uuid}", status_code=200)
async def hold(request: Request, slot_id: FromPath[UUID], patient_id: FromPath[UUID]) -> Response[dict[str, Any]]:
    until = await request.app.state.pool.fetchval(HOLD, slot_id, patient_id)
    return Response({"held_until": until}, status_code=200 if until else 409)


@post("/slots/{slot_id:uuid}/book/{patient_id:uuid}")
async def book(request: Request, slot_id: FromPath[UUID], patient_id: FromPath[UUID]) -> Response[dict[str, Any]]:
    async with request.app.state.pool.acquire() as connection:
        appointment_id = await booked(connection, slot_id, patient_id)
    return Response({"id": appointment_id}, status_code=201 if appointment_id else 409)


@post("/slots/{slot_id:uuid}/take/{patient_id:uuid}")
async def take(request: Request, slot_id: FromPath[UUID], patient_id: FromPath[UUID]) -> Response[dict[str, Any]]:
    """Hold and book in one request, as two transactions."""
    async with request.app.state.pool.acquire() as connection:
        held = await connection.fetchval(HOLD, slot_id, patient_id)
        appointment_id = await booked(connection, slot_id, patient_id) if held else None
    return Response({"id": appointment_id}, status_code=201 if appointment_id else 409)


async def booked(connection: Any, slot_id: UUID, patient_id: UUID) -> UUID | None:
    appointment_id = uuid4()
    async with connection.transaction():
        if not await connection.fetchval(BOOK, slot_id, patient_id, appointment_id):
            return None
        await connection.execute(APPOINTMENT, appointment_id, slot_id, patient_id)
    return appointment_id


@post("/items/{item_id:uuid}/dispense/{batch_id:uuid}")
async def dispense(request: Request, item_id: FromPath[UUID], batch_id: FromPath[UUID]) -> Response[dict[str, Any]]:
    """What is left of the prescription, what is left on the shelf, and one line of what was given out."""
    line_id = uuid4()
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        dispensed = await connection.fetchval(FILL, item_id)
        left = None if dispensed is None else await connection.fetchval(TAKE, batch_id)
        if left is None:
            return Response({"left": None}, status_code=409)
        await connection.execute(LINE, line_id, item_id, batch_id)
    return Response({"id": line_id, "dispensed": dispensed, "left": left}, status_code=201)


@get("/doctors/{doctor_id:uuid}")
async def week(
    request: Request, doctor_id: FromPath[UUID], first: Annotated[date, QueryParameter(name="week")]
) -> Response[str]:
    slots = await request.app.state.pool.fetch(WEEK, doctor_id, first, first + timedelta(days=6))
    return Response(PAGE.render(slots=slots), media_type="text/html")


@get("/doctors")
async def search(request: Request) -> Response[str]:
    doctors = await request.app.state.pool.fetch(FOUND, request.app.state.ids)
    return Response(DOCTORS.render(doctors=doctors), media_type="text/html")


def create() -> Litestar:
    @asynccontextmanager
    async def running(app: Any) -> AsyncIterator[None]:
        app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=8)
        app.state.ids = [row[0] for row in await app.state.pool.fetch("SELECT account_id FROM doctor LIMIT 10")]
        yield
        await app.state.pool.close()

    return Litestar([hold, book, take, dispense, week, search], lifespan=[running], openapi_config=None)
