"""A doctor's week as a page needs it: who the doctor is and which version of each day is true, without the slots.

The version of a day is a checksum over all that the fragments of its slots depend on. A day that has been drawn in this
process is joined into the page as it is; its slots are read only when there is another version of it.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec

from portal import db
from portal.accounts.schemas import Actor
from portal.errors import NotFound
from portal.slots.queries import SEEN, STANDING, STATE, STILL_SEEN, slot_of
from portal.slots.schemas import DaySeen, DoctorCard, OwnHold, Slot, WeekSeen

# fmt: off
WEEK = """
WITH known AS MATERIALIZED (
    SELECT """ + STANDING + """, d.account_id AS id, d.qualifications, d.bio, d.languages, d.consultation_fee AS fee, d.rating,
        concat_ws(' ', nullif(d.title, ''), a.first_name, a.last_name) AS name, p.name AS specialty,
        (SELECT jsonb_agg(jsonb_build_object('id', c.id, 'name', c.name, 'city', c.city) ORDER BY c.name)
            FROM clinic_doctor w JOIN clinic c ON c.id = w.clinic_id AND c.active WHERE w.doctor_id = $1) AS clinics
    FROM doctor d JOIN account a ON a.id = d.account_id AND a.status = 'ACTIVE'
    LEFT JOIN slot_horizon h ON h.doctor_id = d.account_id LEFT JOIN specialty p ON p.id = d.specialty_id
    WHERE d.account_id = $1
), who AS (
    SELECT *, greatest(coalesce($3, next_free), today) AS first_day FROM known
)
SELECT who.*, seen.* FROM who LEFT JOIN LATERAL (
    SELECT s.date, count(*) FILTER (WHERE s.state = 'OPEN') AS free, min(s.time_zone) AS zone,
        bit_xor(hash_record_extended(ROW(s.id, s.changed_at, s.state, s.seconds_left), 0)) AS version
    FROM (
        SELECT s.id, s.date, s.time_zone, s.changed_at, """ + STATE + """ AS state,
            CASE WHEN s.held_until > clock_timestamp() THEN ceil(extract(epoch FROM s.held_until - clock_timestamp())) END
                AS seconds_left
        FROM slot s
        WHERE s.doctor_id = $1 AND s.date BETWEEN who.first_day AND who.first_day + 6 AND """ + STILL_SEEN + """
    ) AS s GROUP BY s.date
) AS seen ON true
ORDER BY seen.date
"""
SOME_DAYS = """
SELECT 0 AS consultation_fee, '' AS currency, """ + SEEN + """
FROM slot s WHERE s.doctor_id = $1 AND s.date = ANY ($2) AND """ + STILL_SEEN + """
ORDER BY s.starts_at, s.position
"""
# fmt: on


async def read_week(
    viewer: Actor | None, doctor_id: UUID, first: date | None, horizon_days: int
) -> tuple[WeekSeen, bool]:
    """Seven days from `first` (None: from the next that has a free time), in one statement.

    Also says whether all slots of these days have been made yet. Raises `NotFound` for a doctor whom nobody can book.
    """
    rows = await db.fetch(WEEK, doctor_id, viewer.id if viewer else None, first, public=True)
    if not rows:
        raise NotFound
    head = rows[0]
    last_day = head["today"] + timedelta(days=horizon_days)
    found = WeekSeen(
        doctor=_card(head),
        zone=head["zone"] or head["doctor_zone"],
        today=head["today"],
        first_day=head["first_day"],
        last_day=last_day,
        days=_seven_days(rows, last_day),
        holds=msgspec.convert(head["holds"] or [], list[OwnHold]),
        next_free=head["next_free"],
    )
    wanted = min(head["first_day"] + timedelta(days=6), last_day)
    return found, head["made_until"] is not None and head["made_until"] >= wanted


def _seven_days(rows: Sequence[Any], last_day: date) -> list[DaySeen]:
    """The days from the first on, as far as slots are made; one without any has version 0."""
    seen = {row["date"]: DaySeen(row["date"], row["version"], row["free"]) for row in rows}
    dates = (rows[0]["first_day"] + timedelta(days=number) for number in range(7))
    return [seen.get(day) or DaySeen(day, 0, 0) for day in dates if day <= last_day]


def _card(row: Any) -> DoctorCard:
    names = DoctorCard.__struct_fields__
    return msgspec.convert({name: row[name] for name in names} | {"clinics": row["clinics"] or []}, DoctorCard)


async def read_slots(doctor_id: UUID, days: list[date]) -> list[Slot]:
    """All slots of some days, as the grid shows them."""
    return [slot_of(row) for row in await db.fetch(SOME_DAYS, doctor_id, days, public=True)]
