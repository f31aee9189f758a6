"""The bare twin of the search page: ten doctors by primary key, their next slots, one Jinja template."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from jinja2 import Template
from litestar import Litestar, Request, get
from litestar.response import Response

DOCTORS = """
SELECT d.account_id, a.first_name, a.last_name, d.consultation_fee, slots.times
FROM doctor d JOIN account a ON a.id = d.account_id, LATERAL (
    SELECT array_agg(starts_at) AS times FROM (
        SELECT starts_at FROM slot WHERE doctor_id = d.account_id AND starts_at > now() AND appointment_id IS NULL
        AND NOT disabled AND NOT overflow ORDER BY starts_at LIMIT 4) AS next) AS slots
WHERE d.account_id = ANY ($1::uuid[])
"""
PAGE = Template(
    "<ul>{% for d in doctors %}<li>{{ d.first_name }} {{ d.last_name }} {{ d.consultation_fee }}"
    "{% for t in d.times or [] %} <a href='/slots/{{ d.account_id }}'>{{ t.strftime('%H:%M') }}</a>"
    "{% endfor %}</li>{% endfor %}</ul>",
    autoescape=True,
)


@get("/doctors", sync_to_thread=False)
async def search(request: Request) -> Response[str]:
    async with request.app.state.pool.acquire() as conn:
        doctors = await conn.fetch(DOCTORS, request.app.state.ids)
    return Response(PAGE.render(doctors=doctors), media_type="text/html")


def create() -> Litestar:
    @asynccontextmanager
    async def running(app: Any) -> AsyncIterator[None]:
        app.state.pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=1, max_size=8)
        app.state.ids = [row[0] for row in await app.state.pool.fetch("SELECT account_id FROM doctor LIMIT 10")]
        yield
        await app.state.pool.close()

    return Litestar([search], lifespan=[running])
