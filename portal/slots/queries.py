"""Reads of slots: a doctor's days, one slot, and what live topics show."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor, Role
from portal.errors import FieldError, Forbidden, Invalid, NotFound
from portal.slots import policy
from portal.slots.schemas import (
    DoctorCard,
    DoctorSlots,
    LiveSlot,
    OwnHold,
    PlannedDoctor,
    ServiceType,
    Slot,
    SlotState,
    Workplace,
)
from portal.web.i18n import _

AHEAD_SECONDS = 20 * 60  # streams end and come back sooner than this; no timer is needed for what lies further ahead

# Statements put together from parts read best without brackets around them.
# fmt: off
# What everybody may see of a slot. Being held ends by the database's clock, read row by row, with no sweeper.
STATE = """
    CASE WHEN s.appointment_id IS NOT NULL THEN 'BOOKED' WHEN s.disabled THEN 'DISABLED'
         WHEN s.held_until > clock_timestamp() THEN 'HELD' ELSE 'OPEN' END
"""
SEEN = """
    s.id, s.doctor_id, s.date, s.position, s.starts_at, s.ends_at, s.local_start, s.time_zone, s.overflow,
    s.service_type, s.session_id, s.clinic_id, s.changed_at, """ + STATE + """ AS state,
    extract(epoch FROM s.held_until - clock_timestamp())::float8 AS seconds_left
"""
# Past times are nobody's any more, unless somebody has been seen then.
STILL_SEEN = "(s.starts_at > clock_timestamp() OR s.appointment_id IS NOT NULL)"
FREE = """
    s.appointment_id IS NULL AND NOT s.disabled AND NOT s.overflow AND s.starts_at > clock_timestamp()
    AND (s.held_until IS NULL OR s.held_until <= clock_timestamp())
"""

# Of doctor d with account a and horizon h, for the viewer $2: where the calendar stands, and what the viewer keeps of it.
STANDING = """
    d.account_id AS doctor, d.consultation_fee, d.currency, a.time_zone AS doctor_zone, h.made_until,
    (clock_timestamp() AT TIME ZONE a.time_zone)::date AS today,
    (SELECT s.date FROM slot s WHERE s.doctor_id = $1 AND""" + FREE + """ORDER BY s.starts_at LIMIT 1) AS next_free,
    (SELECT jsonb_agg(jsonb_build_object('slot_id', s.id, 'date', s.date, 'time_zone', s.time_zone,
            'local_start', to_char(s.local_start, 'HH24:MI'), 'expires_at', s.held_until, 'seconds_until_release',
            ceil(extract(epoch FROM s.held_until - clock_timestamp()))::int) ORDER BY s.starts_at)
        FROM slot s WHERE s.held_by = $2 AND s.doctor_id = $1 AND s.held_until > clock_timestamp()
        AND s.appointment_id IS NULL) AS holds
"""
DAYS = """
WITH known AS MATERIALIZED (
    SELECT """ + STANDING + """
    FROM doctor d JOIN account a ON a.id = d.account_id AND a.status = 'ACTIVE'
    LEFT JOIN slot_horizon h ON h.doctor_id = d.account_id
    WHERE d.account_id = $1
), who AS (
    SELECT *, coalesce($3, greatest(next_free, today)) AS first_day FROM known
)
SELECT who.*, """ + SEEN + """
FROM who LEFT JOIN slot s ON s.doctor_id = $1 AND s.date BETWEEN who.first_day AND coalesce($4, who.first_day + 6)
    AND """ + STILL_SEEN + """
ORDER BY s.starts_at, s.position
"""

ONE = """
SELECT d.consultation_fee, d.currency, """ + SEEN + """
FROM slot s JOIN doctor d ON d.account_id = s.doctor_id JOIN account a ON a.id = s.doctor_id AND a.status = 'ACTIVE'
WHERE s.id = $1
"""

OWN = ONE + "AND (s.doctor_id = $2 OR s.clinic_id = ANY($3::uuid[]))"

OWN_HOLD = """
SELECT s.id AS slot_id, s.date, to_char(s.local_start, 'HH24:MI') AS local_start, s.time_zone,
    s.held_until AS expires_at, ceil(extract(epoch FROM s.held_until - clock_timestamp()))::int AS seconds_until_release
FROM slot s
WHERE s.id = $1 AND s.held_by = $2 AND s.held_until > clock_timestamp() AND s.appointment_id IS NULL
"""

LIVE = """
SELECT 0 AS consultation_fee, '' AS currency, """ + SEEN + """,
    extract(epoch FROM s.starts_at - clock_timestamp())::float8 AS seconds_ahead, NOT """ + STILL_SEEN + """ AS gone
FROM slot s WHERE s.doctor_id = $1 AND s.date = $2
"""
IN_ORDER = " ORDER BY s.starts_at, s.position"
LIVE_SOME = LIVE + "AND s.id = ANY($3)" + IN_ORDER
LIVE_DAY = LIVE + "AND " + STILL_SEEN + IN_ORDER
# Changed since then, begun since then, or about to change by itself: a hold that ends, a time that comes.
LIVE_SINCE = LIVE + """
AND (s.changed_at > $3 OR s.held_until > $3 OR s.starts_at BETWEEN $3 AND clock_timestamp() + interval '20 minutes')
""" + IN_ORDER
RESHAPED = "SELECT EXISTS (SELECT FROM slot_day WHERE doctor_id = $1 AND date = $2 AND reshaped_at > $3)"

NEXT_FREE = """
SELECT d.consultation_fee, d.currency, """ + SEEN + """
FROM slot s JOIN doctor d ON d.account_id = s.doctor_id
WHERE s.doctor_id = $1 AND s.starts_at >= $2 AND""" + FREE + "ORDER BY s.starts_at LIMIT $3"


CARD = """
SELECT d.account_id AS id, concat_ws(' ', nullif(d.title, ''), a.first_name, a.last_name) AS name, s.name AS specialty,
    d.qualifications, d.bio, d.languages, d.consultation_fee AS fee, d.currency, d.rating,
    (SELECT jsonb_agg(jsonb_build_object('id', c.id, 'name', c.name, 'city', c.city) ORDER BY c.name)
        FROM clinic_doctor w JOIN clinic c ON c.id = w.clinic_id AND c.active WHERE w.doctor_id = d.account_id) AS clinics
FROM doctor d JOIN account a ON a.id = d.account_id AND a.status = 'ACTIVE' LEFT JOIN specialty s ON s.id = d.specialty_id
WHERE d.account_id = $1
"""

PLANNED = """
SELECT d.account_id AS id, concat_ws(' ', nullif(d.title, ''), a.first_name, a.last_name) AS name, $2::boolean AS own,
    (SELECT jsonb_agg(jsonb_build_object('id', c.id, 'name', c.name) ORDER BY c.name)
        FROM clinic_doctor w JOIN clinic c ON c.id = w.clinic_id
        WHERE w.doctor_id = $1 AND ($2 OR c.id = ANY($3::uuid[]))) AS clinics
FROM doctor d JOIN account a ON a.id = d.account_id WHERE d.account_id = $1
"""
WORKPLACE = """
SELECT coalesce(c.time_zone, a.time_zone) AS time_zone, clock_timestamp() AS now,
    $2::uuid IS NULL OR EXISTS (SELECT FROM clinic_doctor w WHERE w.clinic_id = $2 AND w.doctor_id = $1) AS works_there
FROM doctor d JOIN account a ON a.id = d.account_id LEFT JOIN clinic c ON c.id = $2
WHERE d.account_id = $1
"""
# fmt: on


async def read_days(
    viewer: Actor | None, doctor_id: UUID, first: date | None, last: date | None, horizon_days: int
) -> tuple[DoctorSlots, bool]:
    """A doctor's slots from `first` to `last` (None: seven days from the next free one), in one statement.

    Also says whether all slots of these days have been made yet. Raises `NotFound` for a doctor whom nobody can book.
    """
    rows = await db.fetch(DAYS, doctor_id, viewer.id if viewer else None, first, last, public=True)
    if not rows:
        raise NotFound
    head = rows[0]
    last_day = date.fromordinal(head["today"].toordinal() + horizon_days)
    wanted = min(last or date.fromordinal(head["first_day"].toordinal() + 6), last_day)
    found = DoctorSlots(
        doctor_id=doctor_id,
        time_zone=head["doctor_zone"],
        today=head["today"],
        first_day=head["first_day"],
        last_day=last_day,
        slots=[slot_of(row) for row in rows if row["id"] is not None],
        holds=msgspec.convert(head["holds"] or [], list[OwnHold]),
        next_free=head["next_free"],
    )
    return found, head["made_until"] is not None and head["made_until"] >= wanted


def slot_of(row: Any) -> Slot:
    """A row of the statements above as everybody sees it."""
    held = row["state"] == SlotState.HELD
    return Slot(
        id=row["id"],
        doctor_id=row["doctor_id"],
        date=row["date"],
        position=row["position"],
        start=row["starts_at"],
        end=row["ends_at"],
        local_start=row["local_start"].isoformat("minutes"),
        time_zone=row["time_zone"],
        state=SlotState(row["state"]),
        overflow=row["overflow"],
        service_type=ServiceType(row["service_type"]),
        session_id=row["session_id"],
        clinic_id=row["clinic_id"],
        fee=row["consultation_fee"],
        currency=row["currency"],
        seconds_until_release=max(1, int(-(-row["seconds_left"] // 1))) if held else None,
    )


async def get_slot(_viewer: Actor | None, slot_id: UUID) -> Slot:
    """One slot, as everybody sees it. Raises `NotFound`."""
    row = await db.fetch_row(ONE, slot_id, public=True)
    if row is None:
        raise NotFound
    return slot_of(row)


async def get_own_slot(actor: Actor, slot_id: UUID) -> Slot:
    """One slot that the actor may plan. Raises `Forbidden`, `NotFound`."""
    row = await db.fetch_row(OWN, slot_id, *scope_of(actor))
    if row is None:
        raise NotFound
    return slot_of(row)


async def get_doctor_card(_viewer: Actor | None, doctor_id: UUID) -> DoctorCard:
    """Who the doctor is. Raises `NotFound` for one whom nobody can book."""
    row = await db.fetch_row(CARD, doctor_id, public=True)
    if row is None:
        raise NotFound
    return msgspec.convert({**row, "clinics": row["clinics"] or []}, DoctorCard)


async def find_own_hold(actor: Actor, slot_id: UUID) -> OwnHold | None:
    """The actor's live hold of a slot, or none."""
    row = await db.fetch_row(OWN_HOLD, slot_id, actor.id, public=True)
    return None if row is None else msgspec.convert(dict(row), OwnHold)


async def next_free(doctor_id: UUID, after: datetime, limit: int = 3) -> list[Slot]:
    """The next slots of a doctor that anybody can take, not before a moment."""
    return [slot_of(row) for row in await db.fetch(NEXT_FREE, doctor_id, after, limit, public=True)]


async def live_slots(doctor_id: UUID, day: date, slot_ids: Iterable[UUID]) -> list[LiveSlot]:
    """Some slots of a day as they are now."""
    return [live_slot_of(row) for row in await db.fetch(LIVE_SOME, doctor_id, day, list(slot_ids), public=True)]


async def live_day(doctor_id: UUID, day: date) -> list[LiveSlot]:
    """The whole day as it is now."""
    return [live_slot_of(row) for row in await db.fetch(LIVE_DAY, doctor_id, day, public=True)]


async def live_since(doctor_id: UUID, day: date, since: datetime) -> list[LiveSlot] | None:
    """What changed after a moment, by time passing too, and what will change by itself soon.

    None when slots were added or removed meanwhile: then only the whole day tells the truth.
    """
    if await db.fetch_value(RESHAPED, doctor_id, day, since, public=True):
        return None
    return [live_slot_of(row) for row in await db.fetch(LIVE_SINCE, doctor_id, day, since, public=True)]


def live_slot_of(row: Any) -> LiveSlot:
    """A row of the live statements, with how long it stays what it is."""
    slot = slot_of(row)
    ends = []
    if 0 < row["seconds_ahead"] <= AHEAD_SECONDS and slot.state is not SlotState.BOOKED:
        ends.append(row["seconds_ahead"])
    if slot.state is SlotState.HELD:
        ends.append(row["seconds_left"])
    return LiveSlot(slot=slot, gone=row["gone"], expires_in=min(ends, default=None))


async def find_workplace(actor: Actor, doctor_id: UUID, clinic_id: UUID | None, service_type: ServiceType) -> Workplace:
    """Where a doctor's times stand and on which clock, for those who may plan there.

    Raises `Forbidden` for other roles, `NotFound` for other people's doctors, `Invalid` for a clinic that is not theirs.
    """
    if not policy.may_plan(actor):
        raise Forbidden
    row = await db.fetch_row(WORKPLACE, doctor_id, clinic_id)
    if row is None or (actor.role is Role.DOCTOR and actor.id != doctor_id):
        raise NotFound
    if not policy.may_manage(actor, doctor_id, clinic_id):
        raise Invalid([FieldError("clinic_id", _("Choose one of your clinics."))])
    if not row["works_there"]:
        if actor.role is Role.CLINIC_ADMIN:
            raise NotFound
        raise Invalid([FieldError("clinic_id", _("You do not work at this clinic."))])
    if clinic_id is None and service_type is not ServiceType.VIRTUAL:
        raise Invalid([FieldError("service_type", _("Without a clinic only video visits are possible."))])
    return Workplace(doctor_id, clinic_id, row["time_zone"], row["now"])


def scope_of(actor: Actor) -> tuple[UUID | None, list[UUID]]:
    """Whose times an actor may plan: the doctor's own, or those at the clinics of an admin. Raises `Forbidden`."""
    if not policy.may_plan(actor):
        raise Forbidden
    return (actor.id, []) if actor.role is Role.DOCTOR else (None, list(actor.clinic_ids))


async def get_planned_doctor(actor: Actor, doctor_id: UUID) -> PlannedDoctor:
    """A doctor whom the actor may plan for: oneself, or one at the admin's clinics. Raises `Forbidden`, `NotFound`."""
    own_id, clinic_ids = scope_of(actor)
    row = await db.fetch_row(PLANNED, doctor_id, own_id == doctor_id, clinic_ids)
    if row is None or not (row["own"] or row["clinics"]):
        raise NotFound
    return msgspec.convert({**row, "clinics": row["clinics"] or []}, PlannedDoctor)
