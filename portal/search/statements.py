"""The SQL of a search, put together from fixed pieces: a filter that is not asked for is not in it.

Cheap on any number of doctors. Where a filter leaves few of them, all that fit are read once, and counted by the way.
Where many are known to fit, they are walked in their order until enough have passed: the clinics outwards, or
`doctor_next_free`. That row is never later than the truth (see migration m0010), so the first candidates by it, put in
order by their slots themselves, are the first in truth.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from portal.search.schemas import Sort


class Kind(NamedTuple):
    """Which pieces a search needs; its values come as arguments $1 to $17.

    Numbers of the first page stand in its SQL: with them PostgreSQL sees that one plan suits every value, and keeps it.
    """

    specialty: bool
    words: bool
    language: bool
    service: bool
    day: bool
    fee: bool
    circle: bool
    order: Sort | None
    counted: bool
    many: bool  # many doctors are known to fit
    first: bool  # the first page, see FIRST_PAGE


GIVEN = """
WITH given AS (
    SELECT $1::uuid, $2::text, $3::text, $4::text, $5::date, $6::numeric, $7::float8, $8::float8, $9::float8,
           $10::int AS candidates, $11::int AS skip, $12::int AS lines, $13::int AS shown,
           $14::float8 AS west, $15::float8 AS south, $16::float8 AS east, $17::float8 AS north
), """

FREE = """
s.appointment_id IS NULL AND NOT s.disabled AND NOT s.overflow AND s.starts_at > now()
AND (s.held_until IS NULL OR s.held_until <= clock_timestamp())
"""
OF_SERVICE = " AND s.service_type IN ($4, 'BOTH')"
ON_DAY = " AND s.date = $5"

BY_SPECIALTY = " AND f.specialty_id = $1"
BY_WORDS = " AND f.lexemes @@ (SELECT search_query($2))"
BY_LANGUAGE = " AND f.languages @> ARRAY[$3]"
BY_SERVICE = " AND f.services @> ARRAY[$4]"
# A scalar subquery, so that the planner asks the slots of each doctor and never reads all slots of the day.
BY_DAY = " AND (SELECT true FROM slot s WHERE s.doctor_id = f.doctor_id AND "
BY_FEE = " AND f.consultation_fee <= $6"
IN_CIRCLE = (
    " AND c.mercator <@ box(point($14, $15), point($16, $17)) AND distance_km(c.latitude, c.longitude, $7, $8) <= $9"
)
NEARBY = """ AND f.doctor_id IN (
    SELECT p.doctor_id FROM clinic c JOIN doctor_place p ON p.clinic_id = c.id WHERE c.active {circle})
"""

# All that fit: near a place its clinics say who they are, and their own rows are asked for the other filters only.
ALL_FITTING = """
fitting AS MATERIALIZED (
    SELECT f.doctor_id, f.name_order AS name_key, n.not_before
    FROM doctor_search f LEFT JOIN doctor_next_free n ON n.doctor_id = f.doctor_id WHERE true {filters}
)"""
FITTING_NEARBY = """
placed AS MATERIALIZED (
    SELECT p.doctor_id, p.name_key, min(distance_km(c.latitude, c.longitude, $7, $8)) AS km
    FROM clinic c JOIN doctor_place p ON p.clinic_id = c.id {of_specialty} WHERE c.active {circle}
    GROUP BY p.doctor_id, p.name_key
), fitting AS MATERIALIZED (SELECT placed.* {hint} FROM placed {joined})"""
OF_SPECIALTY = "AND p.specialty_id = $1"
THEIR_ROWS = " JOIN doctor_search f ON f.doctor_id = placed.doctor_id {filters}"
THEIR_HINTS = "LEFT JOIN doctor_next_free n ON n.doctor_id = placed.doctor_id"
COUNT_FITTING = "SELECT count(*) FROM fitting"

HINTED_FITTING = """, hinted AS MATERIALIZED (
    SELECT doctor_id, name_key FROM fitting ORDER BY not_before, name_key, doctor_id LIMIT $10
)"""
NEAREST_FITTING = """, chosen AS MATERIALIZED (
    SELECT doctor_id, row_number() OVER (ORDER BY km, name_key, doctor_id) AS place FROM fitting
    ORDER BY place OFFSET $11 LIMIT $12
)
"""

# A few doctors more than shown, because the hint of some is earlier than their first slot.
HINTED = """
hinted AS MATERIALIZED (
    (SELECT n.doctor_id, f.name_key FROM doctor_next_free n {walk} {hint} ORDER BY n.not_before, n.doctor_id LIMIT $10)
    UNION ALL
    (SELECT f.doctor_id, f.name_key FROM doctor_search f
     WHERE NOT EXISTS (SELECT FROM doctor_next_free n WHERE n.doctor_id = f.doctor_id) {filters}
     ORDER BY f.name_key, f.doctor_id LIMIT $10)
    LIMIT $10
)"""
NEXT_FREE = """, chosen AS MATERIALIZED (
    SELECT h.doctor_id, row_number() OVER (ORDER BY first.starts_at NULLS LAST, h.name_key, h.doctor_id) AS place
    FROM hinted h LEFT JOIN LATERAL (
        SELECT s.starts_at FROM slot s WHERE s.doctor_id = h.doctor_id AND {free} ORDER BY s.starts_at LIMIT 1
    ) AS first ON true
    ORDER BY place OFFSET $11 LIMIT $12
)
"""
BY_HINT = " AND n.specialty_id = $1"
# Where most doctors pass, each is asked in the order of the hints until enough have passed; OFFSET keeps it so.
ASKED_IN_TURN = """, LATERAL (
    SELECT f.name_key FROM doctor_search f WHERE f.doctor_id = n.doctor_id {filters} OFFSET 0) AS f WHERE true"""

# On one day the slots themselves are walked in the order of time; where few doctors are asked for, doctor by doctor.
FIRST_ON_DAY = """
chosen AS MATERIALIZED (
    SELECT doctor_id, row_number() OVER (ORDER BY min(starts_at), doctor_id) AS place FROM (
        SELECT s.doctor_id, s.starts_at FROM slot s JOIN doctor_search f ON f.doctor_id = s.doctor_id
        WHERE s.starts_at BETWEEN ($5::timestamp AT TIME ZONE 'UTC') - interval '15 hours'
                              AND ($5::timestamp AT TIME ZONE 'UTC') + interval '39 hours'
          AND {free} {filters}
        ORDER BY s.starts_at LIMIT $10::bigint * 20
    ) AS first GROUP BY doctor_id ORDER BY place OFFSET $11 LIMIT $12
)
"""
FIRST_OF_EACH_ON_DAY = """
fitting AS MATERIALIZED (
    SELECT doctor_id, starts_at FROM (
        SELECT f.doctor_id, (SELECT s.starts_at FROM slot s WHERE s.doctor_id = f.doctor_id AND {free}
                             ORDER BY s.starts_at LIMIT 1) AS starts_at
        FROM doctor_search f WHERE true {filters} OFFSET 0
    ) AS asked WHERE starts_at IS NOT NULL
), chosen AS MATERIALIZED (
    SELECT doctor_id, row_number() OVER (ORDER BY starts_at, doctor_id) AS place FROM fitting
    ORDER BY place OFFSET $11 LIMIT $12
)
"""

NEAREST = """
nearby AS MATERIALIZED (
    SELECT f.doctor_id, distance_km(c.latitude, c.longitude, $7, $8) AS km, f.name_key
    FROM clinic c JOIN clinic_doctor cd ON cd.clinic_id = c.id JOIN doctor_search f ON f.doctor_id = cd.doctor_id
    WHERE c.active AND c.mercator IS NOT NULL {circle} {filters}
    ORDER BY c.mercator <-> mercator($7, $8) LIMIT $10::bigint * 4
), chosen AS MATERIALIZED (
    SELECT doctor_id, row_number() OVER (ORDER BY km NULLS LAST, name_key, doctor_id) AS place FROM (
        (SELECT doctor_id, min(km) AS km, name_key FROM nearby GROUP BY doctor_id, name_key ORDER BY km LIMIT $10)
        UNION ALL
        (SELECT f.doctor_id, NULL, f.name_key FROM doctor_search f
         WHERE f.doctor_id NOT IN (SELECT doctor_id FROM nearby) AND {placeless} {filters}
         ORDER BY f.name_key, f.doctor_id LIMIT $10)
        LIMIT $10
    ) AS ordered ORDER BY place OFFSET $11 LIMIT $12
)
"""
WITHOUT_PLACE = """NOT EXISTS (
    SELECT FROM clinic_doctor cd JOIN clinic c ON c.id = cd.clinic_id AND c.active AND c.mercator IS NOT NULL
    WHERE cd.doctor_id = f.doctor_id)
"""

PLAIN = """
chosen AS MATERIALIZED (
    SELECT doctor_id, row_number() OVER () AS place FROM (
        SELECT f.doctor_id FROM doctor_search f WHERE true {filters} ORDER BY {order} OFFSET $11 LIMIT $12
    ) AS ordered
)
"""
CHEAPEST = "f.consultation_fee, f.doctor_id"
BEST_RATED = "f.rating DESC NULLS LAST, f.doctor_id"
# The whole name as typed, then a word of the name, then a word of the specialty or the place.
BEST_MATCH = """
CASE strpos(' ' || f.name_key, (SELECT ' ' || fold_text($2))) WHEN 1 THEN 0 WHEN 0 THEN 2 ELSE 1 END, f.name_key, f.doctor_id
"""

COUNT = "SELECT count(*) FROM doctor_search f WHERE true {filters}"

# The whole page as one JSON text: msgspec reads it straight into Structs.
LINES = """
SELECT json_build_object('total', ({count}), 'doctors', (SELECT coalesce(json_agg(line ORDER BY place), '[]') FROM (
    SELECT chosen.place, json_build_object(
        'id', f.doctor_id, 'specialty_id', f.specialty_id, 'card', f.card, 'service_types', f.services,
        'consultation_fee', f.consultation_fee, 'rating', f.rating,
        'availability_status', (SELECT d.availability_status FROM doctor d WHERE d.account_id = f.doctor_id),
        'slots', (
            SELECT json_agg(next) FROM (
                  SELECT s.id, s.starts_at AS start, s.date, to_char(s.local_start, 'HH24:MI') AS local_start, s.time_zone,
                         s.service_type, s.clinic_id
                  FROM slot s WHERE s.doctor_id = f.doctor_id AND {free} ORDER BY s.starts_at LIMIT $13) AS next
        )) AS line
    FROM chosen JOIN doctor_search f ON f.doctor_id = chosen.doctor_id
) AS lines))::text
"""


FIRST_PAGE = {"$10": 50, "$11": 0, "$12": 10, "$13": 4}  # candidates, skip, lines, slots shown of each


@lru_cache(maxsize=1024)
def statement(kind: Kind) -> str:
    """The SQL of one kind of search."""
    chosen, count = CHOICES[kind.order](kind)
    counted = kind.counted or count == COUNT_FITTING
    text = filled(chosen + LINES, count=count if counted else "0", free=free_slot(kind))
    for name, number in FIRST_PAGE.items() if kind.first else ():
        text = text.replace(name, str(number))
    return GIVEN + text


def free_slot(kind: Kind) -> str:
    return FREE + OF_SERVICE * kind.service + ON_DAY * kind.day


def on_day(kind: Kind) -> str:
    return (BY_DAY + free_slot(kind) + " LIMIT 1)") * kind.day


def conditions(kind: Kind) -> str:
    """What a doctor must fulfil, the specialty, the day and the place aside."""
    return BY_WORDS * kind.words + BY_LANGUAGE * kind.language + BY_SERVICE * kind.service + BY_FEE * kind.fee


def of_circle(kind: Kind) -> str:
    return filled(NEARBY, circle=IN_CIRCLE) * kind.circle


def everything(kind: Kind) -> str:
    return BY_SPECIALTY * kind.specialty + conditions(kind) + of_circle(kind) + on_day(kind)


def count_all(kind: Kind) -> str:
    return filled(COUNT, filters=everything(kind))


def nearest(kind: Kind) -> tuple[str, str]:
    if kind.circle and not kind.many:
        return fitting_nearby(kind) + NEAREST_FITTING, COUNT_FITTING
    filters = BY_SPECIALTY * kind.specialty + conditions(kind) + on_day(kind)
    placeless = "false" if kind.circle else WITHOUT_PLACE
    return filled(NEAREST, circle=IN_CIRCLE * kind.circle, placeless=placeless, filters=filters), count_all(kind)


def fitting_nearby(kind: Kind, joined: str = "", hint: str = "") -> str:
    filters = conditions(kind) + on_day(kind)
    joined += filled(THEIR_ROWS, filters=filters) if filters else ""
    of_specialty = OF_SPECIALTY * kind.specialty
    return filled(FITTING_NEARBY, of_specialty=of_specialty, circle=IN_CIRCLE, joined=joined, hint=hint)


def next_free(kind: Kind) -> tuple[str, str]:
    if kind.day:
        return first_on_day(kind)
    if kind.many or not (kind.words or kind.language or kind.circle or kind.fee):
        pieces = {"walk": ASKED_IN_TURN, "filters": everything(kind), "hint": BY_HINT * kind.specialty}
        return filled(HINTED, **pieces) + NEXT_FREE, count_all(kind)
    if kind.circle:
        fitting = fitting_nearby(kind, THEIR_HINTS, ", n.not_before")
    else:
        fitting = filled(ALL_FITTING, filters=everything(kind))
    return fitting + HINTED_FITTING + NEXT_FREE, COUNT_FITTING


def first_on_day(kind: Kind) -> tuple[str, str]:
    filters = BY_SPECIALTY * kind.specialty + conditions(kind) + of_circle(kind)
    if kind.specialty or kind.words or kind.language or kind.circle:
        return filled(FIRST_OF_EACH_ON_DAY, filters=filters), COUNT_FITTING
    return filled(FIRST_ON_DAY, filters=filters), count_all(kind)


def in_order(columns: str) -> Callable[[Kind], tuple[str, str]]:
    return lambda kind: (filled(PLAIN, order=columns, filters=everything(kind)), count_all(kind))


CHOICES: dict[Sort | None, Callable[[Kind], tuple[str, str]]] = {
    Sort.DISTANCE: nearest,
    Sort.NEXT_FREE: next_free,
    Sort.FEE: in_order(CHEAPEST),
    Sort.RATING: in_order(BEST_RATED),
    None: in_order(BEST_MATCH),
}


def filled(template: str, **pieces: str) -> str:
    """Put fixed pieces of SQL in their places."""
    for name, piece in pieces.items():
        template = template.replace("{" + name + "}", piece)
    return template
