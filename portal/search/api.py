"""The doctors' search as JSON."""

from datetime import date
from uuid import UUID

import msgspec
from litestar import get
from litestar.params import FromQuery

from portal.search import queries
from portal.search.schemas import Filters, FoundDoctor, Service, Sort, Typed
from portal.web.guards import PUBLIC
from portal.web.places import Near, WithinKm, read_point
from portal.web.query import Limit, Skip
from portal.web.types import LanguageTag, Money


class DoctorList(msgspec.Struct, frozen=True, kw_only=True):
    total: int
    skip: int
    limit: int
    doctors: list[FoundDoctor]


@get("/api/doctors", access=PUBLIC, tags=["Profiles"])
async def search(
    specialty_id: FromQuery[UUID | None] = None,
    q: FromQuery[Typed | None] = None,
    near: FromQuery[Near | None] = None,
    within_km: FromQuery[WithinKm | None] = None,
    language: FromQuery[LanguageTag | None] = None,
    service_type: FromQuery[Service | None] = None,
    available_on: FromQuery[date | None] = None,
    max_fee: FromQuery[Money | None] = None,
    sort: FromQuery[Sort | None] = None,
    skip: Skip = 0,
    limit: Limit = 10,
) -> DoctorList:
    """Find doctors, each with the next free slots. Without `sort`: the best match for words, the nearest, the next free."""
    filters = Filters(
        specialty_id=specialty_id,
        q=q,
        near=read_point(near) if near else None,
        within_km=within_km,
        language=language,
        service_type=service_type,
        available_on=available_on,
        max_fee=max_fee,
        sort=sort,
    )
    found = await queries.doctors(filters, skip, limit)
    return DoctorList(total=found.total, skip=skip, limit=limit, doctors=list(found.doctors))


handlers = [search]
