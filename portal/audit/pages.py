"""The audit, for the system admin's eyes."""

from typing import Annotated, Any

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Response

from portal.accounts.schemas import Actor, Role
from portal.audit import queries
from portal.audit.schemas import AuditFilter
from portal.web.guards import roles
from portal.web.query import Limit, Skip
from portal.web.render import page
from portal.web.request import StrictRequest
from portal.web.types import Id, Line

ADMIN = roles(Role.SYSTEM_ADMIN)
Word = FromQuery[Annotated[str, Line(100)] | None]


@get("/admin/audit", access=ADMIN)
async def audit(
    actor: NamedDependency[Actor],
    actor_id: FromQuery[Id | None] = None,
    patient_id: FromQuery[Id | None] = None,
    action: Word = None,
    skip: Skip = 0,
    limit: Limit = 50,
) -> Response[Any]:
    """What was done, newest first, with links that narrow it to one person or record."""
    wanted = AuditFilter(actor_id=actor_id, patient_id=patient_id, action=action)
    rows, total = await queries.search(actor, wanted, skip, limit)
    return page("audit/search.html", rows=rows, total=total, skip=skip, limit=limit, wanted=wanted)


@get("/admin/audit/verify", access=ADMIN)
async def verify(request: StrictRequest) -> Response[Any]:
    """Whether the chains are whole, in a sentence."""
    return page("audit/verify.html", check=await queries.check_chains(request.app.state.settings))


handlers = [audit, verify]
