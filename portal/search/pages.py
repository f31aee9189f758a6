"""The front page and the results of a search: whole pages, or the results alone for htmx."""

from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Response
from markupsafe import Markup
from msgspec import structs

from portal.accounts.schemas import Actor, Role
from portal.search import queries
from portal.search.schemas import (
    DISTANCES,
    Asked,
    Filters,
    FoundDoctor,
    FoundDoctors,
    Service,
    Sort,
    SpecialtyName,
    Typed,
    sort_words,
    spoken_languages,
)
from portal.web import i18n
from portal.web.context import is_partial
from portal.web.guards import PUBLIC
from portal.web.places import Near, WithinKm
from portal.web.query import Skip
from portal.web.render import fragment, page, render
from portal.web.types import LanguageTag, Money

A_PAGE = 10


@get("/", access=PUBLIC)
async def front() -> Response[Any]:
    """The search, and what people look for most."""
    found = await queries.surroundings()
    popular = await queries.popular_specialties()
    return page("search/front.html", specialties=found.specialties, popular=popular, asked=Asked())


@get("/doctors", access=PUBLIC)
async def results(
    request: Request,
    viewer: NamedDependency[Actor | None],
    specialty_id: FromQuery[UUID | None] = None,
    q: FromQuery[Typed | None] = None,
    place: FromQuery[Typed | None] = None,
    near: FromQuery[Near | None] = None,
    within_km: FromQuery[WithinKm | None] = None,
    language: FromQuery[LanguageTag | None] = None,
    service_type: FromQuery[Service | None] = None,
    available_on: FromQuery[date | None] = None,
    max_fee: FromQuery[Money | None] = None,
    sort: FromQuery[Sort | None] = None,
    skip: Skip = 0,
) -> Response[Any]:
    """A page of doctors that fit, with their next free times."""
    asked = Asked(
        specialty_id=specialty_id,
        q=q,
        place=place,
        near=near,
        within_km=within_km,
        language=language,
        service_type=service_type,
        available_on=available_on,
        max_fee=max_fee,
        sort=sort,
    )
    return await result_page(request, viewer, asked, skip)


async def result_page(request: Request, viewer: Actor | None, asked: Asked, skip: int) -> Response[Any]:
    around = await queries.surroundings(asked.place if not asked.near else None)
    filters: Filters = asked.filters(around.place.point if around.place else None)
    found = await queries.recent_doctors(filters, skip, A_PAGE)
    may_hold = viewer is None or viewer.role is Role.PATIENT
    context: dict[str, Any] = {
        "asked": asked,
        "place": around.place,
        "filters": filters,
        "total": found.total,
        "skip": skip,
        "limit": A_PAGE,
        "here": "/doctors?" + urlencode(asked.sent()),
        "lines": lines(found.doctors, i18n.language(), may_hold),
        "active": active_filters(asked, {one.id: one.name for one in around.specialties}),
    }
    if is_partial(request):
        return fragment("search/_results.html", **context)
    form = search_form(asked, tuple(around.specialties), i18n.language())
    return page("search/results.html", **context, form=form)


@lru_cache(maxsize=2000)
def search_form(asked: Asked, specialties: tuple[SpecialtyName, ...], language: str) -> Markup:
    """The form as it was sent, which is the same for all who send it."""
    choices: dict[str, Any] = {"specialties": specialties, "distances": DISTANCES, "spoken": spoken_languages(language)}
    return Markup(render("search/_form.html", asked=asked, sorts=sort_words(), **choices))  # noqa: S704  # escaped by Jinja


@lru_cache(maxsize=400)
def lines(found: FoundDoctors, language: str, may_hold: bool) -> Markup:
    """The results of one answer of the database, joined once."""
    return Markup("").join(line(doctor, language, may_hold) for doctor in found)


@lru_cache(maxsize=5000)
def line(doctor: FoundDoctor, language: str, may_hold: bool) -> Markup:
    """One result. It holds nothing of the viewer, so it is rendered once for all; a changed slot is another result."""
    days: dict[date, list[Any]] = {}
    for slot in doctor.next_free_slots:
        days.setdefault(slot.date, []).append(slot)
    return Markup(render("search/_doctor.html", doctor=doctor, days=days, may_hold=may_hold))  # noqa: S704  # escaped by Jinja


def active_filters(asked: Asked, specialties: dict[UUID, str]) -> list[tuple[str, Any, str]]:
    """Each filter that is on: its name, its value, and the address of the same search without it."""
    found = []
    for name in asked.__struct_fields__:
        value: str | Decimal | UUID | date | int | None = getattr(asked, name)
        if value is None or name in ("sort", "near" if asked.place else "within_km"):
            continue
        without = structs.replace(asked, **{name: None})
        if name in ("place", "near"):
            without = structs.replace(without, within_km=None, near=None, place=None)
        shown = specialties.get(asked.specialty_id, "") if name == "specialty_id" and asked.specialty_id else value
        found.append((name, shown, "/doctors?" + urlencode(without.sent())))
    return found


handlers = [front, results]
