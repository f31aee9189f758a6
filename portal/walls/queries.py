"""Reading what a clinic's screens show, and which screens it has."""

from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts import tokens
from portal.accounts.schemas import Actor
from portal.clinics.policy import may_run
from portal.errors import NotFound
from portal.walls.schemas import Wall, WallLink, WallLinks, WallQueue

# $1 the hash of the secret. One row for each queue of today on the clinic's clock, or a single one without a session.
# Of a visit only its number and its state are read.
WALL = """
WITH link AS (
    SELECT w.id, c.id AS clinic_id, c.name AS clinic_name, c.time_zone, clock_timestamp() AS at
    FROM wall_link w JOIN clinic c ON c.id = w.clinic_id WHERE w.token_hash = $1 AND w.revoked_at IS NULL
), seen AS (
    UPDATE wall_link w SET last_seen_at = clock_timestamp() FROM link
    WHERE w.id = link.id AND (w.last_seen_at IS NULL OR w.last_seen_at < clock_timestamp() - interval '1 minute')
), visits AS (
    SELECT a.id, a.session_id, a.date, a.doctor_id, a.starts_at, a.status, a.queue_position AS number, a.queue_rank,
        a.called_at, coalesce(a.called_at, a.actual_start_time) AS turn,
        a.status = 'IN_PROGRESS' OR a.called_at IS NOT NULL AS now
    FROM appointment a JOIN link ON a.clinic_id = link.clinic_id AND a.date = (link.at AT TIME ZONE link.time_zone)::date
    WHERE a.session_id IS NOT NULL AND a.status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS')
), queues AS (
    SELECT session_id, date, doctor_id, min(starts_at) AS starts_at, max(called_at) AS called_at,
        (array_agg(number ORDER BY status = 'IN_PROGRESS', turn DESC, id) FILTER (WHERE now))[1] AS now_serving,
        coalesce((array_agg(number ORDER BY queue_rank, number, id)
                  FILTER (WHERE status = 'CHECKED_IN' AND NOT now AND number IS NOT NULL))[1:4], '{}') AS next
    FROM visits GROUP BY session_id, date, doctor_id
)
SELECT link.clinic_id, link.clinic_name, link.time_zone, link.at, q.session_id, q.starts_at, q.called_at, q.now_serving, q.next,
    ltrim(d.title || ' ' || a.first_name || ' ' || a.last_name) AS doctor_name, coalesce(day.delay_minutes, 0) AS delay_minutes
FROM link LEFT JOIN queues q ON true LEFT JOIN doctor d ON d.account_id = q.doctor_id LEFT JOIN account a ON a.id = q.doctor_id
LEFT JOIN queue_day day ON day.session_id = q.session_id AND day.date = q.date
ORDER BY q.starts_at, doctor_name, q.session_id LIMIT 24
"""
OWN = """
SELECT id, clinic_id, name, created_at, last_seen_at FROM wall_link
WHERE clinic_id = $1 AND revoked_at IS NULL ORDER BY created_at, id LIMIT 100
"""
HAS_SCREEN = "SELECT EXISTS (SELECT FROM wall_link WHERE clinic_id = $1 AND revoked_at IS NULL)"


async def wall(token: str) -> Wall:
    """What a screen shows. Raises `NotFound` for a link that is revoked or never was."""
    async with db.as_portal():  # a screen is nobody; the statement reads numbers and states of visits, and no names
        rows = await db.fetch(WALL, tokens.token_hash(token))
    if not rows:
        raise NotFound
    first = rows[0]
    return Wall(
        clinic_id=first["clinic_id"], clinic_name=first["clinic_name"], time_zone=first["time_zone"], at=first["at"],
        queues=[_queue(row) for row in rows if row["session_id"]],
    )  # fmt: skip


def _queue(row: Any) -> WallQueue:
    return msgspec.convert({name: row[name] for name in WallQueue.__struct_fields__}, WallQueue)


async def walls(actor: Actor, clinic_id: UUID) -> WallLinks:
    """The screens of one of the actor's clinics. Raises `NotFound` for another's."""
    if not may_run(actor, clinic_id):
        raise NotFound
    found = [msgspec.convert(dict(row), WallLink) for row in await db.fetch(OWN, clinic_id)]
    return WallLinks(total=len(found), walls=found)


async def has_screen(clinic_id: UUID) -> bool:
    """Whether the clinic has a link that is valid."""
    async with db.as_portal():  # whoever asks is nobody, and learns no more
        return bool(await db.fetch_value(HAS_SCREEN, clinic_id))
