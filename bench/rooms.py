"""Joining a video visit: the portal's part of it, from the request to the answer with which a browser enters the call."""

import asyncio
import json
import time
from collections.abc import Iterator
from uuid import UUID

import asyncpg

from bench.cast import DOCTOR, PATIENT, Doctor, Patient, sign_in
from bench.client import Caller, percentile, request
from bench.figures import Figure, Figures
from bench.servers import Servers, Stage
from portal.ids import uuid7

VISITS, QUICK_VISITS = 400, 60
AT_ONCE = 8
VISIT = """
INSERT INTO appointment (id, patient_id, doctor_id, date, starts_at, ends_at, time_zone, appointment_type, status, booked_by)
SELECT v, p, d, current_date, clock_timestamp(), clock_timestamp() + interval '15 minutes', 'UTC', 'VIRTUAL', 'BOOKED', p
FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS u (v, p, d)
"""
SESSION = """
INSERT INTO video_session (id, appointment_id, booking_type, doctor_id, patient_id, scheduled_start_time, scheduled_end_time)
SELECT gen_random_uuid(), id, 'DIRECT_DOCTOR', doctor_id, patient_id, starts_at, ends_at FROM appointment WHERE id = ANY ($1)
RETURNING id, patient_id
"""


async def make_rooms(url: str, number: int) -> list[tuple[UUID, Patient, Doctor]]:
    """Visits by video that begin at this moment, each with two people of its own."""
    connection = await asyncpg.connect(url)
    patients, doctors = await sign_in(connection, Patient, number), await sign_in(connection, Doctor, number)
    await connection.executemany(PATIENT, [(one.id,) for one in patients])
    await connection.executemany(DOCTOR, [(one.id,) for one in doctors])
    visits = [uuid7() for _ in patients]
    await connection.execute(VISIT, visits, [one.id for one in patients], [one.id for one in doctors])
    rooms = {row["patient_id"]: row["id"] for row in await connection.fetch(SESSION, visits)}
    await connection.execute("ANALYZE appointment, video_session")
    await connection.close()
    return [(rooms[patient.id], patient, doctor) for patient, doctor in zip(patients, doctors, strict=True)]


async def joins(stage: Stage, servers: Servers) -> Figures:
    """The first one comes and waits, then the second one and the visit begins: status, history, audit, events, trail."""
    rooms = await make_rooms(stage.url, QUICK_VISITS if stage.quick else VISITS)
    left: Iterator[tuple[UUID, Patient, Doctor]] = iter(rooms)
    took: list[float] = []

    async def enter() -> None:
        async with Caller(servers.portal) as caller:
            for room, patient, doctor in left:
                for who in (patient, doctor):
                    asked = request("POST", f"/api/video/sessions/{room}/join", b"{}", Authorization=who.bearer)
                    begun = time.perf_counter()
                    status, answer = await caller.ask(asked)
                    took.append((time.perf_counter() - begun) * 1000)
                    if status != 200 or json.loads(answer)["provider"] != "webrtc":
                        raise RuntimeError(f"answered {status}: {answer[:300]!r}")

    begun = time.perf_counter()
    await asyncio.gather(*(enter() for _ in range(AT_ONCE)))
    note = f"{len(took)} joins of {len(rooms)} visits, {len(took) / (time.perf_counter() - begun):.0f} a second"
    return {"join_p50": Figure(percentile(took, 0.5), note=note), "join_p99": Figure(percentile(took, 0.99))}
