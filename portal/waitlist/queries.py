"""One's own places on the waitlist, and what is offered."""

from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.errors import NotFound
from portal.waitlist import statements
from portal.waitlist.schemas import Entry, EntryList, EntryStatus, Offer

_OFFER = """
SELECT o.id, o.entry_id, o.slot_id, o.status, o.offered_at, o.expires_at,
    greatest(0, ceil(extract(epoch FROM o.expires_at - clock_timestamp())))::int AS seconds_left,
    s.doctor_id, ltrim(d.title || ' ' || da.first_name || ' ' || da.last_name) AS doctor_name, sp.name AS specialty,
    c.name AS clinic_name, nullif(concat_ws(', ', nullif(c.address_line, ''), nullif(c.city, '')), '') AS clinic_address,
    s.starts_at AS start_time, s.ends_at AS end_time, s.time_zone, s.date,
    CASE WHEN e.service_type = 'BOTH' THEN s.service_type ELSE e.service_type END AS service_type, b.id AS appointment_id
FROM waitlist_offer o JOIN waitlist_entry e ON e.id = o.entry_id JOIN slot s ON s.id = o.slot_id
JOIN doctor d ON d.account_id = s.doctor_id JOIN account da ON da.id = s.doctor_id
LEFT JOIN specialty sp ON sp.id = d.specialty_id LEFT JOIN clinic c ON c.id = s.clinic_id
LEFT JOIN appointment b ON b.id = s.appointment_id AND b.patient_id = o.patient_id
WHERE o.patient_id = $1 AND """
_ONE = _OFFER + "o.id = $2"
_OPEN = _OFFER + "o.status = 'OPEN' AND o.expires_at > clock_timestamp() AND ($2::uuid IS NULL OR o.id = $2)"
_ENTRIES = """
SELECT e.id, e.doctor_id, ltrim(d.title || ' ' || da.first_name || ' ' || da.last_name) AS doctor_name, e.specialty_id,
    coalesce(sp.name, own.name) AS specialty, e.first_date AS from_, e.last_date AS to, e.service_type, e.status, e.created_at,
    count(*) OVER () AS total
FROM waitlist_entry e LEFT JOIN doctor d ON d.account_id = e.doctor_id LEFT JOIN account da ON da.id = e.doctor_id
LEFT JOIN specialty sp ON sp.id = e.specialty_id LEFT JOIN specialty own ON own.id = d.specialty_id
WHERE e.patient_id = $1 AND ($2::uuid IS NULL OR e.id = $2)
ORDER BY e.status = 'WAITING' DESC, e.created_at DESC, e.id LIMIT $3 OFFSET $4
"""
_COUNT = "SELECT count(*) FROM waitlist_entry WHERE patient_id = $1"


async def list_entries(actor: Actor, skip: int = 0, limit: int = 10) -> EntryList:
    """The actor's own wishes, those that still wait on top, each with what is kept for it now."""
    rows = await db.fetch(_ENTRIES, actor.id, None, limit, skip)
    offers = {row["entry_id"]: offer_of(row) for row in await db.fetch(_OPEN, actor.id, None)} if rows else {}
    total = rows[0]["total"] if rows else await db.fetch_value(_COUNT, actor.id) if skip else 0
    found = [_entry(row, offers.get(row["id"])) for row in rows]
    return EntryList(total=total, skip=skip, limit=limit, entries=found)


async def get_entry(actor: Actor, entry_id: UUID) -> Entry:
    """One of the actor's own wishes. Raises `NotFound`."""
    rows = await db.fetch(_ENTRIES, actor.id, entry_id, 1, 0)
    if not rows:
        raise NotFound
    return _entry(rows[0], None)


async def get_offer(actor: Actor, offer_id: UUID) -> Offer:
    """One of the actor's own offers, also one that is over. Raises `NotFound`."""
    row = await db.fetch_row(_ONE, actor.id, offer_id)
    if row is None:
        raise NotFound
    return offer_of(row)


async def freed_slots(seconds: float) -> list[UUID]:
    """Free times that somebody waits for and that nobody has been offered."""
    return [row["id"] for row in await db.fetch(statements.FREED, None, seconds)]


_ABOUT = """
SELECT ltrim(d.title || ' ' || a.first_name || ' ' || a.last_name) AS name FROM doctor d JOIN account a ON a.id = d.account_id
WHERE d.account_id = $1 AND a.status = 'ACTIVE'
UNION ALL SELECT name FROM specialty WHERE id = $2 AND active
"""


async def name_of_wish(doctor_id: UUID | None, specialty_id: UUID | None) -> str:
    """The doctor or the specialty that somebody wants to wait for. Raises `NotFound`."""
    name = await db.fetch_value(_ABOUT, doctor_id, specialty_id, public=True)
    if name is None:
        raise NotFound
    return str(name)


def offer_of(row: Any) -> Offer:
    """A row as a Struct."""
    return msgspec.convert(dict(row), Offer)


def _entry(row: Any, offer: Offer | None) -> Entry:
    values = {name: row[name] for name in row.keys() if name != "total"}  # noqa: SIM118  # a record iterates its values
    return Entry(**values | {"status": EntryStatus(row["status"]), "offer": offer})
