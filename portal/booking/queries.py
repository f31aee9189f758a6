"""What the confirm pages show before a booking, in one statement each."""

from datetime import date
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.booking.schemas import PlaceOffer, SlotOffer
from portal.errors import NotFound

_PEOPLE = """
    ltrim(d.title || ' ' || da.first_name || ' ' || da.last_name) AS doctor_name, sp.name AS specialty,
    c.name AS clinic_name, nullif(concat_ws(', ', nullif(c.address_line, ''), nullif(c.city, '')), '') AS clinic_address,
    d.consultation_fee, d.currency
"""
_OF_DOCTOR = """
    JOIN doctor d ON d.account_id = s.doctor_id
    JOIN account da ON da.id = s.doctor_id AND da.status = 'ACTIVE'
    LEFT JOIN specialty sp ON sp.id = d.specialty_id
    LEFT JOIN clinic c ON c.id = s.clinic_id
"""
_SLOT = """
SELECT s.id AS slot_id, s.doctor_id, s.starts_at AS start_time, s.ends_at AS end_time, s.time_zone, s.date, s.service_type,
    CASE WHEN s.appointment_id IS NOT NULL THEN 'slot_taken' WHEN s.starts_at <= clock_timestamp() THEN 'slot_past'
         WHEN s.disabled THEN 'slot_disabled' WHEN s.overflow THEN 'queue_only'
         WHEN s.held_by = $2 AND s.held_until <= clock_timestamp() THEN 'hold_expired'
         WHEN s.held_by <> $2 AND s.held_until > clock_timestamp() THEN 'slot_held' END AS refusal,
    CASE WHEN s.held_by = $2 AND s.held_until > clock_timestamp()
         THEN ceil(extract(epoch FROM s.held_until - clock_timestamp()))::int END AS seconds_left, s.held_until,
    (SELECT b.id FROM appointment b WHERE b.id = s.appointment_id AND b.patient_id = $2) AS own_appointment_id,
""" + _PEOPLE + " FROM slot s" + _OF_DOCTOR + " WHERE s.id = $1"  # fmt: skip
_PLACE = """
SELECT s.id AS session_id, s.doctor_id, $3::date AS date, coalesce(c.time_zone, da.time_zone) AS time_zone, s.service_type,
    n.position, n.starts_at AS start_time, coalesce(n.overflow, false) AS overflow,
    (SELECT count(*) FROM slot t WHERE t.session_id = s.id AND t.date = $3 AND t.appointment_id IS NOT NULL) AS taken,
    (SELECT b.id FROM appointment b WHERE b.patient_id = $2 AND b.session_id = s.id AND b.date = $3
        AND b.status IN ('BOOKED', 'CHECKED_IN', 'IN_PROGRESS') LIMIT 1) AS own_appointment_id,
""" + _PEOPLE + " FROM weekly_session s" + _OF_DOCTOR + """
    LEFT JOIN LATERAL (
        SELECT t.position, t.starts_at, t.overflow FROM slot t
        WHERE t.session_id = s.id AND t.date = $3 AND t.appointment_id IS NULL AND NOT t.disabled
            AND t.starts_at > clock_timestamp()
            AND (t.held_by IS NULL OR t.held_by = $2 OR t.held_until <= clock_timestamp())
        ORDER BY t.position LIMIT 1) n ON true
WHERE s.id = $1 AND s.deleted_at IS NULL AND s.day_of_week = extract(isodow FROM $3::date)
"""  # fmt: skip


async def offer_slot(actor: Actor, slot_id: UUID) -> SlotOffer:
    """A slot as its confirm page shows it to this patient. Raises `NotFound`."""
    row = await db.fetch_row(_SLOT, slot_id, actor.id)
    if row is None:
        raise NotFound
    return msgspec.convert(dict(row), SlotOffer)


async def offer_place(actor: Actor, session_id: UUID, day: date) -> PlaceOffer:
    """The next place of a session on a date. Raises `NotFound`, also for a day on which it never takes place."""
    row = await db.fetch_row(_PLACE, session_id, actor.id, day)
    if row is None:
        raise NotFound
    return msgspec.convert(dict(row), PlaceOffer)
