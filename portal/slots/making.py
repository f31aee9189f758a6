"""Making slots from weekly sessions: the missing days of a doctor, and the days of a session that has changed.

Whoever makes slots of a doctor first locks the doctor's row of `slot_horizon`; two processes that look at the same
doctor at once take turns. Holding and booking never wait for that lock.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from datetime import date, time, timedelta
from typing import Any, TypeVar
from uuid import UUID

from portal import db, live
from portal.accounts.events import follow_zones
from portal.accounts.schemas import NO_ADDRESS
from portal.ids import uuid7
from portal.notifications.actions import notify_in_tx
from portal.slots.calendar import DateChange, Hours, Place, Plan, openings_between, places_between
from portal.slots.events import tell_day
from portal.slots.schemas import ServiceType, SlotChanges

T = TypeVar("T")

LOCK = """
INSERT INTO slot_horizon (doctor_id, made_until) VALUES ($1, '2000-01-01')
ON CONFLICT (doctor_id) DO UPDATE SET made_until = slot_horizon.made_until
RETURNING made_until, (clock_timestamp() AT TIME ZONE 'UTC')::date AS today
"""
PLANS = """
SELECT w.id, w.clinic_id, w.day_of_week, w.session_start_time, w.session_end_time, w.service_type, w.max_queue_size,
    w.estimated_consultation_minutes, w.effective_from, w.effective_to, coalesce(c.time_zone, a.time_zone) AS time_zone,
    (SELECT jsonb_agg(jsonb_build_object('date', o.date, 'kind', o.kind, 'start', o.session_start_time,
        'end', o.session_end_time, 'places', o.max_queue_size)) FROM session_override o
        WHERE o.session_id = w.id) AS exceptions
FROM weekly_session w JOIN account a ON a.id = w.doctor_id LEFT JOIN clinic c ON c.id = w.clinic_id
WHERE w.doctor_id = $1 AND w.deleted_at IS NULL AND ($2::uuid IS NULL OR w.id = $2)
"""
INSERT = """
INSERT INTO slot (id, doctor_id, session_id, clinic_id, date, position, starts_at, ends_at, local_start, time_zone,
    service_type, overflow)
SELECT p.id, $1, p.session_id, p.clinic_id, p.date, p.position, p.starts_at, p.ends_at, p.local_start, p.time_zone,
    p.service_type, p.overflow
FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::date[], $6::smallint[], $7::timestamptz[], $8::timestamptz[],
    $9::time[], $10::text[], $11::text[], $12::boolean[])
    AS p (id, session_id, clinic_id, date, position, starts_at, ends_at, local_start, time_zone, service_type, overflow)
WHERE p.starts_at > clock_timestamp()
ORDER BY p.starts_at, p.position
ON CONFLICT DO NOTHING
RETURNING id, date, starts_at
"""
MADE = "UPDATE slot_horizon SET made_until = $2 WHERE doctor_id = $1"
# A slot that still is what the session says keeps its id, and with it a hold or a closed state.
REMOVE = """
DELETE FROM slot s
WHERE s.session_id = $1 AND s.date BETWEEN $2 AND $3 AND s.appointment_id IS NULL AND s.starts_at > clock_timestamp()
    AND NOT EXISTS (
        SELECT FROM unnest($4::date[], $5::smallint[], $6::timestamptz[], $7::timestamptz[], $8::boolean[])
            AS p (date, position, starts_at, ends_at, overflow)
        WHERE p.date = s.date AND p.position = s.position AND p.starts_at = s.starts_at AND p.ends_at = s.ends_at
            AND p.overflow = s.overflow AND s.service_type = $9 AND s.clinic_id IS NOT DISTINCT FROM $10
            AND s.time_zone = $11)
RETURNING s.date, s.starts_at
"""
# The sessions that take place on the clock of a clinic, or of a doctor where there is none.
ON_CLOCK = """
SELECT doctor_id, array_agg(id ORDER BY id) AS sessions FROM weekly_session
WHERE deleted_at IS NULL AND CASE WHEN $1::uuid IS NULL THEN clinic_id IS NULL AND doctor_id = $2 ELSE clinic_id = $1 END
GROUP BY doctor_id ORDER BY doctor_id
"""
COUNT = "SELECT count(*) FROM slot WHERE session_id = $1 AND date BETWEEN $2 AND $3 AND starts_at > clock_timestamp()"
# Booked visits are never moved or cancelled by a change of the schedule: those outside its hours are marked for the
# clinic, and the mark goes when they fit again.
ATTENTION = """
UPDATE appointment p SET needs_attention = CASE WHEN f.fits THEN NULL ELSE 'SCHEDULE_CHANGED' END
FROM (
    SELECT s.appointment_id, h.date IS NOT NULL AND s.clinic_id IS NOT DISTINCT FROM $8
        AND $9 IN ('BOTH', b.appointment_type)
        AND CASE WHEN s.overflow THEN s.position <= h.places ELSE s.starts_at >= h.opening AND s.ends_at <= h.closing END AS fits
    FROM slot s JOIN appointment b ON b.id = s.appointment_id
        LEFT JOIN unnest($4::date[], $5::timestamptz[], $6::timestamptz[], $7::smallint[])
            AS h (date, opening, closing, places) ON h.date = s.date
    WHERE s.session_id = $1 AND s.date BETWEEN $2 AND $3 AND s.appointment_id IS NOT NULL AND s.starts_at > clock_timestamp()
) f
WHERE p.id = f.appointment_id AND p.status IN ('BOOKED', 'CHECKED_IN')
    AND p.needs_attention IS NOT DISTINCT FROM CASE WHEN f.fits THEN 'SCHEDULE_CHANGED' END
RETURNING p.id, p.patient_id, p.doctor_id, p.clinic_id, NOT f.fits AS unfit
"""
# Its words are found by the worker: `portal/appointments/mails.py`.
MAIL_UNFIT = """
INSERT INTO mail (id, account_id, recipient, about, about_id)
SELECT new_id(), p.id, p.email, 'appointment.schedule_changed', a.id
FROM appointment a JOIN account p ON p.id = a.patient_id
WHERE a.id = ANY($1::uuid[]) AND p.email NOT LIKE '%' || $2
"""
UNFIT = """
SELECT count(*) FROM appointment p JOIN slot s ON s.appointment_id = p.id
WHERE s.session_id = $1 AND s.date BETWEEN $2 AND $3 AND s.starts_at > clock_timestamp()
    AND p.needs_attention = 'SCHEDULE_CHANGED'
"""
RESHAPED = """
INSERT INTO slot_day (doctor_id, date) SELECT $1, unnest($2::date[])
ON CONFLICT (doctor_id, date) DO UPDATE SET reshaped_at = clock_timestamp()
"""


async def make_missing_in_tx(doctor_id: UUID, horizon_days: int) -> int:
    """Make the slots of a doctor's sessions up to the horizon; how many are new."""
    made_until, today = await lock_in_tx(doctor_id)
    target = today + timedelta(days=horizon_days + 1)  # zones ahead of UTC are a date ahead
    if made_until >= target:
        return 0
    first = max(made_until + timedelta(days=1), today - timedelta(days=1))
    places = [place for plan in await read_plans_in_tx(doctor_id) for place in places_between(plan, first, target)]
    added = await insert_in_tx(doctor_id, places)
    await db.execute(MADE, doctor_id, target)
    return len(added)


async def lock_in_tx(doctor_id: UUID) -> tuple[date, date]:
    """Take the doctor's turn at making slots: until when they are made, and today's date in UTC."""
    row = await db.fetch_row(LOCK, doctor_id)
    if row is None:  # an upsert that answers nothing cannot be
        raise LookupError(doctor_id)
    return row["made_until"], row["today"]


async def read_plans_in_tx(doctor_id: UUID, session_id: UUID | None = None) -> list[Plan]:
    """The doctor's sessions, or one of them, with their exceptions."""
    return [plan_of(row) for row in await db.fetch(PLANS, doctor_id, session_id)]


def plan_of(row: Any) -> Plan:
    """A stored session as the calendar's arithmetic takes it."""
    return Plan(
        session_id=row["id"],
        clinic_id=row["clinic_id"],
        time_zone=row["time_zone"],
        day_of_week=row["day_of_week"],
        hours=Hours(
            start=row["session_start_time"],
            end=row["session_end_time"],
            minutes=row["estimated_consultation_minutes"],
            places=row["max_queue_size"],
        ),
        service_type=ServiceType(row["service_type"]),
        effective_from=row["effective_from"],
        effective_to=row["effective_to"],
        exceptions={date.fromisoformat(one["date"]): change_of(one) for one in row["exceptions"] or []},
    )


def change_of(one: dict[str, Any]) -> DateChange:
    """A stored exception as the calendar's arithmetic takes it."""
    return DateChange(
        cancelled=one["kind"] == "CANCELLED",
        start=time.fromisoformat(one["start"]) if one["start"] else None,
        end=time.fromisoformat(one["end"]) if one["end"] else None,
        places=one["places"],
    )


async def insert_in_tx(doctor_id: UUID, places: Sequence[Place]) -> list[Any]:
    """Add slots in one statement; what overlaps with another one, or is past, is left out."""
    if not places:
        return []
    ids = [uuid7() for _ in places]
    services = [place.service_type.value for place in places]
    before = columns(places, "session_id", "clinic_id", "date", "position", "start", "end", "local_start", "time_zone")
    return await db.fetch(INSERT, doctor_id, ids, *before, services, *columns(places, "overflow"))


async def remake_in_tx(doctor_id: UUID, session_id: UUID) -> SlotChanges:
    """Make a session's coming slots what it now says, after it or its exceptions have changed.

    The doctor's other slots must have been made, and the turn taken, before the change: `make_missing_in_tx`.
    """
    made_until, today = await lock_in_tx(doctor_id)
    span = (session_id, today - timedelta(days=1), made_until)
    plans = await read_plans_in_tx(doctor_id, session_id)
    places = [place for plan in plans for place in places_between(plan, span[1], made_until)]
    service, clinic_id, zone = (
        (plans[0].service_type.value, plans[0].clinic_id, plans[0].time_zone) if plans else ("", None, "")
    )
    removed = await db.fetch(
        REMOVE, *span, *columns(places, "date", "position", "start", "end", "overflow"), service, clinic_id, zone
    )
    added = await insert_in_tx(doctor_id, places)
    days = {row["date"] for row in (*removed, *added)}
    await reshape_in_tx(doctor_id, days)
    for day in sorted(days):
        tell_day(doctor_id, day, "slot.added" if added else "slot.removed")
    await mark_unfit_in_tx(span, plans, service, clinic_id)
    return SlotChanges(
        added=len(added),
        removed=len(removed),
        kept=await db.fetch_value(COUNT, *span) - len(added),
        need_attention=await db.fetch_value(UNFIT, *span),
    )


@follow_zones
async def follow_zone_in_tx(clinic_id: UUID | None, account_id: UUID | None) -> None:
    """Make the coming slots of all sessions on a clock again, after it was set to another zone."""
    async with db.as_portal():  # a clinic's clock is that of all its doctors and patients, whoever has set it
        for row in await db.fetch(ON_CLOCK, clinic_id, account_id):
            # A second time, since the new hours of one session may be where those of the next were until then.
            for session_id in [*row["sessions"], *(row["sessions"] if len(row["sessions"]) > 1 else ())]:
                await remake_in_tx(row["doctor_id"], session_id)


async def mark_unfit_in_tx(
    span: tuple[UUID, date, date], plans: list[Plan], service: str, clinic_id: UUID | None
) -> None:
    """Mark booked visits that the schedule has left behind, tell their patients, and unmark those that fit again."""
    openings = [one for plan in plans for one in openings_between(plan, span[1], span[2])]
    hours = [list(column) for column in zip(*openings, strict=True)] or [[], [], [], []]
    await tell_unfit_in_tx(await db.fetch(ATTENTION, *span, *hours, clinic_id, service))


async def tell_unfit_in_tx(rows: Iterable[Any]) -> None:
    """Tell the patients of visits that the schedule has left behind, by mail too, and show the change to all concerned."""
    rows = list(rows)
    if unfit := [row["id"] for row in rows if row["unfit"]]:
        await db.execute(MAIL_UNFIT, unfit, NO_ADDRESS)
    for row in rows:
        if row["unfit"]:
            await notify_in_tx(row["patient_id"], "appointment.schedule_changed", f"/appointments/{row['id']}")
        topics = [f"appointment:{row['id']}", f"user:{row['patient_id']}", f"user:{row['doctor_id']}"]
        for topic in [*topics, *([f"clinic:{row['clinic_id']}"] if row["clinic_id"] else [])]:
            live.publish(topic, "appointment.changed", appointment_id=row["id"])


def columns(places: Sequence[Place], *names: str) -> list[list[Any]]:
    """Some fields of places as the arrays that `unnest` takes."""
    return [[getattr(place, name) for place in places] for name in names]


async def reshape_in_tx(doctor_id: UUID, days: Iterable[date]) -> None:
    """Remember that slots were added to these days, or removed from them."""
    await db.execute(RESHAPED, doctor_id, sorted(set(days)))


class _Rehearsed(Exception):
    """Ends a transaction that was never meant to be kept."""


async def rehearse(work: Callable[[], Awaitable[T]]) -> T:
    """What some work in a transaction would bring, without keeping it: previews run what saving will run."""
    found: list[T] = []
    with suppress(_Rehearsed):
        async with db.transaction():
            found.append(await work())
            raise _Rehearsed
    return found[0]
