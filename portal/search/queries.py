"""Finding doctors: one statement a page, whatever is asked for."""

from decimal import Decimal
from functools import lru_cache
from math import asin, cos, degrees, log, radians, sin, sqrt, tan
from time import monotonic
from typing import Any
from uuid import UUID

import msgspec

from portal import db, replica
from portal.search.schemas import (
    Filters,
    Found,
    FoundClinic,
    FoundDoctor,
    FoundDoctors,
    FreeSlot,
    Sort,
    SpecialtyName,
    Surroundings,
)
from portal.search.statements import FIRST_PAGE, Kind, statement
from portal.web.places import Point

# A typed place: a town, a post code, the beginning of a town or of a clinic's name, whichever says most of all.
SURROUNDINGS = """
WITH sought (word, code) AS (SELECT fold_text($1), upper(trim($1))), fitting AS (
    SELECT 1 AS class, c.city, c.region, c.country, c.latitude, c.longitude FROM clinic c
    WHERE c.active AND fold_text(c.city) = (SELECT word FROM sought)
    UNION ALL SELECT 2, c.city, c.region, c.country, c.latitude, c.longitude FROM clinic c
    WHERE c.active AND c.postal_code = (SELECT code FROM sought) AND c.postal_code <> ''
    UNION ALL (SELECT 3, c.city, c.region, c.country, c.latitude, c.longitude FROM clinic c
    WHERE c.active AND fold_text(c.city) ~>=~ (SELECT word FROM sought)
      AND fold_text(c.city) ~<~ (SELECT word || U&'\\+10FFFF' FROM sought) LIMIT 200)
    UNION ALL (SELECT 4, c.name, c.region, c.country, c.latitude, c.longitude FROM clinic c
    WHERE c.active AND fold_text(c.name) ~>=~ (SELECT word FROM sought)
      AND fold_text(c.name) ~<~ (SELECT word || U&'\\+10FFFF' FROM sought) LIMIT 200)
), place AS (
    SELECT f.city AS name, avg(f.latitude) AS latitude, avg(f.longitude) AS longitude FROM fitting f
    WHERE f.latitude IS NOT NULL AND f.class = (SELECT min(class) FROM fitting WHERE latitude IS NOT NULL)
    GROUP BY f.city, f.region, f.country ORDER BY count(*) DESC, f.city LIMIT 1
)
SELECT json_build_object(
    'specialties', (SELECT coalesce(json_agg(json_build_object('id', id, 'name', name) ORDER BY name), '[]')
                    FROM specialty WHERE active),
    'place', (SELECT json_build_object('name', name, 'point', json_build_array(latitude, longitude)) FROM place
              WHERE $1 IS NOT NULL))::text
"""

# Whom people find most of: the specialties with the most doctors who have a free time.
POPULAR = """
SELECT s.id, s.name FROM specialty s JOIN (
    SELECT specialty_id, count(*) AS doctors FROM doctor_next_free GROUP BY specialty_id  -- a hint that is past is raised soon
) AS n ON n.specialty_id = s.id
WHERE s.active ORDER BY n.doctors DESC, s.name LIMIT 8
"""

SLACK = 40
REMEMBERED_FROM = 100
# From so many on, to walk until enough have passed costs less than to read all that fit; a specialty is walked alone.
MANY, MANY_OF_SPECIALTY = 2000, 300
REMEMBERED_SECONDS = 30.0
SURROUNDINGS_SECONDS = 2.0
ANSWER_SECONDS = 2.0  # a page of results may be so old; a doctor's own page is live
MOST_REMEMBERED = 1000
_popular: dict[Any, tuple[float, list[SpecialtyName]]] = {}
_surroundings: dict[tuple[Any, str | None], tuple[float, Surroundings]] = {}
_totals: dict[tuple[Any, ...], tuple[float, int]] = {}
_answers: dict[tuple[Any, ...], tuple[float, Found]] = {}


class Card(msgspec.Struct):
    """What is stored ready to show; see `refresh_doctor_search` in migration m0010."""

    first_name: str
    last_name: str
    title: str
    specialty: str | None
    languages: tuple[str, ...]
    currency: str
    clinics: list[dict[str, Any]]


class Line(msgspec.Struct):
    id: UUID
    specialty_id: UUID | None
    card: Card
    service_types: tuple[str, ...]
    consultation_fee: Decimal
    rating: Decimal | None
    availability_status: str
    slots: tuple[FreeSlot, ...] | None


class Page(msgspec.Struct):
    total: int
    doctors: list[Line]


_page = msgspec.json.Decoder(Page)


async def recent_doctors(filters: Filters, skip: int = 0, limit: int = 10, slots: int = 4) -> Found:
    """What `doctors` has answered within the last two seconds: many look for the same at once, and share one answer."""
    asked = (db.DB.pool, filters, skip, limit, slots)
    until, found = _answers.get(asked, (0.0, None))
    if found is None or until < monotonic():
        found = await doctors(filters, skip, limit, slots)
        if len(_answers) >= MOST_REMEMBERED:
            _answers.clear()
        _answers[asked] = (monotonic() + ANSWER_SECONDS, found)
    return found


async def doctors(filters: Filters, skip: int = 0, limit: int = 10, slots: int = 4) -> Found:
    """A page of the doctors that fit, each with the next free slots that fit too."""
    values = arguments(filters)
    paging = (skip + limit + SLACK, skip, limit, slots)
    key = (db.DB.pool, *values)
    total = remembered_total(key)
    text = statement(kind_of(filters, total, first=paging == tuple(FIRST_PAGE.values())))
    answer = await replica.fetch_value(text, *values, *paging, *square(filters.near, filters.within_km))
    found = read(answer, filters.near)
    if total is None:
        total = found.total
        remember_total(key, total)
    return found if found.total == total else Found(total, found.doctors)


@lru_cache(maxsize=400)
def read(answer: str, near: Point | None) -> Found:
    """What the database answered. The same answer is the same object, so that whatever is made of it is made once."""
    page = _page.decode(answer)
    return Found(page.total, FoundDoctors(shown(line, near) for line in page.doctors))


def kind_of(filters: Filters, total: int | None, *, first: bool) -> Kind:
    """Which pieces of SQL a search needs, where so many doctors are known to fit."""
    return Kind(
        specialty=filters.specialty_id is not None,
        words=filters.q is not None,
        language=filters.language is not None,
        service=filters.service_type is not None,
        day=filters.available_on is not None,
        fee=filters.max_fee is not None,
        circle=filters.near is not None and filters.within_km is not None,
        order=order_of(filters),
        counted=total is None,
        many=total is not None and total > (MANY if filters.specialty_id is None else MANY_OF_SPECIALTY),
        first=first,
    )


def order_of(filters: Filters) -> Sort | None:
    """None is the best match; by distance makes sense only from somewhere."""
    if filters.sort is Sort.DISTANCE and filters.near is None:
        return Sort.NEXT_FREE
    if filters.sort is not None:
        return filters.sort
    if filters.q is not None:
        return None
    return Sort.DISTANCE if filters.near else Sort.NEXT_FREE


def arguments(filters: Filters) -> tuple[Any, ...]:
    """The values of a search in the order of its SQL."""
    near = filters.near
    return (
        filters.specialty_id,
        filters.q,
        filters.language,
        filters.service_type,
        filters.available_on,
        filters.max_fee,
        near.latitude if near else None,
        near.longitude if near else None,
        filters.within_km,
    )


def square(near: Point | None, km: float | None) -> tuple[float | None, ...]:
    """The corners, on the Mercator plane, of a square that holds the circle; as the database's `around`."""
    if near is None or km is None:
        return (None, None, None, None)
    height = km / 111.19
    width = height / max(0.05, cos(radians(min(85.0, abs(near.latitude) + height))))
    south, north = mercator(near.latitude - height), mercator(near.latitude + height)
    return (near.longitude - width, south, near.longitude + width, north)


def mercator(latitude: float) -> float:
    """The height of a latitude on the plane."""
    return degrees(log(tan(radians(45 + max(-85.0, min(85.0, latitude)) / 2))))


def remembered_total(key: tuple[Any, ...]) -> int | None:
    """The total of a large result, at most half a minute old: counting thousands costs more than finding ten."""
    until, total = _totals.get(key, (0.0, 0))
    return total if until > monotonic() else None


def remember_total(key: tuple[Any, ...], total: int) -> None:
    """Keep a total that was costly to count."""
    if total < REMEMBERED_FROM:
        return
    if len(_totals) >= MOST_REMEMBERED:
        _totals.clear()
    _totals[key] = (monotonic() + REMEMBERED_SECONDS, total)


def shown(line: Line, near: Point | None) -> FoundDoctor:
    """A line as it is answered."""
    card, slots = line.card, line.slots or ()
    clinics = tuple(sorted((placed(clinic, near) for clinic in card.clinics), key=lambda one: one.distance_km or 0))
    return FoundDoctor(
        id=line.id,
        first_name=card.first_name,
        last_name=card.last_name,
        title=card.title,
        specialty_id=line.specialty_id,
        specialty=card.specialty,
        languages=card.languages,
        service_types=line.service_types,
        consultation_fee=line.consultation_fee,
        currency=card.currency,
        rating=line.rating,
        availability_status=line.availability_status,
        clinics=clinics,
        distance_km=min((one.distance_km for one in clinics if one.distance_km is not None), default=None),
        next_free_slot=slots[0] if slots else None,
        next_free_slots=slots,
    )


def placed(clinic: dict[str, Any], near: Point | None) -> FoundClinic:
    """A clinic with its distance."""
    located = near is not None and clinic["latitude"] is not None
    away = round(distance_km(near, Point(clinic["latitude"], clinic["longitude"])), 1) if near and located else None
    return FoundClinic(UUID(clinic["id"]), clinic["name"], clinic["city"], away)


def distance_km(one: Point, other: Point) -> float:
    """Along a great circle, as the database's function of the same name."""
    north = sin(radians(other.latitude - one.latitude) / 2) ** 2
    east = sin(radians(other.longitude - one.longitude) / 2) ** 2
    reach = north + cos(radians(one.latitude)) * cos(radians(other.latitude)) * east
    return 12742 * asin(sqrt(min(1.0, reach)))


async def surroundings(place: str | None = None) -> Surroundings:
    """The specialties to choose from, and where a typed place is; at most two seconds old."""
    key = (db.DB.pool, place)
    until, found = _surroundings.get(key, (0.0, None))
    if found is None or until < monotonic():
        found = msgspec.json.decode(await replica.fetch_value(SURROUNDINGS, place), type=Surroundings)
        if len(_surroundings) >= MOST_REMEMBERED:
            _surroundings.clear()
        _surroundings[key] = (monotonic() + SURROUNDINGS_SECONDS, found)
    return found


async def popular_specialties() -> list[SpecialtyName]:
    """The specialties with the most doctors who have a free time, at most half a minute old."""
    until, found = _popular.get(db.DB.pool, (0.0, []))
    if until < monotonic():
        found = [SpecialtyName(row["id"], row["name"]) for row in await replica.fetch(POPULAR)]
        _popular.clear()
        _popular[db.DB.pool] = (monotonic() + REMEMBERED_SECONDS, found)
    return found
