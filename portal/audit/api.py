"""The audit, for the system admin's programs."""

from datetime import datetime
from typing import Annotated, Any

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery

from portal.accounts.schemas import Actor, Role
from portal.audit import queries
from portal.audit.schemas import AuditFilter, ChainCheck
from portal.web.decode import page_of
from portal.web.guards import roles
from portal.web.query import Limit, Skip
from portal.web.request import StrictRequest
from portal.web.types import Id, Line

ADMIN = roles(Role.SYSTEM_ADMIN)
Word = FromQuery[Annotated[str, Line(100)] | None]


@get("/api/admin/audit", access=ADMIN, tags=["Administration"])
async def search_audit(
    actor: NamedDependency[Actor],
    actor_id: FromQuery[Id | None] = None,
    patient_id: FromQuery[Id | None] = None,
    action: Word = None,
    since: FromQuery[datetime | None] = None,
    until: FromQuery[datetime | None] = None,
    skip: Skip = 0,
    limit: Limit = 10,
) -> dict[str, Any]:
    """What was done, newest first: by whom, to whose record, which action, and when."""
    wanted = AuditFilter(actor_id=actor_id, patient_id=patient_id, action=action, since=since, until=until)
    rows, total = await queries.search(actor, wanted, skip, limit)
    return page_of("events", rows, total, skip, limit)


@get("/api/admin/audit/verify", access=ADMIN, tags=["Administration"])
async def verify_audit(request: StrictRequest) -> ChainCheck:
    """Walk the hash chains, compare them with the anchors of this host, and tell where they break, if anywhere."""
    return await queries.check_chains(request.app.state.settings)


handlers = [search_audit, verify_audit]
